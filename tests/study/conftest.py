"""Fixtures of the tests of a study."""

from __future__ import annotations

import pytest

from distrib.study.worker import trial
from tests.support.simulate import Clock


@pytest.fixture
def random_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trials see a clock that jumps at random, so that messages carry a few rows each."""
    monkeypatch.setattr(trial, "time", Clock(0))
    monkeypatch.setattr(trial, "SILENCE", trial.REPORT_EVERY)  # each jump would be a dear message
