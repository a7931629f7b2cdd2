"""Sequences to vectors by an encoder of `transformers`, for `distrib.prepare embed`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

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
        self, sequences: np.ndarray, ids: Sequence[str], tell: Tell, file: object = None
    ) -> np.ndarray:
        """(rows,) bytes -> (rows, width) float32.

        Args:
            file: where the sequences come from, for errors.

        Raises:
            InputError: no such encoder, a sequence longer than its context, no GPU.
        """
        require("ia3", "transformers")
        import torch

        from distrib.models.screens.encoders import load_encoder

        if self.device == "cuda" and not torch.cuda.is_available():
            raise InputError("torch cannot use a GPU here", where="--device", found="no GPU")
        encoder = load_encoder(
            self.model, revision=self.revision, trust_remote_code=self.trust_remote_code
        )
        tokens = encoder.tokens(sequences, ids, file)
        found = np.empty((len(tokens), encoder.width), dtype=np.float32)
        total, done, rows_done = sum(map(len, tokens)), 0, 0
        began = time.monotonic()
        for rows, vectors in embed(
            encoder, tokens, self.pool, device=self.device, budget=self.budget
        ):
            found[rows] = vectors
            done, rows_done = done + sum(len(tokens[row]) for row in rows), rows_done + len(rows)
            tell(rows_done, (time.monotonic() - began) * (total - done) / done)
        return found


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
