"""What of the sessions is set aside for the test."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from distrib.data.behaviour.sessions import Sessions
from distrib.data.splits import holdout
from distrib.errors import InputError

CANDIDATES = 41
"""Places that are looked at for the stretch of a single session."""


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
