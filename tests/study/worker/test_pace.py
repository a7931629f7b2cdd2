"""How often a trial speaks."""

from __future__ import annotations

import itertools
from pathlib import Path
from types import SimpleNamespace

import pytest

from distrib.study.record.checkpoint import Checkpoints
from distrib.study.worker import reports, trial
from distrib.trainables.base import Worker
from tests.families.toys import Curve, CurveConfig


def test_messages_take_at_most_a_hundredth_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(reports, "time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr(reports, "SILENCE", 5.0)
    pace = reports.Pace(frozenset({4}))
    for cost, pause in ((0.001, reports.REPORT_EVERY), (0.02, 2.0), (1.0, 5.0)):
        pace.heard(cost)
        now += pause - 0.1
        assert not pace.speaks({"step": 1, "score": 0.5}, "score")
        assert pace.speaks({"step": 4, "score": 0.5}, "score")
        now += 0.2
        assert pace.speaks({"step": 1, "score": 0.5}, "score")


def test_the_last_unit_is_told_with_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = itertools.count(100.0)  # every look at the clock finds it a second later
    clock = SimpleNamespace(monotonic=lambda: next(seconds), time=lambda: 0.0)
    for module in (trial, reports):
        monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(reports, "SILENCE", reports.REPORT_EVERY)
    pace, checkpoints = reports.Pace(), Checkpoints(tmp_path)
    config = CurveConfig(epochs=4)
    messages = []
    for message in trial.run_trial(Curve(), config, None, Worker(), checkpoints, pace, "score"):
        messages.append(([int(row["step"]) for row in message.rows], message.ended))
    assert messages == [([1], False), ([2], False), ([3], False), ([4], True)]
    assert pace.spoke == next(seconds) - 1  # the end is a message too, to the trial after it
