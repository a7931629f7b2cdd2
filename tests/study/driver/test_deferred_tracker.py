"""What trackers hear, and when."""

from __future__ import annotations

from typing import Any

from distrib.records import TrialRecord
from distrib.study.driver.deferred_tracker import DeferredTracker


class Listener:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *about: self.heard.append((name, *about))


def test_everything_is_told_in_order_but_never_between_two_trials() -> None:
    one, other = Listener(), Listener()
    tracker = DeferredTracker([one, other])  # type: ignore[list-item]
    first, second = TrialRecord(0, "RUNNING"), TrialRecord(1, "RUNNING")
    study: Any = object()

    tracker.study_started(study)
    tracker.trial_started(first)
    tracker.tick()
    begun = [("study_started", study), ("trial_started", first), ("tick",)]
    assert one.heard == begun

    tracker.trial_progressed(first, [{"step": 1}])
    tracker.trial_ended(first)
    tracker.tick()  # the actor is free
    assert one.heard == begun
    tracker.trial_started(second)
    tracker.tick()
    between = [("trial_progressed", first, [{"step": 1}]), ("trial_ended", first)]
    assert one.heard == [*begun, *between, ("trial_started", second), ("tick",)]

    tracker.trial_ended(second)
    tracker.tick()
    assert one.heard[-1] == ("tick",)
    tracker.tick()  # no trial followed
    assert one.heard[-2:] == [("trial_ended", second), ("tick",)]
    tracker.study_ended(study, False)
    assert one.heard[-1] == ("study_ended", study, False)
    assert other.heard == one.heard


def test_nothing_is_held_back_at_the_end() -> None:
    listener = Listener()
    tracker = DeferredTracker([listener])  # type: ignore[list-item]
    trial = TrialRecord(0, "RUNNING")
    study: Any = object()
    tracker.trial_ended(trial)
    tracker.study_ended(study, True)
    assert listener.heard == [("trial_ended", trial), ("study_ended", study, True)]
