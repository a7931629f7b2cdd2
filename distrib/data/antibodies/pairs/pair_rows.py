"""Pairs as arrays that a network is trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from distrib.data.antibodies.alphabet import decode
from distrib.data.antibodies.chain_rows import ChainRows, rows_of
from distrib.data.antibodies.germlines import NearestV, nearest_v
from distrib.data.antibodies.pairs.reading import Pairs
from distrib.data.antibodies.pairs.simulate import simulate_pairs
from distrib.data.antibodies.simulate import HEAVY
from distrib.errors import InputError

_SURE = 0.3
"""The share of a germline's words from which on a chain is taken to be of its kind."""


@dataclass(frozen=True)
class PairRows:
    """A pair a row.

    Attributes:
        heavy, light: the chains; ids, groups and split are those of `light`.
        genes: (rows,) str, the V gene that the light chain is nearest to.
    """

    heavy: ChainRows
    light: ChainRows
    genes: np.ndarray

    def __len__(self) -> int:
        return len(self.light)

    @property
    def ids(self) -> np.ndarray:
        return self.light.ids

    @property
    def groups(self) -> np.ndarray:
        return self.light.groups

    @property
    def split(self) -> np.ndarray | None:
        return self.light.split

    @property
    def notes(self) -> tuple[str, ...]:
        return self.light.notes

    @property
    def simulated(self) -> bool:
        return self.light.simulated

    def take(self, rows: np.ndarray) -> PairRows:
        """The part with these rows, in their order."""
        return PairRows(self.heavy.take(rows), self.light.take(rows), self.genes[rows])

    def with_heavy(self, rows: np.ndarray) -> PairRows:
        """The same light chains beside the heavy chains of other rows."""
        return replace(self, heavy=self.heavy.take(rows))

    def describe(self) -> dict[str, Any]:
        """Sizes, and a fingerprint of the content."""
        heavy, light = self.heavy.describe(), self.light.describe()
        both = f"{heavy['fingerprint']} {light['fingerprint']}"
        kappa = sum(gene.startswith("IGK") for gene in self.genes.tolist())
        return {
            "pairs": len(self),
            "groups": light["groups"],
            "longest": {"heavy": heavy["longest"], "light": light["longest"]},
            "kappa": kappa,
            "lambda": len(self) - kappa,
            "simulated": self.simulated,
            "notes": list(self.notes),
            "fingerprint": hashlib.sha256(both.encode()).hexdigest(),
        }


def texts_of(rows: ChainRows) -> list[str]:
    """The sequences, unknown residues as X."""
    return [decode(rows.tokens[a:b]) for a, b in pairwise(rows.offsets.tolist())]


def pair_rows(pairs: Pairs, *, simulated: bool = False) -> PairRows:
    """Arrays of pairs, none of which is exchanged.

    Pairs of one `cluster` are never parted; without such a column those of equal light chains.

    Raises:
        InputError: as `chain_rows.rows_of` and `refuse_exchanged`; OLGA is not installed.
    """
    told = [nearest_v(chains.sequences) for chains in (pairs.heavy, pairs.light)]
    refuse_exchanged(pairs, *told)
    heavy = rows_of(pairs.heavy, "heavy", simulated=simulated)
    light = rows_of(pairs.light, "light", simulated=simulated)
    notes = dict.fromkeys((*(f"heavy chains: {n}" for n in heavy.notes), *light.notes))
    return PairRows(heavy, replace(light, notes=tuple(notes)), told[1].genes)


def refuse_exchanged(pairs: Pairs, heavy: NearestV, light: NearestV) -> None:
    """Raise where a chain is of the other kind by the germline gene that it is nearest to.

    Args:
        heavy, light: of the chains that are said to be so.
    """
    no_heavy = (heavy.light > heavy.heavy) & (heavy.light > _SURE)
    no_light = (light.heavy > light.light) & (light.heavy > _SURE)
    for row in np.flatnonzero(no_heavy | no_light)[:1].tolist():
        both = bool(no_heavy[row] and no_light[row])
        which, found = ("heavy", heavy) if no_heavy[row] else ("light", light)
        chains = pairs.heavy if no_heavy[row] else pairs.light
        raise InputError(
            "heavy and light chain are exchanged"
            if both
            else f"a {'light' if which == 'heavy' else 'heavy'} chain where the {which} should be",
            file=chains.ids.file,
            where=chains.place(row),
            found=f"as {which} chain one that is nearest to {found.genes[row]} "
            f"({int((no_heavy | no_light).sum()):,} such pairs of {len(pairs):,})",
            expected=f"nearest to a gene of {HEAVY if which == 'heavy' else 'IGK or IGL'}",
        )


def refuse_light(sequences: Sequence[str], names: Sequence[str], file: Path) -> None:
    """Raise where a chain that should be heavy is a light one."""
    found = nearest_v(sequences)
    for row in np.flatnonzero((found.light > found.heavy) & (found.light > _SURE))[:1].tolist():
        raise InputError(
            "a light chain where the heavy should be",
            file=file,
            where=names[row],
            found=f"nearest to {found.genes[row]}",
            expected=f"nearest to a gene of {HEAVY}",
        )


def simulated_pairs(num: int, *, rule: bool, mutation_rate: float) -> PairRows:
    """Pairs of `simulate.simulate_pairs`."""
    from distrib.data.antibodies.chains import from_table

    frame = simulate_pairs(num, rule=rule, mutation_rate=mutation_rate)
    file = Path("simulated")
    pairs = Pairs(from_table(frame, file, "heavy"), from_table(frame, file, "light"))
    rows = pair_rows(pairs, simulated=True)
    how = (
        "light chains follow the heavy V family by a planted rule"
        if rule
        else "paired at random: there is nothing to learn from a heavy chain"
    )
    origin = (
        f"simulated from OLGA's IGH, IGK and IGL tables, {mutation_rate:.0%} of bases mutated, "
        f"{how}: no real data"
    )
    return replace(rows, light=replace(rows.light, notes=(origin, *rows.light.notes)))
