"""The chains that a model is trained on: of the user's files, or simulated."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from distrib.data.antibodies.chain_rows import ChainRows, rows_of, simulated_rows
from distrib.data.antibodies.chains import Chains, read_chains
from distrib.errors import InputError
from distrib.trainables.antibodies.mlm.config import MlmSource


def read_rows(source: MlmSource) -> ChainRows:
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


def _without(chains: Chains, long: np.ndarray, source: MlmSource) -> Chains:
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
