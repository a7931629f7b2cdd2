"""V-J junctions written out as strings, one at a time: what the fast code is compared with.

Straight from the definitions of Russell et al. (Nucleic Acids Research 2025); slow and simple.
"""

from __future__ import annotations

from dataclasses import dataclass

COMPLEMENT = {"A": "T", "C": "G", "G": "C", "T": "A"}
AMINO_ACIDS = "FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG"
CODONS = [a + b + c for a in "TCAG" for b in "TCAG" for c in "TCAG"]
PROTEIN = dict(zip(CODONS, AMINO_ACIDS, strict=True))


@dataclass(frozen=True)
class Ligation:
    """One way to join two genes, and the sequence that it gives."""

    left_trim: int
    right_trim: int
    mh: int
    sequence: str
    kept: int  # bases of the left gene, those shared included
    resumes: int  # of the right gene with its P-nucleotides: the first base after the shared ones


def other_strand(sequence: str) -> str:
    return "".join(COMPLEMENT[base] for base in reversed(sequence))


def left_with_p(sequence: str) -> str:
    return sequence + other_strand(sequence)[:2]


def right_with_p(sequence: str) -> str:
    return other_strand(sequence)[-2:] + sequence


def ligate(left: str, right: str, trims: range) -> list[Ligation]:
    """Every ligation of two whole genes, by trims and microhomology."""
    result = []
    for left_trim in trims:
        for right_trim in trims:
            if left_trim > len(left) or right_trim > len(right):
                continue
            head = left_with_p(left)[: len(left) - left_trim]
            tail = right_with_p(right)[right_trim + 2 :]
            for mh in range(min(15, len(head), len(tail)) + 1):
                if head[len(head) - mh :] == tail[:mh]:
                    whole = head + tail[mh:]
                    at = right_trim + 2 + mh
                    result.append(Ligation(left_trim, right_trim, mh, whole, len(head), at))
    return result


def translate(sequence: str, begin: int) -> str:
    """From a base on, without the last codon where it is not whole."""
    starts = range(begin, len(sequence) - 2, 3)
    return "".join(PROTEIN[sequence[start : start + 3]] for start in starts)


def productive_by_anchors(ligation: Ligation, right: str, v_anchor: int, j_anchor: int) -> bool:
    """Both conserved codons in one frame, that of J left over, and no stop from one to the other.

    Anchors are those of the genes without P-nucleotides.
    """
    if ligation.resumes > j_anchor + 2:
        return False  # J's conserved codon is cut
    after = len(right) - j_anchor
    place = len(ligation.sequence) - after  # of J's conserved codon
    if place < v_anchor or (place - v_anchor) % 3:
        return False
    return "*" not in translate(ligation.sequence[: place + 3], v_anchor)


def productive_by_residue(ligation: Ligation, right: str, v_anchor: int, j_anchor: int) -> bool:
    """As published: cut the CDR3 out of the protein, and look at its last residue."""
    frame = v_anchor % 3
    protein = translate(ligation.sequence, frame)
    from_end = len(translate(right, j_anchor + 3))
    cdr3 = protein[(v_anchor - frame) // 3 : max(len(protein) - from_end, 0)]
    conserved = PROTEIN[right[j_anchor : j_anchor + 3]]
    return bool(cdr3) and cdr3[-1] == conserved and "*" not in cdr3


def same(left: str, right: str) -> int:
    """How many positions agree; a dot is no base."""
    return sum(a == b != "." for a, b in zip(left, right, strict=True))


def overlap(left: str, right: str, trims: tuple[int, int], place: str, bases: int) -> int:
    """Positions that agree where the trimmed ends lie over each other by so many bases."""
    far = "." * 100
    whole_left, whole_right = far + left_with_p(left), right_with_p(right) + far
    cut = len(far) + len(left) - trims[0]
    resumes = trims[1] + 2
    if place == "mid":
        return same(whole_left[cut - bases : cut], whole_right[resumes : resumes + bases])
    if place == "up":
        lost = whole_right[:resumes]
        return same(whole_left[cut - bases - len(lost) : cut - bases], lost)
    lost = whole_left[cut:]
    return same(lost, whole_right[resumes + bases : resumes + bases + len(lost)])
