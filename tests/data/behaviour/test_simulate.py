"""The simulated sessions are what they say."""

from __future__ import annotations

import numpy as np

from distrib.data.behaviour.frame_metrics import confusion, frame_scores
from distrib.data.behaviour.segment_metrics import segments
from distrib.data.behaviour.simulate import CLASSES, LABELLED, simulate, simulated_sessions


def test_sizes_labels_and_heuristics() -> None:
    raw, truth, hand, weak = simulate(6_000, 16, 0, 0)
    assert raw.shape == (6_000, 16)
    assert (hand > 0).mean() == LABELLED
    assert (hand == truth)[hand > 0].all()
    assert set(np.unique(hand)) == set(range(len(CLASSES)))
    scores = frame_scores(confusion(truth, weak, len(CLASSES)), CLASSES)
    assert 0.5 < scores["f1_macro"] < 0.7
    lengths = np.diff(segments(truth)[:, 1:], axis=1)[:-1]
    assert lengths.min() >= 10
    assert 45 < lengths.mean() < 75


def test_seeds_and_sessions_differ_and_repeat() -> None:
    first = simulated_sessions(2, 300, 4)
    again, other = simulated_sessions(2, 300, 4), simulated_sessions(2, 300, 4, seed=1)
    assert first.fingerprint() == again.fingerprint() != other.fingerprint()
    assert not np.array_equal(first.tracks[0].values, first.tracks[1].values)  # type: ignore[arg-type]
    assert first.test.tolist() == [False, True]
    assert "simulated" in first.notes[0]
