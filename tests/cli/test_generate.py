"""Samples of a trained model: the options are the family's own, the files appear whole."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from distrib.study.driver.model import Model, build_model
from distrib.trainables.base import State
from tests.support.command import command

FAMILY = "tests.families.lettered_family:Lettered"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model that draws, and one that does not."""
    folder = tmp_path_factory.mktemp("generate")
    for name, family in (("best", FAMILY), ("curve", "tests.families.toys:Curve")):
        built = build_model(family)
        state = State({"weights": np.ones(4)})
        model = Model(built.family, built.config, built.source, built.worker, state, family)
        model.save(folder / name)
    return folder


def generate(folder: Path, *words: str, code: int = 0) -> str:
    return command(folder, "generate", *words, "--allow-custom", code=code)


def test_the_help_of_a_model_has_the_options_of_its_family(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from distrib import generate as verb

    for words, there in (((), False), ((str(folder / "best"),), True)):
        with pytest.raises(SystemExit) as end:
            verb.main([*words, "--help", "--allow-custom"])
        assert end.value.code == 0
        said = " ".join(capsys.readouterr().out.split())
        assert "--num N number of samples" in said
        assert ("--top-p X share of the mass (100%) drawn from (> 0, <= 1; default 1)" in said) == (
            there
        )
        assert ("--case upper|lower" in said) == there
        assert ("--numbered, --no-numbered" in said) == there
        assert ("--starts FILE" in said) == there


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".json", ".parquet"])
def test_every_ending_has_every_sample(folder: Path, ending: str) -> None:
    out = folder / f"samples{ending}"
    said = generate(folder, "best", "--num", "10", "--lengths", "3,6", "--out", out.name)
    assert f"10 samples in {out.name}" in said
    assert "next: " in said
    read = {
        ".csv": pd.read_csv,
        ".tsv": lambda path: pd.read_csv(path, sep="\t"),
        ".json": pd.read_json,
        ".parquet": pd.read_parquet,
    }
    frame = read[ending](out)
    assert list(frame) == ["id", "sequence", "score", "note"]
    assert list(frame["id"]) == [f"sample_{i}" for i in range(10)]
    assert [len(s) for s in frame["sequence"]] == [3, 6] * 5
    assert frame["score"].isna().tolist() == [i == 1 for i in range(10)]
    assert frame["note"][2] == 'two "words"'
    drawn = build_model(FAMILY)
    asked = Model(drawn.family, drawn.config, drawn.source, drawn.worker, State({}), FAMILY)
    same = asked.generate(num=10, lengths=(3, 6))
    assert list(same["sequence"]) == list(frame["sequence"])
    if ending == ".json":
        assert json.loads(out.read_text())[1]["score"] is None


def test_fasta_has_the_other_columns_in_its_headers(folder: Path) -> None:
    generate(folder, "best", "--num", "3", "--numbered", "--prefix", "AA", "--out", "x.fasta")
    lines = (folder / "x.fasta").read_text().splitlines()
    assert lines[0::2] == [
        ">sample_0 score=0 note=one",
        ">sample_1 note=one",
        '>sample_2 score=1 note="two \\"words\\""',
    ]
    assert all(line.startswith("AA") and len(line) == 7 for line in lines[1::2])


def test_equal_seeds_draw_alike(folder: Path) -> None:
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        generate(folder, "best", "--num", "5", "--seed", seed, "--out", f"{name}.csv")
    a, b, c = ((folder / f"{name}.csv").read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_a_file_to_begin_with(folder: Path) -> None:
    (folder / "starts.txt").write_text("CC\nDD\n")
    said = generate(folder, "best", "--num", "2", "--starts", "starts.txt", "--out", "s.csv")
    assert "4 samples in s.csv" in said
    assert list(pd.read_csv(folder / "s.csv")["id"]) == ["CC_0", "CC_1", "DD_0", "DD_1"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("best", "--top-p", "2", "--out", "x.csv"), "--top-p: not a valid value"),
        (("best", "--num", "0", "--out", "x.csv"), "--num: not a valid value"),
        (("best", "--case", "title", "--out", "x.csv"), "--case: not a valid value"),
        (("best", "--lengths", "3,x", "--out", "x.csv"), "--lengths: not a valid value"),
        (("best", "--bottom-p", "2", "--out", "x.csv"), "unrecognized arguments: --bottom-p"),
        (("best", "--out", "x.txt"), "--out: unsupported file extension"),
        (("best", "--out", "none/x.csv"), "--out: no such folder"),
        (("best", "--starts", "none.txt", "--out", "x.csv"), "--starts: no such file"),
        (("best", "--device", "tpu", "--out", "x.csv"), "--device: this family does not run"),
        (("curve", "--out", "x.csv"), "MODEL: this family draws no samples"),
        (("none", "--out", "x.csv"), "no such file"),
        (("--out", "x.csv", "best"), "MODEL: the model comes first"),
    ],
)
def test_what_cannot_be_had_is_told(folder: Path, words: tuple[str, ...], said: str) -> None:
    assert said in generate(folder, *words, code=2)
    assert not [path for path in folder.iterdir() if "x.csv" in path.name]


def test_code_of_its_own_needs_leave(folder: Path) -> None:
    from distrib.trainables.registry import load_family

    load_family.cache_clear()
    said = command(folder, "generate", "best", "--out", "x.csv", code=2)
    assert "--allow-custom" in said


def test_an_option_with_a_name_of_the_commands_is_refused() -> None:
    from pydantic import BaseModel

    from distrib.cli.field_options import add_fields
    from distrib.errors import InputError
    from distrib.generate import OWN

    class Taken(BaseModel):
        out: str = ""

    with pytest.raises(InputError, match="one of the command's"):
        add_fields(None, Taken, OWN)
