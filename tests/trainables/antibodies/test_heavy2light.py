"""heavy2light: figures, the gap, what stands beside them, halves of finished models, bad input."""

from __future__ import annotations

import json
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

pytest.importorskip("transformers")
pytest.importorskip("Bio.Align")

from distrib.data.antibodies.alignment import compare
from distrib.data.antibodies.alphabet import CLS, SEP
from distrib.data.antibodies.designs.record_rows import partners
from distrib.data.antibodies.germlines import nearest_v
from distrib.data.antibodies.pairs.pair_rows import PairRows, texts_of
from distrib.data.antibodies.pairs.simulate import simulate_pairs
from distrib.errors import InputError
from distrib.models.antibodies.heavy2light import is_added
from distrib.study.driver.model import Model
from distrib.study.space.configs import checked
from distrib.trainables.antibodies.clm.family import Clm
from distrib.trainables.antibodies.heavy2light.compared import compared, looked_at
from distrib.trainables.antibodies.heavy2light.family import LightFromHeavy
from distrib.trainables.antibodies.heavy2light.judging import Judged
from distrib.trainables.antibodies.mlm.family import Mlm
from distrib.trainables.antibodies.sensitivity import sensitivity
from distrib.trainables.base import State, Trainable, Worker
from distrib.trainables.capabilities import ArtifactInputs
from distrib.trainables.training.task import Use

FAMILY = LightFromHeavy()
SMALL = {"encoder_hidden_size": 16, "decoder_hidden_size": 24, "encoder_heads": 2,
         "decoder_heads": 2, "dropout": 0.0, "epochs": 1, "samples": 5}  # fmt: skip


@cache
def data() -> PairRows:
    return FAMILY.load(LightFromHeavy.Source(pairs=80))


def config(**more: Any) -> Any:
    return LightFromHeavy.Config.model_validate({**SMALL, **more})


@cache
def trained() -> State:
    *_, last = FAMILY.refit(config(), data(), Worker(), 1)
    return last.state()


def tokens(text: str, *, end: bool) -> torch.Tensor:
    from distrib.data.antibodies.alphabet import encode

    return torch.tensor([[CLS, *encode([text])[0].tolist(), *([SEP] if end else [])]])


def nats_of(model: Any, heavy: str, light: str) -> np.ndarray:
    """(residues + 1,) of one pair, without padding, in float64."""
    seen = tokens(light, end=False)
    target = torch.cat([seen[0, 1:], torch.tensor([SEP])])
    with torch.inference_mode():
        logits = model(tokens(heavy, end=True), None, seen)[0].double()
    return -logits.log_softmax(-1).gather(1, target[:, None])[:, 0].numpy()


def test_figures_and_gap_are_those_of_single_pairs_in_float64() -> None:
    """Loss and gap by hand, with the standard error of the ratio; predictions row by row."""
    found = FAMILY.evaluate(config(), trained(), data(), Worker())
    model = FAMILY.restored(config(), trained(), Worker()).double()
    heavy, light = texts_of(data().heavy), texts_of(data().light)
    other = partners(data().groups, seed=1).tolist()
    true = [nats_of(model, h, v) for h, v in zip(heavy, light)]
    shuffled = np.array([nats_of(model, heavy[o], v).sum() for o, v in zip(other, light)])
    total, count = np.array([n.sum() for n in true]), np.array([len(n) for n in true])
    assert found["loss"] == pytest.approx(total.sum() / count.sum(), rel=1e-5)
    gap, error = sensitivity(total, shuffled, count, data().groups)
    assert found["pairing_gap"] == pytest.approx(gap, abs=1e-6)
    assert found["pairing_gap_se"] == pytest.approx(error, rel=1e-3)
    assert all(o != k for k, o in enumerate(other))
    cdr3 = np.concatenate([n[:-1] for n in true])[data().light.kinds == 3]
    assert found["loss_cdr3"] == pytest.approx(cdr3.mean(), rel=1e-4)
    frame = FAMILY.predict(config(), trained(), data(), Worker())
    assert frame["id"].tolist() == data().ids.tolist()
    np.testing.assert_allclose(-frame["log_likelihood"], total, rtol=1e-5)
    low, high = FAMILY.intervals(config(), trained(), data(), Worker())["pairing_gap"]
    assert (low + high) / 2 == pytest.approx(gap, abs=1e-6)
    assert (high - low) / 2 == pytest.approx(1.96 * error, rel=1e-2)
    held = FAMILY.held_out_intervals(config(), data(), frame)
    assert held["loss"][0] < found["loss"] < held["loss"][1]


