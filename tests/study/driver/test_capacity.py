"""A cluster that has no room any more: told, waited for, and at last the end of the study."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from distrib.study.driver import capacity
from distrib.study.driver.capacity import capacity_watched


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, seconds in (("LOOK", 0.01), ("TELL", 0.05), ("PATIENCE", 0.3)):
        monkeypatch.setattr(capacity, name, seconds)
    yield


def wait() -> None:
    """Far longer than a test may take; ended by an interruption."""
    threading.Event().wait(20)


def test_without_room_for_long_the_work_is_interrupted() -> None:
    said: list[str] = []
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), capacity_watched(lambda: 0, said.append):
        wait()
    assert 0.3 <= time.monotonic() - began < 10
    assert [line.split(";")[0].split(":")[0] for line in said] == [
        "the cluster has no room for a single trial any more",
        "no room for a trial for 0 min",
    ]


def test_room_that_comes_back_in_time_is_told_and_nothing_ends() -> None:
    said: list[str] = []
    began = time.monotonic()
    with capacity_watched(lambda: 0 if 0.02 < time.monotonic() - began < 0.2 else 1, said.append):
        time.sleep(0.8)
    assert [line.split(";")[0] for line in said] == [
        "the cluster has no room for a single trial any more",
        "there is room for a trial again",
    ]


def test_a_moment_without_room_is_not_worth_a_word() -> None:
    said: list[str] = []
    began = time.monotonic()
    with capacity_watched(lambda: 0 if time.monotonic() - began < 0.03 else 1, said.append):
        time.sleep(0.2)
    assert said == []


def test_a_head_that_does_not_answer_for_a_moment_is_asked_again() -> None:
    said: list[str] = []
    began = time.monotonic()

    def holds() -> int:
        if time.monotonic() - began < 0.1:
            raise ConnectionError("no answer")
        return 0

    with pytest.raises(KeyboardInterrupt), capacity_watched(holds, said.append):
        wait()
    assert len(said) == 2


def test_the_watch_ends_with_the_work() -> None:
    looks = []

    def holds() -> int:
        looks.append(1)
        return 0

    with capacity_watched(holds, lambda line: None):
        pass
    time.sleep(0.05)
    before = len(looks)
    time.sleep(0.5)  # longer than its patience
    assert len(looks) == before
