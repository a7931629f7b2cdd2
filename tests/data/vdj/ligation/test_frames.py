"""Whether a junction can be translated, against translations of whole strings."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distrib.data.vdj.germline.olga import read_genes
from distrib.data.vdj.ligation.frames import CodingGenes, FrameRule, is_productive
from tests.support.junctions_by_hand import (
    Ligation,
    ligate,
    productive_by_anchors,
    productive_by_residue,
    translate,
)

BY_HAND = {"anchors": productive_by_anchors, "residue": productive_by_residue}
RULES: tuple[FrameRule, ...] = get_args(FrameRule)
Gene = tuple[str, int]  # sequence and anchor


def judge(
    v: list[Gene], j: list[Gene], rows: list[tuple[int, int, Ligation]], rule: FrameRule
) -> np.ndarray:
    v_of, j_of, ligations = zip(*rows)
    return is_productive(
        CodingGenes.of(*zip(*v), "left"),
        CodingGenes.of(*zip(*j), "right"),
        np.array(v_of),
        np.array(j_of),
        np.array([x.kept for x in ligations]),
        np.array([x.resumes for x in ligations]),
        rule,
    )


def check(v: list[Gene], j: list[Gene], trims: range, rule: FrameRule) -> np.ndarray:
    rows = [
        (a, b, x)
        for a, (left, _) in enumerate(v)
        for b, (right, _) in enumerate(j)
        for x in ligate(left, right, trims)
    ]
    expected = [BY_HAND[rule](x, j[b][0], v[a][1], j[b][1]) for a, b, x in rows]
    found = judge(v, j, rows, rule)
    assert found.tolist() == expected
    return found


@st.composite
def genes(draw: st.DrawFn, *, is_v: bool) -> Gene:
    """V with its codon near the end, J with it near the beginning."""
    length = draw(st.integers(22, 60))
    sequence = draw(st.text("ACGT", min_size=length, max_size=length))
    near = draw(st.integers(0, 19))
    return (sequence, length - 3 - near) if is_v else (sequence, near)


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=25)
@given(
    v=st.lists(genes(is_v=True), min_size=1, max_size=2),
    j=st.lists(genes(is_v=False), min_size=1, max_size=2),
)
def test_random_junctions(rule: FrameRule, v: list[Gene], j: list[Gene]) -> None:
    check(v, j, range(-2, 15, 4), rule)


@pytest.mark.parametrize("rule", RULES)
def test_real_junctions(rule: FrameRule) -> None:
    of_model = [g for g in read_genes("human_T_alpha") if g.anchor is not None]
    v = [(g.sequence, g.anchor) for g in of_model if g.segment == "V"][5:90:28]
    j = [(g.sequence, g.anchor) for g in of_model if g.segment == "J"][2:60:19]
    assert all(translate(sequence[: anchor + 3], anchor) == "C" for sequence, anchor in v)
    found = check(v, j, range(-2, 15, 2), rule)
    assert 0.1 < found.mean() < 0.4  # a third in frame, fewer without stop


def test_both_rules_differ_only_where_a_residue_is_there_by_chance() -> None:
    v = [("TGTGCTGTGAGA", 0)]
    j = [("AATTTTGGTTTTGGT", 3)]  # N F G F G: its codon is the F at 3
    rows = [(0, 0, x) for x in ligate(v[0][0], j[0][0], range(-2, 6))]
    anchors, residue = (judge(v, j, rows, rule) for rule in RULES)
    assert not (anchors & ~residue).any()
    assert (residue & ~anchors).any()
    by_chance = [x for (_, _, x), it in zip(rows, residue & ~anchors) if it]
    # J's own codon is then out of frame (12 bases from the end), or cut off.
    assert all((len(x.sequence) - 12) % 3 or x.resumes > 3 + 2 for x in by_chance)


def test_a_codon_that_is_cut_off_is_not_there() -> None:
    v, j = [("TGTGCTGTG", 0)], [("TTTGGAACC", 0)]
    whole, cut = Ligation(0, 0, 0, "TGTGCTGTGTTTGGAACC", 9, 2), Ligation(0, 3, 0, "", 9, 5)
    assert judge(v, j, [(0, 0, whole), (0, 0, cut)], "anchors").tolist() == [True, False]


def test_a_stop_codon_counts_within_the_cdr3_alone() -> None:
    v = [("TAATGTGCTGTG", 3)]  # a stop before the Cys
    j = [("TTTTAAACC", 0), ("TAATTTACC", 3)]  # one after the Phe, one before it
    rows = [(0, b, Ligation(0, 0, 0, "", 12, 2)) for b in range(2)]
    assert judge(v, j, rows, "anchors").tolist() == [True, False]
