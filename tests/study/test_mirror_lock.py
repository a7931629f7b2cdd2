"""One driver at a time at a URL: a living one is found, a dead one is not waited for."""

from __future__ import annotations

import json
from pathlib import Path

import fsspec
import pytest

from distrib.errors import InputError
from distrib.study import mirror_lock
from distrib.study.mirror_lock import NOTE, MirrorLock


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(mirror_lock, "BEAT", 0.1)
    monkeypatch.setattr(mirror_lock, "PATIENCE", 1.0)
    monkeypatch.setattr(mirror_lock, "SETTLED", 0.05)
    return tmp_path / "store"


def lock(place: Path) -> MirrorLock:
    return MirrorLock(fsspec.filesystem("file"), str(place), f"file://{place}")


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
    monkeypatch.setattr(mirror_lock.time, "sleep", lambda seconds: second._write(0))
    with pytest.raises(InputError, match="another driver"):
        first.acquire()
    monkeypatch.undo()


def test_a_driver_that_seemed_dead_stops_and_leaves_the_other_be(place: Path) -> None:
    first = lock(place)
    first.acquire()
    (place / NOTE).write_text(json.dumps({"token": "other"}))
    assert first._thread is not None
    first._thread.join(10)
    with pytest.raises(OSError, match="took this study over"):
        first.check()
    first.release()
    assert (place / NOTE).exists()
