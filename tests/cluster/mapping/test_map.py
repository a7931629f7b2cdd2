"""Maps in Ray's tasks: the same parts whatever happens to workers and driver, and nothing left."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from distrib.cluster.connect import Cluster, connected
from distrib.cluster.mapping.map_files import MapError, map_files
from distrib.cluster.mapping.progress import MapProgress
from distrib.data.streams.parquet_set import open_set
from distrib.errors import InputError
from tests.support.driver import ROOT, Driver

pytestmark = [pytest.mark.ray, pytest.mark.timeout(300), pytest.mark.usefixtures("cluster")]

HERE = "tests.support.map_functions"
LIMIT = 15  # seconds: others too start a process within it, on a busy machine

SLOWLY = {"at_once": 10, "pause": 0.05}
DRIVER = f"""
import sys
from distrib.cluster.connect import connected
from distrib.cluster.mapping.map_files import map_files
out, *paths = sys.argv[1:]
with connected(None, cpus=2):
    map_files("{HERE}:numbers", paths, out, options={SLOWLY})
"""


class MapDriver(Driver):
    """A map in a process of its own: its folder and its inputs are the arguments."""

    def __post_init__(self) -> None:
        self.mark = f"DISTRIB_TEST_MARK={uuid.uuid4().hex}"
        name, _, value = self.mark.partition("=")
        self.log = self.folder / f"driver-{value}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", DRIVER, *self.argv],
                cwd=ROOT,
                env={**os.environ, "OMP_NUM_THREADS": "1", name: value},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """One Ray for all, of which no process is left at the end."""
    watch = object.__new__(Driver)
    watch.mark = f"DISTRIB_TEST_MARK={uuid.uuid4().hex}"
    name, _, value = watch.mark.partition("=")
    os.environ[name] = value
    try:
        with connected(None, cpus=2) as cluster:
            yield cluster
    finally:
        del os.environ[name]
    assert watch.leftovers() == []


@pytest.fixture(scope="module")
def killed() -> Iterator[list[MapDriver]]:
    """Drivers that were killed: Ray's agents notice it after up to a minute, so look at the end."""
    drivers: list[MapDriver] = []
    yield drivers
    try:
        assert [line for driver in drivers for line in driver.leftovers()] == []
    finally:
        for driver in drivers:
            driver.end()


def write_files(folder: Path, names: list[str], numbers: int = 50) -> list[Path]:
    """Files of whole numbers, a third of which are negative."""
    folder.mkdir(exist_ok=True)
    random = np.random.default_rng(len(names))
    for name in names:
        drawn = random.integers(-500, 1000, numbers)
        (folder / name).write_text("\n".join(map(str, drawn)))
    return [folder / name for name in names]


def parts(out: Path) -> dict[str, bytes]:
    """What a reader of a set sees."""
    return {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}


def check_set(out: Path, paths: list[Path]) -> None:
    """The numbers that are in the files, read by other means, and nothing unfinished."""
    manifest = json.loads((out / "manifest.json").read_text())
    kept = [[int(word) for word in path.read_text().split() if int(word) >= 0] for path in paths]
    assert [file["rows"] for file in manifest["files"]] == [len(part) for part in kept if part]
    tables = [pq.read_table(out / file["name"]).to_pydict() for file in manifest["files"]]
    assert open_set(out).rows == sum(map(len, kept))
    assert [table["number"] for table in tables] == [part for part in kept if part]
    assert [table["source"][0] for table in tables] == [
        path.name for path, part in zip(paths, kept) if part
    ]
    assert len(list(out.glob("*.parquet"))) == len(tables)
    assert unfinished(out) == []


def unfinished(out: Path) -> list[str]:
    """What tasks have left in the folder."""
    return [path.name for path in (out / ".map").iterdir()
            if path.suffix not in (".json", "")]  # fmt: skip


