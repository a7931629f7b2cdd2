"""Probabilities of the classes as files: `<session>_states.npy`, (frames, K) float32.

Written sequence by sequence, so that a session of any length takes the memory of a batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from distrib.data.behaviour.sessions import Sessions
from distrib.files import atomic_path


def write_states(
    folder: Path,
    sequences: Sessions,
    num_classes: int,
    of_models: Sequence[Iterator[np.ndarray]],
) -> list[str]:
    """A file for every session, a row a frame; the names of the files.

    Args:
        sequences: those of a session one after the other, without gaps.
        of_models: for each model and sequence (frames, K); their mean is written.
    """
    names = []
    for session in dict.fromkeys(sequences.groups.tolist()):
        own = sequences.parts[sequences.groups == session]
        names.append(f"{sequences.ids[session]}_states.npy")
        shape = int((own[:, 2] - own[:, 1]).sum()), num_classes
        with atomic_path(folder / names[-1]) as temporary:
            states = np.lib.format.open_memmap(temporary, "w+", np.dtype(np.float32), shape)
            at = 0
            for _ in own:
                rows = [next(probabilities) for probabilities in of_models]
                states[at : at + len(rows[0])] = sum(rows) / np.float32(len(rows))
                at += len(rows[0])
            states.flush()
    return names
