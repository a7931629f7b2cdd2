"""Search by a Gaussian process that learns from every trial, from those that were stopped as well.

Optuna's own knows complete trials only, which early stopping leaves few of, and computes with
torch, which stays out of the driver: a second of a core for a draw, when the trials need them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.search_space import intersection_search_space
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from distrib.study.search import latin_hypercube
from distrib.study.search.unit_space import Needs, UnitSpace

if TYPE_CHECKING:
    from distrib.study.search.gaussian_process import GaussianProcess

AT_RANDOM = 10
"""How many trials come before the first one that is searched, a Latin hypercube of them."""

STOPPED_VARIANCE = 0.3
"""How uncertain the end of a stopped trial is, where the variance of all values is 1."""

FAULTS = ("bad configuration", "out of memory", "diverged")
"""Failures that the configuration is to blame for."""

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
        ended, values, variance = _observe(others, study.direction, self._last)
        if len(ended) < 2:
            return {}
        # Here, since SciPy takes half a second, which the first trials need not wait for.
        from distrib.study.search.gaussian_process import GaussianProcess

        unit_space = UnitSpace(search_space, self._needs)
        points = {t.number: unit_space.point(t.params) for t in others}
        process = GaussianProcess(
            np.stack([points[t.number] for t in ended]),
            _even(values),
            variance,
            unit_space.choices > 0,
        )
        running = [points[t.number] for t in others if t.state == TrialState.RUNNING]
        if running:
            process.believe(np.stack(running))
        known = set(_places(np.stack(list(points.values()))))
        return unit_space.params(self._improve(unit_space, process, known))

    def _improve(
        self, unit_space: UnitSpace, process: GaussianProcess, known: set[bytes]
    ) -> np.ndarray:
        """(dimensions,) the point whose expected improvement is highest among the candidates.

        Args:
            known: places that had a trial, which none has again while there is another candidate.
        """
        random = self._generator
        expected, _ = process.predict(process.points)

        def promise(points: np.ndarray) -> np.ndarray:
            new = np.array([place not in known for place in _places(points)])
            found = process.log_improvement(points, expected.max())
            return np.where(new | ~new.any(), found, -np.inf)

        best = np.repeat(process.points[np.argsort(-expected)[:5]], BESIDE, axis=0)
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


def _observe(
    trials: Sequence[FrozenTrial], direction: StudyDirection, last: bool
) -> tuple[list[FrozenTrial], np.ndarray, np.ndarray]:
    """What ended trials tell.

    A stopped one: what it had, and what complete ones gained from there. One that failed for its
    configuration: that it is as far below the worst as the worst is below the best.

    Returns:
        The trials; (trials,) their values, higher is better; (trials,) the variance of each.
    """
    sign = 1.0 if direction == StudyDirection.MAXIMIZE else -1.0
    complete = [t for t in trials if t.state == TrialState.COMPLETE]
    stopped = [t for t in trials if t.state == TrialState.PRUNED and t.intermediate_values]
    values = [sign * t.values[0] for t in complete]
    stops = [max(t.intermediate_values) for t in stopped]
    gains = {step: _gain(complete, step, sign, last) for step in set(stops)}
    values += [_reached(t, step, sign, last) + gains[step] for t, step in zip(stopped, stops)]
    failed = [t for t in trials if t.user_attrs.get("failure") in FAULTS]
    worst, best = min(values, default=0.0), max(values, default=0.0)
    values += [worst - ((best - worst) or 1.0)] * len(failed)
    variance = [0.0] * len(complete) + [STOPPED_VARIANCE] * len(stopped) + [0.0] * len(failed)
    ended = [*complete, *stopped, *failed]
    kept = _kept(ended, np.array(values))
    return [ended[i] for i in kept], np.array(values)[kept], np.array(variance)[kept]


def _gain(complete: Sequence[FrozenTrial], step: int, sign: float, last: bool) -> float:
    """What complete trials gained after a step, in the median of those that reported around it."""
    gains = [
        sign * t.values[0] - _reached(t, step, sign, last)
        for t in complete
        if t.intermediate_values
        and min(t.intermediate_values) <= step <= max(t.intermediate_values)
    ]
    return float(np.median(gains)) if gains else 0.0


def _reached(trial: FrozenTrial, step: int, sign: float, last: bool) -> float:
    """The signed value of a trial at a step at which it had reported."""
    reports = {s: sign * v for s, v in trial.intermediate_values.items() if s <= step}
    return reports[max(reports)] if last else max(reports.values())


def _kept(trials: Sequence[FrozenTrial], values: np.ndarray) -> list[int]:
    """Which trials are learned from, in their order."""
    best = np.argsort(-values, kind="stable")
    late = sorted(best[OBSERVED // 2 :], key=lambda i: -trials[i].number)
    return sorted([*best[: OBSERVED // 2], *late[: OBSERVED // 2]])


def _even(values: np.ndarray) -> np.ndarray:
    """(trials,) with mean 0 and variance 1, distances below the median shrunk to logarithms.

    How bad bad trials are must not drown what tells good ones apart.
    """
    values = np.clip(values, -1e100, 1e100)  # squares of more are infinite
    median = np.median(values)
    above = (values - median) / ((values.max() - median) or values.std() or 1.0)
    even = np.where(above < 0, -np.log1p(np.maximum(-above, 0)), above)
    return (even - even.mean()) / (even.std() or 1.0)
