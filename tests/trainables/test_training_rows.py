"""A model knows the rows it was trained on, and nothing else of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrib.errors import InputError
from distrib.trainables.base import Progress, State
from distrib.trainables.training_rows import NAME, hashes, known_rows, remember, trained_on

NAMES = st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=8), max_size=12)


@given(NAMES, NAMES)
def test_known_rows_are_those_trained_on(known: list[str], asked: list[str]) -> None:
    state = State({NAME: hashes(known)})
    seen = trained_on(state, np.array(asked, dtype=object))
    assert seen is not None
    assert seen.tolist() == [name in known for name in asked]


def test_eight_bytes_a_row_that_stay_the_same() -> None:
    found = hashes(["TRBV19*01", "TP53"])
    assert (found.dtype, found.nbytes) == (np.uint64, 16)
    # As `b2sum -l 64` prints them, read from the right: other machines read these states.
    assert found.tolist() == [0x7C5D466D21F92D2F, 0xFA72D3C594412DF2]


def test_versions_of_ensembl_ids_are_left_aside() -> None:
    state = State({NAME: hashes(["ENSG00000141510.17"])})
    seen = trained_on(state, np.array(["ENSG00000141510", "ENSG00000141510.3", "ENSG00000141511"]))
    assert seen is not None and seen.tolist() == [True, True, False]


def test_every_state_of_a_refit_has_them_and_is_taken_when_asked_for() -> None:
    now = {"step": 0}
    items = (
        Progress(step, lambda: State({"w": np.array([now["step"]])}, {"a": 1})) for step in (1, 2)
    )
    for item in remember(items, np.array(["x", "y"])):
        now["step"] = item.fidelity
        state = item.state()
        assert state.arrays["w"].tolist() == [item.fidelity]
        assert state.values == {"a": 1}
        np.testing.assert_array_equal(state.arrays[NAME], hashes(["x", "y"]))


def test_a_state_without_them_does_not_say() -> None:
    assert trained_on(State({}), np.array(["x"])) is None
    for state in (State({}), State({NAME: hashes([])})):  # of a stream none is kept
        with pytest.raises(InputError, match="does not say which rows"):
            known_rows(state, np.array(["x"]), 1)


def test_all_that_it_was_trained_on_is_found_again_or_told() -> None:
    state = State({NAME: hashes(["c", "a"])})
    assert known_rows(state, np.array(["a", "b", "c"]), 3).tolist() == [0, 2]
    frames = np.array(["a", "a", "b", "c", "c", "c"])
    assert known_rows(state, frames, 3).tolist() == [0, 2]
    with pytest.raises(InputError, match="1 of the 2 rows that it knows are missing"):
        known_rows(state, np.array(["a", "b"]), 2)