def test_parts_do_not_depend_on_the_concurrency(tmp_path: Path) -> None:
    paths = write_files(tmp_path / "in", [f"{n}.txt" for n in range(12)])
    paths[4].write_text("-1 -2")  # no rows, no part
    said: list[MapProgress] = []
    one = map_files(f"{HERE}:numbers", paths, tmp_path / "a", concurrent=1)
    two = map_files(f"{HERE}:numbers", paths, tmp_path / "b", on_progress=said.append)
    check_set(tmp_path / "a", paths)
    assert parts(tmp_path / "a") == parts(tmp_path / "b")
    assert one.records == two.records
    assert one.counts["read"] == 11 * 50 + 2
    assert one.counts["negative"] == one.counts["read"] - one.rows
    assert [(said[0].done, said[0].total), (said[-1].done, said[-1].total)] == [(0, 12), (12, 12)]
    assert [p.done for p in said] == sorted(p.done for p in said)
    assert (said[-1].rows, said[-1].bytes, said[-1].eta) == (two.rows, two.bytes, 0)
    assert said[-1].bytes == sum(p.stat().st_size for p in (tmp_path / "b").glob("*.parquet"))


def test_only_what_is_missing_or_changed_is_done(tmp_path: Path) -> None:
    paths = write_files(tmp_path / "in", [f"{n}.txt" for n in range(4)])
    out, options = tmp_path / "out", {"marks": str(tmp_path / "marks")}
    first = map_files(f"{HERE}:cannot_read", paths[:3], out, options=options)
    paths[1].write_text("1 2 3")
    second = map_files(f"{HERE}:cannot_read", paths, out, options=options)
    assert (first.kept, second.kept) == (0, 2)
    assert [r.rows for r in second.records if r not in first.records] == [3, second.records[3].rows]
    check_set(out, paths)
    assert map_files(f"{HERE}:cannot_read", paths, out, options=options).kept == 4


@pytest.mark.parametrize(
    ("function", "name", "words"),
    [
        ("ends_its_process", "die-2.txt", "process died"),
        ("cannot_read", "far-2.txt", "Errno 5"),
        pytest.param(
            *("hangs", "stuck-2.txt", f"it took more than {LIMIT} s"),
            marks=pytest.mark.exhaustive,
        ),
    ],
)
def test_lost_workers_and_failing_disks(
    function: str, name: str, words: str, tmp_path: Path
) -> None:
    paths = write_files(tmp_path / "in", ["0.txt", "1.txt", name, "3.txt"])
    said: list[MapProgress] = []

    def go(out: str, times: int, **call: Any) -> Any:
        options = {"marks": str(tmp_path / f"marks of {out}"), "times": times}
        return map_files(
            f"{HERE}:{function}",
            paths,
            tmp_path / out,
            options=options,
            on_progress=said.append,
            limit=LIMIT if function == "hangs" else math.inf,
            **call,
        )

    result = go("once", 1)
    assert (result.retried, result.failures) == (1, ())
    check_set(tmp_path / "once", paths)
    news = [line for progress in said for line in progress.news]
    assert len(news) == 1
    assert name in news[0]
    assert words in news[0]
    assert max(progress.retried for progress in said) == 1

    with pytest.raises(InputError, match=r"2 attempts") as caught:
        go("stops", 9, retries=1)
    assert str(paths[2]) in str(caught.value)
    assert words in str(caught.value)
    assert not (tmp_path / "stops" / "manifest.json").exists()
    assert unfinished(tmp_path / "stops") == []

    result = go("goes on", 9, retries=0, keep_going=True)
    assert [failure.input for failure in result.failures] == [str(paths[2])]
    assert words in result.failures[0].told
    assert result.retried == 0
    check_set(tmp_path / "goes on", [path for path in paths if path.name != name])


def test_a_bad_file_stops_the_map_or_is_left_out(tmp_path: Path) -> None:
    paths = write_files(tmp_path / "in", [f"{n}.txt" for n in range(6)])
    good = paths[3].read_text()
    paths[3].write_text(good + "\nx7")
    with pytest.raises(InputError, match="no number") as caught:
        map_files(f"{HERE}:numbers", paths, tmp_path / "out")
    assert str(paths[3]) in str(caught.value)
    assert not (tmp_path / "out" / "manifest.json").exists()
    assert unfinished(tmp_path / "out") == []

    said: list[MapProgress] = []
    result = map_files(
        f"{HERE}:numbers", paths, tmp_path / "out", keep_going=True, on_progress=said.append
    )
    assert [failure.input for failure in result.failures] == [str(paths[3])]
    assert "x7" in result.failures[0].told
    assert (said[-1].done, said[-1].failed) == (5, 1)
    check_set(tmp_path / "out", [path for path in paths if path != paths[3]])

    paths[3].write_text(good)
    result = map_files(f"{HERE}:numbers", paths, tmp_path / "out")
    assert (result.kept, result.failures) == (5, ())
    check_set(tmp_path / "out", paths)


