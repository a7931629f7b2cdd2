"""Which conditional dimensions a search takes for one: those that stand in for each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from distrib.study.search.unit_space import Needs

if TYPE_CHECKING:
    from distrib.study.space.space import Space

Allowed = Mapping[str, set[Any]]
"""Parent, or a parent's parent, -> the values under which a parameter exists."""


def shared_columns(space: Space, needs: Needs) -> dict[str, str]:
    """Each searched parameter -> its column, named by the first parameter that lies there.

    Parameters share a column if no configuration has two of them, their distributions are the same,
    and their names begin or end with the same word: `rate_adam` and `rate_sgd`, say. What one of
    them has told is then known of the others, as far as their parents' values are alike.

    Args:
        needs: which parameters exist under which others, see `Space.conditions`.
    """
    distributions = {p.name: p.distribution() for p in space.searched()}
    allowed: dict[str, Allowed] = {}
    columns: dict[str, list[str]] = {}
    for name, own in needs.items():
        allowed[name] = _allowed(own, allowed)
        for others in columns.values():
            if all(
                distributions[name] == distributions[other]
                and _share_a_word(name, other)
                and _never_both(allowed[name], allowed[other])
                for other in others
            ):
                others.append(name)
                break
        else:
            columns[name] = [name]
    shared = {name: column for column, names in columns.items() for name in names}
    return {name: shared.get(name, name) for name in distributions}


def _allowed(needs: Mapping[str, Any], of_parents: Mapping[str, Allowed]) -> Allowed:
    """What a parameter needs, and what its parents do."""
    found: dict[str, set[Any]] = {}
    for parent, values in needs.items():
        for name, own in {**of_parents.get(parent, {}), parent: set(values)}.items():
            found[name] = found.get(name, own) & own
    return found


def _never_both(a: Allowed, b: Allowed) -> bool:
    """Whether a value that both depend on tells them apart; what never exists has none."""
    return any(
        a[parent] and b[parent] and a[parent].isdisjoint(b[parent])
        for parent in a.keys() & b.keys()
    )


def _share_a_word(a: str, b: str) -> bool:
    """Whether the first or the last of their words, which _ parts, are the same."""
    first, second = a.lower().split("_"), b.lower().split("_")
    return first[0] == second[0] or first[-1] == second[-1]
