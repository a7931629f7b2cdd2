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
from distrib.trainables.antibodies.seq2seq.samples import advice, is_valid, sample_figures, texts_of
from distrib.trainables.antibodies.seq2seq.unigram import unigram_figures
from distrib.trainables.base import State, Worker

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


def test_advice_names_the_setting_to_change() -> None:
    lines = advice({"validity": 0.5, "diversity": 0.3, "repeats_gap": 0.2})
    assert [any(word in line for line in lines) for word in ("--top-p", "--temperature")] == [
        True
    ] * 2
    assert advice({"validity": 1.0, "diversity": 0.9, "repeats_gap": 0.0}) == []


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


@pytest.mark.parametrize(
    ("fasta", "more", "says"),
    [
        (">a\nSTLQ1\n", {}, "'1'"),
        (">a\nSTLQ\n", {"pkd": (21.0,)}, "--pkd"),
        (">a\n" + "A" * 600 + "\n", {}, "600 residues"),
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


def write(file: Path, num: int, **change: Any) -> Path:
    frame = simulate_records(num).frame().assign(**change)
    frame.drop(columns="cluster").to_json(file, orient="records")
    return file


def test_a_file_to_validate_on_is_obeyed(tmp_path: Path) -> None:
    train, val = write(tmp_path / "train.json", 60), tmp_path / "val.json"
    frame = simulate_records(40, seed=5).frame().drop(columns="cluster")
    frame.to_json(val, orient="records")
    data = FAMILY.load(FAMILY.Source(path=str(train), validation=str(val), max_samples=50))
    rest, held_out = FAMILY.split(FAMILY.Config(), data)
    assert (len(rest), len(held_out)) == (50, 5)
    with pytest.raises(InputError, match="both files"):
        FAMILY.load(FAMILY.Source(path=str(train), validation=str(train)))


def test_one_antigen_only_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "one.json", 20, antigen_sequence="STLQKK")
    with pytest.raises(InputError, match="one antigen only"):
        FAMILY.load(FAMILY.Source(path=str(path)))


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
