"""Framework and CDRs of a variable domain, as IMGT numbers them.

The numbering has fixed residues: Cys 23, Trp 41, Cys 104, and Trp or Phe 118 before Gly-X-Gly
(Lefranc et al. 2003). CDR1 is 27 to 38, CDR2 56 to 65, CDR3 105 to 117 (without its anchors).
Between them the frameworks of human chains have fixed lengths: 3 residues from Cys 23 to CDR1, 2
from CDR1 to Trp 41, 14 on to CDR2; framework 3 has 38 residues in heavy chains, and begins 4 before
the motif GxPxRF in light ones. What cannot be told so is left unknown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

Chain = Literal["heavy", "light"]

REGIONS = ("fr1", "cdr1", "fr2", "cdr2", "fr3", "cdr3", "fr4")
FRAMEWORK, CDR1, CDR2, CDR3, UNTOLD = range(5)
"""Kinds of residues; those of a region that cannot be told are `UNTOLD`."""
KINDS = ("framework", "cdr1", "cdr2", "cdr3")

_KIND_OF = np.array([FRAMEWORK, CDR1, FRAMEWORK, CDR2, FRAMEWORK, CDR3, FRAMEWORK], np.uint8)

_CYS_104 = re.compile(r"(?=[DEGHNS].{2}[AGSTVLM].[YFH][YFHSCLWTVNI]C)")
_CYS_104_ROUGH = re.compile(r"(?=Y.C)")
_FR4 = re.compile(r"(?=[WF][GARSC].G)")
_TRP_41 = re.compile(r"W[A-Z][RKQLHSC][QKEHRLP]")
_FR3_LIGHT = re.compile(r"[GW][A-Z][PSLA][A-Z]RF")
_FR3_HEAVY = 38
_LONGEST_CDR1, _LONGEST_CDR2, _LONGEST_CDR3 = 12, 10, 45


def find_bounds(sequence: str, chain: Chain) -> tuple[int, ...]:
    """Where each of `REGIONS` begins in a variable domain of amino acids, and where the last ends.

    Args:
        sequence: upper-case amino acids, whole or with residues missing at either end.

    Returns:
        8 positions from 0; -1 where it cannot be told. CDR3 and framework 4 come together, and so
        do the others, each with the one that follows it.
    """
    cys, trp = _cdr3_anchors(sequence)
    if cys < 0:
        return (-1,) * 8
    cdr1, cdr2 = _cdr12(sequence, cys, chain)
    fr1 = 0 if cdr1 else -1
    begin1, end1 = cdr1 or (-1, -1)
    begin2, end2 = cdr2 or (-1, -1)
    return (fr1, begin1, end1, begin2, end2, cys + 1, trp, len(sequence))


def bounds_of(sequences: Sequence[str], chain: Chain) -> np.ndarray:
    """(rows, 8) int16: `find_bounds` of each."""
    rows = [find_bounds(sequence, chain) for sequence in sequences]
    return np.array(rows, dtype=np.int16).reshape(-1, 8)


def bounds_by_columns(sequence: str, parts: Mapping[str, str]) -> tuple[int, ...]:
    """The same by the regions' own sequences, such as columns of a table have them.

    Args:
        parts: of `REGIONS` those that are known, in amino acids; each is looked for behind the one
            before. `cdr3` has no anchors. A part that is not found there leaves its ends untold.
    """
    bounds = [-1] * 8
    behind = 0
    for number, name in enumerate(REGIONS):
        part = parts.get(name, "")
        at = sequence.find(part, behind) if part else -1
        if at >= 0:
            bounds[number], bounds[number + 1] = at, at + len(part)
            behind = at + len(part)
    if bounds[6] >= 0:
        bounds[7] = len(sequence)
    if bounds[1] > 0:
        bounds[0] = 0
    return tuple(bounds)


def kinds_of(bounds: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """(residues,) uint8: framework, CDR1, CDR2, CDR3 or untold, of all rows one after another.

    A region is told where both its ends are.

    Args:
        bounds: (rows, 8) of `find_bounds`. lengths: (rows,) of the sequences.
    """
    kinds = np.full(int(lengths.sum()), UNTOLD, dtype=np.uint8)
    row = np.repeat(np.arange(len(lengths)), lengths)
    position = np.arange(len(kinds)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    for number, kind in enumerate(_KIND_OF.tolist()):
        begin, end = bounds[row, number], bounds[row, number + 1]
        kinds[(begin >= 0) & (end >= 0) & (position >= begin) & (position < end)] = kind
    return kinds


def _cdr3_anchors(sequence: str) -> tuple[int, int]:
    """Cys 104 and Trp or Phe 118, or -1 and -1."""
    ends = [match.start() for match in _FR4.finditer(sequence)]
    for pattern, offset in ((_CYS_104, 7), (_CYS_104_ROUGH, 2)):
        starts = [match.start() + offset for match in pattern.finditer(sequence)]
        for trp in reversed(ends):
            # Framework 4 has 10 or 11 residues behind its Trp; chains may be cut short.
            if len(sequence) - trp > 16:
                break
            near = [cys for cys in starts if 2 < trp - cys <= _LONGEST_CDR3]
            if near:
                return near[0], trp
    return -1, -1


def _cdr12(
    sequence: str, cys_104: int, chain: Chain
) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
    """First and last plus one of CDR1 and of CDR2, each None where it cannot be told."""
    trp = next(
        (m.start() for m in _TRP_41.finditer(sequence) if 45 <= cys_104 - m.start() <= 72), None
    )
    if trp is None:
        return None, None
    cys = sequence.rfind("C", max(0, trp - 2 - _LONGEST_CDR1 - 4), max(0, trp - 8))
    cdr1 = (cys + 4, trp - 2) if cys >= 0 else None
    if chain == "heavy":
        end = cys_104 + 1 - _FR3_HEAVY
    else:
        motif = _FR3_LIGHT.search(sequence, trp + 15)
        end = motif.start() - 4 if motif and motif.start() < cys_104 else -1
    cdr2 = (trp + 15, end) if 1 <= end - trp - 15 <= _LONGEST_CDR2 else None
    return cdr1, cdr2