def test_light_chains_are_compared_as_by_hand() -> None:
    """True ones are alike in all; baselines are light chains of training pairs."""
    pairs = looked_at(data(), 6)
    light = texts_of(pairs.light)
    same = compared(light, pairs)
    for name in ("similarity", "locus_agreement", "v_gene_agreement"):
        assert same[name].tolist() == [1.0] * 6
    turned = compared(light[::-1], pairs)
    for row, (a, b) in enumerate(zip(light[::-1], light)):
        assert turned["blosum"][row] == compare(a, b).score
        genes = nearest_v([a, b]).genes.tolist()
        assert turned["v_gene_agreement"][row] == float(genes[0] == genes[1])
        assert turned["locus_agreement"][row] == float(genes[0][:3] == genes[1][:3])
    train, held_out = FAMILY.split(config(), data())
    found = FAMILY.baselines(config(), data(), held_out, Worker())
    looked = looked_at(held_out, 5)
    heavy = [*map(set, ({t[i : i + 3] for i in range(len(t) - 2)} for t in texts_of(train.heavy)))]
    scores = []
    for text, true in zip(texts_of(looked.heavy), texts_of(looked.light)):
        own = {text[i : i + 3] for i in range(len(text) - 2)}
        nearest = int(np.argmax([len(own & other) / len(own | other) for other in heavy]))
        scores.append(compare(texts_of(train.light)[nearest], true).score)
    nearest_pair = found["nearest heavy chain's light chain"]
    assert nearest_pair["blosum"] == pytest.approx(np.mean(scores))
    assert {"similarity", "test/similarity", "locus_agreement"} <= set(nearest_pair)
    assert found["random light chain"].keys() == nearest_pair.keys()
    assert found["position-wise unigram"]["loss"] < found["unigram"]["loss"]


def test_errors_of_what_was_compared_are_those_of_a_mean() -> None:
    nats, counts = np.array([1.0, 2.0, 4.0]), np.array([1.0, 1.0, 2.0])
    values = {"similarity": np.array([0.9, 1.0, 1.0])}
    judged = Judged(nats, counts, np.arange(3), nats + 0.5, {}, values)
    errors = judged.errors()
    assert errors["similarity"] == pytest.approx((2.9 / 3, np.std([0.9, 1, 1], ddof=1) / 3**0.5))
    assert errors["pairing_gap"][0] == pytest.approx(1.5 / 4)
    assert judged.intervals()["similarity"][1] == 1.0
    # None, and all, of ten by Wilson: 0.2775, as statistical tables have it.
    shares = {"locus_agreement": np.zeros(10), "v_gene_agreement": np.ones(10)}
    ends = Judged(nats, counts, np.arange(3), None, {}, shares).intervals()
    assert ends["locus_agreement"] == pytest.approx((0.0, 0.27753), abs=1e-4)
    assert ends["v_gene_agreement"] == pytest.approx((0.72247, 1.0), abs=1e-4)
    loss = judged.intervals()["loss"]
    assert judged.intervals()["perplexity"] == pytest.approx(tuple(np.exp(loss)))


def test_the_gradient_of_a_batch_is_the_sum_over_the_workers_parts() -> None:
    """Two workers equal one, of pairs of different lengths; frozen weights have none."""
    rows = data().take(np.arange(9))
    settings = config(trained="adapters")

    def gradient(pieces: list[PairRows]) -> dict[str, torch.Tensor]:
        torch.manual_seed(0)
        model: Any = FAMILY.build(settings, FAMILY.values(settings, rows))
        total, count = torch.zeros(()), 0.0
        for piece in pieces:
            batch = FAMILY.collate(settings, {}, piece, Use("train", np.random.SeedSequence(0)))
            inputs = {k: torch.from_numpy(v) if isinstance(v, np.ndarray) else v
                      for k, v in batch.inputs.items()}  # fmt: skip
            total = total + FAMILY.losses(settings, model, inputs)
            count += batch.count
        (total / count).backward()
        return {n: p.grad for n, p in model.named_parameters() if p.grad is not None}

    whole, summed = gradient([rows]), gradient([rows.take(np.arange(9)[k::2]) for k in range(2)])
    assert set(whole) == set(summed)
    assert all(is_added(name) or name.startswith("project.") for name in whole)
    for name, value in whole.items():
        assert torch.allclose(value, summed[name], atol=1e-6)


def save(family: Trainable[Any, Any, Any], name: str, settings: Any, rows: Any, to: Path) -> Path:
    """A `best/` folder, its artifacts beside the weights."""
    *_, last = family.refit(settings, rows, Worker(), 1)
    state = last.state()
    Model(family, settings, family.Source(), Worker(), state, name).save(to)
    family.write_artifacts(settings, state, rows, Worker(), to, ArtifactInputs())  # type: ignore
    return to


