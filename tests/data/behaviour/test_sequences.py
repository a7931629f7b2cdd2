"""Sessions cut, dealt and padded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distrib.data.behaviour.sequences import (
    GAP,
    TEST,
    TRAIN,
    VALIDATION,
    cut,
    deal,
    fraction_of,
    parse_splits,
)
from distrib.data.behaviour.simulate import simulated_sessions
from distrib.data.behaviour.windows import NO_LABEL, windows
from distrib.errors import InputError


def test_the_tail_is_kept_or_dropped() -> None:
    sessions = simulated_sessions(2, 130, 3)
    kept = cut(sessions, 50)
    assert kept.parts.tolist() == [
        [s, a, b] for s in (0, 1) for a, b in ((0, 50), (50, 100), (100, 130))
    ]
    assert cut(sessions, 50, keep_tail=False).num_frames() == 200
    long = replace(sessions, parts=np.array([[0, 0, 45_001]]))
    assert cut(long, 500, keep_tail=False).num_frames() == 45_000
    assert cut(long, 500).num_frames() == 45_001


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(*[st.integers(0, 4)] * 4), st.integers(1, 60), st.integers(0, 10), st.integers(1, 3)
)
def test_every_session_is_dealt_in_whole_blocks(
    words: tuple[int, ...], count: int, seed: int, num_sessions: int
) -> None:
    splits = parse_splits(";".join(map(str, (words[0] + 1, *words[1:]))))
    block = splits.block
    base = simulated_sessions(num_sessions, 10, 2)
    frames = np.tile([[0, 0, count * 10]], (num_sessions, 1))
    frames[:, 0] = np.arange(num_sessions)
    sequences = cut(replace(base, parts=frames), 10)
    if count < len(block):
        with pytest.raises(InputError, match="too few sequences"):
            deal(sequences, splits, seed)
        return
    what = deal(sequences, splits, seed)
    for session in range(num_sessions):
        own = what[sequences.groups == session]
        blocks = count // len(block)
        assert [(own == w).sum() for w in (VALIDATION, TEST, GAP)] == [
            blocks * block.count(w) for w in (VALIDATION, TEST, GAP)
        ]
        for turn in range(len(block)):
            back = np.roll(own, -turn)
            whole = np.tile(block, blocks)
            if (back[: len(whole)] == whole).all() and (back[len(whole) :] == TRAIN).all():
                break
        else:
            raise AssertionError("no rotation of whole blocks")
    assert (deal(sequences, splits, seed) == what).all()


def test_the_seed_moves_the_split() -> None:
    sequences = cut(simulated_sessions(1, 1_000, 2), 20)
    found = {deal(sequences, parse_splits("9;1;0;0"), seed).tobytes() for seed in range(20)}
    assert len(found) > 5


@pytest.mark.parametrize("text", ["9;1;0", "0;1;0;0", "9;-1;0;0", "a;b;c;d", ""])
def test_a_bad_split_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="trial_splits"):
        parse_splits(text)


def test_train_frac() -> None:
    rows = np.arange(40)
    assert fraction_of(rows, 1, 0) is rows
    assert len(fraction_of(rows, 0.25, 0)) == 10
    assert len(fraction_of(rows, 7, 0)) == 7
    assert (np.diff(fraction_of(rows, 7, 0)) > 0).all()
    with pytest.raises(InputError, match="train_frac"):
        fraction_of(rows, 0.01, 0)


def test_padding_is_the_session_s_own_frames_and_zero_beyond_them() -> None:
    sessions = simulated_sessions(1, 130, 3)
    whole = sessions.tracks[0].rows(0, 130)
    found = windows(cut(sessions, 50), pad=7)
    assert found.signals.shape == (3, 64, 3)
    padded = np.pad(whole, ((7, 7 + 50), (0, 0)))
    for row, start in enumerate((0, 50)):
        np.testing.assert_array_equal(found.signals[row], padded[start : start + 64])
    np.testing.assert_array_equal(found.signals[2, :37], padded[100:137])
    assert not found.signals[2, 37:].any()
    assert found.inside.sum(axis=1).tolist() == [50, 50, 30]
    assert (found.hand[2, 30:] == NO_LABEL).all()
    np.testing.assert_array_equal(found.hand[1], sessions.hand[0][50:100])  # type: ignore[index]


def test_velocity_is_the_difference_to_the_frame_before() -> None:
    sessions = simulated_sessions(1, 120, 3)
    whole = sessions.tracks[0].rows(0, 120)
    found = windows(cut(sessions, 50), pad=4, velocity=True).signals
    assert found.shape == (3, 58, 6)
    velocity = np.concatenate([np.zeros((1, 3)), np.diff(whole, axis=0)]).astype(np.float32)
    np.testing.assert_array_equal(found[1, :, 3:], velocity[46:104])
    assert not found[0, :5, 3:].any()
    np.testing.assert_array_equal(found[0, 5:, 3:], velocity[1:54])
