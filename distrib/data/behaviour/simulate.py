"""Simulated sessions whose classes are known: bouts with dynamics of their own, noisy heuristics.

A hidden chain draws bouts of `CLASSES`; their lengths are 10 frames and a geometric number more. In
a bout every signal is a damped oscillation about a level, driven by noise: level, frequency and
damping are those of the class and the signal, so that neighbouring frames tell more than one alone.
Two classes share their levels and differ in their dynamics alone. Each session adds an offset and a
gain of its own. A few bouts are labelled by hand, a stretch inside each; the heuristics know whole
bouts, of which they miss some, confuse some and are late at the ends.
"""

from __future__ import annotations

import numpy as np

from distrib.data.behaviour.sessions import Sessions
from distrib.data.behaviour.tracks import Track, make_track

SESSIONS, FRAMES, SIGNALS = 6, 6_000, 16
CLASSES = ("background", "still", "walk", "groom_front", "groom_back", "turn")
LABELLED = 0.04
"""Share of the frames with a hand label."""

MEAN_BOUT, LEAST_BOUT, STRETCH = 60, 10, 10
NOISE = 1.0
MISSED, CONFUSED, LATE = 0.2, 0.25, 8
"""Of the heuristics: share of bouts missed, of bouts given another class, most frames late."""


def simulated_sessions(
    sessions: int = SESSIONS, frames: int = FRAMES, signals: int = SIGNALS, seed: int = 0
) -> Sessions:
    """`sessions` of `frames` each; the last is named as the test."""
    found = [simulate(frames, signals, seed, number) for number in range(sessions)]
    numbers = np.arange(sessions)
    return Sessions(
        ids=np.array([f"simulated_{number}" for number in numbers]),
        tracks=tuple(_track(raw) for raw, *_ in found),
        hand=tuple(hand for _, _, hand, _ in found),
        weak=tuple(weak for *_, weak in found),
        tasks=(None,) * sessions,
        signals=tuple(f"signal_{number}" for number in range(signals)),
        classes=CLASSES,
        task_names=(),
        parts=np.stack([numbers, 0 * numbers, 0 * numbers + frames], axis=1),
        test=numbers == sessions - 1,
        notes=("these sessions are simulated: no claim about any animal",),
    )


def _track(raw: np.ndarray) -> Track:
    from pathlib import Path

    return make_track(raw, "refuse", Path("simulated"))[0]


def simulate(
    frames: int, signals: int, seed: int, session: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """One session: (frames, signals) float64, and (frames,) int16 truth, hand and weak labels.

    The classes' dynamics follow from `seed`, all else from `seed` and `session`.
    """
    levels, turns, damping = _dynamics(np.random.default_rng(seed), signals)
    rng = np.random.default_rng([seed, session + 1])
    truth, starts = _bouts(rng, frames)
    raw = _oscillate(rng, truth, levels, turns, damping)
    raw = raw * rng.uniform(0.7, 1.4, signals) + rng.normal(0, 2, signals)
    hand = _by_hand(rng, truth, starts)
    return raw, truth, hand, _heuristics(rng, truth, starts)


def _dynamics(rng: np.random.Generator, signals: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(classes, signals) level, angle a frame and damping a frame; background has its own."""
    shape = len(CLASSES), signals
    levels = 0.7 * rng.standard_normal(shape)
    levels[3] = levels[4]
    turns = rng.uniform(0.1, 0.3, shape) * np.array([1.0, 0.5, 1.5, 0.6, 3.0, 2.2])[:, None]
    damping = rng.uniform(0.85, 0.97, shape)
    return levels, turns, damping


def _bouts(rng: np.random.Generator, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """(frames,) int16 classes, never twice the same in a row, and the first frames of the bouts."""
    truth, starts, at, last = np.empty(frames, dtype=np.int16), [], 0, -1
    while at < frames:
        last = int(rng.choice([c for c in range(len(CLASSES)) if c != last]))
        length = LEAST_BOUT + int(rng.geometric(1 / (MEAN_BOUT - LEAST_BOUT)))
        truth[at : at + length] = last
        starts.append(at)
        at += length
    return truth, np.array(starts)


def _oscillate(
    rng: np.random.Generator,
    truth: np.ndarray,
    levels: np.ndarray,
    turns: np.ndarray,
    damping: np.ndarray,
) -> np.ndarray:
    """(frames, signals) level + Re z, with z[t] = damping * e^(i turn) * z[t-1] + noise."""
    frames, signals = len(truth), levels.shape[1]
    factor = (damping * np.exp(1j * turns))[truth]
    drive = rng.standard_normal((frames, signals)) + 1j * rng.standard_normal((frames, signals))
    drive *= np.sqrt(1 - damping**2)[truth]
    state = np.zeros(signals, dtype=complex)
    path = np.empty((frames, signals))
    for frame in range(frames):
        state = factor[frame] * state + drive[frame]
        path[frame] = state.real
    return levels[truth] + path + 0.3 * NOISE * rng.standard_normal((frames, signals))


def _by_hand(rng: np.random.Generator, truth: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Stretches inside random bouts, each class in turn, until enough frames have a label."""
    hand = np.zeros(len(truth), dtype=np.int16)
    ends = np.append(starts[1:], len(truth))
    wanted = LABELLED * len(truth)
    drawn = rng.permutation(len(starts))
    turn = np.empty(len(drawn), dtype=np.int64)  # how many bouts of its class come before a bout
    for word in range(len(CLASSES)):
        own = truth[starts[drawn]] == word
        turn[own] = np.arange(own.sum())
    for bout in drawn[np.argsort(turn, kind="stable")].tolist():
        start, end = int(starts[bout]), int(ends[bout])
        if truth[start] == 0 or (hand > 0).sum() >= wanted:
            continue
        first = int(rng.integers(start, max(start + 1, end - STRETCH)))
        stop = min(first + STRETCH, end, first + int(np.ceil(wanted - (hand > 0).sum())))
        hand[first:stop] = truth[first:stop]
    return hand


def _heuristics(rng: np.random.Generator, truth: np.ndarray, starts: np.ndarray) -> np.ndarray:
    weak = np.zeros(len(truth), dtype=np.int16)
    for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(truth)]):
        found, late = int(truth[start]), int(rng.integers(LATE + 1))
        draw = rng.random()
        if draw < MISSED:
            found = 0
        elif draw < MISSED + CONFUSED:
            found = int(rng.integers(1, len(CLASSES)))
        weak[start + late : end + late] = found
    return weak
