"""A long session trains and is written with memory that does not grow with its length."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from distrib.data.behaviour import numbers_csv, signals, tracks
from distrib.data.behaviour.sequences import cut
from distrib.trainables.base import Worker
from distrib.trainables.behaviour.segmenter import judging as module
from distrib.trainables.behaviour.segmenter.family import Segmenter
from tests.support.behaviour_files import CLASSES, labels_csv

FRAMES, SIGNALS = 100_000, 24


def test_memory_is_that_of_a_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "MAPPED_FROM", 1_000)
    monkeypatch.setattr(tracks, "AT_ONCE", 4_096)
    monkeypatch.setattr(numbers_csv, "AT_ONCE", 4_096)
    monkeypatch.setattr(module, "FRAMES_AT_ONCE", 8_192)
    (tmp_path / "features").mkdir()
    rng = np.random.default_rng(0)
    whole = rng.standard_normal((FRAMES, SIGNALS), dtype=np.float32)
    np.save(tmp_path / "features/s.npy", whole)
    states = np.repeat(rng.integers(0, len(CLASSES), FRAMES // 100), 100)
    labels_csv(tmp_path / "labels-hand/s.csv", states.tolist())
    family = Segmenter()
    data = family.load(family.Source(path=str(tmp_path)))
    config = family.Config(
        epochs=1, n_hid_units=4, n_lags=1, n_hid_layers=1, batch_size=8, learning_rate=1e-3
    )
    for _ in family.progress(config, data, Worker()):  # torch itself, and its first use
        break
    tracemalloc.start()
    *_, last = family.progress(config, data, Worker())
    state = last.state()
    family.write_predictions([(config, state)], data, Worker(), tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    written = np.load(tmp_path / "s_states.npy", mmap_mode="r")
    assert written.shape == (cut(data, 500).num_frames(), len(CLASSES))
    assert peak < FRAMES * SIGNALS * 4 / 2
