"""The antibody generator: what it learns, what it draws, what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from distrib.data.antibodies.designs.simulate import simulate_records
from distrib.errors import InputError
from distrib.trainables.antibodies.sensitivity import sensitivity
from distrib.trainables.antibodies.seq2seq.config import Seq2SeqGenerate
from distrib.trainables.antibodies.seq2seq.family import AntibodyGenerator
from distrib.trainables.antibodies.seq2seq.samples import is_valid, sample_figures, texts_of
from distrib.trainables.antibodies.seq2seq.unigram import unigram_figures
from distrib.trainables.base import State, Worker
from distrib.trainables.capabilities import ArtifactInputs, set_aside
from distrib.trainables.registry import load_family

FAMILY = AntibodyGenerator()
TINY: dict[str, Any] = {"width": 16, "num_heads": 2, "epochs": 1, "samples": 8, "batch_size": 32}


@pytest.fixture(scope="module")
def trained() -> tuple[Any, Any, State]:
    """A small configuration, its data and its state after an epoch."""
    config = FAMILY.Config(**TINY)
    data = FAMILY.load(FAMILY.Source(records=120))
    *_, last = FAMILY.refit(config, data, Worker(), None)
    return config, data, last.state()


def test_sensitivity_by_hand() -> None:
    true, shuffled = np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 5.0])
    value, error = sensitivity(true, shuffled, np.array([2.0, 1.0, 3.0]), np.array([0, 0, 1]))
    assert value == pytest.approx(3 / 6)
    # Residuals of the groups: (1 - 0.5 * 2) + (0 - 0.5 * 1) = -0.5, and 2 - 0.5 * 3 = 0.5.
    assert error == pytest.approx(np.sqrt(2 / 1 * (0.25 + 0.25)) / 6)


def test_sensitivity_of_nothing() -> None:
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(300):
        true = rng.gamma(3, size=60)
        value, error = sensitivity(
            true, true + rng.normal(0, 1, 60), rng.integers(5, 15, 60).astype(float),
            rng.integers(0, 20, 60),
        )  # fmt: skip
        inside += abs(value) < 2 * error
    assert inside > 265  # of 300, expected about 283


def test_validity_can_fail() -> None:
    assert is_valid("EVQ", light=False)
    assert is_valid("EVQ|DIQ", light=True)
    assert not is_valid("EVQ|DIQ", light=False)
    assert not is_valid("EVQ|DIQ|A", light=True)
    assert not is_valid("EV?Q", light=True)
    assert not is_valid("EVQ|", light=True)
    texts, ended = texts_of(np.array([[5, 6, 2, 0], [5, 3, 5, 6]]))
    assert texts == ["AC", "AXAC"]
    assert ended.tolist() == [True, False]
    found = sample_figures(["AC", "AC", "AXA"], np.array([True, False, True]), ["AC"], light=False)
    assert found["validity"] == pytest.approx(1 / 3)
    assert found["diversity"] == pytest.approx(2 / 3)


def test_repeats_are_told_beside_natural_ones() -> None:
    ended = np.array([True, True])
    found = sample_figures(["EVYYYYGM", "EVQL"], ended, ["EVYYYYGM", "EVQL"], light=False)
    assert found["repeats_gap"] == 0
    assert sample_figures(["GGGG", "EVGGGG"], ended, ["EVQL"], light=False)["repeats_gap"] == 1


def test_the_unigram_by_hand(trained: Any) -> None:
    _, data, _ = trained
    found = unigram_figures(data, data)
    assert 1.0 < found["loss"] < np.log(25)
    assert found["cdrh3_loss"] > found["heavy_loss"]


def test_a_likelihood_is_that_of_decoding(trained: Any, tmp_path: Path) -> None:
    config, _, state = trained
    (tmp_path / "a.fasta").write_text(">spike\nSTLQKKIEEIAAKY\n")
    options = Seq2SeqGenerate(
        antigen=tmp_path / "a.fasta", pkd=(6.0, 9.0), num=12, max_length=140, batch=8
    )
    drawn = list(FAMILY.generate(config, state, options, Worker()))
    assert sum(map(len, drawn)) == 24
    whole = [row for t in drawn for row in t.itertuples() if row.ended and row.valid]
    assert whole
    if whole:
        records = [
            {"id": r.id, "antibody_heavy": r.antibody_heavy, "antibody_light": "",
             "antigen_sequence": r.antigen_sequence, "pKd": r.pKd}
            for r in whole
        ]  # fmt: skip
        (tmp_path / "drawn.json").write_text(json.dumps(records))
        again = FAMILY.load(FAMILY.Source(path=str(tmp_path / "drawn.json")), targets=False)
        found = FAMILY.predict(config, state, again, Worker())
        expected = [r.log_likelihood for r in whole]
        assert found["log_likelihood"].tolist() == pytest.approx(expected, rel=1e-4)
    assert list(drawn[0].columns[:4]) == ["id", "antigen", "antigen_sequence", "pKd"]


def test_the_same_seed_gives_the_same_designs(trained: Any, tmp_path: Path) -> None:
    config, _, state = trained
    (tmp_path / "a.fasta").write_text(">x\nSTLQKK\n>y\nDDEEDE\n")
    options = Seq2SeqGenerate(antigen=tmp_path / "a.fasta", num=2, max_length=20)
    one, same = ([t["sequence"].tolist() for t in FAMILY.generate(config, state, options, Worker())]
                 for _ in range(2))  # fmt: skip
    assert one == same
    assert len(one) == 2


def test_designs_of_the_training_data_are_known(trained: Any) -> None:
    _, data, state = trained
    assert np.isin(data.designs, state.arrays["training_designs"]).all()


def test_designs_that_a_model_was_validated_on_are_not_called_trained_on(trained: Any) -> None:
    config, data, _ = trained
    *_, last = FAMILY.progress(config.model_copy(update={"samples": 0}), data, Worker())
    assert last.model is not None
    train, held_out = FAMILY.split(config, data)
    known = last.model().arrays["training_designs"]
    assert np.isin(train.designs, known).all()
    assert not np.isin(held_out.designs, known).any()


@pytest.mark.parametrize(
    ("fasta", "more", "says"),
    [
        (">a\nSTLQ1\n", {}, "'1'"),
        (">a\nSTLQ\n", {"pkd": (21.0,)}, "--pkd"),
        (">a\n" + "L" * 600 + "\n", {}, "600 residues"),
        (">a\n" + "L" * 600 + "\n", {}, "--on-long truncate"),
        (">a one\nSTLQ\n>b\nDD\n>a two\nDEDE\n", {}, "rows 1 and 5: two antigens of one name"),
        (">a\nSTLQ\n", {"pkd": (5.0, 7.0, 5.0)}, "--pkd: an affinity that is asked for twice"),
        (">a\nSTLQ\n", {"temperature": 0.0, "num": 2}, "--num: the likeliest token"),
        (">a\nSTLQ\n", {"top_k": 1, "num": 2}, "copies of it"),
        (">a\nSTLQ\n", {"beam": 3, "num": 4}, "a beam search of 3 beams gives 3"),
    ],
)
def test_what_generation_refuses(
    trained: Any, tmp_path: Path, fasta: str, more: dict[str, Any], says: str
) -> None:
    config, _, state = trained
    (tmp_path / "a.fasta").write_text(fasta)
    options = Seq2SeqGenerate(antigen=tmp_path / "a.fasta", **more)
    with pytest.raises(InputError) as caught:
        next(iter(FAMILY.generate(config, state, options, Worker())))
    assert says in str(caught.value)


def drawn_for(trained: Any, fasta: Path, **options: Any) -> Any:
    import pandas as pd

    config, _, state = trained
    asked = Seq2SeqGenerate(antigen=fasta, max_length=40, **options)
    return pd.concat(list(FAMILY.generate(config, state, asked, Worker())), ignore_index=True)


def test_ids_differ_however_near_the_affinities_are(trained: Any, tmp_path: Path) -> None:
    """Also those that six digits do not tell apart, and names that end like an affinity."""
    fasta = tmp_path / "a.fasta"
    fasta.write_text(">a\nSTLQKK\n>a_7\nSTLQ\n")
    found = drawn_for(trained, fasta, pkd=(7.0, 7.00000012, 7.1), num=2)
    assert len(found) == 12
    assert found["id"].is_unique
    assert found["id"][0] == "a_7_1"


def test_a_beam_search_gives_the_best_of_its_beams(trained: Any, tmp_path: Path) -> None:
    """All different, the best first, and the first as of a search for one alone."""
    fasta = tmp_path / "a.fasta"
    fasta.write_text(">a\nSTLQKK\n>b\nDDEE\n")
    found = drawn_for(trained, fasta, beam=5, num=4, batch=2)
    assert found["id"].tolist() == [f"{name}_9_{k}" for name in "ab" for k in range(1, 5)]
    for _, own in found.groupby("antigen"):
        whole = own["sequence"] + own["ended"].astype(str)
        assert whole.is_unique
        assert own["perplexity"].is_monotonic_increasing
    one = drawn_for(trained, fasta, beam=5)
    assert one["sequence"].tolist() == found["sequence"][::4].tolist()


def test_antigens_are_cut_for_a_trained_model_where_it_is_asked(
    trained: Any, tmp_path: Path
) -> None:
    """Counted; what is drawn is what the first residues alone would give."""
    config, data, state = trained
    long, cut = tmp_path / "long.fasta", tmp_path / "cut.fasta"
    long.write_text(f">a\n{'STLQ' * 150}\n>b\nSTLQ\n")
    cut.write_text(f">a\n{('STLQ' * 150)[:510]}\n>b\nSTLQ\n")
    asked = Seq2SeqGenerate(antigen=long, on_long="truncate")
    notes = FAMILY.notes_of(config, asked)
    assert notes == ["1 of 2 antigens is longer than the context and is cut to the first 510 "
                     "residues"]  # fmt: skip
    one = drawn_for(trained, long, on_long="truncate", num=3)
    assert one["sequence"].tolist() == drawn_for(trained, cut, num=3)["sequence"].tolist()
    assert one["antigen_sequence"].str.len().tolist() == [600] * 3 + [4] * 3
    counts = FAMILY.sample_counts(one)
    assert counts.columns.tolist() == ["pKd", "antibodies", "ended", "valid", "in training data"]
    assert counts["antibodies"].tolist() == [6]
    small = config.model_copy(update={"source_context": 30})
    with pytest.raises(InputError, match="--on-long truncate"):
        FAMILY.predict(small, state, data, Worker())


def write(file: Path, num: int, **change: Any) -> Path:
    frame = simulate_records(num).frame().assign(**change)
    frame.drop(columns="cluster").to_json(file, orient="records")
    return file


def test_a_file_to_validate_on_is_obeyed(tmp_path: Path) -> None:
    train, val = write(tmp_path / "train.json", 60), tmp_path / "val.json"
    frame = simulate_records(40, seed=5).frame().drop(columns="cluster")
    frame.to_json(val, orient="records")
    data = FAMILY.load(FAMILY.Source(path=str(train), validation=str(val), max_samples=50))
    search, test = set_aside(FAMILY, data, None, seed=0)
    assert test is None
    rest, held_out = FAMILY.split(FAMILY.Config(), search)
    assert (len(rest), len(held_out)) == (50, 5)
    search, test = set_aside(FAMILY, data, 0.2, seed=0)
    assert set(test.ids) < set(rest.ids)
    assert FAMILY.split(FAMILY.Config(), search)[1].ids.tolist() == held_out.ids.tolist()
    with pytest.raises(InputError, match="both files"):
        FAMILY.load(FAMILY.Source(path=str(train), validation=str(train)))


def test_one_antigen_only_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "one.json", 20, antigen_sequence="STLQKK")
    with pytest.raises(InputError, match="one antigen only"):
        FAMILY.load(FAMILY.Source(path=str(path)))


@pytest.mark.parametrize("space", ["seq2seq", "mlm", "clm", "heavy2light"])
def test_either_case_of_x_is_taken(space: str) -> None:
    source: Any = load_family(space).Source
    assert source(on_unknown="X").on_unknown == "x"
    with pytest.raises(ValueError, match="'error', 'x' or 'skip'"):
        source(on_unknown="y")


def test_long_antigens_by_policy(tmp_path: Path) -> None:
    path = write(tmp_path / "long.json", 20)
    data = FAMILY.load(FAMILY.Source(path=str(path)))
    with pytest.raises(InputError, match="on_long=truncate"):
        FAMILY.check_rows(FAMILY.Config(source_context=30), data)
    FAMILY.check_rows(FAMILY.Config(source_context=30, on_long="truncate"), data)
    with pytest.raises(InputError, match="target_context"):
        FAMILY.check_rows(FAMILY.Config(target_context=60), data)


def test_without_antigen_nothing_depends_on_it() -> None:
    config = FAMILY.Config(**{**TINY, "antigen": False, "pkd": "none", "samples": 0})
    data = FAMILY.load(FAMILY.Source(records=120))
    *_, last = FAMILY.progress(config, data, Worker())
    assert last.metrics is not None
    assert last.metrics["antigen_sensitivity"] == 0
    assert last.metrics["pkd_sensitivity"] == 0


def original_names(model: Any) -> dict[str, Any]:
    """A network's weights as the original scripts' checkpoints name them."""
    import torch

    there = {"source_embedding": "src_embedding", "target_embedding": "tgt_embedding",
             "affinity": "affinity_projection", "output": "fc_out",
             "encoder": "transformer.encoder", "decoder": "transformer.decoder"}  # fmt: skip
    found = {}
    for name, tensor in model.state_dict().items():
        head, _, rest = name.partition(".")
        found[f"{there[head]}.{rest}"] = tensor
    return {**found, "src_pos_encoder.pe": torch.zeros(1, 1000, 16)}


def test_a_checkpoint_of_the_original_begins_a_training(tmp_path: Path) -> None:
    import torch

    data = FAMILY.load(FAMILY.Source(records=60))
    other = FAMILY._restored(FAMILY.Config(**TINY, pkd="raw", seed=5), {}, None, Worker())
    content = {"epoch": 3, "model_state_dict": original_names(other), "val_loss": 0.7,
               "optimizer_state_dict": {"state": {}, "param_groups": [{"lr": 1e-4}]}}  # fmt: skip
    torch.save(content, tmp_path / "small_best.pt")
    begun = FAMILY.Config(**TINY, pkd="raw", init=str(tmp_path / "small_best.pt"))
    fresh = FAMILY._fresh(begun, FAMILY.values(begun, data), Worker(), begins=True)
    for name, tensor in fresh.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name]), name
    FAMILY.check(begun, data)
    wide = FAMILY.Config(**{**TINY, "width": 32}, pkd="raw", init=begun.init)
    with pytest.raises(InputError, match="weights are of a network of another size") as caught:
        FAMILY.check(wide, data)
    said = str(caught.value).splitlines()
    assert said[0].startswith(f"{tmp_path / 'small_best.pt'}, init: ")
    assert said[1].strip() == "found:    width 16, feed-forward width 64"
    assert said[2].strip() == "expected: width 32, feed-forward width 128"
    deep = FAMILY.Config(**TINY, decoder_layers=3, pkd="raw", init=begun.init)
    with pytest.raises(InputError, match="decoder_layers 1"):
        FAMILY.check(deep, data)
    content["model_state_dict"]["src_embedding.weight"] = torch.zeros(30, 16)
    torch.save(content, tmp_path / "small_best.pt")
    with pytest.raises(InputError, match=r"found: +vocabulary 30\n +expected: vocabulary 25"):
        FAMILY.check(begun, data)


def test_samples_are_drawn_when_they_are_due_and_kept() -> None:
    config = FAMILY.Config(**{**TINY, "epochs": 3, "eval_every": 2})
    data = FAMILY.load(FAMILY.Source(records=120))
    items = [item for item in FAMILY.progress(config, data, Worker()) if item.metrics is not None]
    assert ["validity" in item.metrics for item in items] == [False, True, True]  # type: ignore[operator]
    assert [item.samples is None for item in items] == [True, False, False]
    tables = items[-1].samples()  # type: ignore[misc]
    assert len(tables["samples"]) == 8
    assert set(tables["samples"].columns) >= {"sequence", "natural", "nearest_identity", "valid"}
    assert tables["residues"][["drawn", "natural"]].sum().tolist() == pytest.approx([1, 1])
    metrics = items[-1].metrics
    assert metrics is not None
    assert metrics["validity"] == tables["samples"]["valid"].mean()
    assert 0 < metrics["nearest_identity"] <= 1
    assert FAMILY.advice([{"step": 1, **metrics, "train/loss": 3.0}]) != []


def test_as_many_are_drawn_as_are_asked_for_whatever_the_number_of_records(trained: Any) -> None:
    """Records are asked again in turn; each time another antibody is drawn for them."""
    config, data, state = trained
    few = config.model_copy(update={"samples": 30})
    drawn = FAMILY._drawn(few, state, data.take(np.arange(12)), None, Worker())
    assert drawn is not None
    table = drawn.table()
    assert len(table) == 30
    assert sorted(table["id"].value_counts().tolist()) == [2] * 6 + [3] * 6
    assert table["sequence"].nunique() > 25


def test_the_smoothed_loss_is_that_of_torch(trained: Any) -> None:
    import torch

    config, data, state = trained
    model = FAMILY.restored(config, state, Worker())
    found = FAMILY.judge(config, model, data, state.values, Worker())
    nats = tokens = 0.0
    for _, inputs in FAMILY._in_order(
        config, state.values, FAMILY._batches(config, data, Worker()), "validate", Worker()
    ):
        with torch.inference_mode():
            nats += float(FAMILY.losses(config, model, inputs))
        tokens += float((inputs["said"] != 0).sum())
    assert found["smoothed_loss"] == pytest.approx(nats / tokens, rel=1e-5)
    assert found["smoothed_loss"] > found["loss"]


def test_records_without_their_pkd_in_training_alone(trained: Any) -> None:
    from distrib.trainables.antibodies.seq2seq.batch import batch_of

    _, data, _ = trained
    config = FAMILY.Config(**TINY, pkd_dropout=0.4)
    seen = batch_of(config, data, (7.0, 1.0), np.random.default_rng(0))["pkd"]
    assert 0.25 < np.isnan(seen).mean() < 0.55
    assert np.isfinite(batch_of(config, data, (7.0, 1.0))["pkd"]).all()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"guidance": 2.0}, "needs pkd_dropout"),
        ({"pkd": "none", "condition_decoder": True}, "pkd is none"),
    ],
)
def test_conditions_that_go_together(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        FAMILY.Config(**TINY, **change)


def test_csv_and_json_of_one_table_are_equal_data(tmp_path: Path) -> None:
    frame = simulate_records(30, light=True).frame()
    frame.loc[3, "antibody_light"] = ""
    frame.to_json(tmp_path / "r.json", orient="records")
    frame.to_csv(tmp_path / "r.csv", index=False)
    pair = frame.assign(antibody_sequence=frame["antibody_heavy"] + "|" + frame["antibody_light"])
    pair.drop(columns=["antibody_heavy", "antibody_light"]).to_csv(tmp_path / "p.csv", index=False)
    of = [FAMILY.load(FAMILY.Source(path=str(tmp_path / name), light=True)).describe()
          for name in ("r.json", "r.csv", "p.csv")]  # fmt: skip
    assert of[0] == of[1] == of[2]
    assert of[0]["with_light"] == 29


@pytest.mark.parametrize("rule", [True, False])
def test_conditions_count_where_a_rule_is_planted_and_there_alone(rule: bool) -> None:
    """Both within two standard errors of nothing without; the antigen beyond four with it."""
    config = FAMILY.Config(
        width=32, num_heads=2, ffn_ratio=2, epochs=3, batch_size=8, dropout=0.0, samples=0,
        learning_rate=1e-2, held_out=0.25,
    )  # fmt: skip
    data = FAMILY.load(FAMILY.Source(records=700, rule=rule))
    *_, last = FAMILY.progress(config, data, Worker())
    found = last.metrics
    assert found is not None
    ratio = {
        name: found[f"{name}_sensitivity"] / found[f"{name}_sensitivity_se"]
        for name in ("antigen", "pkd")
    }
    if rule:
        assert ratio["antigen"] > 4
        assert found["antigen_sensitivity"] > 0.1
    else:
        assert abs(ratio["antigen"]) < 2
        assert abs(ratio["pkd"]) < 2


def test_antigens_that_are_cut_are_counted(tmp_path: Path) -> None:
    config = FAMILY.Config(**{**TINY, "source_context": 62, "on_long": "truncate", "samples": 0})
    data = FAMILY.load(FAMILY.Source(records=60))
    state = State(
        {f"model.{k}": v.numpy() for k, v in FAMILY.build(config, {}).state_dict().items()},
        {"pkd_scale": [7.0, 1.0], "light": False},
    )
    lines = FAMILY.write_artifacts(config, state, data, Worker(), tmp_path, ArtifactInputs())
    cut = int((np.diff(data.sources) > 60).sum())
    assert 0 < cut < 60
    told = f"{cut} of 60 antigens are longer than the context and are cut to the first 60 residues"
    assert told in lines
