"""CMA-ES that keeps nothing but the ledger: its state is told again before every draw.

Optuna's own sampler stores its optimiser in the journal as a pickle and loads it from there; no
pickle is ever loaded from a run folder. Telling a few hundred trials again takes milliseconds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from cmaes import CMA  # type: ignore[import-untyped]
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.search_space import intersection_search_space
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from distrib.study.search.unit_space import UnitSpace

GENERATION = "cma:generation"  # of the optimiser that drew a trial, an attribute of the trial

RANGES = (FloatDistribution, IntDistribution)


class CmaEs(BaseSampler):
    """Draws one trial; ranges are searched on the unit cube, everything else is drawn at random."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._random = RandomSampler(seed=seed)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        common = intersection_search_space(study.get_trials(deepcopy=False))
        return {
            name: distribution
            for name, distribution in common.items()
            if isinstance(distribution, RANGES) and not distribution.single()
        }

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, Any]
    ) -> dict[str, Any]:
        if not search_space:
            return {}
        unit_space, dimensions = UnitSpace(search_space), len(search_space)
        optimiser = CMA(
            mean=np.full(dimensions, 0.5),
            sigma=1 / 6,
            bounds=np.tile([0.0, 1.0], (dimensions, 1)),
            seed=self._seed % 2**32,
        )
        sign = -1.0 if study.direction == StudyDirection.MAXIMIZE else 1.0
        complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        complete.sort(key=lambda t: (t.datetime_complete, t.number))
        while True:
            drawn = [t for t in complete if t.system_attrs.get(GENERATION) == optimiser.generation]
            if len(drawn) < optimiser.population_size:
                break
            optimiser.tell(
                [
                    (unit_space.point(t.params), sign * float(t.values[0]))
                    for t in drawn[: optimiser.population_size]
                ]
            )
        study._storage.set_trial_system_attr(trial._trial_id, GENERATION, optimiser.generation)
        return unit_space.params(optimiser.ask())

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: Any
    ) -> Any:
        return self._random.sample_independent(study, trial, param_name, param_distribution)
