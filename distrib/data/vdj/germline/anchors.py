"""Where the CDR3 ends in a gene: the codon of the conserved Cys of V, of the Phe or Trp of J.

Tables of aligned proteins, such as tcrdist3's `combo_xcr`, tell it by columns of the alignment:
`cdr_columns` holds `first-last` of each CDR, counted from 1, separated by semicolons; the CDR3 is
the last. The Cys is its first residue in V, the Phe or Trp its last in J (as in Russell et al.
2025). IMGT's own FASTA files have V genes with gaps, so that codon 104 is the Cys.
"""

from __future__ import annotations

_CYS_BEGINS = 3 * (104 - 1)  # of the gapped nucleotides, in IMGT's numbering
_CYS = ("TGT", "TGC")


def gapped_anchor(segment: str, sequence: str) -> int | None:
    """Position, from 0, of Cys 104 in a V gene without its gaps, by IMGT's numbering of codons.

    None where the numbering does not tell it: of other segments, of sequences without gaps (dots),
    and where another codon or none stands there.

    Args:
        sequence: upper-case, with IMGT's gaps.
    """
    if segment != "V" or "." not in sequence:
        return None
    if sequence[_CYS_BEGINS : _CYS_BEGINS + 3] not in _CYS:
        return None
    return _CYS_BEGINS - sequence[:_CYS_BEGINS].count(".")


def aligned_anchor(segment: str, frame: int, protein: str, cdr_columns: str) -> int | None:
    """Position, from 0, of the anchor's codon in the gene; None where the alignment has none.

    Args:
        segment: "V" or "J"; a D gene has no anchor.
        frame: position, from 1, of the first whole codon, with which `protein` begins.
        protein: the aligned protein, with dots for gaps.

    Raises:
        ValueError: columns that are no `first-last`.
    """
    if segment not in ("V", "J") or not cdr_columns:
        return None
    first, last = (int(column) for column in cdr_columns.split(";")[-1].split("-"))
    column = first if segment == "V" else last
    if not 1 <= column <= len(protein) or protein[column - 1] == ".":
        return None
    residues_before = column - 1 - protein[: column - 1].count(".")
    return frame - 1 + 3 * residues_before
