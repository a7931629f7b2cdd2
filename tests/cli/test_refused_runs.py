"""What can be refused only once Ray runs or the data are read: no trial begins, nothing is left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from tests.families.stream_family import write_rows
from tests.support.command import command
from tests.support.driver import trials_of, write_space

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("one_ray")]


def no_file(folder: Path) -> None:
    next(folder.glob("part-00002*")).unlink()


def cut_file(folder: Path) -> None:
    file = next(folder.glob("part-00002*"))
    file.write_bytes(file.read_bytes()[:-100])


def other_schema(folder: Path) -> None:
    table = pq.read_table(next(folder.glob("part-00002*")))
    table = table.set_column(1, "y", table.column("y").cast("float64"))
    pq.write_table(table, next(folder.glob("part-00002*")))


def no_rows(folder: Path) -> None:
    file = next(folder.glob("part-00002*"))
    pq.write_table(pq.read_table(file).slice(0, 0), file)


def one_shard(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
    write_rows(folder, rows=20, files=1)


FILE = "part-00002-of-00004.parquet"
AT_THE_READER = [  # whose own tests have them too
    (no_file, ["part-00002-of-00004"]),
    (other_schema, [FILE, "double", "float"]),
    (no_rows, [FILE]),
]


@pytest.mark.parametrize(
    ("harm", "found"),
    [
        (cut_file, [FILE]),
        (one_shard, ["worker"]),
        *(pytest.param(*case, marks=pytest.mark.exhaustive) for case in AT_THE_READER),
    ],
)
def test_streams_that_cannot_be(
    tmp_path: Path, harm: Callable[[Path], None], found: list[str]
) -> None:
    (tmp_path / "rows").mkdir()
    write_rows(tmp_path / "rows", rows=400)
    harm(tmp_path / "rows")
    space = {"trainable": "tests.families.stream_family:Net", "parameters": {"hidden": 4}}
    (tmp_path / "net.yaml").write_text(yaml.safe_dump(space))
    words = ("--space", "net.yaml", "--data", str(tmp_path / "rows"), "--workers-per-trial", "2")
    said = command(tmp_path, "tune", "--allow-custom", *words, code=2)
    for word in found:
        assert word in said
    nothing_is_left(tmp_path)


MUCH = [
    ("Together", ("--workers-per-trial", "5"), "at most 4"),
    ("Together", ("--workers-per-trial", "3:2"), "the most workers are fewer"),
    (
        "Together",
        ("--workers-per-trial", "4", "--cpus-per-worker", "64"),
        "one trial asks for more than there is",
    ),
    ("Curve", ("--workers-per-trial", "2"), "this family trains in one process"),
    ("Curve", ("--cpus-per-worker", "4096"), "--cpus-per-worker: one trial asks for more than"),
    ("OnGpu", ("--gpus-per-worker", "64"), "--gpus-per-worker: one trial asks for more than"),
]


@pytest.mark.parametrize(("family", "words", "found"), MUCH)
def test_more_than_there_is(
    tmp_path: Path, family: str, words: tuple[str, ...], found: str
) -> None:
    write_space(tmp_path / "toy.yaml", trainable=f"tests.families.toys:{family}")
    words = ("--space", "toy.yaml", *words)
    assert found in command(tmp_path, "tune", "--allow-custom", *words, code=2)
    nothing_is_left(tmp_path)


def test_no_success_is_an_exit_code_of_its_own(tmp_path: Path) -> None:
    write_space(tmp_path / "toy.yaml", {"kind": "bug", "pause": 0}, trials=1, scheduler="none")
    said = command(tmp_path, "tune", "--allow-custom", "--space", "toy.yaml", code=3)
    assert "no trial succeeded" in said
    study = tmp_path / "runs" / "toy-0"
    assert [trial.user_attrs["failure"] for trial in trials_of(study)] == ["bug"]
    assert not (study / "best").exists()


def nothing_is_left(folder: Path) -> None:
    assert not (folder / "runs").exists() or not list((folder / "runs").iterdir())
