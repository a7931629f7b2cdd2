"""Chains as arrays, and what their columns tell."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from distrib.data.antibodies.alphabet import PAD, decode
from distrib.data.antibodies.chain_rows import GERMLINE, MUTATED, rows_of, simulated_rows
from distrib.data.antibodies.chains import from_table
from distrib.data.antibodies.regions import CDR1, CDR3, UNTOLD
from distrib.data.antibodies.simulate import simulate_chains
from distrib.data.antibodies.unigram import Unigram
from distrib.errors import InputError


def table(**columns: list[str]) -> pd.DataFrame:
    frame = pd.DataFrame(columns)
    frame.index = pd.RangeIndex(2, len(frame) + 2, name="row")
    return frame


def test_simulated_chains_have_regions_and_germline() -> None:
    """The arrays say what the simulation knows."""
    rows = simulated_rows(120, 0.05)
    chains = simulate_chains(120)
    assert [decode(rows.tokens[a:b]) for a, b in pairwise(rows.offsets)] == chains.sequences
    frame = chains.frame()
    for number in range(0, 120, 17):
        own = slice(rows.offsets[number], rows.offsets[number + 1])
        assert decode(rows.tokens[own][rows.kinds[own] == CDR3]) == frame["cdr3_aa"][number]
        cdr1 = decode(rows.tokens[own][rows.kinds[own] == CDR1])
        assert cdr1 in (frame["cdr1_aa"][number], "")
    states = rows.states()
    assert 0.08 < (states == MUTATED).sum() / (states <= MUTATED).sum() < 0.12
    assert rows.describe()["simulated"]
    assert "no real data" in rows.notes[0]


def test_a_part_has_the_rows_of_the_whole() -> None:
    rows = simulated_rows(50, 0.05)
    part = rows.take(np.array([7, 3, 3]))
    assert part.ids.tolist() == [rows.ids[7], rows.ids[3], rows.ids[3]]
    for number, row in enumerate([7, 3, 3]):
        for name in ("tokens", "kinds", "germline"):
            own = getattr(part, name)[part.offsets[number] : part.offsets[number + 1]]
            assert (own == getattr(rows, name)[rows.offsets[row] : rows.offsets[row + 1]]).all()
    assert rows.take(np.empty(0, int)).tokens.size == 0
    assert rows.describe()["fingerprint"] != part.describe()["fingerprint"]


def test_a_germline_that_is_not_told_is_none() -> None:
    frame = table(id=["a", "b"], sequence=["EVQL", "EVQL"], germline_alignment_aa=["EVXV", ""])
    rows = rows_of(from_table(frame, Path("t.csv"), "heavy"), "heavy")
    assert decode(np.where(rows.germline == PAD, 1, rows.germline)) == "EVXVXXXX"
    assert not any("germline" in note for note in rows.notes)


def test_a_germline_of_another_length_is_left_out_and_counted() -> None:
    frame = table(id=["a", "b"], sequence=["EVQL", "EVQL"], germline_alignment_aa=["EVXV", "EVQLV"])
    rows = rows_of(from_table(frame, Path("t.csv"), "heavy"), "heavy")
    assert decode(np.where(rows.germline == PAD, 1, rows.germline)) == "EVXVXXXX"
    assert rows.states()[:4].tolist() == [GERMLINE, GERMLINE, 2, MUTATED]
    assert any("1 of 2 chains is not as long" in note for note in rows.notes)
    assert (rows.kinds == UNTOLD).all()


def test_clusters_and_parts_of_the_data_are_obeyed() -> None:
    """Equal sequences are one group where no column says otherwise."""
    frame = table(id=list("abc"), sequence=["EVQL", "EVQL", "QVQL"])
    chains = from_table(frame, Path("t.csv"), "heavy")
    assert rows_of(chains, "heavy").groups.tolist() == [0, 0, 1]
    frame["cluster"], frame["split"] = ["x", "y", "x"], ["train", "test", "train"]
    rows = rows_of(from_table(frame, Path("t.csv"), "heavy"), "heavy")
    assert rows.groups.tolist() == [0, 1, 0]
    assert rows.split is not None
    assert rows.split.tolist() == ["train", "test", "train"]
    frame["split"] = ["train", "test", "validation"]
    with pytest.raises(InputError, match="leak"):
        rows_of(from_table(frame, Path("t.csv"), "heavy"), "heavy")
    frame["split"] = ["train", "testing it", "train"]
    with pytest.raises(InputError, match="row 3 \\(b\\), column 'split'"):
        rows_of(from_table(frame, Path("t.csv"), "heavy"), "heavy")


def test_frequencies_are_counted_by_place() -> None:
    """By hand: three chains; a place beyond them all is as everywhere."""
    frame = table(id=list("abc"), sequence=["EVQ", "EV", "QVX"])
    chains = from_table(frame, Path("t.csv"), "heavy", on_unknown="x")
    rows = rows_of(chains, "heavy")
    counted = Unigram.of(rows)
    letters = "ACDEFGHIKLMNPQRSTVWY"
    e, q, v = (letters.index(x) for x in "EQV")
    assert counted.overall[[e, q, v]] == pytest.approx([3 / 27, 3 / 27, 4 / 27])
    first, second, beyond = counted.probabilities(np.array([0, 1, 9]), by_place=True)
    assert first[e] == pytest.approx((2 + 3 / 27) / 4)
    assert second[v] == pytest.approx((3 + 4 / 27) / 4)
    assert (beyond == counted.overall).all()
    for row in (first, second, beyond):
        assert row.sum() == pytest.approx(1)
