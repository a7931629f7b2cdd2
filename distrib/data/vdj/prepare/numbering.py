"""How a file counts along germline genes: what its first rows tell, and what it must not tell.

AIRR's positions count from 1. A start of 0 beside an end gives a file away that counts from 0.
Change-O counts `v_germline_end` along IMGT's gapped gene: then the bases from `germline_start` to
`germline_end` are more than the alignment has. A CIGAR tells trims only in a file whose CIGARs have
skipped bases (N) at that end: where none has, nothing is said, and nothing is not 0.
"""

from __future__ import annotations

import re
from typing import cast

import numpy as np
import pandas as pd

from distrib.data.vdj.prepare.programs import Alignment, End, EndName, GeneName, Program
from distrib.data.vdj.prepare.rearrangements import Block
from distrib.errors import InputError

# Skipped bases of the gene (N) stand outermost, but for clipped ones of the read (S, H).
_AT_END, _AT_START = r"(\d+)N(?:\d+[SH])*$", r"^(?:\d+[SH])*(\d+)N"
_FEW = 5  # rows, of which nothing is concluded
_OPERATION = re.compile(r"(\d+)([MIDNSHP=X])")


def require_from_one(block: Block, program: Program) -> None:
    """Raise InputError naming a start of 0 beside an end, or in a file that has no such ends.

    A start and an end of 0, or nothing at the end, are how some programs write no alignment.
    """
    for alignment in program.alignments.values():
        for starts, ends in (
            (alignment.germline_start, alignment.germline_end),
            (alignment.sequence_start, alignment.sequence_end),
        ):
            if not block.has(starts):
                continue
            begin = block.numbers(starts, "where an alignment begins")
            end = np.full(len(begin), np.nan)
            if block.has(ends):
                end = block.numbers(ends, "where an alignment ends")
            wrong = (begin == 0) & ((end > 0) | (not block.has(ends)))
            if wrong.any():
                row = int(np.argmax(wrong))
                raise InputError(
                    "positions that count from 0",
                    file=block.file,
                    where=f"{block.place(row)}, column {block.name(starts, '')!r}",
                    found=f"0, with {block.name(ends, '')} {end[row]:g}" if end[row] > 0 else "0",
                    expected="positions from 1, as AIRR's schema says",
                    hint="add 1 to every *_start column of the file, and to every *_end column too "
                    "where that names the last base rather than the one after it; where nothing "
                    "is aligned, leave the cell empty",
                )


def is_gapped(block: Block, alignment: Alignment) -> bool:
    """Whether germline positions count IMGT's gaps: most alignments seem longer than they are."""
    span, length = _span(block, alignment), aligned_length(block, alignment)
    if span is None or length is None:
        return False
    known = ~np.isnan(span) & ~np.isnan(length)
    return bool(known.any() and (span[known] > length[known]).mean() > 0.5)


def aligned_length(block: Block, alignment: Alignment) -> np.ndarray | None:
    """(rows,) germline bases of an alignment by its CIGAR, else by its place in the sequence."""
    if block.has(alignment.cigar):
        return np.array([_consumed(text) for text in block.texts(alignment.cigar, "CIGARs")])
    if block.has(alignment.sequence_start) and block.has(alignment.sequence_end):
        begin = block.integers(alignment.sequence_start, "where an alignment begins")
        return block.integers(alignment.sequence_end, "where an alignment ends") - begin + 1
    return None


def tells_trims(block: Block, end: End) -> bool:
    """Whether any CIGAR of the block skips bases at this end; one that writes `0N` skips none."""
    return bool((np.nan_to_num(skipped(block, end)) > 0).any())


def skipped(block: Block, end: End) -> np.ndarray:
    """(rows,) skipped bases at an end of CIGARs that tell them, NaN where there is no CIGAR."""
    cigar = block.texts(end.cigar, "CIGARs")
    found = cigar.str.extract(_AT_END if end.cigar_end else _AT_START)[0]
    number = np.nan_to_num(pd.to_numeric(found).to_numpy(float, na_value=np.nan))
    return np.where((cigar == "").to_numpy(bool), np.nan, number)


