"""The contract family of arrays: a language model on texts in memory, in batches of tokens."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from pydantic import Field
from torch import nn
from torch.nn import functional

from distrib.data.files.split_words import split_words
from distrib.data.streams.stream_batches import Tokens
from distrib.trainables.base import Fidelity, Metric, Source, Worker
from distrib.trainables.training.config import (
    Initialized,
    Optimized,
    Switches,
    TokenBatches,
    TorchConfig,
    Validated,
)
from distrib.trainables.training.family import Batch, TorchTrainable, Use

LETTERS = "ACGT"
PAD, START = 0, 5
VOCABULARY = 6


@dataclass(frozen=True)
class Texts:
    """Texts of unequal length: text i is `flat[offsets[i]:offsets[i + 1]]`, letters from 1 on."""

    flat: np.ndarray
    offsets: np.ndarray
    groups: np.ndarray
    ids: np.ndarray
    split: np.ndarray | None = None

    def take(self, rows: np.ndarray) -> Texts:
        """The texts of these rows."""
        parts = [self.flat[self.offsets[row] : self.offsets[row + 1]] for row in rows]
        return Texts(
            np.concatenate([self.flat[:0], *parts]),
            np.cumsum([0, *map(len, parts)]),
            self.groups[rows],
            self.ids[rows],
            None if self.split is None else self.split[rows],
        )

    def describe(self) -> dict[str, Any]:
        """Sizes and a fingerprint."""
        digest = hashlib.sha256(self.flat.tobytes() + self.offsets.tobytes()).hexdigest()
        return {"rows": len(self.groups), "fingerprint": digest[:16]}


class LmConfig(TokenBatches, Validated, Optimized, Initialized, Switches, TorchConfig):
    """A network that looks two letters back."""

    width: int = Field(8, ge=1, description="hidden units")
    dropout: float = Field(0.0, ge=0, lt=1, description="dropout probability")
    batch_tokens: int = TokenBatches.default("batch_tokens", 256)
    learning_rate: float = TorchConfig.default("learning_rate", 0.02)
    epochs: int = TorchConfig.default("epochs", 3)


class Lm(TorchTrainable[LmConfig, Source, Texts]):
    """The next letter from the two before it."""

    Config = LmConfig
    metrics = (Metric("loss", "min", "nats a letter"), Metric("perplexity", "min"))
    fidelity = Fidelity("epoch", "epochs")
    no_decay = True
    chance_every = -1.0  # every step, so that a test can stop anywhere

    def load(self, source: Source, *, targets: bool = True) -> Texts:
        return read_texts(Path(str(source.path)) / "texts.csv")

    def row_ids(self, data: Texts) -> np.ndarray:
        return data.ids

    def build(self, config: LmConfig, values: Mapping[str, Any]) -> nn.Module:
        return Network(config.width, config.dropout)

    def blocks(self, model: nn.Module) -> Sequence[nn.Module]:
        return [model.get_submodule("mix"), model.get_submodule("dropout")]

    def keys(self, foreign: Mapping[str, Any]) -> Mapping[str, Any]:
        """Someone else called the last layer `head`."""
        return {name.replace("head.", "out."): tensor for name, tensor in foreign.items()}

    def tables(
        self,
        config: LmConfig,
        model: nn.Module,
        held_out: Texts,
        values: Mapping[str, Any],
        worker: Worker,
    ) -> dict[str, pd.DataFrame]:
        drawn = torch.zeros((2, 6), dtype=torch.int64)
        for i in range(drawn.shape[1]):
            chances = model(drawn)[:, i, 1:5].float().softmax(-1)
            drawn[:, i] = 1 + torch.multinomial(chances, 1)[:, 0]
        texts = ["".join(LETTERS[j - 1] for j in row) for row in drawn.tolist()]
        return {"samples": pd.DataFrame({"text": texts})}

    def batching(self, config: LmConfig) -> Tokens:
        return Tokens(config.batch_tokens, length="")

    def lengths(self, config: LmConfig, data: Texts) -> np.ndarray:
        return np.diff(data.offsets)

    def collate(self, config: LmConfig, values: Mapping[str, Any], rows: Texts, use: Use) -> Batch:
        lengths = np.diff(rows.offsets)
        there = np.arange(lengths.max()) < lengths[:, None]
        letters = np.full(there.shape, PAD, dtype=np.int64)
        letters[there] = rows.flat
        return Batch({"letters": letters}, count=int(lengths.sum()))

    def losses(self, config: LmConfig, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        return nats(model, inputs["letters"])

    def sums(self, config: LmConfig, model: nn.Module, inputs: dict[str, Any]) -> dict[str, Any]:
        letters = inputs["letters"]
        return {"nats": nats(model, letters).sum(), "letters": (letters != PAD).sum()}

    def figures(self, config: LmConfig, sums: dict[str, Any]) -> dict[str, float]:
        loss = float(sums["nats"] / sums["letters"])
        return {"loss": loss, "perplexity": math.exp(loss)}

    def apply(self, config: LmConfig, model: nn.Module, inputs: dict[str, Any]) -> pd.DataFrame:
        found = nats(model, inputs["letters"])
        return pd.DataFrame({"nats": found.sum(1).cpu().numpy()})

    def baselines(
        self, config: LmConfig, data: Texts, test: Texts | None, worker: Worker
    ) -> dict[str, dict[str, float]]:
        """Letters as frequent as in the training rows, whatever was before them."""
        rest, held_out = self.split(config, data)
        share = np.bincount(rest.flat, minlength=VOCABULARY) / len(rest.flat)

        def figures(part: Texts) -> dict[str, float]:
            loss = float(-np.log(share[part.flat]).mean())
            return {"loss": loss, "perplexity": math.exp(loss)}

        tested = {} if test is None else figures(test)
        return {"frequencies": {**figures(held_out), **{f"test/{n}": v for n, v in tested.items()}}}

    def example(self, folder: Path) -> None:
        write_texts(folder / "texts.csv", 120)


class Network(nn.Module):
    """(rows, letters) -> (rows, letters, vocabulary), what each letter may be."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, width)
        self.mix = nn.Linear(2 * width, width)
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, VOCABULARY)

    def forward(self, letters: torch.Tensor) -> torch.Tensor:
        """The letters before each one, START before the first."""
        before = functional.pad(letters, (2, 0), value=START)
        known = self.embedding(before)
        mixed = self.mix(torch.cat([known[:, :-2], known[:, 1:-1]], dim=-1))
        return self.out(self.norm(self.dropout(mixed.tanh())))


