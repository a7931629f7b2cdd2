"""The causal language model: batches, figures, frequencies beside them, draws, exports."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

pytest.importorskip("transformers")

from distrib.data.antibodies.alphabet import CLS, FIRST_LETTER, LETTERS, PAD, SEP, UNK, decode
from distrib.data.antibodies.chain_rows import ChainRows
from distrib.data.antibodies.regions import KINDS
from distrib.data.antibodies.simulate import simulate_chains
from distrib.data.antibodies.unigram import Unigram
from distrib.errors import InputError
from distrib.models.antibodies.causal_lm import CausalLm
from distrib.study.space.configs import checked
from distrib.trainables.antibodies.chains.causal import IGNORED, packed_batch, row_batch
from distrib.trainables.antibodies.clm.family import Clm
from distrib.trainables.base import State, Worker
from distrib.trainables.capabilities import ArtifactInputs
from distrib.trainables.training.device import load_model
from distrib.trainables.training.task import Use

CLM = Clm()
SMALL = {"hidden_size": 16, "num_layers": 1, "num_heads": 2, "dropout": 0.0, "epochs": 2,
         "samples": 6, "context": 128}  # fmt: skip


@cache
def data() -> ChainRows:
    rows = CLM.load(Clm.Source(sequences=120))
    assert isinstance(rows, ChainRows)
    return rows


def config(**more: Any) -> Any:
    return Clm.Config.model_validate({**SMALL, **more})


@cache
def trained() -> State:
    *_, last = CLM.refit(config(), data(), Worker(), 1)
    return last.state()


def restored() -> CausalLm:
    model = CLM.build(config(), {})
    load_model(model, trained())
    return model.eval()


def use(purpose: Any = "train") -> Use:
    return Use(purpose, np.random.SeedSequence(0))


def tensors(inputs: Any) -> dict[str, Any]:
    return {k: torch.from_numpy(v) if isinstance(v, np.ndarray) else v for k, v in inputs.items()}


def test_the_default_data_are_light_chains_of_both_loci() -> None:
    assert any("IGK and IGL" in note and "no real data" in note for note in data().notes)
    assert len({decode(data().tokens[a:b]) for a, b in pairwise(data().offsets)}) == 120
    heavy = CLM.load(Clm.Source(sequences=60, chain="heavy"))
    assert isinstance(heavy, ChainRows)
    assert any("IGH" in note for note in heavy.notes)


def test_a_row_says_each_residue_and_its_end() -> None:
    """What is said follows what was seen; unknown residues and padding are no targets."""
    rows = data().take(np.arange(4))
    rows.tokens[3] = UNK
    batch = row_batch(rows)
    for row, (a, b) in enumerate(pairwise(rows.offsets.tolist())):
        chain = rows.tokens[a:b].tolist()
        assert batch["seen"][row, : len(chain) + 1].tolist() == [CLS, *chain]
        said = [IGNORED if t == UNK else t for t in [*chain, SEP]]
        assert batch["said"][row, : len(said)].tolist() == said
        assert (batch["said"][row, len(said) :] == IGNORED).all()
    assert (batch["seen"] != PAD).all()  # transformers takes padding without a mask for a mistake


@pytest.mark.parametrize("block", [16, 50, 400])
def test_packed_blocks_say_every_token_once(block: int) -> None:
    """In the same order, each after what stood before it in the stream; no beginning is said."""
    rows = data().take(np.arange(5))
    batch = packed_batch(rows, block)
    assert batch["seen"].shape[1] == block
    seen, said = batch["seen"].ravel(), batch["said"].ravel()
    stream: list[int] = []
    for a, b in pairwise(rows.offsets.tolist()):
        stream += [CLS, *rows.tokens[a:b].tolist(), SEP]
    assert seen[: len(stream) - 1].tolist() == stream[:-1]
    expected = [IGNORED if t == CLS else t for t in stream[1:]]
    assert said[: len(expected)].tolist() == expected
    assert (said[len(expected) :] == IGNORED).all()
    assert (said != IGNORED).sum() == len(rows.tokens) + len(rows)
    made = CLM.collate(config(packed=True, context=max(block, 8)), {}, rows, use())
    assert made.count == len(rows.tokens) + len(rows)


def test_figures_are_those_of_the_whole_model_computed_in_float64() -> None:
    """By `transformers`' own logits, without padding, chain by chain."""
    found = CLM.evaluate(config(), trained(), data(), Worker())
    model = restored().double()
    nats, right, kinds = [], [], []
    for row, (a, b) in enumerate(pairwise(data().offsets.tolist())):
        chain = torch.from_numpy(data().tokens[a:b].astype(np.int64))
        with torch.inference_mode():
            logits = model.lm(torch.cat([torch.tensor([CLS]), chain])[None]).logits[0]
        target = torch.cat([chain, torch.tensor([SEP])])
        nats.append(-logits.log_softmax(-1).gather(1, target[:, None])[:, 0].numpy())
        right.append((logits.argmax(-1) == target).numpy())
        kinds.append(np.r_[data().take(np.array([row])).kinds, 99])
    loss, correct, kind = map(np.concatenate, (nats, right, kinds))
    assert found["loss"] == pytest.approx(loss.mean(), rel=1e-5)
    assert found["perplexity"] == pytest.approx(math.exp(loss.mean()), rel=1e-5)
    assert found["accuracy"] == pytest.approx(correct.mean(), abs=2e-3)
    for number, name in enumerate(KINDS):
        assert found[f"loss_{name}"] == pytest.approx(loss[kind == number].mean(), rel=1e-4)
    frame = CLM.predict(config(), trained(), data(), Worker())
    assert frame["id"].tolist() == data().ids.tolist()
    np.testing.assert_allclose(-frame["log_likelihood"], [n.sum() for n in nats], rtol=1e-5)
    assert frame["tokens"].tolist() == [len(n) for n in nats]


