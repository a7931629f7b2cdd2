"""A study's files go to another machine and back: all of them, whole, and nothing stays there."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ray

from distrib.study.record.checkpoint import Checkpoints
from distrib.study.worker import carrier as module
from distrib.study.worker.carrier import CarriedCheckpoints, Carrier, Porter, carried
from distrib.trainables.base import State


class Method:
    def __init__(self, call: Callable[..., Any]) -> None:
        self.remote = call


class Elsewhere:
    """A porter whose machine has the same paths below another root, and counts what comes."""

    def __init__(self, here: Path, there: Path) -> None:
        self._porter, self._here, self._there = Porter(), here, there
        self.read, self.write = Method(self._read), Method(self._write)
        self.bytes = 0

    def at(self, folder: str | Path) -> Path:
        return self._there / Path(folder).relative_to(self._here)

    def _read(self, folder: str) -> dict[str, bytes]:
        return self._porter.read(str(self.at(folder)))

    def _write(self, folder: str, pieces: Any, gone: Any) -> tuple[int, str] | None:
        self.bytes += sum(len(piece.content) for piece in pieces)
        return self._porter.write(str(self.at(folder)), pieces, gone)


@pytest.fixture
def porter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Elsewhere:
    monkeypatch.setattr(ray, "get", lambda answer: answer)
    monkeypatch.setattr(module, "_node", lambda: "mine")
    there = tmp_path / "there"
    there.mkdir()
    return Elsewhere(tmp_path / "here", there)


def way(porter: Any, tmp_path: Path) -> tuple[Carrier, Path]:
    return Carrier(
        porter, "the driver's", str(tmp_path / "here")
    ), tmp_path / "here/toy/trials/0007"


def content(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_what_a_training_needs_and_leaves(porter: Elsewhere, tmp_path: Path) -> None:
    carrier, trial = way(porter, tmp_path)
    driver_s = porter.at(trial)
    driver_s.mkdir(parents=True)
    (driver_s / "config.yaml").write_text("a: 1\n")
    Checkpoints(driver_s / "checkpoint").save(State({"w": np.ones(2)}, {"n": 1}))
    with carried(carrier, trial) as take:
        assert content(trial) == content(driver_s)
        states = CarriedCheckpoints(trial / "checkpoint", take)
        loaded, notes = states.load()
        assert loaded is not None
        assert (loaded.values, notes) == ({"n": 1}, [])
        for n in (2, 3, 4):
            states.save(State({"w": np.full(2, float(n))}, {"n": n}))
            there, _ = Checkpoints(driver_s / "checkpoint").load()
            assert there is not None
            assert there.values == {"n": n}
        assert content(trial) == content(driver_s)  # those that gave way are gone, too
        with (trial / "console.log").open("a") as log:
            log.write("x" * 1000)
        take()
        before = porter.bytes
        with (trial / "console.log").open("a") as log:
            log.write("last words")
    assert porter.bytes == before + len("last words")
    assert (driver_s / "console.log").read_text() == "x" * 1000 + "last words"
    assert (driver_s / "config.yaml").read_text() == "a: 1\n"
    assert not (tmp_path / "here").exists()


def test_a_failure_is_told_and_its_console_kept(porter: Elsewhere, tmp_path: Path) -> None:
    carrier, trial = way(porter, tmp_path)
    with pytest.raises(RuntimeError, match="a bug"), carried(carrier, trial):
        (trial / "console.log").write_text("why")
        raise RuntimeError("a bug")
    assert (porter.at(trial) / "console.log").read_text() == "why"
    assert not (tmp_path / "here").exists()


def test_a_worker_beside_the_one_that_writes_takes_its_console_alone(
    porter: Elsewhere, tmp_path: Path
) -> None:
    carrier, trial = way(porter, tmp_path)
    Checkpoints(porter.at(trial) / "checkpoint").save(State({}, {"n": 1}))
    with carried(carrier, trial, "console-rank1.log"):
        (trial / "console-rank1.log").write_text("of rank 1")
        next((trial / "checkpoint").iterdir()).unlink()  # by rank 0, on the same machine
        (trial / "val_curves.csv").write_text("of rank 0")
    assert set(content(porter.at(trial))) == {
        "checkpoint/state-000001.safetensors",
        "console-rank1.log",
    }


def test_a_full_disk_of_the_driver_s_is_one_here(
    porter: Elsewhere, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    carrier, trial = way(porter, tmp_path)

    def full(path: Path, content: bytes) -> None:
        if path.is_relative_to(tmp_path / "there"):
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        path.write_bytes(content)

    monkeypatch.setattr(module, "atomic_write", full)
    with pytest.raises(OSError, match="No space left") as told, carried(carrier, trial):
        (trial / "console.log").write_text("much")
    assert told.value.errno == errno.ENOSPC


def test_on_the_driver_s_machine_nothing_travels(
    porter: Elsewhere, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    carrier, trial = way(porter, tmp_path)
    monkeypatch.setattr(module, "_node", lambda: "the driver's")
    trial.mkdir(parents=True)
    with carried(carrier, trial) as take:
        (trial / "console.log").write_text("here")
        take()
    assert (trial / "console.log").read_text() == "here"
    assert not content(tmp_path / "there")
    with carried(None, trial):
        pass
