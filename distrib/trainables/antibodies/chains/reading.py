"""The chains that a model is trained on: of the user's files, streamed, or simulated."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from distrib.data.antibodies.chain_rows import ChainRows, rows_of, simulated_rows
from distrib.data.antibodies.chains import Chains, from_table, read_chains
from distrib.data.antibodies.regions import Chain
from distrib.data.antibodies.split import CLUSTER
from distrib.data.streams.parquet_set import ParquetSet, open_set
from distrib.errors import InputError
from distrib.trainables.antibodies.chains.source import ChainSource

STREAMED = "sequence_alignment_aa"
"""The column of a stream's amino acids, as `distrib.prepare oas` names it."""

_IDS = ("id", "sequence_id")
_OTHERS = ("germline_alignment_aa", "fwr1_aa", "cdr1_aa", "fwr2_aa", "cdr2_aa",
           "fwr3_aa", "cdr3_aa", "fwr4_aa")  # fmt: skip


def open_stream(source: ChainSource) -> ParquetSet:
    """The plan of a folder of parquet files, of which no row is read.

    Raises:
        InputError: no such files, or no column of amino acids.
    """
    if source.path is None:
        raise InputError("the default data are not streamed", where="data.stream",
                         expected="--data, a folder of parquet files")  # fmt: skip
    defaults = type(source)()
    for name in ("chain", "column", "on_unknown", "on_long", "longest"):
        if getattr(source, name) != getattr(defaults, name):
            raise InputError(
                "this option is not for streams, whose rows are read as the training goes on",
                where=f"data.{name}",
                found=getattr(source, name),
                expected=f"{getattr(defaults, name)}, or data.stream=false",
            )
    whole = open_set(source.path)
    known = whole.all_columns.names
    ids = [name for name in _IDS if name in known][:1]
    if not ids:
        raise InputError("a stream without ids", file=whole.folder, found=", ".join(known[:8]),
                         expected="a column " + " or ".join(_IDS))  # fmt: skip
    return open_set(source.path, [STREAMED, *ids, *(name for name in _OTHERS if name in known)])


def never_parted(data: ParquetSet) -> str:
    """The column of a stream whose values stay together: its clusters, else equal sequences."""
    return CLUSTER if CLUSTER in data.all_columns.names else STREAMED


def table_rows(table: pa.Table, chain: Chain) -> ChainRows:
    """Rows of a stream as arrays; letters outside the twenty are read as X."""
    frame = table.to_pandas()
    frame.index = range(1, len(frame) + 1)
    return rows_of(from_table(frame, Path("stream"), chain, on_unknown="x"), chain)


def read_rows(source: ChainSource) -> ChainRows:
    """Read, check and encode them.

    Raises:
        InputError: as `chains.read_chains` and `chain_rows.rows_of`, or chains too long.
    """
    if source.path is None:
        return simulated_rows(source.sequences, source.mutation_rate, source.chain)
    chains = read_chains(
        Path(source.path), source.chain, column=source.column, on_unknown=source.on_unknown
    )
    lengths = np.fromiter(map(len, chains.sequences), np.int64, len(chains))
    long = np.flatnonzero(lengths > source.longest)
    if len(long):
        chains = _without(chains, long, source)
    rows = rows_of(chains, source.chain)
    if len(long):
        left_out = f"{len(long):,} chains of more than {source.longest} residues were left out"
        rows = replace(rows, notes=(*rows.notes, left_out))
    return rows


def _without(chains: Chains, long: np.ndarray, source: ChainSource) -> Chains:
    if source.on_long == "error":
        raise InputError(
            "a chain longer than is read",
            file=chains.ids.file,
            where=chains.place(int(long[0])),
            found=f"{len(chains.sequences[long[0]])} residues ({len(long):,} such chains)",
            expected=f"at most {source.longest}",
            hint="data.on_long=skip leaves them out; data.longest and context are the limits",
        )
    if len(long) == len(chains):
        raise InputError(
            "no chain is left",
            file=chains.ids.file,
            found=f"{len(long):,}, all of more than {source.longest} residues",
        )
    return chains.take(np.setdiff1d(np.arange(len(chains)), long))
