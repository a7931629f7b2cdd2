"""Splits by group: a test part set aside, and folds. Rows of one group are never parted."""

from __future__ import annotations

import heapq
from typing import Any, Literal

import numpy as np

from distrib.data.default_fraction import TEST_FRACTION
from distrib.errors import InputError

# Streams of random numbers, so that the test part and the folds of one seed are independent.
_HOLDOUT, _FOLDS = 0, 1


def holdout(groups: np.ndarray, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Set a share of the groups aside, drawn at random.

    Args:
        groups: (rows,) integers.
        fraction: share of the groups, 0 <= fraction < 1; at least one group where it is not 0.

    Returns:
        positions of the rows that stay and of those set aside, both ascending.

    Raises:
        InputError: where the fraction is out of bounds or nothing would stay.
    """
    if not 0 <= fraction < 1:
        raise InputError(
            "the test fraction is out of bounds", found=fraction, expected="at least 0, less than 1"
        )
    distinct, codes = np.unique(groups, return_inverse=True)
    size = max(1, round(fraction * len(distinct))) if fraction else 0
    if size >= len(distinct):
        raise InputError(
            "nothing would be left beside the test part",
            found=f"{len(distinct)} groups, {size} of them for the test",
            expected="more groups, or a smaller test fraction",
        )
    order = np.random.default_rng((seed, _HOLDOUT)).permutation(len(distinct))
    aside = np.zeros(len(distinct), dtype=bool)
    aside[order[:size]] = True
    return np.flatnonzero(~aside[codes]), np.flatnonzero(aside[codes])


def fold_ids(groups: np.ndarray, k: int, seed: int) -> np.ndarray:
    """Deal groups into `k` folds of about as many rows, none empty.

    Groups in random order, the largest first, each into the smallest fold so far (Graham 1969:
    the largest fold exceeds the best possible by less than a third).

    Args:
        groups: (rows,) integers.

    Returns:
        (rows,) int64, the fold of each row, 0 to k - 1.

    Raises:
        InputError: where there are fewer groups than folds, or fewer than two folds.
    """
    if k < 2:
        raise InputError("cross-validation needs at least two folds", found=k)
    distinct, codes, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(distinct) < k:
        raise InputError(
            "fewer groups than folds",
            found=f"{len(distinct)} groups, {k} folds",
            expected="at least one group for each fold",
            hint="fewer folds with --set folds=2, or a smaller --test-fraction",
        )
    shuffled = np.random.default_rng((seed, _FOLDS)).permutation(len(distinct))
    largest_first = shuffled[np.argsort(-sizes[shuffled], kind="stable")]
    filled = [(0, fold) for fold in range(k)]
    fold_of = np.empty(len(distinct), dtype=np.int64)
    for group in largest_first.tolist():
        rows, fold = heapq.heappop(filled)
        fold_of[group] = fold
        heapq.heappush(filled, (rows + int(sizes[group]), fold))
    return fold_of[codes]


def check_disjoint(
    groups: np.ndarray,
    folds: np.ndarray,
    *,
    group_names: np.ndarray | None = None,
    fold_names: np.ndarray | None = None,
    file: object = None,
) -> None:
    """Raise where rows of one group lie in two folds: labels would leak from one to the other.

    Args:
        groups, folds: (rows,) integers.
        group_names, fold_names: (rows,) how the rows' groups and folds are called, for the error.
        file: where the folds come from.
    """
    if (found := crossing(groups, folds)) is None:
        return
    one, other, number = found
    group = (groups if group_names is None else group_names)[one]
    names = folds if fold_names is None else fold_names
    raise InputError(
        f"the group {group} lies in two folds, so that labels leak between them",
        file=file,
        found=f"fold {names[one]} and fold {names[other]} ({number} such "
        f"group{'s' * (number != 1)} in all)",
        expected="every group in one fold",
    )


def crossing(groups: np.ndarray, parts: np.ndarray) -> tuple[int, int, int] | None:
    """Two rows of one group in two parts, and how many groups there are of such; None without any.

    Args:
        groups, parts: (rows,) integers.
    """
    pairs, first = np.unique(np.stack([groups, parts], axis=1), axis=0, return_index=True)
    twice = np.flatnonzero(pairs[1:, 0] == pairs[:-1, 0])
    if not len(twice):
        return None
    one, other = sorted((int(first[twice[0]]), int(first[twice[0] + 1])))
    return one, other, len(np.unique(pairs[twice, 0]))


def names_parts(data: Any, word: Literal["validation", "test"] | None = None) -> bool:
    """Whether data say of each row what it is for, or of any that it is for this part.

    Arrays say so by an attribute `split`, (rows,) str; a stream by a column of that name, which its
    own `names_parts` and `told` tell.
    """
    words = getattr(data, "split", None)
    if isinstance(words, np.ndarray):
        return word is None or bool((words == word).any())
    if not getattr(data, "names_parts", False):
        return False
    return word is None or data.told(word) is not None


def share_of_test(data: Any, asked: float | None) -> float:
    """The share that is set aside for the test where the data name no such part.

    Args:
        asked: as the user says; None: nobody has. Data that name their parts have those alone then.
    """
    if asked is not None:
        return asked
    return 0.0 if names_parts(data) else TEST_FRACTION


def split_rows(
    data: Any, part: Literal["validation", "test"], fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """The rows that are not of this part and those that are, both ascending.

    Where the data name no row of this part, it is a share of the groups; where they name others, of
    the training rows alone: what is to be validated on stays so.

    Args:
        data: arrays with (rows,) `groups`, whose attribute `split` is (rows,) str, or None, or
            which have none.

    Raises:
        InputError: as `holdout`.
    """
    words = getattr(data, "split", None)
    if words is None:
        return holdout(data.groups, fraction, seed)
    inside = words == part
    if fraction and not inside.any():
        own = np.flatnonzero(words == "train")
        inside[own[holdout(data.groups[own], fraction, seed)[1]]] = True
    return np.flatnonzero(~inside), np.flatnonzero(inside)
