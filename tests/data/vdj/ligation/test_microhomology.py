"""Microhomology around a joint, against counts of letters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distrib.data.vdj.germline.olga import read_model, reverse_complement
from distrib.data.vdj.ligation.ligation import (
    Joints,
    enumerate_ligations,
    left_windows,
    right_windows,
)
from distrib.data.vdj.ligation.microhomology import (
    OVERLAPS,
    count_options,
    count_overlaps,
    mean_mh,
    overlap_lengths,
)
from tests.support.junctions_by_hand import ligate, overlap

ONE = np.zeros(1, int)
GENES = st.one_of(st.text("ACGT", min_size=2, max_size=45), st.text("CG", min_size=2, max_size=30))


def windows(left: str, right: str, trims: range) -> tuple[np.ndarray, np.ndarray, Joints]:
    longest = trims[-1]
    joints = Joints.of(np.array(trims), np.array(trims), longest)
    return left_windows([left], longest), right_windows([right], longest), joints


@settings(max_examples=40)
@given(left=GENES, right=GENES, trims=st.integers(-2, 14).map(lambda last: range(-2, last + 1)))
def test_options_are_counted_and_averaged(left: str, right: str, trims: range) -> None:
    v, j, joints = windows(left, right, trims)
    options = enumerate_ligations(v, j, ONE, ONE, joints).options
    mh: dict[tuple[int, int], list[int]] = {}
    for x in ligate(left, right, trims):
        mh.setdefault((x.left_trim, x.right_trim), []).append(x.mh)
    for a, left_trim in enumerate(trims):
        for b, right_trim in enumerate(trims):
            here = mh.get((left_trim, right_trim), [])
            assert count_options(options)[0, a, b] == len(here)
            assert mean_mh(options)[0, a, b] == pytest.approx(np.mean(here) if here else 0)


def check_overlaps(left: str, right: str, trims: range) -> None:
    v, j, joints = windows(left, right, trims)
    found = count_overlaps(v, j, ONE, ONE, joints)
    assert found.shape == (1, len(trims), len(trims), len(OVERLAPS))
    lengths = overlap_lengths(joints)
    for column, (place, bases) in enumerate(OVERLAPS):
        for a, left_trim in enumerate(trims):
            for b, right_trim in enumerate(trims):
                if left_trim > len(left) or right_trim > len(right):
                    continue  # such a trim does not exist
                expected = overlap(left, right, (left_trim, right_trim), place, bases)
                assert found[0, a, b, column] == expected, (place, bases, left_trim, right_trim)
                length = {"mid": bases, "up": right_trim + 2, "down": left_trim + 2}[place]
                assert lengths[a, b, column] == length


@settings(max_examples=15)
@given(left=GENES, right=GENES, trims=st.sampled_from([range(-2, 15), range(2, 5), range(-2, 1)]))
def test_overlaps_are_those_of_the_strings(left: str, right: str, trims: range) -> None:
    check_overlaps(left, right, trims)


def test_overlaps_of_real_genes() -> None:
    model = read_model("human_T_alpha")
    for v, j in ((3, 5), (40, 30)):
        right = reverse_complement(model.j.sequences[j])
        check_overlaps(model.v.sequences[v], right, range(-2, 15))


def test_overlaps_of_many_pairs_are_those_of_each() -> None:
    model = read_model("human_T_alpha")
    v = left_windows(model.v.sequences[:20], 4)
    j = right_windows([reverse_complement(s) for s in model.j.sequences[:15]], 4)
    left_of, right_of = np.divmod(np.arange(300), 15)  # in two blocks
    joints = Joints.of(np.arange(2, 5), np.arange(2, 5), 4)
    found = count_overlaps(v, j, left_of, right_of, joints)
    for pair in (0, 255, 256, 299):
        alone = count_overlaps(v, j, left_of[[pair]], right_of[[pair]], joints)
        assert (found[pair] == alone[0]).all()
