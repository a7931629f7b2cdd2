"""Given antibodies scored, filtered and ranked, through the command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from distrib import evaluate
from distrib.data.antibodies.designs.simulate import simulate_records
from distrib.study.driver.model import build_model
from distrib.trainables.antibodies.seq2seq.samples import is_domain

SCORER = """
def by_charge(table):
    assert {"id", "antibody_heavy", "antigen_sequence", "pKd", "perplexity"} <= set(table.columns)
    return [text.count("K") - text.count("D") for text in table["antibody_heavy"]]
def too_few(table):
    return [1.0]
def nan(table):
    return [float("nan")] * len(table)
def fails(table):
    raise ValueError("no licence")
number = 3
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a trained model, designs and scorers."""
    folder = tmp_path_factory.mktemp("ranking")
    model = build_model("seq2seq", width=16, num_heads=2, epochs=1, samples=0, batch_size=32)
    data = model.family.load(model.source.model_copy(update={"records": 120}))
    model.train(data).save(folder / "best")
    frame = simulate_records(12, seed=9, mutation_rate=0).frame().drop(columns="cluster")
    frame["ended"] = [True] * 11 + [False]
    frame["pKd"] = [5.0, 7.0, 9.0] * 4
    frame.loc[1, "antibody_heavy"] = "EVQX"
    frame.loc[2, "antibody_heavy"] = "EVQLL"
    frame.loc[3, "antibody_heavy"] = ""
    frame.loc[9, ["antibody_heavy", "antigen_sequence"]] = frame.loc[
        6, ["antibody_heavy", "antigen_sequence"]
    ]
    frame.loc[8, "antibody_heavy"] = next(filter(is_domain, simulate_records(120).heavy))
    frame.to_csv(folder / "designs.csv", index=False)
    (folder / "scorers.py").write_text(SCORER)
    return folder


def run(place: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.chdir(place)
    monkeypatch.syspath_prepend(str(place))
    return evaluate.main(["best", "--data", "designs.csv", *words])


def test_designs_are_filtered_and_ranked(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(place, monkeypatch, "--rank", "--out", "ranked.csv") == 0
    said = capsys.readouterr().out
    for words in (
        "left out: 1 with letters outside the twenty",
        "left out: 1 that did not end",
        "left out: 2 without a heavy chain of a variable domain",
        "left out: 1 that came before",
        "the best of 7, by the model:",
        "mean perplexity",
    ):
        assert words in said, said
    table = pd.read_csv(place / "ranked.csv")
    assert table["rank"].tolist() == list(range(1, 8))
    assert table["perplexity"].is_monotonic_increasing
    assert table.loc[table["in_training_data"], "id"].tolist() == ["s8"]
    assert set(table["id"]) == {"s0", "s4", "s5", "s6", "s7", "s8", "s10"}


def test_a_scorer_of_the_users(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--scorer", "scorers:by_charge", "--allow-custom", "--out", "charged.csv"]
    assert run(place, monkeypatch, *words) == 0
    assert "by scorers:by_charge" in capsys.readouterr().out
    table = pd.read_csv(place / "charged.csv")
    charge = [text.count("K") - text.count("D") for text in table["antibody_heavy"]]
    assert table["score"].tolist() == charge
    assert table["score"].is_monotonic_decreasing


def test_measured_affinities_are_told_by_whole_numbers(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = simulate_records(60, seed=4, mutation_rate=0).frame().drop(columns="cluster")
    frame.to_csv(place / "measured.csv", index=False)
    assert frame["pKd"].nunique() > 40
    monkeypatch.chdir(place)
    assert evaluate.main(["best", "--data", "measured.csv", "--rank"]) == 0
    rows = capsys.readouterr().out.split("pKd")[-1].splitlines()[1:]
    assert len(rows) <= 12
    assert all(" to " in row for row in rows)


def test_long_antigens_are_left_out_or_cut_and_both_are_counted(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = simulate_records(4, seed=9, mutation_rate=0).frame().drop(columns="cluster")
    frame.loc[1, "antigen_sequence"] = "STLQ" * 150
    frame.to_csv(place / "long.csv", index=False)
    monkeypatch.chdir(place)
    assert evaluate.main(["best", "--data", "long.csv", "--rank"]) == 0
    said = capsys.readouterr().out
    assert "left out: 1 for an antigen of more than 510 residues (--on-long truncate cuts" in said
    words = ["best", "--data", "long.csv", "--rank", "--on-long", "truncate", "--out", "x.csv"]
    assert evaluate.main(words) == 0
    said = capsys.readouterr().out
    assert "left out" not in said
    assert "note: 1 of 4 antigens is longer than the context and is cut to the first 510" in said
    assert len(pd.read_csv(place / "x.csv")) == 4
    assert evaluate.main(["best", "--data", "long.csv"]) == 2
    assert "--on-long truncate" in capsys.readouterr().err
    assert evaluate.main(["best", "--data", "long.csv", "--on-long", "truncate"]) == 0
    assert "note: 1 of 4 antigens" in capsys.readouterr().out


def test_what_was_drawn_is_told_by_pkd(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from distrib import generate

    (place / "a.fasta").write_text(">a\nSTLQKK\n>b\nDDEE\n")
    monkeypatch.chdir(place)
    assert generate.main(["best", "--antigen", "a.fasta", "--pkd", "5,9", "--num", "3",
                          "--max-length", "150", "--out", "drawn.csv"]) == 0  # fmt: skip
    said = capsys.readouterr().out
    table = pd.read_csv(place / "drawn.csv")
    for pkd, own in table.groupby("pKd"):
        sums = [len(own), *own[["ended", "valid", "in_training_data"]].sum()]
        row = next(line.split() for line in said.splitlines() if line.split()[:1] == [f"{pkd}"])
        assert [float(word) for word in row[1:]] == sums
    assert "12 samples in drawn.csv" in said


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--scorer", "scorers:by_charge"], ["--allow-custom"]),
        (["--scorer", "scorers:absent", "--allow-custom"], ["--scorer", "absent"]),
        (["--scorer", "scorers", "--allow-custom"], ["package.module:function"]),
        (["--scorer", "scorers:number", "--allow-custom"], ["not a function"]),
        (["--scorer", "scorers:too_few", "--allow-custom"], ["7 finite numbers", "(1,)"]),
        (["--scorer", "scorers:nan", "--allow-custom"], ["7 that are not finite"]),
        (["--scorer", "scorers:fails", "--allow-custom"], ["ValueError: no licence"]),
        (["--rank", "--append", "x.tsv"], ["--append"]),
    ],
)
def test_what_a_ranking_refuses(
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    says: list[str],
) -> None:
    assert run(place, monkeypatch, *words) == 2
    said: Any = capsys.readouterr().err
    assert all(word in said for word in says), said
