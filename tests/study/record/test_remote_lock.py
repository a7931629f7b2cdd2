"""One driver at a time at a URL: a living one is found, a dead one is not waited for."""

from __future__ import annotations

import json
import time
from pathlib import Path

import fsspec
import pytest

from distrib.errors import InputError
from distrib.study.record import remote_lock
from distrib.study.record.remote_lock import NOTE, RemoteLock


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(remote_lock, "BEAT", 0.1)
    monkeypatch.setattr(remote_lock, "PATIENCE", 1.0)
    monkeypatch.setattr(remote_lock, "SETTLED", 0.05)
    return tmp_path / "store"


def lock(place: Path) -> RemoteLock:
    return RemoteLock(fsspec.filesystem("file"), str(place), f"file://{place}")


def test_a_second_driver_is_refused(place: Path) -> None:
    first = lock(place)
    first.acquire()
    first.acquire()  # is held already
    said: list[str] = []
    with pytest.raises(InputError, match=r"another driver(.|\n)*process \d+ on "):
        lock(place).acquire(said.append)
    assert "looking whether it still runs" in said[0]
    first.check()
    first.release()
    assert not (place / NOTE).exists()
    second = lock(place)
    second.acquire(said.append)
    assert len(said) == 1
    second.release()


@pytest.mark.parametrize("note", [json.dumps({"token": "x", "host": "h", "process": 1}), "", "{"])
def test_a_dead_driver_is_succeeded(place: Path, note: str) -> None:
    place.mkdir()
    (place / NOTE).write_text(note)
    second = lock(place)
    second.acquire(lambda line: None)
    second.check()
    second.release()
    assert not list(place.iterdir())


def test_of_two_at_once_one_stays(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = lock(place), lock(place)

    class Between:
        """Time, in which the second writes its note as well."""

        time, monotonic = staticmethod(time.time), staticmethod(time.monotonic)

        @staticmethod
        def sleep(seconds: float) -> None:
            second._write(0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(remote_lock, "time", Between)
        with pytest.raises(InputError, match="another driver"):
            first.acquire()


@pytest.mark.parametrize("note", [json.dumps({"token": "other"}), None])
def test_a_driver_that_seemed_dead_stops_and_leaves_the_other_be(
    note: str | None, place: Path
) -> None:
    """The other holds the study now, or has ended it meanwhile."""
    first = lock(place)
    first.acquire()
    assert first._thread is not None
    end = time.monotonic() + 20
    while first._thread.is_alive() and time.monotonic() < end:  # between two renewals
        if note is None:
            (place / NOTE).unlink(missing_ok=True)
        else:
            (place / NOTE).write_text(note)
    with pytest.raises(OSError, match="took this study over"):
        first.check()
    first.release()
    assert (place / NOTE).exists() == (note is not None)


def test_a_driver_that_slept_looks_before_it_writes(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_lock, "BEAT", 1000.0)
    first = lock(place)
    first.acquire()
    first.check()
    (place / NOTE).write_text(json.dumps({"token": "other"}))
    first._renewed -= 1001.0
    with pytest.raises(OSError, match="took this study over"):
        first.check()
    first.release()
