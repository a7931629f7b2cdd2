"""Running ahead: one thread, bounded, ended with its iterator, its errors told as they are."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from distrib.data.streams.parquet_set import ParquetSet, open_set
from distrib.data.streams.prefetch import Prefetcher, Stopped
from distrib.data.streams.stream import Rows, Stream

ROOT = Path(__file__).resolve().parents[3]


def alive() -> int:
    return sum(thread.name == "distrib-stream" for thread in threading.enumerate())


def until(met: Callable[[], bool]) -> bool:
    """Whether it comes to be, in far less time than a test may take."""
    end = time.monotonic() + 20
    while not met() and time.monotonic() < end:
        time.sleep(0.005)
    return met()


@pytest.fixture
def rows(tmp_path: Path) -> ParquetSet:
    pq.write_table(pa.table({"id": range(90)}), tmp_path / "a.parquet", row_group_size=10)
    return open_set(tmp_path)


@pytest.mark.parametrize("way", ["close", "collect", "exhaust", "error in the consumer"])
def test_the_thread_ends_with_the_iterator(rows: ParquetSet, way: str) -> None:
    stream = Stream(rows, Rows(4), seed=0, lanes=3, memory=13 * rows.shards[0].bytes)
    steps = stream.epoch(0)
    assert alive() == 0  # nothing is read before the first step is asked for
    next(steps)
    assert alive() == 1
    if way == "close":
        steps.close()
    elif way == "collect":
        del steps
        gc.collect()
    elif way == "exhaust":
        list(steps)
    else:
        with pytest.raises(ZeroDivisionError):
            for _ in steps:
                _ = 1 / 0
        steps.close()
    assert alive() == 0


def test_two_epochs_at_once_do_not_mix(rows: ParquetSet) -> None:
    stream = Stream(rows, Rows(4), seed=0)
    alone = [[step.table["id"].to_pylist() for step in stream.epoch(k)] for k in (0, 1)]
    both = zip(stream.epoch(0), stream.epoch(1))
    found = [[step.table["id"].to_pylist() for step in pair] for pair in both]
    assert [list(pair) for pair in zip(*alone)] == found


class Counted:
    """Whole numbers, and how many of them were asked for."""

    def __init__(self, end: int) -> None:
        self.end = end
        self.made = 0

    def __call__(self, stopped: Stopped) -> Iterator[int]:
        for number in range(self.end):
            self.made += 1
            yield number


def test_items_come_in_order_and_each_once() -> None:
    assert list(Prefetcher(Counted(5000), lambda _: 1, 7)) == list(range(5000))
    assert list(Prefetcher(Counted(0), lambda _: 1, 7)) == []
    assert alive() == 0


def test_no_more_than_the_limit_waits() -> None:
    counted = Counted(100)
    ahead = Prefetcher(counted, lambda _: 10, 40)
    try:
        assert until(lambda: counted.made == 4)
        time.sleep(0.05)
        assert next(ahead) == 0
        time.sleep(0.05)
        assert counted.made == 4  # more than half of the limit waits still
        assert next(ahead) == 1
        assert until(lambda: counted.made == 6)
    finally:
        ahead.close()
    assert counted.made == 6


def test_an_item_larger_than_the_limit_comes_alone() -> None:
    counted = Counted(3)
    ahead = Prefetcher(counted, lambda _: 100, 40)
    assert until(lambda: counted.made == 1)
    time.sleep(0.05)
    assert counted.made == 1
    assert list(ahead) == [0, 1, 2]


def test_errors_reach_the_consumer_as_they_are_after_what_came_before() -> None:
    fault = LookupError("not found")

    def make(stopped: Stopped) -> Iterator[int]:
        yield 1
        yield 2
        raise fault

    ahead = Prefetcher(make, lambda _: 1, 100)
    assert until(lambda: alive() == 0)
    assert [next(ahead), next(ahead)] == [1, 2]
    for _ in range(2):
        with pytest.raises(LookupError) as error:
            next(ahead)
        assert error.value is fault


def test_closing_tells_the_iterator_to_give_up() -> None:
    begun = threading.Event()

    def make(stopped: Stopped) -> Iterator[int]:
        begun.set()
        while not stopped():
            time.sleep(0.001)
        yield 0

    ahead = Prefetcher(make, lambda _: 1, 100)
    assert begun.wait(20)
    ahead.close()
    assert alive() == 0


def test_a_process_that_ends_amid_a_stream_ends_its_thread_first() -> None:
    script = """
import atexit, threading, time
atexit.register(lambda: print([t.name for t in threading.enumerate()]))
from itertools import count
from distrib.data.streams.prefetch import Prefetcher
kept = Prefetcher(lambda stopped: count(), lambda item: 1, 1000)
next(kept)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, cwd=ROOT
    )
    assert (done.returncode, done.stdout) == (0, "['MainThread']\n"), done.stderr