@cache
def halves(folder: Path) -> tuple[str, str]:
    """Folders of a trained mlm and of a trained clm."""
    small = {"hidden_size": 16, "num_layers": 1, "num_heads": 2, "epochs": 1}
    mlm, clm = Mlm(), Clm()
    read = save(mlm, "mlm", Mlm.Config(**small, context=160), mlm.load(Mlm.Source(sequences=50)),
                folder / "mlm")  # fmt: skip
    write = save(clm, "clm", Clm.Config(**{**small, "hidden_size": 24}, context=140, samples=0),
                 clm.load(Clm.Source(sequences=50)), folder / "clm")  # fmt: skip
    return str(read), str(write)


@pytest.fixture(scope="module")
def best(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    return halves(tmp_path_factory.mktemp("halves"))


def test_halves_of_finished_models_stay_as_they_are(best: tuple[str, str]) -> None:
    """Before training the memory is that of the encoder; afterwards only added weights differ."""
    from transformers import AutoModel, AutoModelForCausalLM

    settings = config(encoder=best[0], decoder=best[1], adapter_reduction=4, learning_rate=0.05)
    FAMILY.check(settings, data())
    items = list(FAMILY.refit(settings, data(), Worker(), 1))
    state = items[-1].state()
    assert state.values["decoder"]["context"] == 140
    model: Any = FAMILY.restored(settings, state, Worker())
    encoder = AutoModel.from_pretrained(best[0])
    decoder = AutoModelForCausalLM.from_pretrained(best[1])
    for own, theirs in ((model.encoder, encoder), (model.decoder, decoder)):
        known = theirs.state_dict()
        kept = {n.replace(".dropout.dropout", ".dropout"): v for n, v in own.state_dict().items()
                if not is_added(n)}  # fmt: skip
        assert kept
        assert [name for name, value in kept.items() if not torch.equal(known[name], value)] == []
    ups = {n: bool(p.any()) for n, p in model.named_parameters() if n.endswith("up.weight")}
    assert len(ups) == 4
    # A narrow bottleneck whose every unit is below zero stays as it began.
    assert all(
        any(moved for n, moved in ups.items() if half in n) for half in ("encoder", "decoder")
    )
    # A finished model needs neither folder any more.
    elsewhere = config(encoder="/nowhere", decoder="/nowhere", adapter_reduction=4)
    frame = FAMILY.predict(elsewhere, state, data(), Worker())
    assert frame.equals(FAMILY.predict(settings, state, data(), Worker()))


def test_a_half_may_be_fresh_and_all_weights_trained(best: tuple[str, str]) -> None:
    settings = config(encoder=best[0])
    assert settings.frozen == (True, False)
    model: Any = FAMILY.build(settings, FAMILY.values(settings, data()))
    assert all(p.requires_grad for p in model.decoder.parameters())
    trained_ones = [n for n, p in model.encoder.named_parameters() if p.requires_grad]
    assert trained_ones
    assert all("adapter" in name for name in trained_ones)
    assert config(encoder=best[0], decoder=best[1], trained="all").frozen == (False, False)
    assert config(trained="adapters").frozen == (True, True)


def test_halves_that_do_not_fit_are_refused(best: tuple[str, str], tmp_path: Path) -> None:
    """Another family's folder, no folder, another vocabulary, a context that is too short."""
    for settings, told in (
        ({"encoder": best[1]}, r"another family(.|\n)*clm(.|\n)*mlm"),
        ({"decoder": best[0]}, r"another family(.|\n)*mlm(.|\n)*clm"),
        ({"encoder": str(tmp_path)}, r"no model of transformers(.|\n)*config.json"),
        ({"encoder_context": 50}, r"a heavy chain longer than the encoder's context"),
        ({"decoder_context": 50}, r"a light chain longer than the decoder's context"),
    ):
        with pytest.raises(InputError, match=told):
            FAMILY.check(config(**settings), data())
    with pytest.raises(ValueError, match="no multiple of decoder_heads"):
        config(decoder_heads=5)
    other = tmp_path / "other"
    other.mkdir()
    for file in Path(best[1]).iterdir():
        if file.is_file() and file.name != "config.yaml":
            (other / file.name).write_bytes(file.read_bytes())
    FAMILY.check(config(decoder=str(other)), data())  # a folder of transformers will do
    content = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**content, "vocab_size": 23}))
    with pytest.raises(InputError, match="a vocabulary of another order or size"):
        FAMILY.check(config(decoder=str(other)), data())
    (other / "config.json").write_text(json.dumps({**content, "n_embd": 32, "n_inner": 96}))
    with pytest.raises(InputError, match="weights of another network"):
        FAMILY.check(config(decoder=str(other)), data())


def options(heavy: Path, **more: Any) -> Any:
    return checked(LightFromHeavy.Generate, {"heavy": heavy, "num": 3, **more}, "")


