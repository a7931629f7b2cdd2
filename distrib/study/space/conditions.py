"""Conditions (`when`) that can never hold, found before anything is searched.

A parameter whose condition never holds would leave the search without a word, at its default.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from distrib.errors import InputError

if TYPE_CHECKING:
    from distrib.study.space.space import Parameter

Needed = dict[str, tuple[Any, ...]]
"""Parameter -> the values of it under which another one exists."""

_OPERATORS = ("<", ">", "=", "!")


def check_conditions(parameters: Sequence[Parameter], file: str) -> None:
    """Raise InputError naming a condition on no value, on one that its parent never takes, or two
    that exclude each other, be it by what a parent itself is conditional on.

    Args:
        parameters: parents before those that depend on them.
    """
    needs: dict[str, Needed] = {}  # of each, all that must hold
    by_name = {p.name: p for p in parameters}
    for p in parameters:
        where = f"parameters.{p.name}.when"
        needed: Needed = {}
        for parent, values in p.when.items():
            if not values:
                raise InputError("a condition without a value", file=file, where=where,
                                 found=f"{parent}: []", expected=f"{parent}: VALUE or [VALUE, ...]"
                                 )  # fmt: skip
            _require_taken(by_name[parent], values, file, where)
        for parent, other, allowed in _required(p.when, needs):
            before = needed.get(other)
            needed[other] = both(before, allowed)
            if not needed[other]:
                raise InputError(
                    "conditions that exclude each other",
                    file=file,
                    where=where,
                    found=f"{dict(p.when)!r}, where {other} would have to be one of "
                    f"{list(before or ())!r} and one of {list(allowed)!r}"
                    + (f" (of which {parent} is conditional)" if other != parent else ""),
                    expected="conditions that some configuration meets",
                )
        needs[p.name] = needed


def all_needs(needs: Mapping[str, Mapping[str, tuple[Any, ...]]]) -> dict[str, Needed]:
    """Of each conditional parameter all that must hold, what its parents need included.

    Args:
        needs: parents before children, as `Space.conditions` has them.
    """
    found: dict[str, Needed] = {}
    for name, own in needs.items():
        found[name] = {}
        for _, other, allowed in _required(own, found):
            found[name][other] = both(found[name].get(other), allowed)
    return found


def _required(
    own: Mapping[str, tuple[Any, ...]], needs: Mapping[str, Needed]
) -> Iterator[tuple[str, str, tuple[Any, ...]]]:
    """Each parent of a parameter, with what must hold for it and of it: a name and its values."""
    for parent, values in own.items():
        for other, allowed in {**needs.get(parent, {}), parent: values}.items():
            yield parent, other, allowed


def both(one: tuple[Any, ...] | None, other: tuple[Any, ...]) -> tuple[Any, ...]:
    """The values that two conditions leave; None is no condition."""
    return other if one is None else tuple(value for value in one if value in other)


def _require_taken(parent: Parameter, values: tuple[Any, ...], file: str, where: str) -> None:
    never = [value for value in values if not parent.takes(value)]
    if not never:
        return
    hint = None
    if any(isinstance(value, str) and value.startswith(_OPERATORS) for value in never):
        hint = f"conditions compare nothing: write the values out, {parent.name}: [value, ...]"
    elif parent.continuous:
        hint = (
            f"draws from a range equal no value but by accident: give {parent.name} choices, or a "
            "step"
        )
    raise InputError(
        f"a value that {parent.name} never takes",
        file=file,
        where=where,
        found=never,
        expected=f"what {parent.name} takes: {parent.shown()}",
        hint=hint,
    )
