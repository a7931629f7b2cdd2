"""Inserted bases by their names and by their places: whether a table exchanges two junctions.

Two generations of Adaptive's export call the bases between V and D and those between D and J by
each other's names. Where a table also tells the places of genes and insertions, these say which is
which.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from distrib.data.vdj.prepare.programs import Junction, JunctionName, Program
from distrib.data.vdj.prepare.rearrangements import Block
from distrib.data.vdj.prepare.rearrangements_ends import total_length
from distrib.errors import InputError

_CLEAR = 0.9  # part of the rows that tell before a file is taken to be one way or the other
_PAIR: tuple[JunctionName, JunctionName] = ("vd", "dj")


@dataclass(frozen=True)
class Between:
    """How a file names its junctions.

    Attributes:
        program: with names put right. exchanged: whether they were not. checked: whether places
            agree with lengths at all, so that a row in which they do not is at fault. doubt: that
            they agree under neither naming, told.
    """

    program: Program
    exchanged: bool = False
    checked: bool = False
    doubt: str | None = None

    def contradicts(self, block: Block) -> np.ndarray:
        """(rows,) bool, rows whose inserted bases do not agree with the places around them."""
        if not self.checked:
            return np.zeros(len(block), bool)
        straight, _, _ = _agreement(block, self.program)
        return ~straight


def junctions_of(block: Block, program: Program) -> Between:
    """How the file of this block, its first, names its junctions.

    Raises:
        InputError: it does both, naming a row of each; or V begins behind J.
    """
    _require_v_before_j(block, program)
    if not set(_PAIR) <= set(program.junctions):
        return Between(program)
    program, swapped = _places_put_right(block, program)
    straight, crossed, known = _agreement(block, program)
    ways = int((known & straight).sum()), int((known & crossed).sum())
    told = known & (straight != crossed)
    number = int(told.sum())
    if not known.any():
        return Between(program, exchanged=swapped)
    if max(ways) <= 0.5 * known.sum():
        row = int(np.argmax(known & ~straight & ~crossed))
        doubt = (
            "inserted bases and the places of the genes contradict each other under either naming, "
            f"such as in {block.place(row)} of {block.file.name}: what was read by places, such as "
            "P-nucleotides, may be wrong"
        )
        return Between(program, exchanged=swapped, doubt=doubt)
    share = float((told & crossed).sum()) / number if number else 0.0
    if share >= _CLEAR:
        return Between(_exchange(program), exchanged=True, checked=True)
    if number and share > 1 - _CLEAR:
        own, other = (int(np.argmax(told & way)) for way in (straight, crossed))
        form = program.junctions["vd"]
        columns = [name for sums in form.length_with_p or form.length for name in sums]
        name = next(column for column in columns if block.has((column,)))
        raise InputError(
            "inserted bases that stand under either name",
            file=block.file,
            where=f"column {name!r}",
            found=f"those between V and D in {block.place(own)}, those between D and J in "
            f"{block.place(other)}, by the places of the genes",
            expected="one meaning of the column",
            hint="two exports in one file? give them as two files",
        )
    return Between(program, exchanged=swapped, checked=True)


def _require_v_before_j(block: Block, program: Program) -> None:
    """Raise where V begins behind J in most rows, whose places are then read wrong unnoticed."""
    v, j = (getattr(program.alignments.get(gene), "sequence_start", ()) for gene in ("v", "j"))
    if not (block.has(v) and block.has(j)):
        return
    left, right = (block.numbers(columns, "where a gene begins") for columns in (v, j))
    wrong = left > right
    known = ~np.isnan(left) & ~np.isnan(right)
    if wrong.sum() <= known.sum() / 2:
        return
    row = int(np.argmax(wrong))
    names = [block.name(columns, "") for columns in (v, j)]
    raise InputError(
        "V begins behind J",
        file=block.file,
        where=f"{block.place(row)}, columns {names[0]!r} and {names[1]!r}",
        found=f"{left[row]:g} and {right[row]:g}; so in {wrong.sum():,} of {known.sum():,} rows",
        expected="V before J, along the sequence as it stands in the file",
        hint="if the two columns are exchanged, exchange their names in the file's first line",
    )


def _places_put_right(block: Block, program: Program) -> tuple[Program, bool]:
    """The program with the places under each other's names where those lie on D's other side."""
    left, right = (program.junctions[name] for name in _PAIR)
    if left.slice is None or right.slice is None or not block.has(left.until):
        return program, False
    if not (block.has(left.slice.start) and block.has(right.slice.start)):
        return program, False
    d = block.integers(left.until, "where D begins")
    first, second = (
        block.integers(form.slice.start, "where inserted bases begin")
        for form in (left, right)
        if form.slice
    )
    with np.errstate(invalid="ignore"):
        other = np.concatenate([first > d, second < d])
        own = np.concatenate([first <= d, second >= d])
    if other.sum() <= own.sum():
        return program, False
    changed = {
        "vd": left.model_copy(update={"slice": right.slice}),
        "dj": right.model_copy(update={"slice": left.slice}),
    }
    return program.model_copy(update={"junctions": {**program.junctions, **changed}}), True


def _agreement(block: Block, program: Program) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(rows,) bool: lengths agree with places as they are named; if exchanged; places are known."""
    places = [_by_place(block, program.junctions[name]) for name in _PAIR]
    lengths = [_by_name(block, program.junctions[name]) for name in _PAIR]
    straight, crossed = np.ones((2, len(block)), bool)
    known = np.zeros(len(block), bool)
    for place, own, other in zip(places, lengths, reversed(lengths)):
        if place is None or own is None or other is None:
            continue
        there = ~np.isnan(place) & ~np.isnan(own) & ~np.isnan(other)
        known |= there
        straight &= ~there | (own == place)
        crossed &= ~there | (other == place)
    return straight, crossed, known


def _by_name(block: Block, form: Junction) -> np.ndarray | None:
    return total_length(block, form.length_with_p, "inserted bases")


def _by_place(block: Block, form: Junction) -> np.ndarray | None:
    """(rows,) inserted bases by where they begin and the next gene does, NaN where unknown.

    An insertion of no base has no place: its index is missing where the others are told.
    """
    if block.has(form.left_end) and block.has(form.right_start):
        begin = block.integers(form.left_end, "where a gene ends")
        until = block.integers(form.right_start, "where a gene begins")
        return np.maximum(until - begin - 1, 0)
    if form.slice is None or not block.has(form.slice.start):
        return None
    begin = block.integers(form.slice.start, "where inserted bases begin")
    if not block.has(form.until):
        # Only whether there are any: a length of 0 where no place is told.
        return np.where(np.isnan(begin), 0.0, np.nan)
    until = block.integers(form.until, "where a gene begins")
    return np.where(np.isnan(until), np.nan, np.where(np.isnan(begin), 0.0, until - begin))


def _exchange(program: Program) -> Program:
    """The program with the lengths and bases of both junctions under each other's names."""
    left, right = (program.junctions[name] for name in _PAIR)
    keys = ("length", "length_with_p", "bases")
    changed = {
        "vd": left.model_copy(update={key: getattr(right, key) for key in keys}),
        "dj": right.model_copy(update={key: getattr(left, key) for key in keys}),
    }
    return program.model_copy(update={"junctions": {**program.junctions, **changed}})