def test_the_gradient_of_a_batch_is_the_sum_over_the_workers_parts() -> None:
    """Two workers equal one."""
    rows = data().take(np.arange(12))

    def gradient(pieces: list[ChainRows]) -> tuple[float, list[torch.Tensor]]:
        torch.manual_seed(0)
        model = CLM.build(config(), {})
        total, count = torch.zeros(()), 0.0
        for piece in pieces:
            batch = CLM.collate(config(), {}, piece, use())
            total = total + CLM.losses(config(), model, tensors(batch.inputs)).sum()
            count += batch.count
        (total / count).backward()
        return float(total.detach()) / count, [
            p.grad for p in model.parameters() if p.grad is not None
        ]

    loss, whole = gradient([rows])
    split, summed = gradient([rows.take(np.arange(12)[k::2]) for k in range(2)])
    assert split == pytest.approx(loss, rel=1e-5)
    for a, b in zip(whole, summed, strict=True):
        assert torch.allclose(a, b, atol=1e-5)


def test_the_unigrams_count_ends_and_are_judged_on_the_very_tokens() -> None:
    """Against a loop over the held-out chains; probabilities sum to 1 at every place."""
    train, held_out = CLM.split(config(), data())
    assert isinstance(train, ChainRows)
    assert isinstance(held_out, ChainRows)
    counted = Unigram.of(train, end=True)
    np.testing.assert_allclose(counted.by_place.sum(1), 1)
    assert counted.overall.sum() == pytest.approx(1)
    nats, overall = [], []
    for a, b in pairwise(held_out.offsets.tolist()):
        letters = [*(held_out.tokens[a:b].astype(int) - FIRST_LETTER), len(LETTERS)]
        for place, letter in enumerate(letters):
            inside = place < len(counted.by_place)
            p = counted.by_place[place] if inside else counted.overall
            nats.append(-math.log(p[letter]))
            overall.append(-math.log(counted.overall[letter]))
    found = CLM.baselines(config(), data(), held_out, Worker())
    assert found["position-wise unigram"]["loss"] == pytest.approx(np.mean(nats), rel=1e-9)
    assert found["unigram"]["loss"] == pytest.approx(np.mean(overall), rel=1e-9)
    assert "test/perplexity" in found["unigram"]
    assert "perplexity_cdr3" in found["unigram"]


def options(**more: Any) -> Any:
    return checked(Clm.Generate, {"num": 7, **more}, "")


def test_drawn_chains_are_seeded_and_rated_by_the_model_itself() -> None:
    def draw(**more: Any) -> pd.DataFrame:
        tables = CLM.generate(config(), trained(), options(**more), Worker())
        return pd.concat(list(tables), ignore_index=True)

    frame = draw(batch=4)
    assert len(frame) == 7
    assert frame["id"].is_unique
    assert frame.equals(draw(batch=4))
    assert not frame["sequence"].equals(draw(batch=4, seed=5)["sequence"])
    for text, value, ended in zip(frame["sequence"], frame["log_likelihood"], frame["ended"]):
        assert set(text) <= set(LETTERS)
        tokens = torch.tensor([[CLS, *(FIRST_LETTER + LETTERS.index(c) for c in text)]])
        with torch.inference_mode():
            logp = restored()(tokens)[0].double().log_softmax(-1)
        targets = [*tokens[0, 1:].tolist(), *([SEP] if ended else [])]
        own = sum(float(logp[k, t]) for k, t in enumerate(targets))
        assert value == pytest.approx(own, abs=1e-3)
    short = draw(min_length=5, max_length=9)["sequence"].str.len()
    assert short.between(5, 9).all()
    for wrong in ({"max_length": 400}, {"min_length": 50, "max_length": 40}):
        with pytest.raises(InputError, match="length"):
            CLM.generate(config(), trained(), options(**wrong), Worker())
    for wrong in ({"temperature": 0.0}, {"top_k": 1}):
        with pytest.raises(InputError, match="copies of it"):
            CLM.generate(config(), trained(), options(**wrong), Worker())


