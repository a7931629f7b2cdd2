"""Every configuration of a finite space once, before any comes twice.

A sampler draws with replacement: of ten configurations some are tried five times in ten trials and
others never. Here its draw is put to the list of all: where it was tried, it is drawn again, and at
last the nearest is taken that is left. Which trials there were, the ledger says, so that a resumed
study goes on as it would have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from distrib.study.search.wrapped import Wrapped
from distrib.study.space.points import FiniteSpace

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.study import Study
    from optuna.trial import FrozenTrial

_DRAWS = 5  # of a sampler, before the nearest is taken of what is left

Params = Mapping[str, Any]


class EachOnce(Wrapped):
    """A sampler over the points of a finite space.

    Args:
        inner: draws; what it would draw twice is drawn again.
        every: the space with all its configurations.
        fixed: values that the point should have, as long as one with them is left.
    """

    def __init__(self, inner: BaseSampler, every: FiniteSpace, fixed: Params, seed: int) -> None:
        super().__init__(inner)
        self._every = every
        self._points: Sequence[Params] = every.points
        self._fixed = fixed
        self._random = np.random.default_rng(seed)
        self._chosen: Params = {}
        self._spans: dict[str, float] = {}  # of parameters, 0 of choices

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Nothing is drawn together: the point that is chosen here is told value by value."""
        tried = {
            _key(other.params)
            for other in study.get_trials(deepcopy=False)
            if other.number != trial.number and other.params
        }
        begun = _matching(self._points, trial.params)  # of one that was cut off
        left = [point for point in begun if _key(point) not in tried]
        wanted = _matching(left, self._fixed) or left or _matching(begun, self._fixed) or begun
        self._chosen = self._choose(study, trial, wanted) if wanted else {}
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Nothing; see `infer_relative_search_space`."""
        return {}

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """The chosen point's value; a draw where a trial was given other parents than its."""
        if param_name in self._chosen:
            return self._chosen[param_name]
        return super().sample_independent(study, trial, param_name, param_distribution)

    def _choose(self, study: Study, trial: FrozenTrial, wanted: Sequence[Params]) -> Params:
        if len(wanted) == 1:
            return wanted[0]
        keys = {_key(point) for point in wanted}
        draws = []
        for _ in range(_DRAWS):
            draws.append(self._draw(study, trial))
            if _key(draws[-1]) in keys:
                return draws[-1]
        far = np.array([self._distance(draws[0], point) for point in wanted])
        return wanted[int(self._random.choice(np.flatnonzero(far <= far.min() + 1e-12)))]

    def _distance(self, one: Params, other: Params) -> float:
        """Parts of their ranges that two points lie apart, added up; choices are 1 apart."""
        total = 0.0
        for name in one.keys() | other.keys():
            if name not in one or name not in other:
                total += 1
            elif one[name] != other[name]:
                total += self._apart(name, one[name], other[name])
        return total

    def _apart(self, name: str, one: Any, other: Any) -> float:
        if name not in self._spans:
            values = _values(self._points, name)
            ordered = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)
            is_range = ordered and not hasattr(self._every.distribution(name), "choices")
            self._spans[name] = max(values) - min(values) if is_range else 0.0
        span = self._spans[name]
        return abs(one - other) / span if span else 1.0

    def _draw(self, study: Study, trial: FrozenTrial) -> Params:
        """The point that the inner sampler draws."""
        space = self._inner.infer_relative_search_space(study, trial)
        together = self._inner.sample_relative(study, trial, space)
        left, drawn = list(self._points), dict[str, Any]()
        while name := next((n for n in left[0] if n not in drawn), None):
            values = _values(left, name)
            if name in trial.params or name in self._fixed:
                value = trial.params.get(name, self._fixed.get(name))
            elif name in together:
                value = together[name]
            else:
                distribution = self._every.distribution(name)
                value = self._inner.sample_independent(study, trial, name, distribution)
            drawn[name] = _nearest(values, value)
            left = [point for point in left if name in point and point[name] == drawn[name]]
        return left[0]


def _key(params: Params) -> frozenset[tuple[str, Any]]:
    """A configuration, whatever the order of its parameters; 0.30000000000000004 is 0.3."""
    return frozenset(
        (name, float(f"{v:.10g}") if isinstance(v, float) else v) for name, v in params.items()
    )


def _matching(points: Sequence[Params], params: Params) -> list[Params]:
    """Those points that have these values where they have these parameters."""
    wanted = _key(params)
    names = set(params)
    return [
        point
        for point in points
        if _key({name: value for name, value in point.items() if name in names}) <= wanted
    ]


def _nearest(values: Sequence[Any], drawn: Any) -> Any:
    """The one of these values that a draw is, but for rounding."""
    if isinstance(drawn, float) and not isinstance(drawn, bool):
        return min(values, key=lambda value: abs(value - drawn))
    return drawn


def _values(points: Sequence[Params], name: str) -> list[Any]:
    return list(dict.fromkeys(point[name] for point in points if name in point))
