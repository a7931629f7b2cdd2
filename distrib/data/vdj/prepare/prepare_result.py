"""From the counts of many files to one prepared repertoire, and the account of its rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from distrib.data.vdj.germline.parameter_groups import find_group
from distrib.data.vdj.prepare.prepare import condensed
from distrib.data.vdj.prepare.prepare_recipe import Recipe
from distrib.data.vdj.prepare.prepare_sieve import (
    ASSUMED,
    DROPPED,
    KEPT,
    NAMED,
    NO_FRAME,
    READ,
    TOLD,
)
from distrib.data.vdj.prepare.prepared import Prepared
from distrib.errors import InputError

_SHOWN = 10  # names of genes in a note
_ANCHORS = (
    "reading frames come from a germline table (TSV, CSV) with the columns gene, sequence and "
    "anchor, the position from 0 of the codon of Cys (V) or of Phe or Trp (J); those of V genes "
    "also from the gaps of IMGT's FASTA"
)


@dataclass(frozen=True)
class Account:
    """Rows of all files: those read are those kept and those dropped.

    Attributes:
        dropped: by reason, the most frequent first. named: rows by the unknown or ambiguous name
            of a gene. assumed: rows by how an allele was chosen. told: rows by how a file was
            understood.
    """

    read: int
    kept: int
    dropped: dict[str, int]
    named: dict[str, int]
    assumed: dict[str, int]
    told: dict[str, int]

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> Account:
        """From the counts of `count_rearrangements`, added up over files."""

        def part(what: str) -> dict[str, int]:
            begins = f"{what}: "
            found = {key.removeprefix(begins): rows for key, rows in counts.items()
                     if key.startswith(begins)}  # fmt: skip
            return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))

        return cls(
            counts.get(READ, 0),
            counts.get(KEPT, 0),
            part(DROPPED),
            part(NAMED),
            part(ASSUMED),
            part(TOLD),
        )

    def lines(self) -> list[str]:
        """For people: what was kept and dropped, right-aligned."""
        width = len(f"{self.read:,}")
        rows = [(self.read, "rows read"), (self.kept, "kept")]
        rows += [(count, f"dropped: {why}") for why, count in self.dropped.items()]
        return [f"{count:>{width},}  {what}" for count, what in rows]


def finish(
    recipe: Recipe,
    tables: Iterable[pa.Table],
    counts: Mapping[str, int],
    origin: Mapping[str, Any],
    notes: Sequence[str],
) -> tuple[Prepared, Account]:
    """Add up the counts of all files.

    Args:
        tables, counts: what `count_rearrangements` gave. origin: of the files, for the record.
        notes: of the germline.

    Raises:
        InputError: no row was kept; nobody has one.
    """
    account = Account.of(counts)
    group = find_group(recipe.group)
    if not account.kept:
        missing = "nonproductive" if "productive" in account.dropped else "productive"
        problem = "no row is left"
        if set(account.dropped) == {"productive"} or set(account.dropped) == {"nonproductive"}:
            problem = f"no {missing} rearrangement"
        raise InputError(
            problem,
            found="\n            ".join(
                [*account.lines(), *(f"note: {note}" for note in [*notes, *_told(account)])]
            ),
            expected=f"rearrangements of {recipe.locus.chain} for {group.name}",
            hint=_ANCHORS if NO_FRAME in account.dropped else None,
        )
    table = condensed(pd.concat([part.to_pandas() for part in tables], ignore_index=True))
    values = table["count"].to_numpy()
    if np.array_equal(values, np.round(values)):
        table["count"] = np.round(values).astype(np.int64)
    named = {name for column in group.genes for name in table[column].unique()}
    genes = {name: gene for name, gene in recipe.genes.items() if name in named}
    rows = {"read": account.read, "kept": account.kept, "dropped": account.dropped}
    prepared = Prepared(
        chain=recipe.locus.chain,
        group=group,
        trims=recipe.trims,
        genes=genes,
        counts=table,
        origin={**origin, "rows": rows, "named": account.named},
        notes=(*notes, *_notes(account, table)),
    )
    return prepared, account


def _told(account: Account) -> list[str]:
    return [f"{_rows(rows)}: {how}" for how, rows in account.told.items()]


def _rows(number: int) -> str:
    return f"{number:,} {'row' if number == 1 else 'rows'}"


def _notes(account: Account, table: pd.DataFrame) -> list[str]:
    notes = []
    for kind in sorted({name.split(": ")[0] for name in account.named}):
        names = {n.removeprefix(f"{kind}: "): rows for n, rows in account.named.items()
                 if n.startswith(f"{kind}: ")}  # fmt: skip
        shown = ", ".join(f"{name} ({rows:,})" for name, rows in list(names.items())[:_SHOWN])
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        notes.append(f"{_rows(sum(names.values()))} left out for an {kind}: {shown}{more}")
    notes += _told(account)
    for how, rows in account.assumed.items():
        chosen = "the first that is named" if how.endswith("alleles") else "the germline's first"
        notes.append(f"{_rows(rows)}, {how}: {chosen} was taken")
    if NO_FRAME in account.dropped:
        notes.append(f"{_rows(account.dropped[NO_FRAME])} left out for {NO_FRAME}: {_ANCHORS}")
    if (table["subject"] == table["subject"].iloc[0]).all():
        notes.append(f"one subject only ({table['subject'].iloc[0]}): what varies between people "
                     "cannot be told from it")  # fmt: skip
    return notes
