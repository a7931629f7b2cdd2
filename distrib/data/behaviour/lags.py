"""Frames with their neighbours beside them, as trees look at them."""

from __future__ import annotations

import numpy as np

from distrib.data.behaviour.sessions import Sessions


def lagged(sequences: Sessions, part: int, n_lags: int, velocity: bool = False) -> np.ndarray:
    """(frames, (2 n_lags + 1) * N) float32: the signals of frames t - n_lags to t + n_lags.

    Frames beyond the session's ends count as 0, the mean; so do missing values. With `velocity`
    the N signals are followed by their differences to the frame before, and N is twice as many.
    """
    session, start, stop = sequences.parts[part].tolist()
    track = sequences.tracks[session]
    values = np.nan_to_num(track.rows(start - n_lags, stop + n_lags, velocity))
    size, width = stop - start, 2 * n_lags + 1
    beside = [values[lag : lag + size] for lag in range(width)]
    return np.concatenate(beside, axis=1)
