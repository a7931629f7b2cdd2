"""How well whole bouts are met: the edit score, and the F1 of segments at an overlap.

Both of Lea et al., Temporal Convolutional Networks for Action Segmentation and Detection (CVPR
2017). They are taken over stretches of frames that are all labelled; background is no bout. Sums
over stretches are what is kept, so that figures of several sessions pool.
"""

from __future__ import annotations

import numpy as np

from distrib.data.behaviour.labels import BACKGROUND

OVERLAPS = (10, 25, 50)
"""Percent of intersection over union from which a segment is met."""

NUM_SUMS = 2 + 3 * len(OVERLAPS)


def segments(states: np.ndarray) -> np.ndarray:
    """(segments, 3) class, first frame, the frame after the last; background left out."""
    edges = np.flatnonzero(np.diff(states)) + 1
    starts = np.concatenate([[0], edges]) if len(states) else np.empty(0, np.int64)
    stops = np.append(edges, len(states)) if len(states) else np.empty(0, np.int64)
    found = np.stack([states[starts].astype(np.int64), starts, stops], axis=1)
    return found[found[:, 0] != BACKGROUND]


def stretches(known: np.ndarray) -> np.ndarray:
    """(stretches, 2) first and after-last frame of the runs of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], known.astype(np.int8), [0]])))
    return edges.reshape(-1, 2)


def segment_sums(truth: np.ndarray, predicted: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(NUM_SUMS,) edits, most edits; and for each overlap true positives, false ones, misses.

    Args:
        truth, predicted: (frames,) classes of one session, in order. known: (frames,) bool.
    """
    sums = np.zeros(NUM_SUMS)
    for start, stop in stretches(known).tolist():
        true, taken = segments(truth[start:stop]), segments(predicted[start:stop])
        sums[0] += edit_distance(true[:, 0], taken[:, 0])
        sums[1] += max(len(true), len(taken))
        for place, overlap in enumerate(OVERLAPS):
            hits = _hits(true, taken, overlap / 100)
            sums[2 + 3 * place : 5 + 3 * place] += hits, len(taken) - hits, len(true) - hits
    return sums


def segment_scores(sums: np.ndarray) -> dict[str, float]:
    """`edit` and `segment_f1_10`, ..., from 0 to 1, of such sums; none where there is no bout."""
    if not sums[1]:
        return {}
    scores = {"edit": float(1 - sums[0] / sums[1])}
    for place, overlap in enumerate(OVERLAPS):
        hits, false, missed = sums[2 + 3 * place : 5 + 3 * place]
        scores[f"segment_f1_{overlap}"] = float(2 * hits / (2 * hits + false + missed))
    return scores


def edit_distance(first: np.ndarray, second: np.ndarray) -> int:
    """Levenshtein's: the least insertions, deletions and exchanges from one to the other."""
    row = np.arange(len(second) + 1)
    places = np.arange(len(second) + 1)
    for count, word in enumerate(first.tolist(), 1):
        exchanged = row[:-1] + (second != word)
        best = np.concatenate([[count], np.minimum(row[1:] + 1, exchanged)])
        # An insertion costs one a place: the running minimum of what is left of each.
        row = np.minimum.accumulate(best - places) + places
    return int(row[-1])


def _hits(true: np.ndarray, taken: np.ndarray, overlap: float) -> int:
    """Predicted segments that meet a true one of their class, each true one only once.

    A predicted segment counts for the true one that it overlaps most.
    """
    used = np.zeros(len(true), dtype=bool)
    hits = 0
    for word, start, stop in taken.tolist():
        same = true[:, 0] == word
        shared = np.minimum(stop, true[:, 2]) - np.maximum(start, true[:, 1])
        union = np.maximum(stop, true[:, 2]) - np.minimum(start, true[:, 1])
        ratio = np.where(same, shared / union, -1.0)
        if len(ratio) and ratio[best := int(ratio.argmax())] >= overlap and not used[best]:
            used[best] = True
            hits += 1
    return hits