class Numbering:
    """How one file counts, by its first block.

    Attributes:
        gapped: genes whose germline positions count gaps. by_cigar: ends that CIGARs tell.
    """

    def __init__(self, block: Block, program: Program) -> None:
        self.program = program
        v = program.alignments.get("v")  # IMGT's numbering has gaps in V genes alone
        self.gapped: set[GeneName] = {"v"} if v is not None and is_gapped(block, v) else set()
        self.by_cigar = {
            name
            for name, end in program.ends.items()
            if block.has(end.cigar) and tells_trims(block, end)
        }

    def way(self, block: Block, name: EndName) -> str | None:
        """How the trim of an end is read: "trim", "kept", "germline" or "cigar"; None: it is not.

        What the format prefers, if the file tells trims by it; positions along a gapped gene tell
        the trim of its right end with a CIGAR beside them.
        """
        end = self.program.ends.get(name)
        if end is None:
            return None
        for way, columns in (("trim", end.trim), ("kept", end.kept)):
            if block.has(columns):
                return way
        told = {
            "cigar": block.has(end.cigar) and name in self.by_cigar,
            "germline": block.has(end.germline) and self._undone(block, name),
        }
        order = ("cigar", "germline") if end.prefer == "cigar" else ("germline", "cigar")
        return next((way for way in order if told[way]), None)

    def _undone(self, block: Block, name: EndName) -> bool:
        gene = cast(GeneName, name[0])
        return gene not in self.gapped or block.has(self.program.alignments[gene].cigar)

    def deletions(self, block: Block, name: EndName, sequences: pd.Series, what: str) -> np.ndarray:
        """(rows,) germline bases lost at an end that has a `way`, NaN where they are unknown."""
        end, way = self.program.ends[name], self.way(block, name)
        if way == "trim":
            return block.integers(end.trim, what)
        if way == "kept":
            return np.maximum(-block.integers(end.kept, what), 0)
        if way == "cigar":
            return skipped(block, end)
        position = block.integers(end.germline, what)
        gene = cast(GeneName, name[0])
        if gene in self.gapped:
            position = self._without_gaps(block, self.program.alignments[gene], end, position)
        if end.germline_start:
            return position - 1
        lost = sequences.str.len().to_numpy(float, na_value=np.nan) - position
        self._require_within(block, name, lost, position)
        return lost

    def _require_within(
        self, block: Block, name: EndName, lost: np.ndarray, position: np.ndarray
    ) -> None:
        """Raise where most alignments end beyond their genes: the others are wrong unnoticed."""
        known = ~np.isnan(lost)
        beyond = known & (lost < 0)
        if known.sum() < _FEW or beyond.sum() <= known.sum() / 2:
            return
        row = int(np.argmax(beyond))
        column = block.name(self.program.ends[name].germline, "positions")
        raise InputError(
            "alignments that end beyond the germline genes",
            file=block.file,
            where=f"{block.place(row)}, column {column!r}",
            found=f"{position[row]:g} in a gene of {position[row] + lost[row]:g} bases; so in "
            f"{beyond.sum():,} of {known.sum():,} rows",
            expected="positions along the germline genes that are used here, without IMGT's gaps",
            hint="give the genes that the file was aligned to: --germline FILE; or a table with "
            "v_germline_start and v_cigar, by which gaps are undone",
        )

    def _without_gaps(
        self, block: Block, alignment: Alignment, end: End, position: np.ndarray
    ) -> np.ndarray:
        """(rows,) the same place along the gene without gaps; NaN behind gaps of unknown number."""
        begin = position
        if end.germline_end:
            begin = block.integers(alignment.germline_start, "where an alignment begins")
            length = aligned_length(block, alignment)
            assert length is not None
            position = begin + length - 1
        return np.where(begin == 1, position, np.nan)

    def refusal(self, block: Block, name: EndName, what: str) -> InputError:
        """Why no column tells the trim of an end."""
        end = self.program.ends.get(name)
        if end is None:
            return block.no_column((), what)
        gene = cast(GeneName, name[0])
        if gene in self.gapped and block.has(end.germline):
            return InputError(
                "germline positions that count IMGT's gaps, and no CIGAR that tells how many",
                file=block.file,
                where=f"column {block.name(end.germline, what)!r}",
                found=f"{block.texts(end.germline, what).iloc[0]} in {block.place(0)}",
                expected="positions along the gene without gaps, or Change-O's "
                f"{' or '.join(self.program.alignments[gene].cigar)}",
            )
        if block.has(end.cigar):
            side = "end" if end.cigar_end else "beginning"
            found = block.texts(end.cigar, what)
            shown = found[found != ""].head(2).tolist()
            gone = "".join(f"; no column {c}" for c in end.germline)
            return InputError(
                f"no CIGAR of the file has an N above 0 at its {side}, so trims are not told",
                file=block.file,
                where=f"column {block.name(end.cigar, what)!r}",
                found=f"CIGARs such as {' and '.join(shown) or 'none'}{gone}",
                expected="the germline bases that an alignment skips, such as "
                + ("279M62S5N" if end.cigar_end else "291S3N50M")
                + (f", or {' or '.join(end.germline)}" if end.germline else ""),
                hint="Cell Ranger's airr_rearrangement.tsv tells no trims: align its contigs with "
                "IgBLAST or MiXCR, and give that table",
            )
        return block.no_column(end.columns, what)


def _span(block: Block, alignment: Alignment) -> np.ndarray | None:
    if not (block.has(alignment.germline_start) and block.has(alignment.germline_end)):
        return None
    begin = block.integers(alignment.germline_start, "where an alignment begins")
    return block.integers(alignment.germline_end, "where an alignment ends") - begin + 1


def _consumed(cigar: str) -> float:
    """Germline bases between the first and the last aligned one; NaN without a CIGAR."""
    inner = re.sub(r"^(?:\d+[SHN])*|(?:\d+[SHN])*$", "", cigar)
    found = _OPERATION.findall(inner)
    return float(sum(int(n) for n, kind in found if kind in "MDN=X")) if found else np.nan
