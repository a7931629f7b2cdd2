"""What is said while a map goes on, by a clock of the test's own."""

from __future__ import annotations

import pytest

from distrib.cluster.mapping.folder import Record
from distrib.cluster.mapping.inputs import Input
from distrib.cluster.mapping.progress import QUIET, SHOW_EVERY, MapProgress, MapResult, Tally


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def record(name: str, size: int, rows: int = 1, **counts: int) -> Record:
    return Record(name, size, "", rows, 10 * rows, counts)


def test_the_time_to_the_end_goes_by_bytes() -> None:
    sizes = {"a": 999, "b": 99, "c": 199, "d": 699}
    inputs = [Input(name, size, "") for name, size in sizes.items()]
    said: list[MapProgress] = []
    clock = Clock()
    tally = Tally(inputs, [record("a", 999, 4)], said.append, clock)
    tally.show()
    assert said[-1] == MapProgress(1, 0, 0, 4, 4, 40, 0.0, None)
    clock.now += 3
    tally.finished(record("b", 99, 2))
    tally.show()
    assert said[-1] == MapProgress(2, 0, 0, 4, 6, 60, 3.0, pytest.approx(3 * 900 / 100))
    tally.begun_again(inputs[2], "its worker's process died")
    clock.now += 3
    tally.show()
    assert (said[-1].retried, said[-1].done) == (1, 2)
    assert said[-1].news == ("again: c: its worker's process died",)
    tally.given_up(inputs[2], "c: no number")
    clock.now += 3
    tally.show()
    assert (said[-1].failed, said[-1].news) == (1, ("given up: c: no number",))
    assert said[-1].eta == pytest.approx(9 * 700 / 300)
    tally.finished(record("d", 699))
    tally.show(last=True)
    assert (said[-1].done, said[-1].failed, said[-1].eta) == (3, 1, 0)
    assert said[-1].news == ()


def test_changes_are_said_soon_and_not_too_often() -> None:
    inputs = [Input(str(number), 0, "") for number in range(100)]
    said: list[MapProgress] = []
    clock = Clock()
    tally = Tally(inputs, [], said.append, clock)
    for number in range(100):
        tally.finished(record(str(number), 0))
        tally.show()
        clock.now += SHOW_EVERY / 10
    assert 10 <= len(said) <= 11
    clock.now += 100
    tally.show()
    before = len(said)
    assert said[-1].done == 100
    tally.show()
    tally.show(last=True)
    assert len(said) == before


def test_a_result_adds_up() -> None:
    records = (record("a", 1, 3, read=5, short=2), record("b", 1, 0, read=1))
    result = MapResult(records, (), kept=0, retried=0, seconds=1.0)
    assert (result.rows, result.bytes, result.counts) == (3, 30, {"read": 6, "short": 2})


def test_what_is_waited_for_is_named_when_nothing_ends() -> None:
    said: list[MapProgress] = []
    clock = Clock()
    tally = Tally([Input("a", 0, ""), Input("b", 0, "")], [], said.append, clock)
    since = {"a": clock.now, "b": clock.now + 10}
    news = []
    for _ in range(int(2.5 * QUIET)):
        clock.now += 1
        tally.at_work(since)
        tally.show()
        news += said.pop().news if said else ()
    assert news == ["at work: a (30 s), b (20 s)", "at work: a (60 s), b (50 s)"]
    tally.finished(record("a", 0))
    clock.now += QUIET / 2  # since then
    tally.at_work({"b": since["b"]})
    tally.show()
    assert said.pop().news == ()
