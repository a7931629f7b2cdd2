"""Fixtures of the tests of a study."""

from __future__ import annotations

import pytest

from distrib.study.worker import reports, trial
from tests.support.simulate import Clock


@pytest.fixture
def random_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trials see a clock that jumps at random, so that messages carry a few rows each."""
    clock = Clock(0)
    for module in (trial, reports):
        monkeypatch.setattr(module, "time", clock)
    # Each jump would be a dear message.
    monkeypatch.setattr(reports, "SILENCE", reports.REPORT_EVERY)
