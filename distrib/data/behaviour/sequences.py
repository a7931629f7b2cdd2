"""Sessions cut into sequences of equal length, dealt to training, validation and test in blocks.

As in daart: each session's sequences are dealt in blocks of training, gap, validation, gap, test
and gap sequences; what is left over trains; then all move on by a random offset, around the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from distrib.data.behaviour.sessions import Sessions
from distrib.errors import InputError

TRAIN, VALIDATION, TEST, GAP = range(4)


@dataclass(frozen=True)
class TrialSplits:
    """Sequences of a block: for training, validation and test, and the gaps between them."""

    train: int
    validation: int
    test: int
    gap: int

    @property
    def block(self) -> list[int]:
        """What each sequence of a block is for, in order; a part without sequences has no gap."""
        block: list[int] = []
        for what, count in ((TRAIN, self.train), (VALIDATION, self.validation), (TEST, self.test)):
            block += [what] * count + [GAP] * (self.gap if count else 0)
        return block


def parse_splits(text: str) -> TrialSplits:
    """Of a text such as `9;1;0;0`: training, validation, test and gap.

    Raises:
        InputError: anything else, or no sequence to train on.
    """
    try:
        train, validation, test, gap = (int(word) for word in text.split(";"))
        good = train > 0 and min(validation, test, gap) >= 0
    except ValueError:
        good = False
    if not good:
        raise InputError(
            "not a split of sequences",
            where="trial_splits",
            found=text,
            expected="train;validation;test;gap such as 9;1;0;0, the first above 0",
        )
    return TrialSplits(train, validation, test, gap)


def cut(sessions: Sessions, length: int, keep_tail: bool = True) -> Sessions:
    """Every part cut into sequences of `length` frames, in order.

    Args:
        keep_tail: whether the frames that fill no sequence are one of their own, shorter.
    """
    return replace(sessions, parts=np.concatenate([*_cut(sessions.parts, length, keep_tail)]))


def _cut(parts: np.ndarray, length: int, keep_tail: bool) -> Iterator[np.ndarray]:
    yield np.empty((0, 3), dtype=np.int64)
    for session, start, stop in parts.tolist():
        starts = np.arange(start, stop, length)
        if not keep_tail:
            starts = starts[starts + length <= stop]
        stops = np.minimum(starts + length, stop)
        yield np.stack([np.full(len(starts), session), starts, stops], axis=1)


def deal(sequences: Sessions, splits: TrialSplits, seed: int) -> np.ndarray:
    """(P,) what each sequence is for: TRAIN, VALIDATION, TEST or GAP.

    Raises:
        InputError: a session with fewer sequences than a block has.
    """
    block = splits.block
    found = np.empty(len(sequences), dtype=np.int64)
    for session in np.unique(sequences.groups).tolist():
        own = np.flatnonzero(sequences.groups == session)
        if len(own) < len(block):
            raise InputError(
                "too few sequences for the split",
                where=f"session {sequences.ids[session]}",
                found=f"{len(own)} sequences",
                expected=f"at least {len(block)}, a block of trial_splits",
                hint="a smaller sequence_length or trial_splits",
            )
        what = np.full(len(own), TRAIN)
        whole = len(own) // len(block) * len(block)
        what[:whole] = np.tile(block, whole // len(block))
        rng = np.random.default_rng([seed, session])
        found[own] = np.roll(what, int(rng.integers(len(block))))
    return found


def fraction_of(rows: np.ndarray, train_frac: float, seed: int) -> np.ndarray:
    """Training sequences, in their order: all (1), a share (below 1) or a number of them (above 1).

    Raises:
        InputError: where none would be left.
    """
    if train_frac == 1:
        return rows
    count = round(train_frac * len(rows)) if train_frac < 1 else min(int(train_frac), len(rows))
    if count < 1:
        raise InputError(
            "no sequence to train on",
            where="train_frac",
            found=f"{train_frac:g} of {len(rows)} sequences",
            expected="at least one",
        )
    chosen = np.random.default_rng([seed, 1]).choice(len(rows), count, replace=False)
    return rows[np.sort(chosen)]
