"""Trims and inserted bases of rearrangements, from whatever a program tells of them.

A trim counts germline nucleotides removed; a negative one counts P-nucleotides kept, which are the
reverse complement of the gene's last bases. Inserted bases are counted without P-nucleotides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from distrib.data.vdj.germline.olga import reverse_complement
from distrib.data.vdj.prepare.numbering import Numbering
from distrib.data.vdj.prepare.programs import EndName, Junction, JunctionName, Program
from distrib.data.vdj.prepare.rearrangements import Block

P_NUCLEOTIDES = 2  # the most that are looked for at an end
SIDES: dict[JunctionName, tuple[EndName, EndName]] = {
    "vj": ("v", "j"),
    "vd": ("v", "d5"),
    "dj": ("d3", "j"),
}
GENE_OF: dict[EndName, str] = {"v": "v_gene", "d5": "d_gene", "d3": "d_gene", "j": "j_gene"}


@dataclass(frozen=True)
class Ends:
    """What is known of gene ends.

    Attributes:
        trims: of each end that the table tells of, (rows,) float64, NaN where unknown.
        inserted: (rows,) float64 bases between two of them, NaN where unknown; None where it was
            not asked for.
        contradiction: (rows,) bool, P-nucleotides told of a wanted end that lost bases.
        beyond: (rows,) bool, a wanted end is aligned beyond the germline gene.
    """

    trims: dict[EndName, np.ndarray]
    inserted: np.ndarray | None
    contradiction: np.ndarray
    beyond: np.ndarray


def find_ends(
    block: Block,
    program: Program,
    wanted: tuple[EndName, ...],
    junction: JunctionName | None,
    sequences: dict[EndName, pd.Series],
    numbering: Numbering,
) -> Ends:
    """Trims of gene ends, and the insertions of the junction between them.

    Args:
        wanted: the ends without which a row is of no use.
        junction: between them, None where insertions do not matter.
        sequences: of every end of the locus, (rows,) the germline gene on its coding strand,
            missing where it is unknown.
        numbering: of the file.

    Raises:
        InputError: a column that is needed and not there, or naming the row of what is no number.
    """
    trims: dict[EndName, np.ndarray] = {}
    told: dict[EndName, np.ndarray] = {}
    contradiction, beyond = np.zeros((2, len(block)), bool)
    for name, genes in sequences.items():
        way = numbering.way(block, name)
        if way is None:
            if name in wanted:
                raise numbering.refusal(block, name, _trims_of(name))
            continue
        end = program.ends[name]
        trims[name] = numbering.deletions(block, name, genes, _trims_of(name))
        if way == "kept":
            told[name] = np.maximum(block.integers(end.kept, _trims_of(name)), 0)
        else:
            told[name] = block.integers(end.p, "P-nucleotides") if block.has(end.p) else _nan(block)
        if name in wanted:
            contradiction |= (told[name] > 0) & (trims[name] > 0)
            beyond |= (trims[name] < 0) & (way != "trim")
    found = _detected(block, program, trims, told, sequences) if program.detect_p else {}
    p = {name: np.where(np.isnan(told[name]), found.get(name, 0), told[name]) for name in trims}
    inserted = None
    if junction is not None:
        inserted = _inserted(block, program, junction, trims, p)
    trims = {name: trims[name] - p[name] for name in trims}
    return Ends(trims, inserted, contradiction, beyond)


def _trims_of(name: EndName) -> str:
    return f"the trims of {name}"


def _inserted(
    block: Block,
    program: Program,
    junction: JunctionName,
    trims: dict[EndName, np.ndarray],
    p_of: dict[EndName, np.ndarray],
) -> np.ndarray:
    """(rows,) inserted bases without P-nucleotides; an overlap is trimmed off the right gene."""
    form = program.junctions.get(junction)
    what = f"the bases inserted between {junction[0].upper()} and {junction[1].upper()}"
    if form is None:
        raise block.no_column((), what)
    left, right = SIDES[junction]
    with_p = total_length(block, form.length_with_p, what)
    without = total_length(block, form.length, what)
    has_places = block.has(form.left_end) and block.has(form.right_start)
    if with_p is None and without is None and not has_places:
        named = [name for sums in (form.length_with_p, form.length) for group in sums
                 for name in group]  # fmt: skip
        raise block.no_column(tuple(named) or (*form.left_end, *form.right_start), what)
    palindromic = np.nan_to_num(p_of[left]) + np.nan_to_num(p_of[right])
    inserted = _nan(block) if with_p is None else with_p - palindromic
    if without is not None:
        inserted = np.where(np.isnan(inserted), without, inserted)
    if has_places:
        overlap = block.integers(form.left_end, what) - block.integers(form.right_start, what) + 1
        trims[right] = trims[right] + np.where(overlap > 0, overlap, 0)
        inserted = np.where(np.isnan(inserted), -overlap - palindromic, inserted)
        inserted = np.where(overlap >= 0, 0, inserted)
    return inserted


def total_length(
    block: Block, alternatives: tuple[tuple[str, ...], ...], what: str
) -> np.ndarray | None:
    """(rows,) the sum of the first columns that are all there, NaN where all are missing."""
    for columns in alternatives:
        if all(block.has((column,)) for column in columns):
            values = np.stack([block.integers((column,), what) for column in columns])
            return np.where(np.isnan(values).all(axis=0), np.nan, np.nansum(values, axis=0))
    return None


def _detected(
    block: Block,
    program: Program,
    trims: dict[EndName, np.ndarray],
    told: dict[EndName, np.ndarray],
    sequences: dict[EndName, pd.Series],
) -> dict[EndName, np.ndarray]:
    """P-nucleotides among inserted bases, of ends that lost nothing and where no column tells."""
    found: dict[EndName, np.ndarray] = {name: np.zeros(len(block)) for name in trims}
    for junction in ("vd", "dj") if "d5" in sequences else ("vj",):
        form = program.junctions.get(junction)
        inserts = _bases(block, form) if form else None
        if inserts is None:
            continue
        left, right = SIDES[junction]
        closed = np.zeros(len(block), bool)
        on_left = np.isnan(told[left]) & (trims[left] == 0) if left in trims else closed
        on_right = np.isnan(told[right]) & (trims[right] == 0) if right in trims else closed
        genes, others = sequences[left].to_numpy(object), sequences[right].to_numpy(object)
        for i in np.flatnonzero(on_left | on_right):
            insert = inserts[i]
            from_left = _palindrome(insert, genes[i], True) if on_left[i] else 0
            from_right = _palindrome(insert, others[i], False) if on_right[i] else 0
            from_left, from_right = share(from_left, from_right, len(insert))
            if on_left[i]:
                found[left][i] = from_left
            if on_right[i]:
                found[right][i] = from_right
    return found


def share(left: int, right: int, length: int) -> tuple[int, int]:
    """P-nucleotides of both ends that fit into an insert; the longer one yields, else the right."""
    while left + right > length:
        if left > right:
            left -= 1
        else:
            right -= 1
    return left, right


def _palindrome(insert: str, gene: object, is_left: bool) -> int:
    """How many bases next to the gene, up to two, continue it as its palindrome."""
    if not isinstance(gene, str):
        return 0
    if is_left:
        palindrome, bases = reverse_complement(gene[-P_NUCLEOTIDES:]), insert
    else:
        palindrome, bases = reverse_complement(gene[:P_NUCLEOTIDES])[::-1], insert[::-1]
    count = 0
    while count < min(P_NUCLEOTIDES, len(bases)) and palindrome[count] == bases[count]:
        count += 1
    return count


def _bases(block: Block, form: Junction) -> list[str] | None:
    """The inserted bases of every row, empty where they are unknown; None where no column tells."""
    if block.has(form.bases):
        return [text.upper() for text in block.texts(form.bases, "inserted bases")]
    piece = form.slice
    if piece is None or not block.has(piece.sequence):
        return None
    length = total_length(block, form.length_with_p, "inserted bases")
    if length is None:
        return None
    if block.has(piece.start):
        begin = block.integers(piece.start, "where inserted bases begin")
    elif block.has(piece.before):
        begin = block.integers(piece.before, "where inserted bases end") - length
    else:
        return None
    return [
        text[int(a) : int(a + n)].upper() if a >= 0 and n > 0 else ""
        for text, a, n in zip(block.texts(piece.sequence, "sequences"), begin, length)
    ]


def _nan(block: Block) -> np.ndarray:
    return np.full(len(block), np.nan)
