"""How often a trial speaks."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from distrib.study import trial


def test_messages_take_at_most_a_hundredth_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(trial, "time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr(trial, "SILENCE", 5.0)
    pace = trial.Pace(frozenset({4}))
    for cost, pause in ((0.001, trial.REPORT_EVERY), (0.02, 2.0), (1.0, 5.0)):
        pace.heard(cost)
        now += pause - 0.1
        assert not pace.speaks({"step": 1, "score": 0.5}, "score")
        assert pace.speaks({"step": 4, "score": 0.5}, "score")
        now += 0.2
        assert pace.speaks({"step": 1, "score": 0.5}, "score")
