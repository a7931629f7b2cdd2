"""What Tune does otherwise while a search runs."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any
from unittest.mock import Mock

import pytest
import ray
from ray.air.execution._internal.actor_manager import RayActorManager
from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial

from distrib.cluster.ray_internals import tune


def test_a_process_that_has_stopped_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not left to end by itself, which it may never do."""
    killed: list[str] = []
    monkeypatch.setattr(ray, "kill", killed.append)
    monkeypatch.setattr(tune, "_processes_at_hand", nullcontext)
    manager = Mock(_live_actors_to_ray_actors_resources={"actor": ("process", "room")})
    with tune.lean_tune():
        RayActorManager._cleanup_actor(manager, tracked_actor="actor")
    assert killed == ["process"]
    assert manager._live_actors_to_ray_actors_resources == {}
    manager._resource_manager.free_resources.assert_called_once_with(acquired_resource="room")


class Handing(TuneController):
    """A controller of Tune's that hands a kept process to a trial: its own methods, no Ray."""

    def __init__(self) -> None:
        self.process, self.trial = Mock(), Mock(status=Trial.PENDING, is_saving=False)
        self.trial.should_recover = lambda: True
        self._trial_to_actor = {self.trial: self.process}
        self._actor_to_trial = {self.process: self.trial}
        self._resetting_trials, self._pending_trials = {self.trial}, {self.trial}
        self._paused_trials: set[Any] = set()
        self._fail_fast, self._print_trial_errors = False, False
        self._cached_trial_decisions: dict[str, str] = {}
        self._trials, self._live_trials, self._iteration = [self.trial], {self.trial}, 0
        for name in ("_actor_manager", "_scheduler_alg", "_search_alg", "_callbacks"):
            setattr(self, name, Mock())
        for name in ("_unstage_trial_with_resources", "_actor_stopped", "_mark_trial_to_checkpoint",
                     "_remove_actor"):  # fmt: skip
            setattr(self, name, Mock())

    def _wrapped(self) -> Mock:
        return Mock()

    def _set_trial_status(self, trial: Any, status: str) -> None:
        trial.status = status

    def die(self) -> None:
        """The actor manager's two calls for a request to a process that is dead."""
        error = ray.exceptions.RayActorError(error_msg="The actor died.")
        self._actor_failed(self.process, error)
        self._trial_task_failure(self.trial, error)


@pytest.mark.parametrize("mended", [True, False])
def test_a_death_between_two_trials_costs_the_next_one_nothing(mended: bool) -> None:
    """Without the mend Tune counts it twice and gives the trial up: then this can go."""
    controller = Handing()
    with tune.one_death_counts_once() if mended else nullcontext():
        controller.die()
    trial = controller.trial
    failures = trial.handle_error.call_count
    given_up = controller._search_alg.on_trial_complete.call_count
    if not mended:
        assert (failures, given_up) == (2, 1)
        return
    assert (failures, given_up) == (0, 0)
    assert trial.status == Trial.PENDING
    assert controller._trials == [trial]
    # In here, Tune would wait for ever for the end of the handing over.
    assert trial not in controller._resetting_trials
    assert trial not in controller._trial_to_actor


def test_a_death_amid_a_trial_counts_once() -> None:
    controller = Handing()
    controller.trial.status = Trial.RUNNING
    controller._resetting_trials, controller._pending_trials = set(), set()
    with tune.one_death_counts_once():
        controller.die()
    assert controller.trial.handle_error.call_count == 1
    assert controller._search_alg.on_trial_complete.call_count == 0
