"""Curves are drawn while the study runs, and never for long."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from distrib.records import StudyRecord
from distrib.tracking import curves, pictures
from distrib.tracking.curves import PICTURES, write_all_curves
from distrib.tracking.pictures import Pictures


def drawn(folder: Path) -> set[int]:
    return {int(p.parent.name) for p in folder.glob(f"trials/*/{PICTURES[0]}")}


@pytest.fixture
def study(tmp_path: Path, fake_study: Any, write_rows: Any) -> StudyRecord:
    """Twelve trials that have ended, with what they reported in the test's folder."""
    made: StudyRecord = fake_study(12)
    write_rows(tmp_path, made)
    return made


@pytest.fixture
def tracker(study: StudyRecord, tmp_path: Path) -> Pictures:
    """One that has heard of every end, and is ready."""
    told = Pictures(tmp_path)
    told.study_started(study)
    for trial in study.trials.values():
        told.trial_ended(trial)
    assert told._getting_ready is not None
    told._getting_ready.join(60)
    return told


def test_one_is_drawn_at_a_tick(
    tmp_path: Path, study: StudyRecord, tracker: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "SHARE", 1.0)
    complete = [n for n, t in study.trials.items() if t.state == "COMPLETE"]
    for count in range(1, len(complete) + 1):
        tracker.tick()
        assert drawn(tmp_path) == set(complete[:count])
    tracker.tick()
    left: list[tuple[int, int]] = []
    write_all_curves(tmp_path, study, lambda done, total: left.append((done, total)))
    assert left == [(0, 0)]


def test_the_rest_of_the_time_is_the_studys(
    tmp_path: Path, tracker: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, now = curves.write_curves, 100.0

    def slowly(*what: Any) -> None:
        nonlocal now
        now += 2.0
        real(*what)

    monkeypatch.setattr(curves, "write_curves", slowly)
    monkeypatch.setattr(time, "monotonic", lambda: now)
    tracker.tick()
    now += 17.0
    tracker.tick()
    assert len(drawn(tmp_path)) == 1
    now += 2.0
    tracker.tick()
    assert len(drawn(tmp_path)) == 2


def test_no_search_ends_for_a_picture(
    tmp_path: Path, study: StudyRecord, tracker: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(curves, "write_curves", Mock(side_effect=ImportError("no FreeType")))
        tracker.tick()
    tracker.tick()
    assert drawn(tmp_path) == set()
    write_all_curves(tmp_path, study, lambda done, total: None)
    assert drawn(tmp_path)
