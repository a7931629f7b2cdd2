"""Names of V, D and J genes as programs write them, and the germline genes that they mean.

Adaptive's names differ from IMGT's by rule: `TCRBV05-02*01` is TRBV5-2*01, `TCRAV14-01` is
TRAV14/DV4, `TCRBV20-or09_02` is TRBV20/OR9-2, and `TCRBV06-02/06-03` is a tie.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from distrib.data.vdj.germline.loci import Locus

# What programs write where they name no gene, in lower case.
NO_CALL = frozenset(
    ("", "-", "na", "nan", "n/a", "no data", "no_data", "none", "null", "unknown", "unresolved")
)

_CALL = re.compile(
    r"(?:TCR|TR|(?=IG))(?P<locus>IG[A-Z]|[A-Z])(?P<gene>[VDJ][^\s,;*]*?)"
    r"(?:\([\d.]+\))?(?:\*(?P<allele>\d+)\S*)?(?=$|[\s,;])"
)
_BETWEEN_CALLS = re.compile(r"[,;]|\s+or\s+", re.IGNORECASE)
_ORPHON = re.compile(r"-or(\d+)_(\d+)", re.IGNORECASE)
_SLASH_TIE = re.compile(r"([VDJ])(\d+-\d+)/(\d+-\d+)")
_LEADING_ZEROS = re.compile(r"(?<![0-9])0+(?=[0-9])")


@dataclass(frozen=True)
class Call:
    """What a name means.

    Attributes:
        gene: the germline gene, empty where there is a problem.
        problem: "", "no gene", "another chain", "ambiguous" or "unknown".
        assumed: how an allele was chosen among those of one gene: "", "no allele named" (the first
            of the germline) or "tie of alleles" (the first named).
    """

    gene: str = ""
    problem: str = ""
    assumed: str = ""


def imgt_names(name: str) -> list[tuple[str, str]]:
    """(gene, allele or "") of every gene that a cell names, as IMGT writes them."""
    names = []
    for part in _BETWEEN_CALLS.split(name):
        match = _CALL.search(part.strip())
        if match is None:
            continue
        locus = match["locus"]
        locus = locus if locus.startswith("IG") else f"TR{locus}"
        gene = _ORPHON.sub(lambda m: f"/OR{int(m[1])}-{int(m[2])}", match["gene"])
        gene = _LEADING_ZEROS.sub("", gene)
        number = int(match["allele"] or 0)
        allele = f"{number:02d}" if number else ""  # MiXCR's *00 names none
        if tie := _SLASH_TIE.fullmatch(gene):
            names += [(f"{locus}{tie[1]}{tie[2]}", allele), (f"{locus}{tie[1]}{tie[3]}", allele)]
        else:
            names.append((f"{locus}{gene}", allele))
    return names


class GeneNames:
    """Finds the germline genes of one segment.

    Args:
        germline: the names of its alleles. locus: to which they belong.
        added: names of alleles that are looked at only where a name means none of those: what
            meant one gene without them still does.
    """

    def __init__(self, germline: Iterable[str], locus: Locus, added: Iterable[str] = ()) -> None:
        germline, added = list(germline), list(added)
        self._locus = locus
        self._all = GeneNames([*germline, *added], locus) if added else None
        self._alleles: dict[str, list[str]] = {}
        for name in germline:
            self._alleles.setdefault(name.split("*")[0], []).append(name)
        self._alias: dict[str, set[str]] = {}
        for gene in self._alleles:
            for alias in _aliases(gene):
                self._alias.setdefault(alias, set()).add(gene)
        self._known: dict[str, Call] = {}

    def find(self, name: str) -> Call:
        """What a cell of a table means."""
        if name not in self._known:
            call = self._find(name)
            if call.problem == "unknown" and self._all is not None:
                call = self._all.find(name)
            self._known[name] = call
        return self._known[name]

    def _find(self, name: str) -> Call:
        if name.strip().lower() in NO_CALL:
            return Call(problem="no gene")
        named = imgt_names(name)
        found = [(genes, allele) for gene, allele in named if (genes := self._genes(gene))]
        if not found:
            foreign = named and not any(self._locus.holds(gene) for gene, _ in named)
            return Call(problem="another chain" if foreign else "unknown")
        genes = {gene for several, _ in found for gene in several}
        if len(genes) > 1 or len(found) < len(named):
            return Call(problem="ambiguous")
        alleles = self._alleles[genes.pop()]
        gene, wanted = alleles[0].split("*")[0], [allele for _, allele in found if allele]
        if not wanted:
            first = min(alleles)
            return Call(first, assumed="no allele named" if len(alleles) > 1 else "")
        first = f"{gene}*{wanted[0]}"
        if first not in alleles:
            return Call(problem="unknown")
        return Call(first, assumed="tie of alleles" if len(set(wanted)) > 1 else "")

    def _genes(self, gene: str) -> set[str]:
        """The genes that a name without allele may mean; several where it names a family."""
        for word in (gene, gene.removesuffix("-1")):
            if word in self._alleles:
                return {word}
            if word in self._alias:
                return self._alias[word]
        family = gene.removesuffix("-X")
        return {name for name in self._alleles if re.split(r"[-/]", name)[0] == family}


def _aliases(gene: str) -> list[str]:
    """Other ways to write `TRAV14/DV4`: without its second name, or without the slash."""
    first, slash, second = gene.partition("/DV")
    return [first, f"{first}DV{second}", f"{first}-DV{second}"] if slash else []