@pytest.fixture
def fasta(tmp_path: Path) -> Path:
    file = tmp_path / "heavy.fasta"
    frame = simulate_pairs(3, seed=5)
    file.write_text("".join(f">h{k}\n{s}\n" for k, s in
                            enumerate(frame["sequence_alignment_aa_heavy"])))  # fmt: skip
    return file


def test_light_chains_are_drawn_for_each_heavy_one(fasta: Path) -> None:
    """Seeded, within lengths, rated by the model itself; beams give as many as they are."""

    def draw(**more: Any) -> pd.DataFrame:
        tables = FAMILY.generate(config(), trained(), options(fasta, **more), Worker())
        return pd.concat(list(tables), ignore_index=True)

    frame = draw(batch=4, min_length=20, max_length=30)
    assert frame["id"].tolist() == [f"h{h}_{n}" for h in range(3) for n in (1, 2, 3)]
    assert frame.equals(draw(batch=4, min_length=20, max_length=30))
    assert frame["sequence"].str.len().between(20, 30).all()
    model = FAMILY.restored(config(), trained(), Worker()).double()
    heavy = dict(pairwise(fasta.read_text().split("\n")))
    for name, text, value, ended in frame[["heavy", "sequence", "log_likelihood", "ended"]].values:
        nats = nats_of(model, heavy[f">{name}"], text)
        assert -value == pytest.approx(nats.sum() if ended else nats[:-1].sum(), abs=1e-3)
    beams = draw(beam=4, max_length=20)
    assert len(beams) == 9
    diverse = draw(beam=4, groups=4, diversity=50.0, max_length=20)
    assert diverse.groupby("heavy")["sequence"].nunique().tolist() == [3, 3, 3]
    greedy = draw(num=1, temperature=0, max_length=20)
    assert greedy.equals(draw(num=1, temperature=0, max_length=20, seed=9))
    for wrong, told in (
        ({"beam": 2}, "a beam search of 2 beams gives 2"),
        ({"temperature": 0}, "the likeliest token at every place gives 1"),
        ({"beam": 4, "groups": 3}, "groups of beams are of one size"),
        ({"max_length": 999}, "longer than the model's context"),
    ):
        with pytest.raises(InputError, match=told):
            FAMILY.generate(config(), trained(), options(fasta, **wrong), Worker())


def test_heavy_chains_that_are_none_or_too_long_are_refused(fasta: Path) -> None:
    frame = simulate_pairs(2, seed=6)
    fasta.write_text(f">a\n{frame['sequence_alignment_aa_light'][0]}\n")
    with pytest.raises(InputError, match=r"a(.|\n)*a light chain where the heavy should be"):
        FAMILY.generate(config(), trained(), options(fasta), Worker())
    fasta.write_text(f">long\n{frame['sequence_alignment_aa_heavy'][0] * 2}\n")
    with pytest.raises(InputError, match="longer than the model's context"):
        FAMILY.generate(config(), trained(), options(fasta), Worker())


@pytest.mark.parametrize(("half", "chain"), [("encoder", "heavy"), ("decoder", "light")])
def test_a_finished_model_is_given_no_pair_that_is_too_long(half: str, chain: str) -> None:
    known = trained()
    short = State(known.arrays, {**known.values, half: {**known.values[half], "context": 50}})
    for given in (FAMILY.evaluate, FAMILY.predict):
        with pytest.raises(InputError, match=f"a {chain} chain longer than the {half}'s context"):
            given(config(), short, data(), Worker())


def test_artifacts_have_samples_and_say_what_is_simulated(tmp_path: Path) -> None:
    notes = FAMILY.write_artifacts(config(), trained(), data(), Worker(), tmp_path,
                                   ArtifactInputs())  # fmt: skip
    assert any("no real data" in note for note in notes)
    assert any("EncoderDecoderModel" in note for note in notes)
    frame = pd.read_csv(tmp_path / "samples.csv", keep_default_na=False)
    assert set(frame["id"]) <= set(data().ids.tolist())
    assert len(frame) == 5
    assert (tmp_path / "model.safetensors").is_file()


@pytest.mark.exhaustive
def test_the_rule_is_learned_and_nothing_without_it() -> None:
    """The gap is above four standard errors with the rule, and within two of zero without."""
    for rule in (True, False):
        rows = FAMILY.load(LightFromHeavy.Source(pairs=1000, rule=rule))
        settings = LightFromHeavy.Config(samples=0)
        *_, last = (item for item in FAMILY.progress(settings, rows, Worker()) if item.metrics)
        assert last.metrics is not None
        ratio = last.metrics["pairing_gap"] / last.metrics["pairing_gap_se"]
        assert ratio > 4 if rule else abs(ratio) < 2, ratio
