"""The record of a map: what a second call does again, whatever happened to the first."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distrib.cluster.mapping.folder import MapFolder, part_name
from distrib.cluster.mapping.inputs import find_inputs
from distrib.cluster.mapping.task import Job, run_job
from distrib.errors import InputError

WORD = "tests.support.map_functions:numbers"


class Killed(BaseException):
    """The moment of a `kill -9`."""


@contextmanager
def killed_after(steps: int) -> Iterator[None]:
    """From that step on nothing reaches the disk any more; the step itself is half done."""
    left, really_replace, really_unlink = steps, Path.replace, Path.unlink

    def dies() -> bool:
        nonlocal left
        left -= 1
        return left < 0

    def replace(self: Path, target: Path) -> Any:
        if dies():
            raise Killed
        return really_replace(self, target)

    def unlink(self: Path, missing_ok: bool = False) -> None:
        if dies():
            raise Killed
        really_unlink(self, missing_ok)

    def write_bytes(self: Path, content: bytes) -> int:
        dead = dies()
        with self.open("wb") as file:
            written = file.write(content[: len(content) // 2] if dead else content)
        if dead:
            raise Killed
        return written

    with (
        patch.object(Path, "replace", replace),
        patch.object(Path, "unlink", unlink),
        patch.object(Path, "write_bytes", write_bytes),
    ):
        yield


def map_here(
    out: Path, paths: Sequence[Path], *, word: str = WORD, steps: int | None = None, **options: Any
) -> list[str]:
    """A map in this process; the names of the inputs that were worked on."""
    folder, worked = MapFolder(out, word, options, find_inputs(paths)), []
    with nullcontext() if steps is None else killed_after(steps), folder.opened():
        for file in folder.missing():
            part = folder.attempt(file, 1, "call")
            outcome = run_job(Job(file.path, file.shown, word, options, part, 1))
            assert outcome.kind == "done", outcome.told
            folder.publish(file, part, outcome)
            worked.append(Path(file.path).name)
        folder.finish()
    return worked


def contents(out: Path) -> dict[str, bytes]:
    """Everything that is in a set, and what is recorded beside it."""
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file() and path.name != "lock"
    }


def check_manifest(out: Path) -> None:
    """Where there is a manifest, all it names is there and whole, and nothing else."""
    manifest = out / "manifest.json"
    if not manifest.exists():
        return
    told = json.loads(manifest.read_text())
    parts = {path.name: path for path in out.glob("*.parquet")}
    assert sorted(parts) == [file["name"] for file in told["files"]]
    for file in told["files"]:
        assert pq.read_metadata(parts[file["name"]]).num_rows == file["rows"]
        assert parts[file["name"]].stat().st_size == file["bytes"]
    assert sum(file["rows"] for file in told["files"]) == told["rows"]


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    """Files of 0 to 4 rows."""
    return write_files(tmp_path / "in", 5)


def write_files(folder: Path, count: int) -> list[Path]:
    folder.mkdir()
    paths = [folder / f"{number}.txt" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_text(" ".join(map(str, range(-1, number))))
    return paths


def test_a_set_and_its_manifest(paths: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert map_here(out, paths) == [path.name for path in paths]
    check_manifest(out)
    told = json.loads((out / "manifest.json").read_text())
    assert told["format"] == 1
    assert told["rows"] == 10
    names = [f"part-{number:05d}-of-00005.parquet" for number in range(5)]
    assert [file["name"] for file in told["files"]] == names[1:]  # the first file has no rows
    for number, name in list(enumerate(names))[1:]:
        table = pq.read_table(out / name).to_pydict()
        assert table == {"source": [f"{number}.txt"] * number, "number": list(range(number))}
    assert sorted(p.name for p in out.iterdir()) == [".map", "manifest.json", *names[1:]]


def test_a_second_call_has_nothing_to_do(paths: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    map_here(out, paths)
    before = contents(out)
    stamps = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.suffix}
    assert map_here(out, paths) == []
    assert contents(out) == before
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps


@settings(max_examples=60)
@given(data=st.data())
def test_killed_at_any_step_among_any_calls(data: st.DataObject) -> None:
    """However it came about, the folder at the end is as a first call leaves it."""
    with tempfile.TemporaryDirectory() as place:
        paths, out = write_files(Path(place) / "in", 4), Path(place) / "out"
        calls = st.lists(st.sampled_from(paths), min_size=1, unique=True)
        for _ in range(data.draw(st.integers(1, 4))):
            if data.draw(st.booleans()):
                path = data.draw(st.sampled_from(paths))
                path.write_text(path.read_text() + " 7")
            with suppress(Killed):
                map_here(out, data.draw(calls), steps=data.draw(st.integers(0, 40)))
            if out.exists():
                check_manifest(out)
        last = data.draw(calls)
        map_here(out, last)
        map_here(Path(place) / "fresh", last)
        check_manifest(out)
        assert contents(out) == contents(Path(place) / "fresh")


def test_killed_at_every_step_of_a_move(paths: list[Path], tmp_path: Path) -> None:
    """Parts change their places, one input changes: nothing else is worked on again."""
    done = tmp_path / "done"
    map_here(done, paths)
    other = [paths[4], paths[1], paths[0], paths[2]]
    paths[0].write_text("7")  # which gave no rows before
    map_here(tmp_path / "fresh", other)
    steps, killed = 0, True
    while killed:
        out = tmp_path / str(steps)
        shutil.copytree(done, out)
        try:
            map_here(out, other, steps=steps)
            killed = False
        except Killed:
            check_manifest(out)
        assert map_here(out, other) in (["0.txt"], [])
        assert contents(out) == contents(tmp_path / "fresh")
        steps += 1
    assert steps > 20


def test_other_inputs_keep_what_is_done(paths: list[Path], tmp_path: Path) -> None:
    """Parts move to their new places: in between, to those that others had."""
    out = tmp_path / "out"
    map_here(out, paths[:3])
    assert map_here(out, [paths[4], *reversed(paths[:3]), paths[3]]) == ["4.txt", "3.txt"]
    assert map_here(out, [paths[2], paths[1], paths[0], paths[3], paths[4]]) == []
    assert map_here(out, paths[1:3]) == []
    check_manifest(out)
    assert sorted(p.name for p in out.glob("*.parquet")) == [
        "part-00000-of-00002.parquet",
        "part-00001-of-00002.parquet",
    ]
    assert map_here(out, paths) == ["0.txt", "3.txt", "4.txt"]


def test_what_changed_or_was_damaged_is_done_again(paths: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    map_here(out, paths)
    fresh = contents(out)
    record = next(
        path for path in (out / ".map").iterdir() if path.name != "map.json" and path.suffix
        and json.loads(path.read_text())["input"].endswith("2.txt")
    )  # fmt: skip
    record.write_text(record.read_text()[:20])
    (out / part_name(4, 5)).write_bytes(b"PAR1")
    (out / part_name(1, 5)).unlink()
    assert map_here(out, paths) == ["1.txt", "2.txt", "4.txt"]
    assert contents(out) == fresh
    # A file that gives no rows any more leaves no part.
    paths[3].write_text("-1")
    assert map_here(out, paths) == ["3.txt"]
    assert not (out / part_name(3, 5)).exists()
    check_manifest(out)


def test_other_work_is_refused(paths: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    map_here(out, paths, at_once=3)
    before = contents(out)
    other: list[tuple[dict[str, Any], list[str]]] = [
        ({"word": "tests.support.map_functions:divides_by_zero", "at_once": 3}, ["function", WORD]),
        ({"at_once": 4}, ["options.at_once", "3", "4, as this call asks"]),
        ({"at_once": 3.0}, ["options.at_once", "3.0"]),
        ({}, ["options.at_once", "nothing"]),
        ({"at_once": 3, "pause": None}, ["options.pause", "nothing", "None"]),
    ]
    for call, words in other:
        with pytest.raises(InputError, match="another map") as caught:
            map_here(out, paths, **call)
        for word in [str(out), *words]:
            assert word in str(caught.value)
    with (
        patch("distrib.cluster.mapping.folder.metadata.version", return_value="0.0.1"),
        pytest.raises(InputError, match="distrib: this folder"),
    ):
        map_here(out, paths, at_once=3)
    assert contents(out) == before
    assert map_here(out, paths, at_once=3) == []


def test_a_wrong_word_can_be_mended(paths: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(AssertionError, match="cannot be imported"):
        map_here(out, paths, word="tests.support.map_functions:nombres")
    assert map_here(out, paths) == [path.name for path in paths]


def test_folders_that_no_map_made(paths: list[Path], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="not a folder"):
        map_here(tmp_path / "file", paths)
    for name in ("cells.parquet", "manifest.json"):
        folder = tmp_path / f"of {name}"
        folder.mkdir()
        (folder / name).touch()
        with pytest.raises(InputError, match="no map made") as caught:
            map_here(folder, paths)
        assert name in str(caught.value)
        assert [path.name for path in folder.iterdir()] == [name]
    (tmp_path / "out" / ".map").mkdir(parents=True)
    (tmp_path / "out" / ".map" / "map.json").write_text("{")
    with pytest.raises(InputError, match=r"map\.json: the record"):
        map_here(tmp_path / "out", paths)


def test_one_driver_at_a_time(paths: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    files = find_inputs(paths)
    with MapFolder(out, WORD, {}, files).opened():
        with pytest.raises(InputError, match="another driver"):
            map_here(out, paths)
        assert (out / ".map" / "map.json").is_file()
    assert len(map_here(out, paths)) == 5


@given(inputs=st.sampled_from([1, 7, 99_999, 100_000, 1_234_567]), data=st.data())
def test_names_sort_as_inputs_are_given(inputs: int, data: st.DataObject) -> None:
    some = data.draw(st.lists(st.integers(0, inputs - 1), min_size=1))
    assert sorted(part_name(n, inputs) for n in some) == [
        part_name(n, inputs) for n in sorted(some)
    ]
