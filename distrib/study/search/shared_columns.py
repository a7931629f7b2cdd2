"""Which conditional dimensions a search takes for one: those that stand in for each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from distrib.study.space.conditions import Needed, all_needs, both

if TYPE_CHECKING:
    from distrib.study.space.space import Space


def shared_columns(
    space: Space, needs: Mapping[str, Mapping[str, tuple[Any, ...]]]
) -> dict[str, str]:
    """Each searched parameter -> its column, named by the first parameter that lies there.

    Parameters share a column if no configuration has two of them, their distributions are the same,
    and their names begin or end with the same word: `rate_adam` and `rate_sgd`, say. What one of
    them has told is then known of the others, as far as their parents' values are alike.

    Args:
        needs: which parameters exist under which others, see `Space.conditions`.
    """
    distributions = {p.name: p.distribution() for p in space.searched()}
    needed = all_needs(needs)
    columns: dict[str, list[str]] = {}
    for name in needed:
        for others in columns.values():
            if all(
                distributions[name] == distributions[other]
                and _share_a_word(name, other)
                and _never_both(needed[name], needed[other])
                for other in others
            ):
                others.append(name)
                break
        else:
            columns[name] = [name]
    shared = {name: column for column, names in columns.items() for name in names}
    return {name: shared.get(name, name) for name in distributions}


def _never_both(a: Needed, b: Needed) -> bool:
    """Whether a value that both depend on tells them apart; what never exists has none."""
    return any(
        a[parent] and b[parent] and not both(a[parent], b[parent]) for parent in a.keys() & b.keys()
    )


def _share_a_word(a: str, b: str) -> bool:
    """Whether the first or the last of their words, which _ parts, are the same."""
    first, second = a.lower().split("_"), b.lower().split("_")
    return first[0] == second[0] or first[-1] == second[-1]
