"""The masked language model: sizes, masks, figures, parts of a batch, and what `best/` opens as."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

pytest.importorskip("transformers")

from distrib.data.antibodies.alphabet import CLS, FIRST_LETTER, MASK, PAD, SEP, decode
from distrib.data.antibodies.chain_rows import ChainRows
from distrib.data.antibodies.masking import Masking
from distrib.data.antibodies.regions import KINDS
from distrib.data.antibodies.simulate import simulate_chains
from distrib.data.antibodies.unigram import Unigram
from distrib.errors import InputError
from distrib.models.antibodies.export import check_export, make_tokenizer
from distrib.models.antibodies.masked_lm import MaskedLm, count_parameters, masked_loss
from distrib.models.antibodies.size import Size
from distrib.study.plan.fixed_space import space_of_defaults
from distrib.study.plan.refit import refits
from distrib.study.space.space_file import find_space
from distrib.trainables.antibodies.chains.batch import tokens_of
from distrib.trainables.antibodies.chains.reading import STREAMED
from distrib.trainables.antibodies.chains.scores import NUM_CELLS, figures, sums_of
from distrib.trainables.antibodies.mlm.batch import training_batch, validation_batch
from distrib.trainables.antibodies.mlm.family import Mlm, size_of
from distrib.trainables.base import State, Worker
from distrib.trainables.capabilities import ArtifactInputs
from distrib.trainables.training.device import load_model
from distrib.trainables.training.task import Use

MLM = Mlm()
MLM_MASKING = Masking()
SMALL = {"hidden_size": 16, "num_layers": 1, "num_heads": 2, "dropout": 0.0, "epochs": 2}


@cache
def data() -> ChainRows:
    return MLM.load(Mlm.Source(sequences=120))


def config(**more: Any) -> Any:
    return Mlm.Config.model_validate({**SMALL, **more})


@cache
def trained() -> State:
    *_, last = MLM.refit(config(), data(), Worker(), 1)
    return last.state()


def restored() -> MaskedLm:
    """The network of `trained`."""
    model = MLM.build(config(), {})
    load_model(model, trained())
    return model


def use(purpose: Any = "train", epoch: int = 0) -> Use:
    return Use(purpose, np.random.SeedSequence(epoch), epoch)


@pytest.mark.parametrize(
    ("space", "parameters"), [("mlm_heavyberta", 13_150_745), ("mlm_base", 86_062_873)]
)
def test_presets_have_the_published_number_of_parameters(space: str, parameters: int) -> None:
    """Of the network as it is built, on no device, and by the formula; trained without a search."""
    fixed = {p.name: p.values[0] for p in space_of_defaults(space).parameters}
    assert not space_of_defaults(space).searched()
    size = size_of(Mlm.Config.model_validate(fixed))
    assert count_parameters(size) == parameters
    with torch.device("meta"):
        model = MaskedLm(size)
    assert sum(p.numel() for p in model.parameters()) == parameters
    # Positions are 512 and RoBERTa's two unused ones.
    assert model.lm.roberta.embeddings.position_embeddings.num_embeddings == 514


def test_what_is_masked_and_lost_is_searched() -> None:
    """Spans, a weighted CDR3 and a focal loss; each with the usual way among its values."""
    dimensions = {p.name: p for p in find_space("mlm").searched()}
    for name, usual in (("mean_span", 1), ("cdr3_weight", 1), ("focal_gamma", 0)):
        values = list(dimensions[name].values)
        assert usual in values
        assert max(values) > usual
    assert {"mask_share", "hidden_size", "learning_rate"} <= set(dimensions)


@pytest.mark.parametrize("space", ["mlm_heavyberta", "mlm_base"])
def test_trainings_of_hours_are_not_done_twice(space: str) -> None:
    assert not refits(find_space(space), MLM)
    assert refits(find_space("mlm"), MLM)


def test_a_batch_is_framed_masked_and_padded() -> None:
    """Targets are the residues that stood at the places to guess; all others are as they were."""
    rows = data().take(np.arange(6))
    tokens, there = tokens_of(rows)
    assert there is not None
    for row, length in enumerate(rows.lengths.tolist()):
        assert tokens[row, 0] == CLS
        assert tokens[row, length + 1] == SEP
        assert (tokens[row, length + 2 :] == PAD).all()
        assert there[row].sum() == length + 2
    batch = MLM.collate(config(), {}, rows, use())
    shown, where = batch.inputs["tokens"], batch.inputs["where"]
    assert batch.count == len(where)
    assert (tokens.ravel()[where] == batch.inputs["targets"]).all()
    assert (batch.inputs["targets"] >= FIRST_LETTER).all()
    others = np.setdiff1d(np.arange(tokens.size), where)
    assert (shown.ravel()[others] == tokens.ravel()[others]).all()
    assert 0.7 < (shown.ravel()[where] == MASK).mean() < 0.9


def test_chains_are_masked_anew_in_each_epoch_and_alike_in_validation() -> None:
    """Whatever the trial masks by, whoever stands beside a chain."""
    rows = data().take(np.arange(8))
    first, second = (MLM.collate(config(), {}, rows, use(epoch=e)).inputs for e in (0, 1))
    assert len(np.intersect1d(first["where"], second["where"])) < 0.5 * len(first["where"])
    whole = validation_batch(rows)
    alone = [validation_batch(rows.take(np.array([row]))) for row in range(8)]
    assert np.concatenate([b["targets"] for b in alone]).tolist() == whole["targets"].tolist()
    other = MLM.collate(config(mean_span=3, focal_gamma=2, mask_share=0.4, seed=5), {}, rows,
                        use("validate", epoch=7))  # fmt: skip
    for name in ("tokens", "where", "targets", "cells"):
        assert (other.inputs[name] == whole[name]).all()


@pytest.mark.parametrize("parts", [2, 3])
def test_the_gradient_of_a_batch_is_the_sum_over_the_workers_parts(parts: int) -> None:
    """Two workers equal one: masks do not depend on who has a chain."""
    rows = data().take(np.arange(12))

    def gradient(pieces: list[ChainRows]) -> tuple[float, list[torch.Tensor]]:
        torch.manual_seed(0)
        model = MLM.build(config(), {})
        total, count = torch.zeros(()), 0.0
        for piece in pieces:
            batch = MLM.collate(config(), {}, piece, use(epoch=1))
            total = total + MLM.losses(config(), model, tensors(batch.inputs)).sum()
            count += batch.count
        (total / count).backward()
        return float(total.detach()) / count, [
            p.grad for p in model.parameters() if p.grad is not None
        ]

    loss, whole = gradient([rows])
    split, summed = gradient([rows.take(np.arange(12)[k::parts]) for k in range(parts)])
    assert split == pytest.approx(loss, rel=1e-5)
    for a, b in zip(whole, summed, strict=True):
        assert torch.allclose(a, b, atol=1e-5)


def tensors(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {k: torch.from_numpy(v) if isinstance(v, np.ndarray) else v for k, v in inputs.items()}


def test_figures_are_those_of_the_whole_model_computed_in_float64() -> None:
    """By `transformers`' own logits of every place, without padding, chain by chain."""
    state = trained()
    found = MLM.evaluate(config(), state, data(), Worker())
    model = restored()
    lm = model.double().eval().lm
    nats, right, by_kind = [], [], []
    for row in range(len(data())):
        rows = data().take(np.array([row]))
        batch = validation_batch(rows)
        with torch.inference_mode():
            logits = lm(torch.from_numpy(batch["tokens"])).logits[0][batch["where"]]
        log_p = torch.log_softmax(logits, -1).numpy()
        nats.append(-log_p[np.arange(len(log_p)), batch["targets"]])
        right.append(log_p.argmax(1) == batch["targets"])
        by_kind.append(rows.kinds[batch["where"] - 1])
    loss, correct, kinds = map(np.concatenate, (nats, right, by_kind))
    assert found["loss"] == pytest.approx(loss.mean(), rel=1e-5)
    assert found["perplexity"] == pytest.approx(math.exp(loss.mean()), rel=1e-5)
    assert found["accuracy"] == pytest.approx(correct.mean(), abs=2e-3)
    for number, kind in enumerate(KINDS):
        assert found[f"loss_{kind}"] == pytest.approx(loss[kinds == number].mean(), rel=1e-4)


