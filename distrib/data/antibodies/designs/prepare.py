"""Records parted by clusters of their antigens or antibodies, so that a test is of new ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from distrib.data.antibodies.clusters import (
    Clusters,
    cluster_sequences,
    clusters_of_column,
    numbered,
)
from distrib.data.antibodies.designs.records import Records
from distrib.data.antibodies.identity import near_identities
from distrib.data.antibodies.mmseqs import LINCLUST, Workflow
from distrib.data.antibodies.split import CLUSTER, Order, check_split, split_clusters
from distrib.data.files.split_words import SPLIT, WORDS
from distrib.errors import InputError

RESIDUES = "antigen_residues"
"""Of records whose antigens may be cut: how long they were."""
NEAREST = "nearest_training_identity"
"""Of records that are not trained on: share of positions at which the likest antigen (or antibody)
of the training records agrees."""


def part_records(
    records: Records,
    by: Literal["antigen", "antibody", "column"],
    identity: float,
    shares: Sequence[float],
    *,
    order: Order = "random",
    seed: int = 0,
    threads: int = 1,
    say: Callable[[str], None] = lambda line: None,
) -> Records:
    """The records with the columns `cluster`, `split` and `nearest_training_identity`.

    Args:
        by: what is clustered at `identity`; "column" takes the user's column `cluster`.
        shares: of training, validation and test, which sum to 1.
        say: hears what was found, a line each.

    Raises:
        InputError: the column is missing, MMseqs2 is missing or fails, or a part that is asked for
            would have no records.
    """
    texts = records.antigen if by != "antibody" else [
        h + lc for h, lc in zip(records.heavy, records.light)
    ]  # fmt: skip
    clusters = _clusters(records, by, texts, identity, threads)
    say(f"clusters: {clusters.told()} ({clusters.method})")
    parts = split_clusters(clusters.of_row, shares, order=order, seed=seed)
    check_split(clusters.of_row, parts)
    for k, name in enumerate(WORDS):
        if shares[k] > 0 and not (parts == k).any():
            raise InputError(
                f"the {name} part has no records", file=records.ids.file, where="--split",
                found=f"{len(records):,} records in {len(clusters):,} clusters, the largest of "
                f"{clusters.largest:,}",
                expected="more records, smaller clusters (a higher --identity), or other shares",
            )  # fmt: skip
    for k, name in enumerate(WORDS):
        own = parts == k
        rows, number = int(own.sum()), len(np.unique(clusters.of_row[own]))
        say(f"{name}: {rows:,} record{'s' * (rows != 1)} in {number:,} cluster"
            f"{'s' * (number != 1)}")  # fmt: skip
    what = "antibodies" if by == "antibody" else "antigens"
    near = nearest(texts, parts)
    for k, name in enumerate(WORDS[1:], 1):
        if (parts == k).any():
            found = near[parts == k]
            say(f"{name}: identity to the nearest of training, {what}: "
                f"median {np.median(found):.2f}, highest {found.max():.2f}")  # fmt: skip
    columns = records.columns.assign(
        **{
            CLUSTER: clusters.of_row,
            SPLIT: np.array(WORDS, dtype=object)[parts],
            NEAREST: np.where(parts == 0, "", np.char.mod("%.3f", near)),
        }
    )
    return replace(records, columns=columns)


def with_cut_antigens(records: Records, most: int) -> Records:
    """The records with antigens of at most so many residues, their first ones.

    The column `antigen_residues` keeps how many there were.
    """
    columns = records.columns.assign(**{RESIDUES: [len(text) for text in records.antigen]})
    return replace(records, antigen=[text[:most] for text in records.antigen], columns=columns)


def _clusters(
    records: Records, by: str, texts: list[str], identity: float, threads: int
) -> Clusters:
    if by == "column":
        if CLUSTER not in records.columns:
            raise InputError(
                "no such column", file=records.ids.file, where=CLUSTER,
                found=", ".join(map(str, records.columns)) or "none",
                hint="--cluster antigen makes clusters by MMseqs2",
            )  # fmt: skip
        return clusters_of_column(records.columns[CLUSTER].tolist(), records.ids)
    different, codes = np.unique(np.array(texts, dtype=str), return_inverse=True)
    flags = LINCLUST if by == "antibody" else ()
    # Antigens are of every kind and length: linclust misses some that are alike.
    workflow: Workflow = "linclust" if by == "antibody" else "cluster"
    found = cluster_sequences(
        different.tolist(), identity, threads=threads, arguments=flags, workflow=workflow
    )
    return numbered(found.of_row[codes], found.method)


def nearest(texts: Sequence[str], parts: np.ndarray) -> np.ndarray:
    """(rows,) identity to the likest training text, as `near_identities` finds it; 1 for training
    rows themselves.
    """
    known = [text for text, part in zip(texts, parts) if part == 0]
    held_out = np.flatnonzero(parts != 0)
    found = np.ones(len(texts))
    found[held_out] = near_identities([texts[i] for i in held_out.tolist()], known)
    return found
