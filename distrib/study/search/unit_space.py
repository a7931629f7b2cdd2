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

    Attributes:
        choices: (dimensions,) how many choices a column numbers, 0 for a range.
    """

    def __init__(self, space: Mapping[str, BaseDistribution], needs: Needs | None = None) -> None:
        self.space = dict(space)
        self.choices = np.array([_choices(d) for d in self.space.values()])
        self._absent = np.where(self.choices, NO_CHOICE, MIDDLE)
        self._needs = {name: n for name, n in (needs or {}).items() if name in self.space}

    def point(self, params: Mapping[str, Any]) -> np.ndarray:
        """(dimensions,) where a configuration lies; what is no dimension is passed over."""
        point = self._absent.copy()
        for column, (name, d) in enumerate(self.space.items()):
            if name in params:
                point[column] = _to_column(d, params[name])
        return point

    def params(self, point: np.ndarray) -> dict[str, Any]:
        """The configuration at a point."""
        return {
            name: d.choices[int(x)] if _choices(d) else _value(d, x)
            for (name, d), x, exists in zip(self.space.items(), point, self.exists(point[None])[0])
            if exists
        }

    def exists(self, points: np.ndarray) -> np.ndarray:
        """(points, dimensions) bool, which dimensions the configurations have."""
        names = list(self.space)
        found = np.ones(points.shape, bool)
        for name, parents in self._needs.items():
            own = names.index(name)
            for parent, values in parents.items():
                if parent in self.space:
                    at = names.index(parent)
                    found[:, own] &= found[:, at] & _among(
                        self.space[parent], points[:, at], values
                    )
                elif not values:
                    found[:, own] = False
        return found

    def draw(self, points: int, random: np.random.Generator) -> np.ndarray:
        """(points, dimensions) of configurations, evenly from the whole unit cube."""
        return self.at(random.random((points, len(self.space))))

    def at(self, shares: np.ndarray) -> np.ndarray:
        """(points, dimensions) of configurations, from as many shares in [0, 1) of the values."""
        return self._snap(np.where(self.choices, np.floor(shares * self.choices), shares))

    def near(self, centres: np.ndarray, step: Any, random: np.random.Generator) -> np.ndarray:
        """(points, dimensions) of configurations, one beside each centre.

        Args:
            centres: (points, dimensions).
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
        for column, d in enumerate(self.space.values()):
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


def _value(d: Any, x: float) -> float | int:
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
