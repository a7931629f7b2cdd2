"""A search space as the unit cube, for the samplers that measure distances.

A dimension that a configuration lacks lies at the middle there, a choice at none of its choices.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution

MIDDLE, NO_CHOICE = 0.5, -1.0
"""Where a range, and a choice, lie in a configuration that lacks them."""

Needs = Mapping[str, Mapping[str, Collection[Any]]]
"""Dimension -> each parent that it depends on, and the values under which it exists."""


class UnitSpace:
    """One column per dimension: a range lies on [0, 1], choices are numbered from 0.

    Args:
        needs: of the dimensions that not every configuration has, parents before children. A
            parent that is no dimension was judged before: it needs nothing, or no value will do.
        columns: dimension -> the column that it shares with others, see `shared_columns`.

    Attributes:
        choices: (columns,) how many choices a column numbers, 0 for a range.
    """

    def __init__(
        self,
        space: Mapping[str, BaseDistribution],
        needs: Needs | None = None,
        columns: Mapping[str, str] | None = None,
    ) -> None:
        self.space = dict(space)
        own = {name: (columns or {}).get(name, name) for name in space}
        self._distributions = list({own[name]: d for name, d in self.space.items()}.values())
        places = {column: k for k, column in enumerate(dict.fromkeys(own.values()))}
        self._column = {name: places[column] for name, column in own.items()}
        self.choices = np.array([_choices(d) for d in self._distributions])
        self._absent = np.where(self.choices, NO_CHOICE, MIDDLE)
        self._needs = {name: n for name, n in (needs or {}).items() if name in self.space}

    def point(self, params: Mapping[str, Any]) -> np.ndarray:
        """(columns,) where a configuration lies; what is no dimension is passed over."""
        point = self._absent.copy()
        for name, d in self.space.items():
            if name in params:
                point[self._column[name]] = _to_column(d, params[name])
        return point

    def params(self, point: np.ndarray) -> dict[str, Any]:
        """The configuration at a point."""
        exist = self._dimensions(point[None])[0]
        return {
            name: _from_column(d, point[self._column[name]])
            for (name, d), exists in zip(self.space.items(), exist)
            if exists
        }

    def exists(self, points: np.ndarray) -> np.ndarray:
        """(points, columns) bool, which of them the configurations have."""
        found = np.zeros(points.shape, bool)
        for column, exists in zip(self._column.values(), self._dimensions(points).T):
            found[:, column] |= exists
        return found

    def _dimensions(self, points: np.ndarray) -> np.ndarray:
        """(points, dimensions) bool, which dimensions the configurations have."""
        names = list(self.space)
        found = np.ones((len(points), len(names)), bool)
        for name, parents in self._needs.items():
            own = names.index(name)
            for parent, values in parents.items():
                if parent in self.space:
                    place = points[:, self._column[parent]]
                    found[:, own] &= found[:, names.index(parent)]
                    found[:, own] &= _among(self.space[parent], place, values)
                elif not values:
                    found[:, own] = False
        return found

    def draw(self, points: int, random: np.random.Generator) -> np.ndarray:
        """(points, columns) of configurations, evenly from the whole unit cube."""
        return self.at(random.random((points, len(self.choices))))

    def at(self, shares: np.ndarray) -> np.ndarray:
        """(points, columns) of configurations, from as many shares in [0, 1) of the values."""
        return self._snap(np.where(self.choices, np.floor(shares * self.choices), shares))

    def near(self, centres: np.ndarray, step: Any, random: np.random.Generator) -> np.ndarray:
        """(points, columns) of configurations, one beside each centre.

        Args:
            centres: (points, columns).
            step: standard deviation along a range, one for all or (points, 1); of ten choices one
                is drawn anew.
        """
        moved = np.abs(centres + step * random.standard_normal(centres.shape))
        moved = np.clip(np.minimum(moved, 2 - moved), 0, 1)  # reflected: a bound draws nothing
        anew = np.floor(random.random(centres.shape) * self.choices)
        drawn = (random.random(centres.shape) < 0.1) | (centres == NO_CHOICE)  # if it exists now
        chosen = np.where(drawn, anew, centres)
        return self._snap(np.where(self.choices, chosen, moved))

    def _snap(self, points: np.ndarray) -> np.ndarray:
        """The same with discrete values on one of them, and what does not exist out of the way."""
        for column, d in enumerate(self._distributions):
            if not self.choices[column] and d.step:
                points[:, column] = to_unit(d, from_unit(d, points[:, column]))
        return np.where(self.exists(points), points, self._absent) if self._needs else points


def to_unit(d: Any, value: Any) -> np.ndarray:
    """Where values of a range lie on [0, 1]; of any shape."""
    low, high = _ends(d)
    return ((np.log(value) if d.log else np.asarray(value)) - low) / (high - low)


def from_unit(d: Any, x: Any) -> np.ndarray:
    """The values of a range at places on [0, 1]; of any shape."""
    low, high = _ends(d)
    value = low + x * (high - low)
    if d.log:
        value = np.exp(value)
    if d.step:
        value = d.low + np.round((value - d.low) / d.step) * d.step
    return np.clip(value, d.low, d.high)


def _from_column(d: Any, x: float) -> Any:
    if _choices(d):
        return d.choices[int(x)]
    value = float(from_unit(d, x))
    return min(max(int(value), d.low), d.high) if isinstance(d, IntDistribution) else value


def _ends(d: Any) -> tuple[float, float]:
    """Both ends of a range as it is searched: each of discrete values has half a step around it."""
    half = (d.step or 0) / 2
    low, high = d.low - half, d.high + half
    return (float(np.log(low)), float(np.log(high))) if d.log else (low, high)


def _choices(d: BaseDistribution) -> int:
    return len(d.choices) if isinstance(d, CategoricalDistribution) else 0


def _to_column(d: BaseDistribution, value: Any) -> float:
    return d.to_internal_repr(value) if _choices(d) else float(to_unit(d, value))


def _among(d: BaseDistribution, column: np.ndarray, values: Collection[Any]) -> np.ndarray:
    """Of places in a column, whether each stands for one of these values."""
    if isinstance(d, CategoricalDistribution):
        return np.isin(column, [k for k, choice in enumerate(d.choices) if choice in values])
    numbers = np.array([v for v in values if isinstance(v, int | float)], float)
    return np.isclose(from_unit(d, column)[:, None], numbers).any(1)
