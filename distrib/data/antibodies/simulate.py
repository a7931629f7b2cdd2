"""Antibody chains drawn from OLGA's tables of recombination, and mutated at a stated rate.

They are simulated: no germinal centre chose them. Germline V and J genes are whole, so that every
chain is a full variable domain, in frame, without stop codon.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pandas as pd

from distrib.data.antibodies.alphabet import UNKNOWN
from distrib.data.antibodies.recombine import (
    Junctions,
    Pool,
    Recombiner,
    ragged,
    recombiner,
    translate,
)
from distrib.data.antibodies.regions import REGIONS, Chain, find_bounds
from distrib.errors import InputError

HEAVY, LIGHT = "IGH", ("IGK", "IGL")

_SHARE = {HEAVY: 0.19, "IGK": 0.28, "IGL": 0.28}  # of draws that are whole, about
_ROUNDS = 50


@dataclass(frozen=True)
class SimulatedChains:
    """Chains with what is known of them.

    Attributes:
        locus: IGH, IGK or IGL.
        sequences: amino acids of whole variable domains.
        germline: of the same lengths: the residue before mutation, X where a base of its codon was
            inserted or is a P-nucleotide.
        v_genes, d_genes, j_genes: (rows,) str IMGT alleles; d empty in light chains.
        bounds: (rows, 8) int16 where each of `regions.REGIONS` begins, and the end; those of V are
            -1 where its germline does not tell them.
        drawn: how many recombinations were drawn for them. seed: of the draw, part of the ids.
    """

    locus: str
    sequences: list[str]
    germline: list[str]
    v_genes: np.ndarray
    d_genes: np.ndarray
    j_genes: np.ndarray
    bounds: np.ndarray
    drawn: int
    seed: int = 0

    def __len__(self) -> int:
        return len(self.sequences)

    def take(self, rows: np.ndarray) -> SimulatedChains:
        """The part with these rows, in their order."""
        return replace(
            self,
            sequences=[self.sequences[i] for i in rows],
            germline=[self.germline[i] for i in rows],
            v_genes=self.v_genes[rows],
            d_genes=self.d_genes[rows],
            j_genes=self.j_genes[rows],
            bounds=self.bounds[rows],
        )

    def frame(self) -> pd.DataFrame:
        """A row per chain with the columns of AIRR's rearrangement schema.

        `sequence_id`, `locus`, `v_call`, `d_call`, `j_call`, `sequence_alignment_aa`,
        `germline_alignment_aa`, and `fwr1_aa` to `fwr4_aa` (`cdr3_aa` without its anchors).
        """
        columns: dict[str, object] = {
            "sequence_id": [
                f"simulated_{self.locus}_{self.seed}_{i}" for i in range(1, len(self) + 1)
            ],
            "locus": self.locus,
            "v_call": self.v_genes,
            "d_call": self.d_genes,
            "j_call": self.j_genes,
            "sequence_alignment_aa": self.sequences,
            "germline_alignment_aa": self.germline,
        }
        bounds = self.bounds.tolist()
        for number, region in enumerate(REGIONS):
            columns[f"{region.replace('fr', 'fwr')}_aa"] = [
                s[row[number] : row[number + 1]] if min(row[number], row[number + 1]) >= 0 else ""
                for s, row in zip(self.sequences, bounds)
            ]
        return pd.DataFrame(columns)


def simulate_chains(
    num: int,
    locus: str = HEAVY,
    *,
    mutation_rate: float = 0.05,
    distinct: bool = False,
    species: str = "human",
    seed: int = 0,
) -> SimulatedChains:
    """Draw whole chains.

    Each base is substituted with probability `mutation_rate`, by one of the other three alike.
    Codons that would become a stop, and those of the conserved residues (Cys 23, Trp 41, Cys 104,
    Trp or Phe 118), are left as they were, so that the rate in the result is a little lower.

    Args:
        num: of chains. locus: IGH, IGK or IGL.
        distinct: leave out chains whose amino acids were drawn before (light chains repeat).
        species: human or mouse.

    Raises:
        InputError: numbers that cannot be, no model of this chain, OLGA missing, or fewer distinct
            chains than asked for.
    """
    if locus not in (HEAVY, *LIGHT):
        raise InputError("not a chain of antibodies", where="locus", found=locus,
                         expected="IGH, IGK or IGL")  # fmt: skip
    if num < 1 or not 0 <= mutation_rate < 1:
        raise InputError("chains that cannot be simulated", where="num, mutation_rate",
                         found=f"{num}, {mutation_rate}",
                         expected="1 or more; 0 to below 1")  # fmt: skip
    rng = np.random.default_rng((seed, (HEAVY, *LIGHT).index(locus)))
    model = recombiner(locus, species)
    parts: list[SimulatedChains] = []
    have, drawn = 0, 0
    seen: set[str] = set()
    for _ in range(_ROUNDS):
        size = int(1.1 * (num - have) / _SHARE[locus]) + 200
        part = _mutated(model, model.draw(size, rng), locus, mutation_rate, rng)
        drawn += size
        if distinct:
            part = part.take(_first_times(part.sequences, seen))
        parts.append(part)
        have += len(part)
        if have >= num:
            return replace(_joined(parts).take(np.arange(num)), drawn=drawn, seed=seed)
    raise InputError(
        "there are not so many different chains",
        found=f"{have:,} after {drawn:,} draws",
        expected=f"{num:,}",
        hint="a higher mutation rate makes more",
    )


def _first_times(sequences: list[str], seen: set[str]) -> np.ndarray:
    """Places of those not seen before, which are then."""
    rows = []
    for place, sequence in enumerate(sequences):
        if sequence not in seen:
            seen.add(sequence)
            rows.append(place)
    return np.array(rows, dtype=np.int64)


def _joined(parts: list[SimulatedChains]) -> SimulatedChains:
    return replace(
        parts[0],
        sequences=[s for part in parts for s in part.sequences],
        germline=[s for part in parts for s in part.germline],
        v_genes=np.concatenate([part.v_genes for part in parts]),
        d_genes=np.concatenate([part.d_genes for part in parts]),
        j_genes=np.concatenate([part.j_genes for part in parts]),
        bounds=np.concatenate([part.bounds for part in parts]),
    )


@dataclass(frozen=True)
class _Ends:
    """What a model's V genes are before the anchor, its J genes behind it, and the regions of V.

    Attributes:
        bounds: (genes, 5) int16 of V: where framework 1 to framework 3 begin, -1 where untold.
        trp: (genes,) int64 place of Trp 41, and cys: of Cys 23; -1 where untold.
    """

    heads: Pool
    tails: Pool
    bounds: np.ndarray
    cys: np.ndarray
    trp: np.ndarray


def heads_of(model: Recombiner) -> Pool:
    """Bases of each V gene before its anchor's codon, none where it is no part of a chain."""
    return Pool.of([model.head(i) if model.whole_v[i] else "" for i in range(len(model.v))])


