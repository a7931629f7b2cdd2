"""What samplers are shown of trials that wait at a rung: trials that were stopped there.

To Optuna they still run, and of running trials samplers pass over all that they reported.
"""

from __future__ import annotations

import copy
from collections.abc import Container

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from distrib.study.search.promotion import PAUSES, waits
from distrib.study.search.wrapped import Wrapped


class LearnsFromPaused(Wrapped):
    """A sampler to which paused trials are pruned ones."""

    def seen(self, study: Study) -> Study:
        return _Shown(study)


class _Shown(Study):
    """A study whose paused trials are pruned."""

    def __init__(self, study: Study) -> None:
        self.__dict__.update(study.__dict__)

    def _get_trials(
        self,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
        use_cache: bool = False,
    ) -> list[FrozenTrial]:
        shown = [_shown(trial) for trial in super()._get_trials(deepcopy, None, use_cache)]
        return [trial for trial in shown if states is None or trial.state in states]


def _shown(trial: FrozenTrial) -> FrozenTrial:
    if trial.state != TrialState.RUNNING or not waits(trial.user_attrs.get(PAUSES)):
        return trial
    trial = copy.copy(trial)
    trial.state = TrialState.PRUNED
    return trial
