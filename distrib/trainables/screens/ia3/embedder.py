"""Sequences to vectors by an encoder of `transformers`, for `distrib.prepare embed`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from distrib.data.files.ids import examples
from distrib.data.streams.length_batches import by_budget
from distrib.errors import InputError
from distrib.trainables.extras import require

if TYPE_CHECKING:
    from distrib.models.screens.encoders import Encoder

BUDGET = 8192
"""Tokens of a batch, as padded."""

Tell = Callable[[int, float], None]
"""Hears how many rows are done, and the seconds that are left."""


@dataclass(frozen=True)
class Embedder:
    """An encoder and how it is used.

    Attributes:
        model: a folder, or a name on a hub. pool: "mean" or "cls". budget: tokens of a batch.
    """

    model: str
    pool: str = "mean"
    device: str = "cpu"
    budget: int = BUDGET
    revision: str | None = None
    trust_remote_code: bool = False

    def embed(
        self,
        sequences: np.ndarray,
        ids: Sequence[str],
        tell: Tell,
        file: object = None,
        notes: list[str] | None = None,
    ) -> np.ndarray:
        """(rows,) bytes -> (rows, width) float32, finite.

        Args:
            file: where the sequences come from, for errors. notes: gets a line for what was
                understood of them, and for different sequences with equal embeddings.

        Raises:
            InputError: no such encoder, a sequence longer than its context or of unknown tokens, no
                GPU, an embedding that is not finite, or the same one for all.
        """
        require("ia3", "transformers")
        import torch

        from distrib.models.screens.encoders import load_encoder

        if self.device == "cuda" and not torch.cuda.is_available():
            raise InputError("torch cannot use a GPU here", where="--device", found="no GPU")
        encoder = load_encoder(
            self.model, revision=self.revision, trust_remote_code=self.trust_remote_code
        )
        tokens = encoder.tokens(sequences, ids, file, notes)
        broken = encoder.not_finite()
        found = np.empty((len(tokens), encoder.width), dtype=np.float32)
        total, done, rows_done = sum(map(len, tokens)), 0, 0
        began = time.monotonic()
        for rows, vectors in embed(
            encoder, tokens, self.pool, device=self.device, budget=self.budget
        ):
            _require_finite(vectors, rows, ids, file, self.model, broken)
            found[rows] = vectors
            done, rows_done = done + sum(len(tokens[row]) for row in rows), rows_done + len(rows)
            tell(rows_done, (time.monotonic() - began) * (total - done) / done)
        if notes is not None and broken:
            notes.append(f"weights of {self.model} are not finite: {examples(broken)}")
        _require_different(found, tokens, ids, self.model, notes)
        return found


def _require_finite(
    vectors: np.ndarray,
    rows: np.ndarray,
    ids: Sequence[str],
    file: object,
    model: str,
    broken: Sequence[str],
) -> None:
    lost = rows[~np.isfinite(vectors).all(axis=1)]
    if not len(lost):
        return
    found = f"not finite for {examples([ids[row] for row in sorted(lost.tolist())])}"
    if broken:
        found += f"; the weights of {examples(broken)} are not"
    raise InputError(
        f"the encoder {model} gives embeddings that are not finite",
        file=file,
        where=f"row {ids[min(lost.tolist())]}",
        found=found,
        expected="finite numbers",
        hint="load the checkpoint anew, or take another"
        if broken
        else "its weights are finite: half precision may overflow; write float32 as dtype into its "
        "config.json",
    )


def _require_different(
    found: np.ndarray,
    tokens: Sequence[np.ndarray],
    ids: Sequence[str],
    model: str,
    notes: list[str] | None,
) -> None:
    """Raise where different sequences all have one embedding; note it where some have."""
    first: dict[bytes, int] = {}
    twins = []
    for row, vector in enumerate(found):
        other = first.setdefault(vector.tobytes(), row)
        if not np.array_equal(tokens[other], tokens[row]):
            twins.append((ids[other], ids[row]))
    if twins and len(first) == 1:
        raise InputError(
            f"the encoder {model} gives every sequence the same embedding",
            found=f"{len(found)} equal rows, of different tokens",
            expected="embeddings that tell sequences apart",
            hint="with --pool cls, the first token of a network without attention is always the "
            "same: try --pool mean",
        )
    if twins and notes is not None:
        shown = examples([f"{one} and {other}" for one, other in twins])
        notes.append(f"{len(twins)} sequences have the embedding of a different one: {shown}")


def embed(
    encoder: Encoder, tokens: Sequence[np.ndarray], pooling: str, *, device: str, budget: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Row numbers of a batch of like lengths, and (n, width) float32 of them, longest rows first.

    Args:
        tokens: of every row, from `Encoder.tokens`. pooling: "mean" over the tokens, or "cls", the
            first one. budget: tokens of a batch, as padded.
    """
    import torch

    from distrib.models.screens.encoders import pool

    encoder.network.to(device).eval()
    for rows in by_budget(np.array([len(row) for row in tokens]), budget):
        numbers, there = encoder.pad([tokens[row] for row in rows])
        mask = torch.from_numpy(there).to(device)
        with torch.inference_mode():
            hidden = encoder.hidden(torch.from_numpy(numbers).to(device), mask)
            yield rows, pool(hidden.float(), mask, pooling).cpu().numpy()
