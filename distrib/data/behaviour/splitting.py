"""What of the sessions is trained on, validated on, and set aside for the test."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from distrib.data.behaviour.sequences import (
    TRAIN,
    VALIDATION,
    cut,
    deal,
    fraction_of,
    parse_splits,
)
from distrib.data.behaviour.sessions import Sessions
from distrib.data.splits import holdout
from distrib.errors import InputError

CANDIDATES = 41
"""Places that are looked at for the stretch of a single session."""


def parts_of(config: Any, data: Sessions) -> tuple[Sessions, Sessions]:
    """Sequences to train on and to validate on, dealt in blocks within each session.

    Args:
        config: with `sequence_length`, `keep_tail`, `trial_splits`, `split_seed`, `train_frac`.
    """
    sequences = cut(data, config.sequence_length, config.keep_tail)
    what = deal(sequences, parse_splits(config.trial_splits), config.split_seed)
    rows = fraction_of(np.flatnonzero(what == TRAIN), config.train_frac, config.split_seed)
    return sequences.take(rows), sequences.take(np.flatnonzero(what == VALIDATION))


def scored_from(asked: int | None, data: Sessions) -> int:
    """The class that is not scored: as asked, else as the data file says, else background."""
    if asked is not None:
        return asked
    return 0 if data.ignore_class is None else data.ignore_class


def part_aside(data: Sessions, fraction: float, seed: int) -> tuple[Sessions, Sessions | None]:
    """The sessions that are named as the test; else a share of the sessions, at least one.

    Of a single session a stretch of frames is set aside: that with the most classes among its hand
    labels, and of those the one that takes most nearly its share of the labelled frames.

    Raises:
        InputError: where nothing would be left to search on.
    """
    named = data.test[data.groups]
    if named.any():
        if named.all():
            raise InputError(
                "every session is named as the test",
                where="expt_ids_test",
                found=", ".join(data.ids[data.test]),
            )
        return data.take(np.flatnonzero(~named)), data.take(np.flatnonzero(named))
    if not fraction:
        return data, None
    if len(np.unique(data.groups)) > 1:
        rest, test = holdout(data.groups, fraction, seed)
        return data.take(rest), data.take(test)
    return _stretch(data, fraction)


def _stretch(data: Sessions, fraction: float) -> tuple[Sessions, Sessions]:
    session, start, stop = data.parts[0].tolist()
    hand = data.labels(data.hand, 0)
    length = max(1, round(fraction * (stop - start)))
    starts = np.linspace(0, stop - start - length, CANDIDATES).astype(int)
    wanted = fraction * (hand > 0).sum()

    def worth(first: int) -> tuple[int, float]:
        labels = hand[first : first + length]
        return len(np.unique(labels[labels > 0])), -abs((labels > 0).sum() - wanted)

    first = start + int(max(starts.tolist(), key=worth))
    rest = [(session, start, first), (session, first + length, stop)]
    kept = np.array([part for part in rest if part[1] < part[2]])
    test = np.array([(session, first, first + length)])
    return replace(data, parts=kept), replace(data, parts=test)