FRESH = """
import sys, json, logging, torch
from transformers import AutoModelForCausalLM, AutoTokenizer
model, info = AutoModelForCausalLM.from_pretrained(sys.argv[1], output_loading_info=True)
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
batch = tokenizer(json.loads(sys.argv[2]), padding=True, return_tensors="pt")
with torch.inference_mode():
    logits = model.eval()(**batch).logits
print(json.dumps({"missing": sorted(info["missing_keys"]), "ids": batch["input_ids"].tolist(),
                  "unexpected": sorted(info["unexpected_keys"]), "logits": logits.tolist()}))
"""


def test_best_opens_in_a_fresh_process_with_equal_logits(tmp_path: Path) -> None:
    """Two chains, one shorter; transformers has nothing to warn of."""
    notes = CLM.write_artifacts(config(), trained(), data(), Worker(), tmp_path, ArtifactInputs())
    assert any("AutoModelForCausalLM" in note for note in notes)
    assert any("simulated" in note for note in notes)
    assert len(pd.read_csv(tmp_path / "samples.csv", keep_default_na=False)) == 6
    chains = [decode(data().tokens[a:b]) for a, b in pairwise(data().offsets[:3])]
    texts = [chains[0], chains[1][:60]]
    done = subprocess.run(
        [sys.executable, "-c", FRESH, str(tmp_path), json.dumps(texts)],
        capture_output=True, text=True, timeout=200, check=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert "token_id" not in done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert (said["missing"], said["unexpected"]) == ([], [])
    for ids, logits, text in zip(said["ids"], said["logits"], texts):
        length = len(text) + 2
        assert (ids[0], ids[length - 1]) == (CLS, SEP)
        with torch.inference_mode():
            own = restored()(torch.tensor([ids[:length]]))[0]
        np.testing.assert_allclose(np.array(logits)[:length], own.numpy(), atol=1e-5)


def test_a_stream_gives_the_figures_of_the_arrays(tmp_path: Path) -> None:
    """Of light chains, whose regions are told as those of light chains."""
    frames = [simulate_chains(40, locus, distinct=True).frame() for locus in ("IGK", "IGL")]
    for number, frame in enumerate(frames):
        frame.to_parquet(tmp_path / f"{number}.parquet", index=False, row_group_size=8)
    streamed = CLM.load(Clm.Source(path=str(tmp_path), stream=True))
    whole = CLM.load(Clm.Source(path=str(tmp_path)))
    of_stream, of_arrays = (
        CLM.evaluate(config(samples=0), trained(), rows, Worker()) for rows in (streamed, whole)
    )
    assert of_stream == pytest.approx(of_arrays, rel=1e-5)


def test_training_on_blocks_and_on_rows_learns_more_than_the_places() -> None:
    rows = CLM.load(Clm.Source(sequences=200))
    bases = CLM.baselines(config(), rows, None, Worker())
    for packed in (False, True):
        quick = config(hidden_size=32, epochs=5, learning_rate=1e-2, batch_tokens=1024,
                       packed=packed, samples=0)  # fmt: skip
        losses = [i.metrics["loss"] for i in CLM.progress(quick, rows, Worker()) if i.metrics]
        assert losses[-1] < losses[0]
        assert losses[-1] < bases["unigram"]["loss"] - 0.25


def test_a_context_too_short_and_heads_that_do_not_divide_are_refused() -> None:
    short = config(context=64)
    for refused in (
        lambda: CLM.check(short, data()),
        lambda: CLM.evaluate(short, trained(), data(), Worker()),
        lambda: CLM.predict(short, trained(), data(), Worker()),
    ):
        with pytest.raises(InputError, match="longer than the model's context"):
            refused()
    with pytest.raises(ValueError, match="no multiple of num_heads"):
        config(hidden_size=18, num_heads=4)
    CLM.check(config(), data())
