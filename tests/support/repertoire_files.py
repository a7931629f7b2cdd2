"""Rearrangements whose truth is known, written as each program writes them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np

from distrib.data.vdj.germline.olga import reverse_complement
from distrib.data.vdj.prepare.prepared import Gene, Segment

SUBJECTS = ("donor_1", "donor_2", "donor_3")
BASES = "ACGT"
_NUMBERS = count()  # of sequences: each has a name of its own


def tiny_germline(chain: str, seed: int = 5) -> dict[str, Gene]:
    """A few made-up genes of a chain, with anchors."""
    rng = np.random.default_rng(seed)
    genes = {}
    sizes: dict[Segment, tuple[tuple[str, ...], int]] = {
        "V": (("5-1*01", "12-3*01", "12-4*01"), 40),
        "D": (("1*01", "2*01"), 16),
        "J": (("1-1*01", "2-7*01"), 44),
    }
    for segment, (numbers, length) in sizes.items():
        if segment == "D" and chain in ("TRA", "TRG", "IGK", "IGL"):
            continue
        for number in numbers:
            sequence = "".join(rng.choice(list(BASES), length))
            anchor = {"V": 27, "D": None, "J": 18}[segment]
            genes[f"{chain}{segment}{number}"] = Gene(
                f"{chain}{segment}{number}", segment, sequence, anchor
            )
    return genes


@dataclass(frozen=True)
class Rearrangement:
    """One recombination event; trims below 0 are P-nucleotides, `n` the bases truly inserted.

    Attributes:
        genes: V, (D,) J. trims: v, (d5, d3,) j. n: of each junction.
    """

    subject: str
    productive: bool
    count: int
    genes: tuple[Gene, ...]
    trims: tuple[int, ...]
    n: tuple[str, ...]

    @property
    def has_d(self) -> bool:
        return len(self.genes) == 3

    def kept(self, i: int) -> str:
        """What is left of a gene's own bases."""
        cut = [0, *(max(t, 0) for t in self.trims), 0]
        sequence = self.genes[i].sequence
        return sequence[cut[2 * i] : len(sequence) - cut[2 * i + 1]]

    def palindrome(self, end: int) -> str:
        """The P-nucleotides of an end, as they stand in the sequence."""
        number = max(-self.trims[end], 0)
        gene = self.genes[(end + 1) // 2].sequence
        if end % 2 == 0:  # the right end of a gene
            return reverse_complement(gene)[:number]
        return reverse_complement(gene)[len(gene) - number :]

    def np(self, junction: int) -> str:
        """All bases between two genes."""
        left, right = self.palindrome(2 * junction), self.palindrome(2 * junction + 1)
        return left + self.n[junction] + right

    @property
    def sequence(self) -> str:
        parts = [self.kept(0)]
        for i in range(len(self.n)):
            parts += [self.np(i), self.kept(i + 1)]
        return "".join(parts)

    def starts(self) -> list[int]:
        """Where each gene begins in the sequence, from 0."""
        places, at = [0], 0
        for i in range(len(self.n)):
            at += len(self.kept(i)) + len(self.np(i))
            places.append(at)
        return places


def simulate(chain: str, number: int, seed: int = 0) -> list[Rearrangement]:
    """Rearrangements whose P-nucleotides can be told from what was inserted."""
    rng = np.random.default_rng(seed)
    genes = tiny_germline(chain)
    by = {s: [g for g in genes.values() if g.segment == s] for s in "VDJ"}
    segments = "VDJ" if by["D"] else "VJ"
    events = []
    while len(events) < number:
        chosen = tuple(by[s][rng.integers(len(by[s]))] for s in segments)
        # A D gene of 16 bases loses at most 7 at either end.
        most = [17, 7, 7, 17] if by["D"] else [17, 17]
        trims = tuple(int(rng.integers(-2, m + 1)) for m in most)
        n = tuple(_inserted(rng, chosen, trims, i) for i in range(len(segments) - 1))
        if None not in n:
            events.append(
                Rearrangement(
                    SUBJECTS[rng.integers(3)],
                    bool(rng.integers(2)),
                    int(rng.integers(1, 9)),
                    chosen,
                    trims,
                    n,  # type: ignore[arg-type]
                )
            )
    return events


def _inserted(
    rng: np.random.Generator, genes: tuple[Gene, ...], trims: tuple[int, ...], junction: int
) -> str | None:
    """Bases that do not go on as a palindrome; None where nothing could part both ends."""
    left, right = trims[2 * junction : 2 * junction + 2]
    if rng.random() < 0.4:
        return "" if min(left, right) >= 0 or max(left, right) > 0 else None
    next_left = reverse_complement(genes[junction].sequence)[max(-left, 0)]
    next_right = reverse_complement(genes[junction + 1].sequence)[-1 - max(-right, 0)]
    bases = [base for base in BASES if base not in (next_left, next_right)]
    return "".join(rng.choice(bases, rng.integers(1, 6)))


def airr(event: Rearrangement, p_columns: bool = True) -> dict[str, object]:
    """A row of AIRR's TSV, with or without the columns that count P-nucleotides."""
    starts, last = event.starts(), len(event.genes) - 1
    row: dict[str, object] = {
        "sequence_id": f"s{next(_NUMBERS)}",
        "sequence": event.sequence, "subject_id": event.subject,
        "productive": "T" if event.productive else "F", "duplicate_count": event.count,
        "v_call": event.genes[0].name, "d_call": event.genes[1].name if event.has_d else "",
        "j_call": event.genes[last].name,
    }  # fmt: skip
    for i, letter in enumerate("vdj" if event.has_d else "vj"):
        cut = [0, *(max(t, 0) for t in event.trims), 0]
        begin, end = cut[2 * i], len(event.genes[i].sequence) - cut[2 * i + 1]
        row[f"{letter}_germline_start"], row[f"{letter}_germline_end"] = begin + 1, end
        row[f"{letter}_sequence_start"] = starts[i] + 1
        row[f"{letter}_sequence_end"] = starts[i] + end - begin
        after = len(event.sequence) - starts[i] - (end - begin)
        row[f"{letter}_cigar"] = "".join(
            f"{size}{kind}"
            for size, kind in [(starts[i], "S"), (begin, "N"), (end - begin, "="), (after, "S"),
                               (cut[2 * i + 1], "N")]
            if size
        )  # fmt: skip
    for i in range(len(event.n)):
        row[f"np{i + 1}"], row[f"np{i + 1}_length"] = event.np(i), len(event.np(i))
    if p_columns:
        ends = ("p3v", "p5d", "p3d", "p5j") if event.has_d else ("p3v", "p5j")
        for i, name in enumerate(ends):
            row[f"{name}_length"] = len(event.palindrome(i))
    return row


def igor(event: Rearrangement) -> dict[str, object]:
    """A row of IGoR's realised scenarios."""
    row: dict[str, object] = {
        "sample_name": event.subject, "productive": str(event.productive).upper(),
        "count": event.count,
    }  # fmt: skip
    for letter, gene in zip("vdj" if event.has_d else "vj", event.genes):
        row[f"{letter}_gene"] = gene.name
    ends = ("v", "d0", "d1", "j") if event.has_d else ("v", "j")
    row.update({f"{end}_trim": trim for end, trim in zip(ends, event.trims)})
    junctions = ("vd", "dj") if event.has_d else ("vj",)
    row.update({f"{name}_insert": len(n) for name, n in zip(junctions, event.n)})
    return row


def adaptive(event: Rearrangement, version: int = 4) -> dict[str, object]:
    """A row of an immunoSEQ export, with names as Adaptive writes them."""
    starts = event.starts()
    between = [s - len(event.np(i)) for i, s in enumerate(starts[1:])]
    inserts = [len(event.np(i)) for i in range(len(event.n))]
    if not event.has_d:  # the second of two junctions, of which the first is empty
        between, inserts = [-1, *between], [0, *inserts]
    names = [adaptive_name(gene.name) for gene in event.genes]
    if not event.has_d:
        names.insert(1, "unresolved")
    cuts = [max(trim, 0) for trim in event.trims]
    if not event.has_d:
        cuts[1:1] = [0, 0]
    index = [place if inserts[i] else -1 for i, place in enumerate(between)]
    kind = "In" if event.productive else "Stop" if event.count % 2 else "Out"
    values = {
        "rearrangement": event.sequence, "frame_type": kind, "templates": event.count,
        "v_resolved": names[0], "d_resolved": names[1], "j_resolved": names[2],
        "v_deletions": cuts[0], "d5_deletions": cuts[1], "d3_deletions": cuts[2],
        "j_deletions": cuts[3], "n1_insertions": inserts[0], "n2_insertions": inserts[1],
        "n1_index": index[0], "n2_index": index[1], "j_index": starts[-1],
        "sample_name": event.subject, "rearrangement_type": "VDJ" if event.has_d else "VJ",
    }  # fmt: skip
    if version == 4:
        return values
    older = {
        "rearrangement": "nucleotide", "frame_type": "sequenceStatus",
        "templates": "count (templates/reads)", "v_resolved": "vMaxResolved",
        "d_resolved": "dMaxResolved", "j_resolved": "jMaxResolved", "v_deletions": "vDeletion",
        "d5_deletions": "d5Deletion", "d3_deletions": "d3Deletion", "j_deletions": "jDeletion",
        "n1_insertions": "n1Insertion", "n2_insertions": "n2Insertion", "n1_index": "n1Index",
        "n2_index": "n2Index", "j_index": "jIndex", "sample_name": "sample_name",
    }  # fmt: skip
    return {older[name]: values[name] for name in older}


def adaptive_name(name: str) -> str:
    """`TRBV5-1*01` as `TCRBV05-01*01`, `IGHV5-1*01` as `IGHV05-01*01`."""
    gene, allele = name.split("*")
    numbers = "-".join(f"{int(number):02d}" for number in gene[4:].split("-"))
    locus = gene[:4].replace("TR", "TCR")
    return f"{locus}{numbers}*{allele}"


WRITERS = {
    "airr": airr,
    "airr without P columns": lambda event: airr(event, p_columns=False),
    "vdjserver": airr,
    "igor": igor,
    "adaptive": adaptive,
    "adaptive v2": lambda event: adaptive(event, version=2),
}


def write_table(path: Path, rows: list[dict[str, object]], end: str = "\n") -> Path:
    """A TSV of these rows."""
    lines = ["\t".join(rows[0])] + ["\t".join(map(str, row.values())) for row in rows]
    path.write_bytes((end.join(lines) + end).encode())
    return path


def write_germline(path: Path, genes: dict[str, Gene]) -> Path:
    """A table of gene, segment, sequence and anchor."""
    return write_table(
        path,
        [
            {"gene": g.name, "segment": g.segment, "sequence": g.sequence,
             "anchor": "" if g.anchor is None else g.anchor}
            for g in genes.values()
        ],
    )  # fmt: skip
