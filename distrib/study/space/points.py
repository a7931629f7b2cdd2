"""The configurations of a space one by one: those of its grid, and all of one that is finite."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from distrib.records import Scalar
from distrib.study.space.space import RANGES, Parameter, Space, label

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Point = dict[str, Scalar]
"""Parameter -> its label, as Optuna is shown it; without those whose condition does not hold."""

MOST = 10_000
"""Points that are written out at most; beyond, a draw hardly ever comes twice."""


def grid_points(space: Space) -> list[Point]:
    """Every combination of the grid dimensions; one empty point without any.

    Where a condition is on what is drawn, its parameter has every value. A space that lists its
    `points` has those, in their order.
    """
    if points := space.settings.get("points"):
        return [{name: label(value) for name, value in point.items()} for point in points]
    return list(_points(space.parameters, lambda p: p.kind == "grid"))


@dataclass(frozen=True)
class FiniteSpace:
    """A space that can be written out.

    Attributes:
        space: itself. points: every configuration, of parameters in the order of the space.
    """

    space: Space
    points: list[Point]

    def distribution(self, name: str) -> BaseDistribution:
        """Of one parameter."""
        return next(p.distribution() for p in self.space.parameters if p.name == name)


def finite_space(space: Space, most: int = MOST) -> FiniteSpace | None:
    """The space with all its configurations; None where there are more than `most`, or one."""
    if any(p.continuous for p in space.parameters):
        return None
    found = list(itertools.islice(_points(space.parameters, lambda p: p.kind != "const"), most + 1))
    if len(found) <= most and space.settings.get("points"):
        # No other combination of these parameters is of the space.
        listed = grid_points(space)
        found = [point for point in found if any(own.items() <= point.items() for own in listed)]
    return FiniteSpace(space, found) if 1 < len(found) <= most else None


_UNKNOWN = object()


def _points(parameters: Sequence[Parameter], varies: Any) -> Iterator[Point]:
    """Points over the parameters that vary; of the others only a const has a known value."""

    def extend(index: int, known: Mapping[str, Any], point: Point) -> Iterator[Point]:
        if index == len(parameters):
            yield dict(point)
            return
        p = parameters[index]
        holds = _holds(p, known)
        if holds is False:
            yield from extend(index + 1, known, point)
        elif p.kind == "const" or not varies(p):
            value = p.values[0] if p.kind == "const" and holds else _UNKNOWN
            yield from extend(index + 1, {**known, p.name: value}, point)
        else:
            for value in _values(p):
                told = value if holds else _UNKNOWN
                more = {**point, p.name: label(value)}
                yield from extend(index + 1, {**known, p.name: told}, more)

    return extend(0, {}, {})


def _holds(p: Parameter, known: Mapping[str, Any]) -> bool | None:
    """Whether a parameter's conditions hold; None where that is not known."""
    answers = [
        False if parent not in known else None if known[parent] is _UNKNOWN else
        known[parent] in values
        for parent, values in p.when.items()
    ]  # fmt: skip
    if False in answers:
        return False
    return None if None in answers else True


def _values(p: Parameter) -> Sequence[Any]:
    return p.steps() if p.kind in RANGES else p.values
