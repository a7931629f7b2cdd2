"""The loci of T and B cell receptors, which stand in `loci.yaml`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from distrib.data.vdj.parameter_groups import Group
from distrib.errors import InputError, nearest

_FILE = Path(__file__).with_name("loci.yaml")


@dataclass(frozen=True)
class Locus:
    """One locus.

    Attributes:
        chain: "TRA", "IGH" and so on, which its genes' names begin with. d: whether it has D genes.
        pattern: what its genes' names begin with. tables: other names of the chain.
        max_insertions: the most bases between V and J, None for any number.
    """

    chain: str
    d: bool
    pattern: str
    tables: tuple[str, ...]
    max_insertions: int | None

    def holds(self, gene: str) -> bool:
        """Whether a gene of this name belongs to it."""
        return re.match(self.pattern, gene) is not None


@cache
def loci() -> dict[str, Locus]:
    """Every locus by its chain."""
    content = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return {
        chain: Locus(
            chain,
            keys["d"],
            keys.get("genes", chain),
            tuple(keys["tables"]),
            keys.get("max_insertions"),
        )
        for chain, keys in content.items()
    }


def find_locus(chain: str) -> Locus:
    """The locus of a chain, in any case.

    Raises:
        InputError: there is none.
    """
    known = loci()
    if chain.upper() not in known:
        raise InputError(
            "unknown chain",
            where="--chain",
            found=chain,
            expected="one of " + ", ".join(known),
            hint=nearest(chain.upper(), known),
        )
    return known[chain.upper()]


def check_group(group: Group, locus: Locus) -> None:
    """Raise InputError where a locus has no such junction."""
    if group.has_d and not locus.d:
        problem, others = "this chain has no D genes", [c for c, x in loci().items() if x.d]
    elif group.junction == "vj" and locus.d:
        problem, others = (
            "this chain joins V and J with a D gene in between",
            [c for c, x in loci().items() if not x.d],
        )
    else:
        return
    raise InputError(
        problem, where=f"--chain {locus.chain} --group {group.name}",
        expected=f"for this group one of {', '.join(others)}",
    )  # fmt: skip
