"""Conditions (`when`) that can never hold, found before anything is searched.

A parameter whose condition never holds would leave the search without a word, at its default.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from distrib.errors import InputError

if TYPE_CHECKING:
    from distrib.study.space.space import Parameter

_OPERATORS = ("<", ">", "=", "!")


def check_conditions(parameters: Sequence[Parameter], file: str) -> None:
    """Raise InputError naming a condition on no value, on one that its parent never takes, or two
    that exclude each other, be it by what a parent itself is conditional on.

    Args:
        parameters: parents before those that depend on them.
    """
    needs: dict[str, dict[str, tuple[Any, ...]]] = {}  # of each, all that must hold
    by_name = {p.name: p for p in parameters}
    for p in parameters:
        where = f"parameters.{p.name}.when"
        needed: dict[str, tuple[Any, ...]] = {}
        for parent, values in p.when.items():
            if not values:
                raise InputError("a condition without a value", file=file, where=where,
                                 found=f"{parent}: []", expected=f"{parent}: VALUE or [VALUE, ...]"
                                 )  # fmt: skip
            _require_taken(by_name[parent], values, file, where)
            for other, allowed in ({parent: values} | _without(needs[parent], parent)).items():
                before = needed.get(other)
                needed[other] = allowed if before is None else _both(before, allowed)
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


def _without(conditions: Mapping[str, tuple[Any, ...]], name: str) -> dict[str, tuple[Any, ...]]:
    return {key: values for key, values in conditions.items() if key != name}


def _both(one: tuple[Any, ...], other: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(value for value in one if value in other)


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