def nats(model: Any, letters: torch.Tensor) -> torch.Tensor:
    """(rows, letters) of each letter, 0 where there is none."""
    output = model(letters).float().transpose(1, 2)
    return functional.cross_entropy(output, letters, ignore_index=PAD, reduction="none")


def write_texts(file: Path, rows: int, seed: int = 0, split: bool = False) -> None:
    """Texts in which a letter likes to follow itself."""
    rng = np.random.default_rng(seed)
    texts = []
    for _ in range(rows):
        text = [rng.integers(4)]
        for _ in range(rng.integers(3, 30)):
            text.append(text[-1] if rng.random() < 0.6 else rng.integers(4))
        texts.append("".join(LETTERS[i] for i in text))
    table = pd.DataFrame({"id": [f"t{i}" for i in range(rows)], "text": texts})
    if split:
        table["split"] = rng.choice(["train", "validation", "test"], rows, p=[0.6, 0.2, 0.2])
    table.to_csv(file, index=False)


def read_texts(file: Path) -> Texts:
    """The texts of a table with the columns id, text and perhaps split."""
    table = pd.read_csv(file, dtype=str, keep_default_na=False)
    letters = [np.array([LETTERS.index(c) + 1 for c in text]) for text in table["text"]]
    return Texts(
        np.concatenate(letters),
        np.cumsum([0, *map(len, letters)]),
        np.arange(len(table)),
        table["id"].to_numpy(dtype=str),
        split_words(table["split"], file=file) if "split" in table else None,
    )
