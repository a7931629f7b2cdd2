"""How like sequences are: 1 less the edit distance over the length of the longer one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

CANDIDATES = 16
_HASHES = 4096  # of triples of residues
_CHUNK = 8192  # sequences whose triples are counted at a time


def nearest_identities(texts: Sequence[str], known: Sequence[str]) -> np.ndarray:
    """(texts,) identity to the likest of the known ones, which all are looked at; 0 without any."""
    if not known:
        return np.zeros(len(texts))
    table, lengths = padded(sorted(set(known)))
    memory = {text: best_identity(text, table, lengths) for text in set(texts)}
    return np.array([memory[text] for text in texts])


def near_identities(texts: Sequence[str], known: Sequence[str]) -> np.ndarray:
    """(texts,) the same among the `CANDIDATES` that share most triples of residues with each.

    Of like sequences, as antibodies are, that is nearly always the likest, at little cost.
    """
    if not known or not texts:
        return np.zeros(len(texts))
    different = sorted(set(known))
    table, lengths = padded(different)
    again = {text: row for row, text in enumerate(dict.fromkeys(texts))}
    if len(again) < len(texts):
        return near_identities(list(again), known)[[again[text] for text in texts]]
    own = _triples(texts)
    shared = np.concatenate(
        [own @ _triples(different[i : i + _CHUNK]).T for i in range(0, len(different), _CHUNK)],
        axis=1,
    )
    most = np.argsort(-shared, axis=1, kind="stable")[:, :CANDIDATES]
    return np.array(
        [best_identity(text, table[rows], lengths[rows]) for text, rows in zip(texts, most)]
    )


def padded(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """(texts, places) uint8 of the letters, 0 behind them, and (texts,) lengths."""
    lengths = np.array([len(text) for text in texts])
    table = np.zeros((len(texts), int(lengths.max(initial=0))), dtype=np.uint8)
    for row, text in enumerate(texts):
        table[row, : len(text)] = np.frombuffer(text.encode(), np.uint8)
    return table, lengths


def best_identity(text: str, table: np.ndarray, lengths: np.ndarray) -> float:
    """The highest identity of one text to those of a table (see `padded`)."""
    longer = np.maximum(np.maximum(lengths, len(text)), 1)
    return float((1 - edit_distances(text, table, lengths) / longer).max())


def edit_distances(text: str, table: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """(texts,) Levenshtein distances of one text to padded ones, by dynamic programming."""
    table = table[:, : int(lengths.max(initial=0))]
    places = np.arange(table.shape[1] + 1, dtype=np.int32)
    before = np.broadcast_to(places, (len(table), len(places))).copy()
    for k, letter in enumerate(text.encode(), 1):
        after = np.empty_like(before)
        after[:, 0] = k
        after[:, 1:] = np.minimum(before[:, :-1] + (table != letter), before[:, 1:] + 1)
        # A letter left out of the text costs one for each place: the least so far, and the way.
        after = np.minimum.accumulate(after - places, axis=1) + places
        before = after
    return before[np.arange(len(table)), lengths]


def _triples(texts: Sequence[str]) -> np.ndarray:
    """(texts, hashes) float32: which triples of letters stand in each."""
    found = np.zeros((len(texts), _HASHES), dtype=np.float32)
    for row, text in enumerate(texts):
        flat = np.frombuffer(text.encode(), np.uint8).astype(np.int64)
        if len(flat) > 2:
            code = (flat[:-2] * 31 + flat[1:-1]) * 31 + flat[2:]
            found[row, code * 2654435761 % 2**32 >> 20] = 1
    return found
