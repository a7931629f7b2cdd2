"""What samplers are shown of trials that wait at a rung: trials that were stopped there.

To Optuna they still run, and of running trials samplers pass over all that they reported.
"""

from __future__ import annotations

import copy
from collections.abc import Container, Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from distrib.study.search.promotion import PAUSES, waits


class LearnsFromPaused(BaseSampler):
    """A sampler to which paused trials are pruned ones."""

    def __init__(self, inner: BaseSampler) -> None:
        self._inner = inner

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return self._inner.infer_relative_search_space(_Shown(study), trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self._inner.sample_relative(_Shown(study), trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: Any
    ) -> Any:
        return self._inner.sample_independent(_Shown(study), trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self._inner.before_trial(study, trial)

    def after_trial(
        self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        self._inner.after_trial(study, trial, state, values)


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
