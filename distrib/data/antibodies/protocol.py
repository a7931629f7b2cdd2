"""From many chains to a training set: like ones left out, the rest split by clusters.

The steps are those of published heavy-chain models: one chain for each cluster of CDR3s, one for
each sequence, one for each cluster of whole sequences; then clusters at a lower identity, which no
split parts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from distrib.data.antibodies.chains import Chains
from distrib.data.antibodies.clusters import Clusters, cluster_sequences, clusters_of_column
from distrib.data.antibodies.regions import Chain, bounds_of
from distrib.data.antibodies.split import CLUSTER, Order, check_split, split_clusters
from distrib.data.files.split_words import SPLIT, WORDS
from distrib.data.files.tables import as_text
from distrib.errors import InputError


@dataclass(frozen=True)
class Steps:
    """What is done, in this order; None leaves a step out.

    Attributes:
        cdr3_identity: of CDR3s, one chain of each cluster is kept. identity: of whole chains.
        split_identity: of the clusters that the split keeps whole.
        column: of clusters, in place of `split_identity`.
        shares, order, seed: of the split, see `split.split_clusters`.
        distinct: one row of each sequence is kept. Not of pairs, whose other chains may differ.
        threads: of MMseqs2. scratch: a folder for its files, with room.
    """

    cdr3_identity: float | None = None
    identity: float | None = None
    split_identity: float | None = None
    column: str | None = None
    shares: Sequence[float] = (0.8, 0.1, 0.1)
    order: Order = "random"
    seed: int = 0
    distinct: bool = True
    threads: int = 1
    scratch: Path | None = None


@dataclass(frozen=True)
class Clustered:
    """What is left, and how it came about.

    Attributes:
        chains: with the columns `cluster` and `split`. record: plain values of every step.
    """

    chains: Chains
    record: dict[str, Any]


def cluster_chains(
    chains: Chains, chain: Chain, steps: Steps, say: Callable[[str], None] = lambda line: None
) -> Clustered:
    """Go through the steps; `say` hears each level's size.

    Raises:
        InputError: nothing to cluster by, a column that is missing, MMseqs2 missing or failing.
    """
    if (steps.split_identity is None) == (steps.column is None):
        raise InputError("clusters come of an identity or of a column",
                         where="--split-identity, --cluster-column",
                         expected="one of the two")  # fmt: skip
    levels: list[dict[str, Any]] = [{"level": "read", "chains": len(chains)}]

    def done(level: str, rows: int, method: str = "") -> None:
        before = levels[-1]["chains"]
        levels.append({"level": level, "chains": rows, "method": method})
        say(f"{level}: {before:,} -> {rows:,}")

    if steps.cdr3_identity is not None:
        chains, cdr3 = _with_cdr3(chains, chain)
        done("CDR3 told", len(chains))
        found = _cluster(cdr3, steps.cdr3_identity, steps)
        chains = chains.take(np.sort(found.representatives))
        done(f"one of each CDR3 cluster at {steps.cdr3_identity:g}", len(chains), found.method)
    if steps.distinct:
        first = pd.Series(chains.sequences, dtype=object).drop_duplicates().index.to_numpy()
        chains = chains.take(first)
        done("one of each sequence", len(chains))
    if steps.identity is not None:
        found = _cluster(chains.sequences, steps.identity, steps)
        chains = chains.take(np.sort(found.representatives))
        done(f"one of each cluster at {steps.identity:g}", len(chains), found.method)
    if steps.column is not None:
        found = _by_column(chains, steps.column)
    else:
        assert steps.split_identity is not None
        found = _cluster(chains.sequences, steps.split_identity, steps)
    say(f"clusters for the split: {found.told()}")
    parts = split_clusters(found.of_row, steps.shares, order=steps.order, seed=steps.seed)
    check_split(found.of_row, parts)
    sizes = np.bincount(parts, minlength=len(WORDS)).tolist()
    clusters = [len(np.unique(found.of_row[parts == k])) for k in range(len(WORDS))]
    for name, rows, count in zip(WORDS, sizes, clusters):
        say(f"{name}: {rows:,} chains in {count:,} clusters")
    columns = chains.columns.assign(
        **{CLUSTER: found.of_row, SPLIT: np.array(WORDS, dtype=object)[parts]}
    )
    record = {
        "levels": levels,
        "clusters": {"method": found.method, "number": len(found), "largest": found.largest},
        "split": {
            "order": steps.order,
            "seed": steps.seed,
            "shares": list(steps.shares),
            "chains": dict(zip(WORDS, sizes)),
            "clusters": dict(zip(WORDS, clusters)),
        },
    }
    return Clustered(
        Chains(chains.ids, chains.sequences, columns, chains.column, chains.unknown,
               chains.skipped),
        record,
    )  # fmt: skip


def _cluster(sequences: Sequence[str], identity: float, steps: Steps) -> Clusters:
    return cluster_sequences(sequences, identity, threads=steps.threads, scratch=steps.scratch)


def _with_cdr3(chains: Chains, chain: Chain) -> tuple[Chains, list[str]]:
    """Those whose CDR3 is told, by a column or by its anchors, and the CDR3s."""
    names = [name for name in (f"cdr3_aa_{chain}", "cdr3_aa") if name in chains.columns]
    if names:
        found = [as_text(cell).upper() for cell in chains.columns[names[0]].tolist()]
    else:
        bounds = bounds_of(chains.sequences, chain).tolist()
        found = [s[b[5] : b[6]] if b[5] >= 0 else "" for s, b in zip(chains.sequences, bounds)]
    rows = np.array([row for row, cdr3 in enumerate(found) if cdr3], dtype=np.int64)
    if not len(rows):
        raise InputError(
            "no CDR3 can be told",
            file=chains.ids.file,
            hint="a column cdr3_aa tells it; or leave --cdrh3-identity out",
        )
    return chains.take(rows), [found[row] for row in rows]


def _by_column(chains: Chains, column: str) -> Clusters:
    if column not in chains.columns:
        raise InputError(f"no column {column!r}", file=chains.ids.file,
                         found=", ".join(map(str, chains.columns)) or "none besides the sequences",
                         where="--cluster-column")  # fmt: skip
    return clusters_of_column(chains.columns[column].tolist(), chains.ids, column)