def test_the_focal_loss_weighs_by_what_is_not_known() -> None:
    """Against its formula in float64; without gamma it is the cross-entropy."""
    logits = torch.randn(50, 25, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    targets = torch.arange(50) % 25
    p = torch.softmax(logits, -1)[torch.arange(50), targets]
    assert torch.allclose(masked_loss(logits, targets).double(), -p.log(), atol=1e-6)
    focal = masked_loss(logits, targets, 2.0).double()
    assert torch.allclose(focal, -((1 - p) ** 2) * p.log(), atol=1e-6)


def test_figures_of_parts_are_left_out_where_there_is_none() -> None:
    """By hand: two residues of framework, one of a CDR3 that is mutated."""
    sums = sums_of(np.array([1.0, 3.0, 0.5]), np.array([True, False, True]), np.array([0, 0, 10]))
    found = figures(sums)
    assert found["loss"] == pytest.approx(1.5)
    assert (found["loss_framework"], found["accuracy_framework"]) == (2.0, 0.5)
    assert (found["perplexity_cdr3"], found["accuracy_mutated"]) == (math.exp(0.5), 1.0)
    assert "loss_cdr1" not in found
    assert found["perplexity_germline_framework"] == pytest.approx(math.exp(2))
    assert found["perplexity_mutated_cdr3"] == math.exp(0.5)
    assert "perplexity_germline_cdr3" not in found
    assert math.isnan(figures({k: np.zeros(NUM_CELLS) for k in sums})["loss"])


def test_the_unigrams_are_judged_on_the_very_residues() -> None:
    """Against a loop over the masked residues of the held-out chains."""
    train, held_out = MLM.split(config(), data())
    found = MLM.baselines(config(), data(), held_out, Worker())
    counted = Unigram.of(train)
    nats = []
    for row in range(len(held_out)):
        batch = validation_batch(held_out.take(np.array([row])))
        for place, target in zip(batch["where"] - 1, batch["targets"] - FIRST_LETTER):
            p = counted.by_place[place] if place < len(counted.by_place) else counted.overall
            nats.append(-math.log(p[target]))
    by_place = found["position-wise unigram"]
    assert by_place["loss"] == pytest.approx(np.mean(nats), rel=1e-9)
    assert by_place["perplexity"] < found["unigram"]["perplexity"]
    assert "test/perplexity" in by_place
    assert "perplexity_mutated" in by_place


def test_predictions_are_the_mean_embedding_of_the_residues() -> None:
    """Without special tokens and padding, whatever the batch; in the order of the rows."""
    frame = MLM.predict(config(), trained(), data(), Worker())
    assert frame["id"].tolist() == data().ids.tolist()
    assert list(frame.columns[1:]) == [f"e{k}" for k in range(16)]
    model = restored()
    model.eval()
    for row in (0, 63, 119):
        tokens, _ = tokens_of(data().take(np.array([row])))
        with torch.inference_mode():
            hidden = model.hidden(torch.from_numpy(tokens), None)[0, 1:-1].mean(0).numpy()
        np.testing.assert_allclose(frame.iloc[row, 1:].to_numpy(float), hidden, atol=1e-5)


FRESH = """
import sys, json, torch
from transformers import AutoModelForMaskedLM, AutoTokenizer
model, info = AutoModelForMaskedLM.from_pretrained(sys.argv[1], output_loading_info=True)
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
batch = tokenizer(json.loads(sys.argv[2]), padding=True, return_tensors="pt")
with torch.inference_mode():
    logits = model.eval()(**batch).logits
print(json.dumps({"missing": sorted(info["missing_keys"]), "ids": batch["input_ids"].tolist(),
                  "unexpected": sorted(info["unexpected_keys"]), "logits": logits.tolist()}))
"""


def test_best_opens_in_a_fresh_process_with_equal_logits(tmp_path: Path) -> None:
    """Two chains, one shorter, with a letter that is not known and a masked one."""
    notes = MLM.write_artifacts(config(), trained(), data(), Worker(), tmp_path, ArtifactInputs())
    assert any("AutoModelForMaskedLM" in note for note in notes)
    assert any("simulated" in note for note in notes)
    rows = data().take(np.array([0, 5]))
    chains = [decode(rows.tokens[a:b]) for a, b in pairwise(rows.offsets)]
    texts = [chains[0], chains[1][:40] + "X[MASK]" + chains[1][42:90]]
    done = subprocess.run(
        [sys.executable, "-c", FRESH, str(tmp_path), json.dumps(texts)],
        capture_output=True, text=True, timeout=120, check=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    said = json.loads(done.stdout.splitlines()[-1])
    assert (said["missing"], said["unexpected"]) == ([], [])
    model = restored()
    model.eval()
    for ids, logits, text in zip(said["ids"], said["logits"], texts):
        length = len(text.replace("[MASK]", "X")) + 2
        tokens = torch.tensor([ids[:length]])
        with torch.inference_mode():
            own = model(tokens, None, torch.arange(length))
        np.testing.assert_allclose(np.array(logits)[:length], own.numpy(), atol=1e-5)
    assert said["ids"][0][: len(chains[0]) + 2] == tokens_of(rows)[0][0].tolist()
    assert said["ids"][1][41:43] == [1, MASK]


def test_a_tokeniser_and_a_model_that_disagree_are_refused(tmp_path: Path) -> None:
    """As in the published configuration, whose padding is another number than its tokeniser's."""
    MLM.write_artifacts(config(), trained(), data(), Worker(), tmp_path, ArtifactInputs())
    check_export(tmp_path)
    file = tmp_path / "config.json"
    content = json.loads(file.read_text())
    file.write_text(json.dumps({**content, "pad_token_id": 1}))
    with pytest.raises(InputError, match=r"pad_token_id(.|\n)*\[PAD\] as 0"):
        check_export(tmp_path)
    file.write_text(json.dumps({**content, "vocab_size": 30}))
    with pytest.raises(InputError, match="another order or size"):
        check_export(tmp_path)
    assert make_tokenizer(512).convert_ids_to_tokens(list(range(5))) == [
        "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]  # fmt: skip


def test_a_stream_gives_the_figures_of_the_arrays(tmp_path: Path) -> None:
    """Of the same chains, from two files in pieces; and it is trained on."""
    frame = simulate_chains(120).frame()
    for number, part in enumerate((frame[:70], frame[70:])):
        part.to_parquet(tmp_path / f"{number}.parquet", index=False, row_group_size=8)
    streamed = MLM.load(Mlm.Source(path=str(tmp_path), stream=True))
    whole = MLM.load(Mlm.Source(path=str(tmp_path)))
    assert isinstance(whole, ChainRows)
    assert MLM.count(streamed) == len(whole) == 120
    of_stream, of_arrays = (
        MLM.evaluate(config(), trained(), rows, Worker()) for rows in (streamed, whole)
    )
    assert of_stream == pytest.approx(of_arrays, rel=1e-5)
    frames = [MLM.predict(config(), trained(), rows, Worker()) for rows in (streamed, whole)]
    assert frames[0]["id"].tolist() == whole.ids.tolist()
    np.testing.assert_allclose(*(f.iloc[:, 1:].to_numpy() for f in frames), atol=1e-5)
    MLM.check(config(), streamed)
    losses = [i.metrics["loss"] for i in MLM.progress(config(), streamed, Worker()) if i.metrics]
    assert losses[1] < losses[0]
    with pytest.raises(InputError, match="longer than the model's context"):
        list(MLM.progress(config(context=64), streamed, Worker()))
    rest, test = MLM.set_aside(streamed, 0.3, 0)
    assert MLM.count(rest) + MLM.count(test) == 120
    twice = tmp_path / "twice"
    twice.mkdir()
    pd.concat([frame, frame.assign(sequence_id="again " + frame["sequence_id"])]).to_parquet(
        twice / "0.parquet", index=False, row_group_size=8
    )
    data = MLM.load(Mlm.Source(path=str(twice), stream=True))
    rest, test = MLM.set_aside(data, 0.3, 0)
    parts = [
        {text for shard in part.shards for text in part.read(shard)[STREAMED].to_pylist()}
        for part in (rest, test)
    ]
    assert not parts[0] & parts[1]
    frame.drop(columns="sequence_id").to_parquet(twice / "0.parquet", index=False)
    with pytest.raises(InputError, match="a stream without ids"):
        MLM.load(Mlm.Source(path=str(twice), stream=True))
    with pytest.raises(InputError, match="default data are not streamed"):
        MLM.load(Mlm.Source(stream=True))


def test_it_learns_more_than_the_places_alone() -> None:
    """Of 200 chains in a few seconds: below the unigram that knows no place."""
    rows = MLM.load(Mlm.Source(sequences=200))
    quick = config(hidden_size=32, epochs=6, learning_rate=5e-3, batch_tokens=1024)
    losses = [i.metrics["loss"] for i in MLM.progress(quick, rows, Worker()) if i.metrics]
    bases = MLM.baselines(quick, rows, None, Worker())
    assert losses[-1] < losses[0]
    assert losses[-1] < bases["unigram"]["loss"] - 0.5


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ({"longest": 100}, r"longer than is read(.|\n)*data.on_long=skip"),
        ({"longest": 20, "on_long": "skip"}, "no chain is left"),
        ({"column": "vh"}, "no column 'vh'"),
        ({"on_unknown": "error"}, r"row 4 .*position 2"),
        ({"chain": "light", "column": None}, None),
    ],
)
def test_sources_that_cannot_be_read(tmp_path: Path, source: dict, told: str | None) -> None:
    file = tmp_path / "t.csv"
    pd.DataFrame({"id": list("abc"), "sequence": ["EVQL" * 30, "QVQL" * 20, "EXQL" * 12]}).to_csv(
        file, index=False
    )
    given = Mlm.Source(path=str(file), **source)
    if told is None:
        assert len(MLM.load(given)) == 3
    else:
        with pytest.raises(InputError, match=told):
            MLM.load(given)


def test_long_chains_are_left_out_and_counted(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    pd.DataFrame({"id": list("ab"), "sequence": ["EVQL" * 30, "QVQL" * 20]}).to_csv(
        file, index=False
    )
    rows = MLM.load(Mlm.Source(path=str(file), longest=100, on_long="skip"))
    assert rows.ids.tolist() == ["b"]
    assert "1 chains of more than 100 residues were left out" in rows.notes


def test_a_context_too_short_and_heads_that_do_not_divide_are_refused() -> None:
    short = config(context=64)
    for refused in (
        lambda: MLM.check(short, data()),
        lambda: MLM.evaluate(short, trained(), data(), Worker()),
        lambda: MLM.predict(short, trained(), data(), Worker()),
    ):
        with pytest.raises(InputError, match="longer than the model's context"):
            refused()
    with pytest.raises(ValueError, match="no multiple of num_heads"):
        config(hidden_size=18, num_heads=4)
    MLM.check(config(), data())


def test_attention_step_by_step_changes_nothing() -> None:
    """The same loss and gradient but for rounding."""
    rows = data().take(np.arange(5))
    batch = tensors(training_batch(rows, MLM_MASKING, (0, 1)))

    def run(**more: Any) -> tuple[float, torch.Tensor]:
        torch.manual_seed(3)
        model = MLM.build(config(num_layers=2, **more), {}).train()
        loss = MLM.losses(config(), model, batch).mean()
        loss.backward()
        gradient = model.lm.roberta.encoder.layer[0].attention.self.query.weight.grad
        assert gradient is not None
        return float(loss.detach()), gradient

    loss, gradient = run()
    other, same = run(fused_attention=False)
    assert other == pytest.approx(loss, rel=1e-5)
    assert torch.allclose(same, gradient, atol=1e-6)


def test_layers_computed_again_change_nothing() -> None:
    """Every layer is, its dropout drawn as before: the same weights to the bit."""
    rows, passes = data().take(np.arange(40)), []

    class Counting(Mlm):
        def build(self, config: Any, values: Any) -> MaskedLm:
            model = super().build(config, values)
            for number, layer in enumerate(model.lm.roberta.encoder.layer):
                layer.attention.register_forward_hook(lambda *_, n=number: passes.append(n))
            return model

    def run(**more: Any) -> tuple[State, list[int]]:
        passes.clear()
        typed = config(num_layers=2, dropout=0.2, attention_dropout=0.1, **more)
        *_, last = Counting().refit(typed, rows, Worker(), 1)
        return last.state(), [passes.count(n) for n in range(2)]

    (plain, once), (again, twice) = run(), run(checkpoint_activations=True)
    assert twice == [2 * count for count in once]
    for name, array in plain.arrays.items():
        np.testing.assert_array_equal(again.arrays[name], array, err_msg=name)


@pytest.mark.exhaustive
@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")  # in torch's own compiler
def test_a_compiled_network_learns_the_same() -> None:
    """Its weights have the names of others, so that any process opens them."""
    rows = data().take(np.arange(40))
    plain, compiled = (list(MLM.refit(config(compile=c), rows, Worker(), 1))[-1].state()
                       for c in (False, True))  # fmt: skip
    assert set(plain.arrays) == set(compiled.arrays)
    for name, array in plain.arrays.items():
        np.testing.assert_allclose(compiled.arrays[name], array, rtol=1e-3, atol=1e-4, err_msg=name)


def test_sizes_of_the_network_follow_from_the_configuration() -> None:
    size = size_of(config(hidden_size=24, num_heads=3, ffn_ratio=2, context=100))
    assert size == Size(24, 1, 3, 48, dropout=0.0, context=100)
    assert count_parameters(size) == sum(p.numel() for p in MaskedLm(size).parameters())
