"""Chains drawn from a causal model: for the user, beside the weights, each epoch to be judged."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from distrib.data.antibodies.alphabet import decode
from distrib.data.antibodies.chain_rows import ChainRows
from distrib.files import atomic_path
from distrib.trainables.antibodies.chains.drawing import FORBIDDEN, SAMPLES, SPECIAL, texts_of
from distrib.trainables.antibodies.clm.config import ClmConfig, ClmGenerate
from distrib.trainables.antibodies.number_drawn import check_number
from distrib.trainables.base import Worker

if TYPE_CHECKING:
    from distrib.models.antibodies.causal_lm import CausalLm
    from distrib.models.antibodies.search import Sampling

_SEED = 7
"""What is looked at each epoch is drawn by the same numbers."""


def generate(
    config: ClmConfig, model: CausalLm, options: ClmGenerate, worker: Worker
) -> Iterator[pd.DataFrame]:
    """See `capabilities.Generates`."""
    check_number(options.num, temperature=options.temperature, top_k=options.top_k)
    return _tables(model, options, options.sampling(config.context), worker)


def _tables(
    model: CausalLm, options: ClmGenerate, how: Sampling, worker: Worker
) -> Iterator[pd.DataFrame]:
    for number, first in enumerate(range(0, options.num, options.batch)):
        rows = min(options.batch, options.num - first)
        texts, ended, likelihood = _draw(model, rows, how, options.seed + number, worker)
        length = np.array([len(text) for text in texts]) + ended
        yield pd.DataFrame(
            {
                "id": [f"chain_{first + k + 1}" for k in range(rows)],
                "sequence": texts,
                "log_likelihood": likelihood,
                "perplexity": np.exp(-likelihood / np.maximum(length, 1)),
                "ended": ended,
            }
        )


def samples(
    config: ClmConfig, model: Any, data: ChainRows, worker: Worker
) -> tuple[list[str], np.ndarray, list[str]]:
    """`config.samples` chains, whether each came to its end, and as many of these data."""
    from distrib.models.antibodies.search import Sampling

    how = Sampling(max_length=config.context, forbidden=FORBIDDEN)
    texts, ended, _ = _draw(model, config.samples, how, _SEED, worker)
    rows = data.take(np.random.default_rng(_SEED).permutation(len(data))[: config.samples])
    ends = rows.offsets.tolist()
    return texts, ended, [decode(rows.tokens[a:b]) for a, b in pairwise(ends)]


def write_samples(texts: list[str], ended: np.ndarray, folder: Path) -> None:
    """`samples.csv` beside the weights."""
    with atomic_path(folder / SAMPLES) as temporary:
        frame = pd.DataFrame({"sequence": texts, "ended": ended})
        frame.to_csv(temporary, index=False, lineterminator="\n")


def _draw(
    model: Any, rows: int, how: Sampling, seed: int, worker: Worker
) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Chains, whether each came to its end, and their log-likelihoods."""
    import torch

    from distrib.models.antibodies.causal_lm import CachedSteps
    from distrib.models.antibodies.search import sample

    generator = torch.Generator(worker.device).manual_seed(seed)
    tokens, likelihood = sample(CachedSteps(model.lm), rows, how, special=SPECIAL,
                                device=worker.device, generator=generator)  # fmt: skip
    texts, ended = texts_of(tokens.cpu().numpy())
    return texts, ended, likelihood.cpu().numpy()