@cache
def _ends(model: Recombiner, locus: str) -> _Ends:
    chain: Chain = "heavy" if locus == HEAVY else "light"
    tails = [model.tail(i) if model.whole_j[i] else "" for i in range(len(model.j))]
    pool = heads_of(model)
    letters = translate(pool.codes).tobytes().decode()
    bounds = []
    for first, length in zip((pool.first // 3).tolist(), (pool.lengths // 3).tolist()):
        # Any CDR3 and framework 4 stand for what recombination will put there.
        bounds.append(find_bounds(letters[first : first + length] + "CARDYWGQGTLVTVSS", chain)[:5])
    table = np.array(bounds, dtype=np.int16)
    cys = np.where(table[:, 1] >= 0, table[:, 1] - 4, -1)
    trp = np.where(table[:, 2] >= 0, table[:, 2] + 2, -1)
    return _Ends(pool, Pool.of(tails), table, cys, trp)


def _mutated(
    model: Recombiner, junctions: Junctions, locus: str, rate: float, rng: np.random.Generator
) -> SimulatedChains:
    ends = _ends(model, locus)
    v, j = junctions.v, junctions.j
    head, tail = ends.heads.lengths[v], ends.tails.lengths[j]
    total = head + junctions.lengths + tail
    first = np.cumsum(total) - total
    codes = np.empty(int(total.sum()), dtype=np.uint8)
    codes[ragged(first, head)] = ends.heads.codes[ragged(ends.heads.first[v], head)]
    middle = ragged(first + head, junctions.lengths)
    codes[middle] = junctions.codes
    codes[ragged(first + head + junctions.lengths, tail)] = ends.tails.codes[
        ragged(ends.tails.first[j], tail)
    ]
    templated = np.ones(len(codes), dtype=bool)
    templated[middle] = junctions.templated

    before = translate(codes)
    letters = before
    if rate:
        hit = rng.random(len(codes), dtype=np.float32) < rate
        codes[hit] = (codes[hit] + rng.integers(1, 4, int(hit.sum()), dtype=np.uint8)) % 4
        letters = translate(codes)
        starts = first // 3
        cdr3 = starts + head // 3
        fixed = [cdr3, cdr3 + junctions.lengths // 3 - 1]
        fixed += [(starts + at[v])[at[v] >= 0] for at in (ends.cys, ends.trp)]
        back = letters == ord("*")
        back[np.concatenate(fixed)] = True
        letters = np.where(back, before, letters)
    known = templated.reshape(-1, 3).all(axis=1)
    germline = np.where(known, before, ord(UNKNOWN)).astype(np.uint8)

    begin = head // 3
    end = begin + junctions.lengths // 3
    bounds = np.empty((len(v), 8), dtype=np.int16)
    bounds[:, :5] = ends.bounds[v]
    bounds[:, 5], bounds[:, 6], bounds[:, 7] = begin + 1, end - 1, total // 3
    return SimulatedChains(
        locus,
        _cut(letters, total // 3),
        _cut(germline, total // 3),
        _names(model.v)[v],
        _names(model.d)[junctions.d] if model.d else np.full(len(v), "", dtype=str),
        _names(model.j)[j],
        bounds,
        junctions.drawn,
    )


def _names(genes: list) -> np.ndarray:
    return np.array([gene.name for gene in genes], dtype=str)


def _cut(letters: np.ndarray, lengths: np.ndarray) -> list[str]:
    text = letters.astype(np.uint8).tobytes().decode()
    ends = np.cumsum(lengths).tolist()
    return [text[begin:end] for begin, end in zip([0, *ends[:-1]], ends)]
