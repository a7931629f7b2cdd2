"""A batch of records: padded, with what the decoder sees and what it is to say."""

from __future__ import annotations

from typing import Any

import numpy as np

from distrib.data.antibodies.designs.record_rows import RecordRows
from distrib.data.antibodies.designs.tokens import END, PAD, START
from distrib.errors import InputError
from distrib.trainables.antibodies.seq2seq.config import Seq2SeqConfig


def batch_of(
    config: Seq2SeqConfig,
    rows: RecordRows,
    scale: tuple[float, float],
    rng: np.random.Generator | None = None,
) -> dict[str, Any]:
    """Arrays of B rows, S source tokens, T target tokens.

    `source` (B, S) and `there` (B, S) bool or None where all are; `pkd` (B,) float32; `seen` (B, T)
    what the decoder has seen, `said` (B, T) what comes next, `parts` (B, T) of these, PAD behind.

    Args:
        scale: mean and standard deviation that are taken out of the pKd.
        rng: in training, of the rows that are shown without their pKd, which then is NaN.
    """
    pkd = scaled(rows.pkd, scale)
    if rng is not None and config.pkd_dropout:
        pkd[rng.random(len(pkd)) < config.pkd_dropout] = np.nan
    source, there = sources(config, rows)
    lengths = np.diff(rows.targets)
    inside = np.arange(int(lengths.max())) < lengths[:, None]
    said = np.full(inside.shape, PAD, dtype=np.int64)
    said[inside] = rows.antibodies
    parts = np.zeros(inside.shape, dtype=np.int64)
    parts[inside] = rows.parts
    seen = np.full(inside.shape, START, dtype=np.int64)
    seen[:, 1:] = said[:, :-1]
    return {
        "source": source,
        "there": None if there.all() else there,
        "pkd": pkd,
        "seen": seen,
        "said": said,
        "parts": parts,
    }


def sources(config: Seq2SeqConfig, rows: RecordRows) -> tuple[np.ndarray, np.ndarray]:
    """(B, S) int64 of START antigen END, and which of them are there; no residue without antigen.

    What is longer than the context is cut, where that is the policy.

    Raises:
        InputError: an antigen longer than the context, where it is not.
    """
    refuse_long(config, rows)
    lengths = np.minimum(np.diff(rows.sources), config.source_context - 2)
    if not config.antigen:
        lengths = np.zeros_like(lengths)
    table = np.full((len(rows), int(lengths.max(initial=0)) + 2), PAD, dtype=np.int64)
    table[:, 0] = START
    for row, (begin, length) in enumerate(zip(rows.sources[:-1].tolist(), lengths.tolist())):
        table[row, 1 : length + 1] = rows.antigens[begin : begin + length]
        table[row, length + 1] = END
    return table, np.arange(table.shape[1]) < lengths[:, None] + 2


def refuse_long(config: Seq2SeqConfig, rows: RecordRows) -> None:
    """Raise where an antigen is longer than the context and is not to be cut."""
    most = config.source_context - 2
    lengths = np.diff(rows.sources)
    if config.on_long == "truncate" or not config.antigen or not (over := lengths > most).any():
        return
    row, number = int(np.argmax(over)), int(over.sum())
    raise InputError(
        "an antigen longer than the model's context",
        where=f"record {rows.ids[row]}",
        found=f"{lengths[row]} residues ({number:,} such record{'s' * (number != 1)})",
        expected=f"at most {most}",
        hint="a training cuts them by --set on_long=truncate and reads more by "
        "--set source_context=...; a trained model cuts them by --on-long truncate",
    )


def scaled(pkd: np.ndarray, scale: tuple[float, float]) -> np.ndarray:
    """(rows,) float32."""
    return ((pkd - scale[0]) / scale[1]).astype(np.float32)
