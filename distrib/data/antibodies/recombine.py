"""V(D)J recombination by OLGA's tables, drawn for many chains at once.

Everything is drawn as the tables say: genes, deletions at their ends (negative ones keep
P-nucleotides), numbers of inserted bases, and the bases by a Markov chain that begins in its
stationary distribution (Marcou et al. 2018; Sethna et al. 2019). OLGA itself is not imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from distrib.data.vdj.germline.genetic_code import CODON_LETTERS
from distrib.data.vdj.germline.olga import (
    OlgaGene,
    model_name,
    read_events,
    read_genes,
    reverse_complement,
)

BASES = "ACGT"
_CODE = np.full(256, 255, dtype=np.uint8)
_CODE[np.frombuffer(BASES.encode(), np.uint8)] = np.arange(4)


@dataclass(frozen=True)
class Pool:
    """Sequences of one kind in one array, to be cut out by their places."""

    codes: np.ndarray
    first: np.ndarray
    lengths: np.ndarray

    @staticmethod
    def of(sequences: list[str]) -> Pool:
        codes = _CODE[np.frombuffer("".join(sequences).encode(), np.uint8)]
        lengths = np.fromiter(map(len, sequences), np.int64, len(sequences))
        return Pool(codes, np.cumsum(lengths) - lengths, lengths)


@dataclass(frozen=True)
class Junctions:
    """CDR3s with their anchors, in frame and whole.

    Attributes:
        v, d, j: (rows,) int64, places in the model's genes; d is -1 without D genes.
        lengths: (rows,) int64, in bases, a multiple of 3. codes: all bases in a row, 0 to 3.
        templated: of each base, whether a gene has it (not inserted, no P-nucleotide).
        drawn: how many recombinations were drawn for them.
    """

    v: np.ndarray
    d: np.ndarray
    j: np.ndarray
    lengths: np.ndarray
    codes: np.ndarray
    templated: np.ndarray
    drawn: int


class Recombiner:
    """Draws recombinations of one chain.

    Args:
        chain: IGH, IGK, IGL, or one of T cells. species: human or mouse.

    Attributes:
        v, d, j: the model's genes. whole_v, whole_j: (genes,) bool, which can be part of a chain:
            those with an anchor and without stop codon.

    Raises:
        InputError: no such model, or OLGA is not installed.
    """

    def __init__(self, chain: str, species: str = "human") -> None:
        self.name = model_name(chain, species)
        events = read_events(self.name)
        genes = read_genes(self.name)
        self.v = [gene for gene in genes if gene.segment == "V"]
        self.d = [gene for gene in genes if gene.segment == "D"]
        self.j = [gene for gene in genes if gene.segment == "J"]
        self._cumulative = {name: _cumulate(table) for name, table in events.tables.items()}
        self._deletions = {
            name: np.array([int(value) for (value,) in values])
            for name, values in events.values.items()
            if name.endswith("_del")
        }
        self._palindrome = {
            name: max(0, -int(values.min())) for name, values in self._deletions.items()
        }
        self._tables = events.tables
        p_v, p_j = self._palindrome["v_3_del"], self._palindrome["j_5_del"]
        self._v = Pool.of([g.sequence + reverse_complement(g.sequence[-p_v:]) for g in self.v])
        self._j = Pool.of([reverse_complement(g.sequence[:p_j]) + g.sequence for g in self.j])
        if self.d:
            p_5, p_3 = self._palindrome["d_5_del"], self._palindrome["d_3_del"]
            self._d = Pool.of(
                [
                    reverse_complement(g.sequence[:p_5])
                    + g.sequence
                    + reverse_complement(g.sequence[-p_3:])
                    for g in self.d
                ]
            )
        self._v_length = np.array([len(gene.sequence) for gene in self.v])
        self._d_length = np.array([len(gene.sequence) for gene in self.d])
        self._v_anchor = np.array([_anchor(gene, "C") for gene in self.v])
        self._j_anchor = np.array([_anchor(gene, "FW") for gene in self.j])
        self.whole_v, self.whole_j = self._v_anchor >= 0, self._j_anchor >= 0

    def draw(self, num: int, rng: np.random.Generator) -> Junctions:
        """Draw `num` recombinations; those in frame, with both anchors and without stop are kept.

        Those too are left out whose V or J gene has a stop or no anchor.
        """
        draw = _Draw(self._cumulative, rng, num)
        v = draw.of("v_choice")
        j = draw.of("j_choice", v)
        d = draw.of("d_gene", v, j) if self.d else np.full(num, -1)
        v_trim = self._deletions["v_3_del"][draw.of("v_3_del", v)]
        j_trim = self._deletions["j_5_del"][draw.of("j_5_del", j)]
        v_kept = self._v_length[v] - v_trim - self._v_anchor[v]  # from the anchor on
        j_kept = self._j_anchor[j] + 3 - j_trim  # to the anchor's end
        parts = {"v": v_kept, "j": j_kept}
        if self.d:
            five = draw.of("d_5_del", d)
            three = draw.of("d_3_del", d, five)
            five, three = self._deletions["d_5_del"][five], self._deletions["d_3_del"][three]
            parts |= {
                "vd": draw.of("vd_ins"),
                "d": np.maximum(0, self._d_length[d] - five - three),
                "dj": draw.of("dj_ins"),
            }
        else:
            parts["vj"] = draw.of("vj_ins")
        total = np.sum(list(parts.values()), axis=0)
        whole = self.whole_v[v] & self.whole_j[j] & (v_kept >= 3) & (j_kept >= 3)
        keep = np.flatnonzero(whole & (total % 3 == 0))
        v, d, j, total = v[keep], d[keep], j[keep], total[keep]
        parts = {name: length[keep] for name, length in parts.items()}

        codes = np.empty(int(total.sum()), dtype=np.uint8)
        templated = np.zeros(len(codes), dtype=bool)
        at = np.cumsum(total) - total
        for name in ("v", "vd", "d", "dj", "vj", "j"):
            if name not in parts:
                continue
            length = parts[name]
            places = ragged(at, length)
            if name in ("vd", "dj", "vj"):
                table = self._tables[f"{name}_dinucl"].reshape(4, 4)
                inserted, inner = _markov(table, length, rng)
                if name == "dj":  # drawn from the J side
                    places = ragged(at, length, backwards=True)
                codes[places] = inserted[inner]
            else:
                pool = {"v": self._v, "j": self._j}.get(name) or self._d
                gene = {"v": v, "d": d, "j": j}[name]
                if name == "v":
                    begin, own = self._v_anchor[v], self._v_length[v]
                elif name == "j":
                    begin = self._palindrome["j_5_del"] + j_trim[keep]
                    own = pool.lengths[j]
                else:
                    begin = self._palindrome["d_5_del"] + five[keep]
                    own = self._palindrome["d_5_del"] + self._d_length[d]
                codes[places] = pool.codes[ragged(pool.first[gene] + begin, length)]
                inside = ragged(begin, length)
                lowest = {"v": 0, "j": self._palindrome["j_5_del"]}.get(
                    name, self._palindrome.get("d_5_del", 0)
                )
                templated[places] = (inside >= lowest) & (inside < np.repeat(own, length))
            at = at + length
        letters = translate(codes)
        stop = np.add.reduceat(letters == ord("*"), (np.cumsum(total) - total) // 3) > 0
        rows = np.flatnonzero(~stop)
        bases = ragged((np.cumsum(total) - total)[rows], total[rows])
        return Junctions(
            v[rows], d[rows], j[rows], total[rows], codes[bases], templated[bases], num
        )

    def head(self, v: int) -> str:
        """The bases of a V gene before its anchor, from the first whole codon."""
        gene = self.v[v]
        assert gene.anchor is not None
        return gene.sequence[gene.anchor % 3 : gene.anchor]

    def tail(self, j: int) -> str:
        """The bases of a J gene behind its anchor, to the last whole codon."""
        gene = self.j[j]
        assert gene.anchor is not None
        rest = gene.sequence[gene.anchor + 3 :]
        return rest[: len(rest) // 3 * 3]


@cache
def recombiner(chain: str, species: str = "human") -> Recombiner:
    """The same, read once in a process."""
    return Recombiner(chain, species)


def translate(codes: np.ndarray) -> np.ndarray:
    """(codons,) uint8 letters of (bases,) codes, 0 to 3 as in `BASES`; * is a stop."""
    table = np.frombuffer(CODON_LETTERS.encode(), np.uint8)
    codons = codes.reshape(-1, 3)
    return table[16 * codons[:, 0] + 4 * codons[:, 1] + codons[:, 2]]


def ragged(first: np.ndarray, lengths: np.ndarray, *, backwards: bool = False) -> np.ndarray:
    """(sum of lengths,) the numbers from `first` on, so many for each row, one row after another.

    Backwards, each row begins with its last number.
    """
    before = np.cumsum(lengths) - lengths
    step = np.arange(int(lengths.sum())) - np.repeat(before, lengths)
    if backwards:
        step = np.repeat(lengths - 1, lengths) - step
    return np.repeat(first, lengths) + step


def _anchor(gene: OlgaGene, residues: str) -> int:
    """The place of a gene's anchor; -1 where it cannot be part of a whole chain."""
    if gene.anchor is None:
        return -1
    letters = translate(_CODE[np.frombuffer(gene.sequence.encode(), np.uint8)][gene.anchor :][:3])
    if chr(letters[0]) not in residues:
        return -1
    begin, end = (gene.anchor % 3, gene.anchor) if gene.segment == "V" else (gene.anchor, None)
    part = gene.sequence[begin:end]
    part = part[: len(part) // 3 * 3]
    known = set(part) <= set(BASES)
    rest = translate(_CODE[np.frombuffer(part.encode(), np.uint8)]) if known else letters
    return gene.anchor if known and ord("*") not in rest.tolist() else -1


class _Draw:
    """Draws values of events, given those that they depend on."""

    def __init__(
        self, cumulative: Mapping[str, np.ndarray], rng: np.random.Generator, num: int
    ) -> None:
        self._cumulative, self._rng, self._num = cumulative, rng, num

    def of(self, event: str, *given: np.ndarray) -> np.ndarray:
        """(num,) int64 indices of values."""
        table = self._cumulative[event]
        chance = self._rng.random(self._num)
        if not given:
            return np.searchsorted(table, chance, side="right")
        # Rows of one condition are found by one search: each has its own whole number before it.
        row = np.ravel_multi_index(given, table.shape[:-1])
        flat = (
            table.reshape(-1, table.shape[-1]) + np.arange(table.size // table.shape[-1])[:, None]
        ).ravel()
        return np.searchsorted(flat, row + chance, side="right") - row * table.shape[-1]


def _cumulate(table: np.ndarray) -> np.ndarray:
    """Cumulated probabilities along the last axis, which end at 1 exactly; rows of zeros too."""
    total = table.sum(axis=-1, keepdims=True)
    share = np.divide(table, total, out=np.zeros_like(table), where=total > 0)
    cumulative = np.cumsum(share, axis=-1)
    # What comes after the last possible value is 1: rounding can never draw an impossible one.
    last = np.where(share > 0, np.arange(table.shape[-1]), -1).max(axis=-1, keepdims=True)
    cumulative[np.arange(table.shape[-1]) >= last] = 1.0
    return cumulative


def _markov(
    table: np.ndarray, lengths: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Inserted bases of each row, (rows * most,) uint8, and where those of `lengths` stand in it.

    Args:
        table: (from, to) probabilities.
    """
    table = table / table.sum(axis=1, keepdims=True)
    values, vectors = np.linalg.eig(table.T)
    stationary = np.real(vectors[:, np.argmax(np.real(values))])
    most = max(1, int(lengths.max(initial=0)))
    codes = np.zeros((len(lengths), most), dtype=np.uint8)
    chance = rng.random((len(lengths), most))
    first = np.cumsum(stationary / stationary.sum())[:3]
    following = np.cumsum(table, axis=1)[:, :3]
    for place in range(most):
        edges = first if place == 0 else following[codes[:, place - 1]]
        codes[:, place] = (chance[:, [place]] >= edges).sum(axis=1)
    return codes.ravel(), ragged(np.arange(len(lengths)) * most, lengths)