def test_a_bug_stops_the_map(tmp_path: Path) -> None:
    paths = write_files(tmp_path / "in", ["0.txt"])
    with pytest.raises(MapError, match=r"0\.txt: .*divides_by_zero: ZeroDivisionError"):
        map_files(f"{HERE}:divides_by_zero", paths, tmp_path / "out", keep_going=True)
    assert unfinished(tmp_path / "out") == []
    with pytest.raises(InputError, match="cannot be imported"):
        map_files(f"{HERE}:nothing", paths, tmp_path / "out", keep_going=True)


def test_what_is_refused_before_anything_starts(tmp_path: Path) -> None:
    paths = write_files(tmp_path / "in", ["0.txt"])
    refused: list[tuple[list[Path], str | Path, float, str]] = [
        ([*paths, tmp_path / "gone"], tmp_path / "out", 1, "gone: the file cannot be found"),
        ([*paths, *paths], tmp_path / "out", 1, "twice"),
        (paths, "s3://bucket/out", 1, "into a folder"),
        (paths, tmp_path / "out", 64, "no node has so many CPUs"),
    ]
    for inputs, out, cpus, words in refused:
        with pytest.raises(InputError, match=words):
            map_files(f"{HERE}:numbers", inputs, out, cpus=cpus)
    assert not (tmp_path / "out").exists()


def test_no_more_at_once_than_asked_and_no_more_threads(tmp_path: Path) -> None:
    room = tmp_path / "room"
    room.mkdir()
    paths = write_files(tmp_path / "in", [f"{n}.txt" for n in range(6)], numbers=1)
    options = {"room": str(room)}
    alone = map_files(f"{HERE}:company", paths, tmp_path / "a", options=options, concurrent=1)
    assert alone.counts == {"1": 6}
    together = map_files(f"{HERE}:company", paths, tmp_path / "b", options=options)
    assert together.counts.keys() <= {"1", "2"}
    wide = map_files(
        f"{HERE}:company", paths, tmp_path / "d", options=options, concurrent=4, cpus=2
    )
    assert wide.counts == {"1": 6}  # one takes all there is
    threads = map_files(f"{HERE}:arrow_threads", paths[:2], tmp_path / "c", cpus=2)
    assert threads.counts == {"cpu": 4, "io": 4}  # two in each of two tasks


@pytest.mark.exhaustive
def test_memory_is_bounded_by_a_table_and_a_row_group(tmp_path: Path) -> None:
    """800 MB of tables go through a worker that never grows by more than a sixth of them."""
    paths = write_files(tmp_path / "in", ["0.txt"], numbers=1)
    options = {"tables": 200, "table_bytes": 4_000_000}
    result = map_files(f"{HERE}:large", paths, tmp_path / "out", options=options)
    assert result.rows == 100_000_000
    assert result.counts["KiB"] * 1024 < 800_000_000 / 6
    groups = pq.read_metadata(next((tmp_path / "out").glob("*.parquet")))
    assert max(groups.row_group(n).num_rows for n in range(groups.num_row_groups)) <= 65_536


@pytest.mark.parametrize("end", ["kill -9", pytest.param("Ctrl-C", marks=pytest.mark.exhaustive)])
def test_a_driver_that_ends_in_the_midst(end: str, tmp_path: Path, killed: list[MapDriver]) -> None:
    paths = write_files(tmp_path / "in", [f"{n}.txt" for n in range(20)])
    out = tmp_path / "out"
    driver = MapDriver([str(out), *map(str, paths)], tmp_path)
    killed.append(driver)

    def records() -> int:
        return len(list((out / ".map").glob("[0-9a-f]*.json")))

    driver.until(lambda: records() >= 3)
    if end == "kill -9":
        driver.kill()
    else:
        driver.interrupt()
        assert driver.wait() != 0
        assert "KeyboardInterrupt" in driver.said()
        assert unfinished(out) == []
    done = records()
    assert done < len(paths)
    assert not (out / "manifest.json").exists()
    result = map_files(f"{HERE}:numbers", paths, out, options=SLOWLY)
    assert result.kept == done
    check_set(out, paths)
    map_files(f"{HERE}:numbers", paths, tmp_path / "whole", options=SLOWLY)
    assert parts(out) == parts(tmp_path / "whole")
