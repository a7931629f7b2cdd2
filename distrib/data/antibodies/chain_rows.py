"""Chains as arrays that a network is trained on: tokens, kinds of residues, germline."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from distrib.data.antibodies.alphabet import FIRST_LETTER, PAD, UNK, encode
from distrib.data.antibodies.chains import Chains
from distrib.data.antibodies.recombine import ragged
from distrib.data.antibodies.regions import (
    KINDS,
    REGIONS,
    Chain,
    bounds_by_columns,
    find_bounds,
    kinds_of,
)
from distrib.data.antibodies.split import groups_and_split
from distrib.data.files.tables import as_text

GERMLINE_COLUMNS = ("germline_alignment_aa_{}", "germline_alignment_aa", "germline_aa", "germline")

GERMLINE, MUTATED, NO_GERMLINE = range(3)
"""What a residue is beside its germline; that of inserted bases is not known."""
STATES = ("germline", "mutated")
IGNORED = -100
"""A target that is none, as `transformers` marks it: padding, a residue that is not known."""
NUM_KINDS, NUM_STATES = len(KINDS) + 1, len(STATES) + 1
NUM_CELLS = NUM_KINDS * NUM_STATES
"""Kinds of residues by what they are beside their germline, the last of each not known."""


@dataclass(frozen=True)
class ChainRows:
    """Chains in a row.

    Attributes:
        tokens: (residues,) uint8 of `alphabet.VOCABULARY`, without special tokens.
        offsets: (rows + 1,) int64: row i has the residues from `offsets[i]` to `offsets[i + 1]`.
        kinds: (residues,) uint8 of `regions.KINDS`, or untold.
        germline: (residues,) uint8 tokens of the germline, PAD where it is not known.
        ids: (rows,) str. groups: (rows,) int64, never parted: clusters, else equal sequences.
        split: (rows,) str, what the data's own column says, or None.
        notes: what was assumed or left out, a line each.
        simulated: whether no laboratory has seen them.
    """

    tokens: np.ndarray
    offsets: np.ndarray
    kinds: np.ndarray
    germline: np.ndarray
    ids: np.ndarray
    groups: np.ndarray
    split: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    simulated: bool = False

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def lengths(self) -> np.ndarray:
        """(rows,) int64, residues."""
        return np.diff(self.offsets)

    def take(self, rows: np.ndarray) -> ChainRows:
        """The part with these rows, in their order."""
        lengths = self.lengths[rows]
        residues = ragged(self.offsets[rows], lengths)
        return replace(
            self,
            tokens=self.tokens[residues],
            offsets=np.r_[0, np.cumsum(lengths)],
            kinds=self.kinds[residues],
            germline=self.germline[residues],
            ids=self.ids[rows],
            groups=self.groups[rows],
            split=None if self.split is None else self.split[rows],
        )

    def states(self) -> np.ndarray:
        """(residues,) uint8: germline, mutated, or without known germline."""
        same = np.where(self.germline == self.tokens, GERMLINE, MUTATED)
        return np.where(self.germline == PAD, NO_GERMLINE, same).astype(np.uint8)

    def describe(self) -> dict[str, Any]:
        """Sizes, what was told of the residues, and a fingerprint of the content."""
        content = hashlib.sha256()
        for array in (self.tokens, self.offsets, self.kinds, self.germline, self.groups):
            content.update(np.ascontiguousarray(array).tobytes())
        for texts in (self.ids, self.split):
            content.update("\n".join([] if texts is None else texts.tolist()).encode())
        counts = np.bincount(self.kinds, minlength=len(KINDS) + 1).tolist()
        known = np.bincount(self.states(), minlength=3).tolist()
        return {
            "rows": len(self),
            "residues": len(self.tokens),
            "groups": len(np.unique(self.groups)),
            "longest": int(self.lengths.max(initial=0)),
            "regions": dict(zip((*KINDS, "untold"), counts)),
            "germline": dict(zip((*STATES, "unknown"), known)),
            "simulated": self.simulated,
            "notes": list(self.notes),
            "fingerprint": content.hexdigest(),
        }


def rows_of(chains: Chains, chain: Chain, *, simulated: bool = False) -> ChainRows:
    """Arrays of chains, with whatever their columns tell.

    Regions come of columns such as `cdr1_aa`, `fwr2_aa` (AIRR's names, also with `_heavy` or
    `_light` behind), else of conserved residues; the germline of `germline_alignment_aa`, of rows
    where it is as long as the sequence; `cluster` and `split` of columns of these names.

    Raises:
        InputError: a word in `split` that is none, or a cluster in two parts.
    """
    notes = chains.notes()
    tokens, at = encode(chains.sequences)
    bounds = _bounds(chains, chain)
    kinds = kinds_of(bounds, np.diff(at))
    untold = int((bounds[:, 5] < 0).sum())
    if untold:
        notes.append(f"the CDR3 of {untold:,} of {len(chains):,} chains cannot be told")
    groups, split = groups_and_split(chains.columns, chains.sequences, chains.ids)
    return ChainRows(
        tokens,
        at,
        kinds,
        _germline(chains, chain, tokens, at, notes),
        chains.ids.values,
        groups,
        split,
        tuple(notes),
        simulated,
    )


def _column(chains: Chains, names: Sequence[str]) -> list[str] | None:
    for name in names:
        if name in chains.columns:
            return [as_text(cell).upper() for cell in chains.columns[name].tolist()]
    return None


def _bounds(chains: Chains, chain: Chain) -> np.ndarray:
    columns: dict[str, list[str]] = {}
    for region in REGIONS:
        words = {region, region.replace("fr", "fwr")}
        forms = ("{}_aa_" + chain, "{}_" + chain, "{}_aa", "{}")
        names = [form.format(word) for word in sorted(words) for form in forms]
        if found := _column(chains, names):
            columns[region] = found
    rows = []
    for row, sequence in enumerate(chains.sequences):
        found_by_residues = find_bounds(sequence, chain)
        if columns:
            told = bounds_by_columns(sequence, {name: c[row] for name, c in columns.items()})
            # A column that says nothing leaves what the residues say, where the two agree.
            agree = all(a == b for a, b in zip(told, found_by_residues) if min(a, b) >= 0)
            rows.append(
                [max(a, b) for a, b in zip(told, found_by_residues)] if agree else list(told)
            )
        else:
            rows.append(list(found_by_residues))
    return np.array(rows, dtype=np.int16).reshape(-1, len(REGIONS) + 1)


def _germline(
    chains: Chains, chain: Chain, tokens: np.ndarray, at: np.ndarray, notes: list[str]
) -> np.ndarray:
    germline = np.full(len(tokens), PAD, dtype=np.uint8)
    texts = _column(chains, [name.format(chain) for name in GERMLINE_COLUMNS])
    if texts is None:
        return germline
    lengths = np.diff(at)
    fits = np.array([len(text) for text in texts]) == lengths
    known, _ = encode([text if fit else "X" * n for text, fit, n in zip(texts, fits, lengths)])
    germline = np.where((known >= FIRST_LETTER) & (tokens != UNK), known, PAD).astype(np.uint8)
    wrong = ~fits & np.array([bool(text) for text in texts])  # an empty one is not known
    if wrong.any():
        notes.append(
            f"the germline of {int(wrong.sum()):,} of {len(fits):,} chains is not as long as "
            "they are, and was left out"
        )
    return germline


def simulated_rows(num: int, mutation_rate: float, chain: Chain = "heavy") -> ChainRows:
    """Chains drawn from OLGA's tables, light ones half kappa and half lambda.

    Raises:
        InputError: as `simulate.simulate_chains`.
    """
    from distrib.data.antibodies.chains import from_table
    from distrib.data.antibodies.simulate import HEAVY, LIGHT, simulate_chains

    loci = (HEAVY,) if chain == "heavy" else LIGHT
    frames = [
        simulate_chains(
            num // len(loci) + (k < num % len(loci)),
            locus,
            mutation_rate=mutation_rate,
            distinct=chain == "light",
        ).frame()
        for k, locus in enumerate(loci)
    ]
    frame = pd.concat(frames, ignore_index=True)
    rows = rows_of(from_table(frame, Path("simulated"), chain), chain, simulated=True)
    origin = (
        f"simulated from OLGA's {' and '.join(loci)} tables, {mutation_rate:.0%} of bases mutated"
    )
    return replace(rows, notes=(f"{origin}: no real data", *rows.notes))
