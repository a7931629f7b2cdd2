"""Training, validation and test parts of whole clusters, and the column that keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from distrib.data.files.ids import Ids
from distrib.data.files.labels import check_labels
from distrib.data.files.split_words import SPLIT, WORDS, split_words
from distrib.data.files.tables import as_text
from distrib.data.splits import crossing
from distrib.errors import InputError

CLUSTER = "cluster"
"""The column of a table whose values are never parted; `split_words.SPLIT` says what is what."""

Order = Literal["greedy", "random"]


def parse_shares(text: str) -> tuple[float, float, float]:
    """`80/10/10` as shares that sum to 1.

    Raises:
        InputError: not three numbers, one below 0, or none above.
    """
    try:
        numbers = [float(word) for word in text.split("/")]
    except ValueError:
        numbers = []
    if len(numbers) != 3 or min(numbers) < 0 or not 0 < numbers[0] <= sum(numbers) < float("inf"):
        raise InputError("not the shares of a split", where="--split", found=text,
                         expected="training/validation/test, such as 80/10/10")  # fmt: skip
    train, val, test = (number / sum(numbers) for number in numbers)
    return train, val, test


def split_clusters(
    clusters: np.ndarray, shares: Sequence[float], *, order: Order = "random", seed: int = 0
) -> np.ndarray:
    """Which part each row belongs to; rows of one cluster are never parted.

    "greedy" takes clusters by size, the largest first (of equal ones the first in the table):
    whole into training while that stays within its share, else into validation while that does,
    else into test. What is left for these are small clusters, mostly single rows.

    "random" takes clusters in random order, each into the part that lacks most of its share of the
    rows, so that the parts hold their shares of rows, and clusters of every size but the widest:
    those of more rows than half of a smaller part go to training, before all others.

    Args:
        clusters: (rows,) integers. shares: of training, validation and test, which sum to 1.
        seed: of the random order.

    Returns:
        (rows,) int8 places in `split_words.WORDS`.
    """
    distinct, first, codes, sizes = np.unique(
        clusters, return_index=True, return_inverse=True, return_counts=True
    )
    part_of = np.zeros(len(distinct), dtype=np.int8)
    room = np.asarray(shares) * len(clusters)
    slack = 1e-9 * len(clusters)
    filled = np.zeros(3)
    if order == "greedy":
        for cluster in np.lexsort((first, -sizes)).tolist():
            size = sizes[cluster]
            fitting = [part for part in (0, 1) if filled[part] + size <= room[part] + slack]
            part = fitting[0] if fitting else 2
            part_of[cluster] = part
            filled[part] += size
        return part_of[codes]
    # By the first row of each cluster: the same whatever numbers the clusters bear.
    order_of = np.random.default_rng((seed, 2)).permutation(np.argsort(first, kind="stable"))
    wide = sizes > room[1:].max() / 2
    part_of[wide] = 0
    filled[0] = sizes[wide].sum()
    for cluster in order_of[~wide[order_of]].tolist():
        size, lacks = sizes[cluster], room - filled
        fits = np.flatnonzero((lacks + slack >= size) & (room > 0))
        part = int(fits[np.argmax(lacks[fits] / room[fits])] if len(fits) else np.argmax(lacks))
        part_of[cluster] = part
        filled[part] += size
    return part_of[codes]


def check_split(
    clusters: np.ndarray,
    parts: np.ndarray,
    names: np.ndarray | None = None,
    ids: Ids | None = None,
    same: str = "cluster",
) -> None:
    """Raise where a cluster lies in two parts.

    Args:
        clusters: (rows,) integers. parts: (rows,) places in `split_words.WORDS`.
        names: (rows,) how clusters are called. ids: of the rows.
        same: what rows of a cluster have in common.
    """
    if (found := crossing(clusters, parts)) is None:
        return
    *rows, number = found
    called = [f"row {row + 1}" if ids is None else f"record {ids.values[row]}" for row in rows]
    told = [f"{name} in {WORDS[parts[row]]}" for name, row in zip(called, rows)]
    raise InputError(
        f"records of one {same} lie in two splits, so that labels leak between them",
        file=None if ids is None else ids.file,
        where=None if names is None else f"{same} {names[rows[0]]}",
        found=f"{' and '.join(told)} ({number:,} such {same}{'s' * (number != 1)} in all)",
        expected=f"all records of one {same} in one split",
    )


def groups_and_split(
    columns: pd.DataFrame, otherwise: Sequence[str], ids: Ids, same: str = "sequence"
) -> tuple[np.ndarray, np.ndarray | None]:
    """What a table's own columns `cluster` and `split` say of its rows.

    Args:
        otherwise: (rows,) texts; equal ones are a group where there is no `cluster`.
        same: what such a text is.

    Returns:
        (rows,) int64 groups; and (rows,) str of `split_words.WORDS`, or None without the column.

    Raises:
        InputError: a row without a cluster, a word in `split` that is none, a cluster in two parts.
    """
    if CLUSTER in columns:
        labels = check_labels(columns[CLUSTER].tolist(), ids, CLUSTER)
    else:
        labels = np.array(otherwise, dtype=object)
    groups = pd.factorize(labels)[0].astype(np.int64)
    if SPLIT not in columns:
        return groups, None
    split = split_words(
        [as_text(cell) for cell in columns[SPLIT].tolist()], file=ids.file, place=ids.place
    )
    parts = np.array([WORDS.index(word) for word in split.tolist()], dtype=np.int8)
    if CLUSTER in columns:
        check_split(groups, parts, labels, ids)
    else:
        check_split(groups, parts, ids=ids, same=same)
    return groups, split
