"""Framework and CDRs of known antibodies."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from distrib.data.antibodies.regions import (
    CDR1,
    CDR2,
    CDR3,
    FRAMEWORK,
    REGIONS,
    UNTOLD,
    bounds_by_columns,
    find_bounds,
    kinds_of,
)

# Regions as IMGT/DomainGapAlign has them, of therapeutic antibodies.
TRASTUZUMAB_H = (
    "EVQLVESGGGLVQPGGSLRLSCAAS GFNIKDTY IHWVRQAPGKGLEWVAR IYPTNGYT "
    "RYADSVKGRFTISADTSKNTAYLQMNSLRAEDTAVYYC SRWGGDGFYAMDY WGQGTLVTVSS"
)
TRASTUZUMAB_L = (
    "DIQMTQSPSSLSASVGDRVTITCRAS QDVNTA VAWYQQKPGKAPKLLIY SAS "
    "FLYSGVPSRFSGSRSGTDFTLTISSLQPEDFATYYC QQHYTTPPT FGQGTKVEIK"
)
ADALIMUMAB_H = (
    "EVQLVESGGGLVQPGRSLRLSCAAS GFTFDDYA MHWVRQAPGKGLEWVSA ITWNSGHI "
    "DYADSVEGRFTISRDNAKNSLYLQMNSLRAEDTAVYYC AKVSYLSTASSLDY WGQGTLVTVSS"
)
BELIMUMAB_L = (
    "SSELTQDPAVSVALGQTVRVTCQGD SLRSYY ASWYQQKPGQAPVLVIY GKN "
    "NRPSGIPDRFSGSSSGNTASLTITGAQAEDEADYYC SSRDSSGNHWV FGGGTELTVL"
)


@pytest.mark.parametrize(
    ("spaced", "chain"),
    [(TRASTUZUMAB_H, "heavy"), (TRASTUZUMAB_L, "light"), (ADALIMUMAB_H, "heavy"),
     (BELIMUMAB_L, "light")],
)  # fmt: skip
def test_the_regions_of_known_chains(spaced: str, chain: str) -> None:
    parts = spaced.split()
    sequence = "".join(parts)
    bounds = find_bounds(sequence, chain)  # type: ignore[arg-type]
    assert [sequence[a:b] for a, b in pairwise(bounds)] == parts
    assert bounds_by_columns(sequence, dict(zip(REGIONS, parts))) == bounds


def test_a_cysteine_inside_the_cdr3_is_none_of_its_anchors() -> None:
    """As of IGHD2-2, which has two."""
    sequence = "".join(ADALIMUMAB_H.split()).replace("AKVSYLSTASSLDY", "ARDYCSSTSCYGMDV")
    a, b = find_bounds(sequence, "heavy")[5:7]
    assert sequence[a:b] == "ARDYCSSTSCYGMDV"


def test_a_chain_that_begins_in_framework_2_has_its_cdr3_told() -> None:
    """As sequencing with primers inside V leaves them."""
    parts = TRASTUZUMAB_H.split()
    sequence = "".join(parts[2:])[8:]
    bounds = find_bounds(sequence, "heavy")
    assert bounds[:3] == (-1, -1, -1)
    assert sequence[bounds[5] : bounds[6]] == parts[5]


def test_what_is_no_variable_domain_has_no_regions() -> None:
    assert find_bounds("MKTAYIAKQRQISFVKSHFSRQ", "heavy") == (-1,) * 8


def test_kinds_of_residues_follow_the_bounds() -> None:
    """Of two chains in a row, the second with its CDR3 alone."""
    bounds = np.array([[0, 2, 3, 5, 6, 8, 10, 11], [-1, -1, -1, -1, -1, 2, 4, 5]])
    F, U = FRAMEWORK, UNTOLD
    assert kinds_of(bounds, np.array([11, 5])).tolist() == [
        *[F, F, CDR1, F, F, CDR2, F, F, CDR3, CDR3, F],
        *[U, U, CDR3, CDR3, F],
    ]


def test_columns_tell_what_they_know() -> None:
    """A part that is not in the sequence leaves its ends untold."""
    sequence = "".join(TRASTUZUMAB_H.split())
    bounds = bounds_by_columns(sequence, {"cdr3": "SRWGGDGFYAMDY", "cdr1": "WRONG"})
    assert bounds[:5] == (-1,) * 5
    assert sequence[bounds[5] : bounds[6]] == "SRWGGDGFYAMDY"
    assert bounds[7] == len(sequence)
