"""Sequences as arrays of one shape, with real frames beside them as far as a network looks.

Axes in the shapes: B sequences, T frames, p frames of padding on either side, N signals.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from distrib.data.behaviour.sessions import Sessions

NO_LABEL = -1
"""Where a sequence is shorter than the longest beside it, or nothing is known."""


@dataclass(frozen=True)
class Windows:
    """What a network is given of some sequences.

    Attributes:
        signals: (B, T + 2p, N) float32; 0 where there is no frame.
        known: (B, T + 2p, N) bool, which signals were measured; None: all that lie inside.
        inside: (B, T) bool, which frames belong to the sequence.
        hand, weak: (B, T) int16, NO_LABEL outside; weak is NO_LABEL too where there is none.
        tasks: (B, T, J) float32, NaN where unknown; None without task signals.
    """

    signals: np.ndarray
    known: np.ndarray | None
    inside: np.ndarray
    hand: np.ndarray
    weak: np.ndarray
    tasks: np.ndarray | None


def windows(sequences: Sessions, pad: int, velocity: bool = False) -> Windows:
    """All of these sequences, filled up to the longest.

    Args:
        pad: frames on either side, the session's own as far as it has some.
        velocity: add the difference to the frame before as further signals, (B, T + 2p, 2N).
    """
    lengths = sequences.parts[:, 2] - sequences.parts[:, 1]
    shape = len(sequences), int(lengths.max())
    hand = np.full(shape, NO_LABEL, dtype=np.int16)
    weak = np.full(shape, NO_LABEL, dtype=np.int16)
    num_tasks = len(sequences.task_names)
    tasks = np.full((*shape, num_tasks), np.nan, dtype=np.float32) if num_tasks else None
    width = shape[1] + 2 * pad
    num_signals = len(sequences.signals) * (1 + velocity)
    signals = np.zeros((shape[0], width, num_signals), dtype=np.float32)
    for row, (session, start, stop) in enumerate(sequences.parts.tolist()):
        track, size = sequences.tracks[session], stop - start
        found = track.rows(start - pad, stop + pad, velocity)
        signals[row, : len(found)] = found
        hand[row, :size] = sequences.labels(sequences.hand, row)
        if (labels := sequences.weak[session]) is not None:
            weak[row, :size] = labels[start:stop]
        if tasks is not None and (values := sequences.tasks[session]) is not None:
            tasks[row, :size] = values[start:stop]
    known = None
    if np.isnan(signals).any():
        known = np.isfinite(signals)
        signals = np.where(known, signals, np.float32(0))
    inside = np.arange(shape[1]) < lengths[:, None]
    return Windows(signals, known, inside, hand, weak, tasks)
