"""Reading ahead: one thread, bounded, ended with its iterator, its errors told as they are."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from distrib.data.parquet_set import ParquetSet, open_set
from distrib.data.stream import Rows, Stream
from distrib.data.stream_batches import Window
from distrib.data.stream_prefetch import Prefetch

ROOT = Path(__file__).resolve().parents[2]
TABLE = pa.table({"id": [0]})


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


def test_one_window_a_lane_waits_and_no_more() -> None:
    made: list[tuple[int, int]] = []

    def make(lane: int, number: int, stopped: Callable[[], bool]) -> Window:
        made.append((lane, number))
        return Window(TABLE)

    ahead = Prefetch(make, {0: range(5), 2: range(3, 9)})
    try:
        assert until(lambda: len(made) == 2)
        ahead.next(2)
        assert until(lambda: len(made) == 3)
        assert made == [(0, 0), (2, 3), (2, 4)]
    finally:
        ahead.close()
    assert len(made) == 3


def test_the_lane_that_is_waited_for_comes_first() -> None:
    gate = threading.Semaphore(1)
    made: list[int] = []

    def make(lane: int, number: int, stopped: Callable[[], bool]) -> Window:
        gate.acquire()
        made.append(lane)
        return Window(TABLE)

    ahead = Prefetch(make, {lane: range(2) for lane in range(4)})
    try:
        assert until(lambda: made == [0])
        waiting = threading.Thread(target=ahead.next, args=(3,))
        waiting.start()
        assert until(lambda: ahead._wanted == 3)
        for _ in range(9):
            gate.release()
        waiting.join()
        assert made.index(3) <= 2  # lane 1 was begun before lane 3 was asked for
    finally:
        ahead.close()


def test_errors_reach_the_consumer_as_they_are() -> None:
    fault = LookupError("not found")

    def make(lane: int, number: int, stopped: Callable[[], bool]) -> Window:
        if number:
            raise fault
        return Window(TABLE)

    ahead = Prefetch(make, {0: range(2)})
    try:
        assert len(ahead.next(0)) == 1
        with pytest.raises(LookupError) as error:
            ahead.next(0)
        assert error.value is fault
    finally:
        ahead.close()


def test_closing_gives_up_between_shards() -> None:
    begun = threading.Event()

    def make(lane: int, number: int, stopped: Callable[[], bool]) -> Window:
        begun.set()
        while not stopped():
            time.sleep(0.001)
        return Window(TABLE)

    ahead = Prefetch(make, {0: range(2)})
    assert begun.wait(20)
    ahead.close()
    assert alive() == 0


def test_a_process_that_ends_amid_a_stream_ends_its_thread_first() -> None:
    script = """
import atexit, threading, time
atexit.register(lambda: print([t.name for t in threading.enumerate()]))
import pyarrow as pa
from distrib.data.stream_batches import Window
from distrib.data.stream_prefetch import Prefetch
table = pa.table({"x": [1]})
kept = Prefetch(lambda lane, number, stopped: Window(table), {0: range(1000)})
kept.next(0)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, cwd=ROOT
    )
    assert (done.returncode, done.stdout) == (0, "['MainThread']\n"), done.stderr
