"""Search by a Gaussian process that learns from every trial, from those that were stopped as well.

Optuna's own knows complete trials only, which early stopping leaves few of, and computes with
torch, which stays out of the driver: a second of a core for a draw, when the trials need them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.search_space import intersection_search_space
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from distrib.study.search import latin_hypercube
from distrib.study.search.learning_curves import Observations, observe
from distrib.study.search.unit_space import Needs, UnitSpace

if TYPE_CHECKING:
    from distrib.study.search.gaussian_process import GaussianProcess

AT_RANDOM = 10
"""How many trials come before the first one that is searched, a Latin hypercube of them."""

OBSERVED = 200
"""Of more trials than these the better and the later ones are learned from, half of each: the time
of a draw grows with the third power of their number."""

DRAWN, BESIDE, REFINED = 1500, 60, 200
"""Candidates: from everywhere, beside each of the best trials, beside the best candidates."""


class Gp(BaseSampler):
    """Draws one trial by its expected improvement, conditional dimensions with the others.

    Args:
        seed: of this trial.
        study_seed: of the start, the same for all trials.
        last: whether a trial's value is what it reported last, not its best.
        needs: which dimensions exist under which others, see `Space.conditions`.
    """

    def __init__(
        self, seed: int, study_seed: int, last: bool = False, needs: Needs | None = None
    ) -> None:
        self._study_seed = study_seed
        self._last = last
        self._needs = needs or {}
        self._generator = np.random.default_rng(seed)
        self._at_random = RandomSampler(seed=seed)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        if trial.number < AT_RANDOM:
            return {}
        trials = study.get_trials(deepcopy=False)
        seen = intersection_search_space(trials, include_pruned=True)
        for other in trials:
            if other.state in (TrialState.COMPLETE, TrialState.PRUNED):
                seen |= {n: d for n, d in other.distributions.items() if n in self._needs}
        return {name: seen[name] for name in sorted(seen) if not seen[name].single()}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        if not search_space:
            return {}
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1, "blas"):  # the trials have the other cores
            return self._search(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: Any
    ) -> Any:
        if trial.number < AT_RANDOM:
            return latin_hypercube.value_of(
                param_name, param_distribution, trial.number, AT_RANDOM, self._study_seed
            )
        return self._at_random.sample_independent(study, trial, param_name, param_distribution)

    def _search(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        others = [
            t
            for t in study.get_trials(deepcopy=False)
            if t.number != trial.number
            and t.params.keys() >= search_space.keys() - self._needs.keys()
        ]
        seen = observe(others, study.direction, self._last)
        rows = _kept(seen)
        if len(set(seen.trials[rows])) < 2:
            return {}
        # Here, since SciPy takes half a second, which the first trials need not wait for.
        from distrib.study.search.gaussian_process import GaussianProcess

        unit_space = UnitSpace(search_space, self._needs)
        points = np.stack([unit_space.point(t.params) for t in others])
        process = GaussianProcess(
            np.column_stack([points[seen.trials[rows]], seen.shares[rows]]),
            _even(seen.values[rows]),
            np.append(unit_space.choices, 0),
        )
        unseen = [
            i
            for i, t in enumerate(others)
            if t.state == TrialState.RUNNING and i not in seen.trials
        ]
        if unseen:
            process.believe(_at_end(points[unseen]))
        known = set(_places(points))
        best = points[sorted(set(seen.trials[rows]))]
        return unit_space.params(self._improve(unit_space, process, best, known))

    def _improve(
        self, unit_space: UnitSpace, process: GaussianProcess, tried: np.ndarray, known: set[bytes]
    ) -> np.ndarray:
        """(dimensions,) the point whose expected improvement is highest among the candidates.

        Args:
            tried: (trials, dimensions) places to be better than.
            known: places that had a trial, which none has again while there is another candidate.
        """
        random = self._generator
        expected, _ = process.predict(_at_end(tried))

        def promise(points: np.ndarray) -> np.ndarray:
            new = np.array([place not in known for place in _places(points)])
            found = process.log_improvement(_at_end(points), expected.max())
            return np.where(new | ~new.any(), found, -np.inf)

        best = np.repeat(tried[np.argsort(-expected)[:5]], BESIDE, axis=0)
        steps = random.choice([0.02, 0.05, 0.1, 0.2], (len(best), 1))
        points = np.concatenate(
            [unit_space.draw(DRAWN, random), unit_space.near(best, steps, random)]
        )
        for step in (0.1, 0.05, 0.02):
            points = points[np.argsort(-promise(points))[:8]]
            beside = unit_space.near(
                np.repeat(points, REFINED // len(points), axis=0), step, random
            )
            points = np.concatenate([points, beside])
        return points[np.argmax(promise(points))]


def _places(points: np.ndarray) -> list[bytes]:
    """Of each of (n, dimensions), the same for points that differ by rounding alone."""
    return [row.tobytes() for row in points.round(9) + 0.0]  # no -0


def _at_end(points: np.ndarray) -> np.ndarray:
    """(n, dimensions + 1) of (n, dimensions): after the whole training."""
    return np.column_stack([points, np.ones(len(points))])


def _kept(seen: Observations) -> np.ndarray:
    """(kept,) rows of those trials that are learned from."""
    numbers = np.unique(seen.trials)
    latest = {int(i): v for i, v in zip(seen.trials, seen.values)}
    best = sorted(latest, key=lambda i: -latest[i])
    late = sorted(best[OBSERVED // 2 :])[-(OBSERVED // 2) :]
    del numbers
    return np.flatnonzero(np.isin(seen.trials, [*best[: OBSERVED // 2], *late]))


def _even(values: np.ndarray) -> np.ndarray:
    """(trials,) with mean 0 and variance 1, distances below the median shrunk to logarithms.

    How bad bad trials are must not drown what tells good ones apart.
    """
    values = np.clip(values, -1e100, 1e100)  # squares of more are infinite
    median = np.median(values)
    above = (values - median) / ((values.max() - median) or values.std() or 1.0)
    even = np.where(above < 0, -np.log1p(np.maximum(-above, 0)), above)
    return (even - even.mean()) / (even.std() or 1.0)
