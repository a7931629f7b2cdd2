"""Search by a Gaussian process over configurations and epochs, which learns from unfinished curves.

Optuna's own knows complete trials only, which early stopping leaves few of, and computes with
torch, which stays out of the driver: tenths of a core second for a draw, when the trials need them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from distrib.study.search import latin_hypercube
from distrib.study.search.learning_curves import Observations, observe, tells
from distrib.study.search.unit_space import Needs, UnitSpace

if TYPE_CHECKING:
    from distrib.study.search.gaussian_process import GaussianProcess

FIRST = (5, 10)
"""So many trials, at least and at most, come before the first one that is searched, a Latin
hypercube of them: one per dimension."""

OBSERVED = 120
"""Of more trials than these the better and the later ones are learned from, half of each: the time
of a draw grows with the third power of their number."""

FAR = 4.0
"""In logarithms of how far the best lies above the median: what is further is as far as this."""

DRAWN, BESIDE, REFINED = 1500, 60, 200
"""Candidates: from everywhere, beside each of the best trials, beside the best candidates."""


class Gp(BaseSampler):
    """Draws one trial by its expected improvement, conditional dimensions with the others.

    Args:
        seed: of this trial.
        study_seed: of the start, the same for all trials.
        dimensions: how many columns the parameters that vary lie in.
        last: whether a trial's value is what it reported last, not its best.
        needs: which dimensions exist under which others, see `Space.conditions`.
        columns: which of them share one, see `shared_columns`.
    """

    def __init__(
        self,
        seed: int,
        study_seed: int,
        dimensions: int = FIRST[1],
        last: bool = False,
        needs: Needs | None = None,
        columns: Mapping[str, str] | None = None,
    ) -> None:
        self._study_seed = study_seed
        self._first = min(max(dimensions, FIRST[0]), FIRST[1])
        self._last = last
        self._needs = needs or {}
        self._columns = columns or {}
        self._generator = np.random.default_rng(seed)
        self._at_random = RandomSampler(seed=seed)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        if trial.number < self._first:
            return {}
        seen = _seen(filter(tells, study.get_trials(deepcopy=False)), self._needs)
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
        if trial.number < self._first:
            column = self._columns.get(param_name, param_name)
            return latin_hypercube.value_of(
                column, param_distribution, trial.number, self._first, self._study_seed
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
        if seen.ends.sum() < 2:
            return {}
        # Here, since SciPy takes half a second, which the first trials need not wait for.
        from distrib.study.search.gaussian_process import GaussianProcess

        unit_space = UnitSpace(search_space, self._needs, self._columns)
        points = np.stack([unit_space.point(t.params) for t in others])
        rows = _kept(seen)
        process = GaussianProcess(
            np.column_stack([points[seen.trials[rows]], seen.shares[rows]]),
            _even(seen.values[rows], seen.ends[rows]),
            np.append(unit_space.choices, 0),
        )
        silent = [i for i, t in enumerate(others) if not (t.state.is_finished() or tells(t))]
        if silent:
            process.believe(_at_end(points[silent]))
        tried = points[np.unique(seen.trials[rows])]
        known = set(_places(points))
        return unit_space.params(self._improve(unit_space, process, tried, known))

    def _improve(
        self, unit_space: UnitSpace, process: GaussianProcess, tried: np.ndarray, known: set[bytes]
    ) -> np.ndarray:
        """(columns,) the point whose expected improvement is highest among the candidates.

        Args:
            tried: (trials, columns) places whose expected end is to be improved.
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


def _seen(trials: Iterable[FrozenTrial], needs: Needs) -> dict[str, BaseDistribution]:
    """The dimensions that all these trials have, and the conditional ones that any of them has."""
    common: dict[str, BaseDistribution] | None = None
    conditional: dict[str, BaseDistribution] = {}
    for trial in trials:
        own = trial.distributions
        conditional |= {name: d for name, d in own.items() if name in needs}
        common = own if common is None else {n: d for n, d in common.items() if own.get(n) == d}
    return (common or {}) | conditional


def _places(points: np.ndarray) -> list[bytes]:
    """Of each of (n, dimensions), the same for points that differ by rounding alone."""
    return [row.tobytes() for row in points.round(9) + 0.0]  # no -0


def _at_end(points: np.ndarray) -> np.ndarray:
    """(n, dimensions + 1) of (n, dimensions): after the whole training."""
    return np.column_stack([points, np.ones(len(points))])


def _kept(seen: Observations) -> np.ndarray:
    """(kept,) which rows are learned from."""
    trials, ends = seen.trials[seen.ends], seen.values[seen.ends]
    best = trials[np.argsort(-ends, kind="stable")]
    late = np.sort(best[OBSERVED // 2 :])[-(OBSERVED // 2) :]
    return np.flatnonzero(np.isin(seen.trials, [*best[: OBSERVED // 2], *late]))


def _even(values: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """(n,) values by how far they are from the median of the ends, which get mean 0 and variance 1.

    The best end is 1 above the median; what is above that, or below the median, is shrunk to
    logarithms, to `FAR` at most. How bad bad trials are must not drown what tells good ones apart,
    nor what trials had early how they end.

    Args:
        values: (n,).
        ends: (n,) bool, which of them are the last of their trials.
    """
    median, best = np.median(values[ends]), values[ends].max()
    above = (values - median) / ((best - median) or values[ends].std() or 1.0)
    within = above.clip(0, 1)
    even = within + np.sign(above) * np.log1p(np.abs(above - within))
    even = np.clip(even, -FAR, FAR)
    return (even - even[ends].mean()) / (even[ends].std() or 1.0)
