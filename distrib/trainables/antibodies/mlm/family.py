"""A masked language model of antibody chains: RoBERTa, as AntiBERTa and its like are trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from distrib.data.antibodies.chain_rows import ChainRows
from distrib.data.antibodies.masking import Masking
from distrib.data.streams.parquet_set import ParquetSet
from distrib.data.streams.stream_batches import Tokens
from distrib.errors import DataError, InputError
from distrib.trainables.antibodies.mlm.batch import tokens_of, training_batch, validation_batch
from distrib.trainables.antibodies.mlm.config import MlmConfig, MlmSource
from distrib.trainables.antibodies.mlm.reading import (
    STREAMED,
    never_parted,
    open_stream,
    read_rows,
    table_rows,
)
from distrib.trainables.antibodies.mlm.scores import NUM_CELLS, figures
from distrib.trainables.base import Fidelity, Metric, State, Worker
from distrib.trainables.capabilities import ArtifactInputs
from distrib.trainables.extras import require
from distrib.trainables.training.family import Batch, TorchTrainable, Use
from distrib.trainables.training.parts import is_empty, parted

if TYPE_CHECKING:
    from torch import Tensor, nn

    from distrib.models.antibodies.masked_lm import MaskedLm, Size


Data = ChainRows | ParquetSet
"""Chains in arrays, or the plan of a stream of them."""


class Mlm(TorchTrainable[MlmConfig, MlmSource, Data]):
    """Guesses masked residues; its embeddings are what `predict` gives."""

    Config = MlmConfig
    Source = MlmSource
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("loss", "min", "nats per masked residue"),
        Metric("perplexity", "min", "of masked residues"),
        Metric("accuracy", "max", "share of masked residues guessed"),
    )
    fidelity = Fidelity("epoch", "epochs")
    no_decay = True

    def load(self, source: MlmSource, *, targets: bool = True) -> Data:
        """The chains of a file or folder, or the plan of a stream; without one, simulated ones."""
        require("antibodies", "transformers")
        return open_stream(source) if source.stream else read_rows(source)

    def values(self, config: MlmConfig, data: Data) -> dict[str, Any]:
        """Whether the chains trained on are simulated."""
        return {"simulated": isinstance(data, ChainRows) and data.simulated}

    def build(self, config: MlmConfig, values: Mapping[str, Any]) -> MaskedLm:
        require("antibodies", "transformers")
        from distrib.models.antibodies.masked_lm import MaskedLm

        return MaskedLm(size_of(config))

    def blocks(self, model: nn.Module) -> Sequence[nn.Module]:
        """The layers."""
        network: Any = model
        return list(network.lm.roberta.encoder.layer)

    def batching(self, config: MlmConfig) -> Tokens:
        return Tokens(config.batch_tokens, length=STREAMED)

    def lengths(self, config: MlmConfig, data: Data) -> np.ndarray:
        assert isinstance(data, ChainRows)
        return data.lengths + 2

    def row_ids(self, data: Data) -> np.ndarray:
        """Of chains in memory; those of a stream are too many to be remembered."""
        return data.ids if isinstance(data, ChainRows) else np.empty(0, dtype=str)

    def split(self, config: MlmConfig, data: Data) -> tuple[Data, Data]:
        """As the data say, else a share of the clusters; of a stream by their hash."""
        by = never_parted(data) if isinstance(data, ParquetSet) else None
        return parted(data, "validation", config.held_out, config.split_seed, by)

    def set_aside(self, data: Data, fraction: float, seed: int) -> tuple[Data, Data | None]:
        """The same for the test part."""
        by = never_parted(data) if isinstance(data, ParquetSet) else None
        rest, test = parted(data, "test", fraction, seed, by)
        return (data, None) if is_empty(test) else (rest, test)

    def check(self, config: MlmConfig, data: Data, num_workers: int = 1) -> None:
        """No chain is longer than the context, and there are rows in each part."""
        self.check_rows(config, data)
        super().check(config, data, num_workers)

    def check_rows(self, config: MlmConfig, data: Data) -> None:
        """No chain in memory is longer than the context; those of a stream are asked later."""
        if isinstance(data, ChainRows):
            _refuse_long(config, data, InputError)

    def collate(self, config: MlmConfig, values: Mapping[str, Any], rows: Any, use: Use) -> Batch:
        if not isinstance(rows, ChainRows):
            rows = table_rows(rows)
            _refuse_long(config, rows, DataError)
        if use.purpose == "predict":
            tokens, there = tokens_of(rows)
            inputs = {"tokens": tokens, "there": there, "lengths": rows.lengths}
            return Batch({**inputs, "ids": rows.ids.tolist()}, len(rows))
        if use.purpose == "validate":
            batch = validation_batch(rows)
        else:
            masking = Masking(config.mask_share, config.mean_span, config.cdr3_weight)
            batch = training_batch(rows, masking, (1, config.seed, use.epoch))
        return Batch(batch, len(batch["targets"]))

    def losses(self, config: MlmConfig, model: Any, inputs: dict[str, Any]) -> Tensor:
        from distrib.models.antibodies.masked_lm import masked_loss

        logits = model(inputs["tokens"], inputs["there"], inputs["where"])
        return masked_loss(logits, inputs["targets"], config.focal_gamma)

    def sums(self, config: MlmConfig, model: nn.Module, inputs: dict[str, Any]) -> dict[str, Any]:
        import torch

        from distrib.models.antibodies.masked_lm import masked_loss

        logits = model(inputs["tokens"], inputs["there"], inputs["where"])
        targets, cells = inputs["targets"], inputs["cells"]
        nats = masked_loss(logits, targets).double()
        right = (logits.argmax(dim=-1) == targets).double()
        by_cell = {"nats": nats, "right": right, "count": torch.ones_like(nats)}
        return {
            name: torch.zeros(NUM_CELLS, dtype=torch.float64, device=cells.device).index_add_(
                0, cells, values
            )
            for name, values in by_cell.items()
        }

    def figures(self, config: MlmConfig, sums: dict[str, Any]) -> dict[str, float]:
        return figures(sums)

    def apply(self, config: MlmConfig, model: nn.Module, inputs: dict[str, Any]) -> pd.DataFrame:
        """The mean of a chain's residues' embeddings, `e0` and so on."""
        import torch

        from distrib.models.antibodies.masked_lm import pooled

        tokens = inputs["tokens"]
        hidden = model.hidden(tokens, inputs["there"])  # type: ignore[operator]
        place = torch.arange(tokens.shape[1], device=tokens.device)
        residues = (place > 0) & (place <= inputs["lengths"][:, None])
        vectors = pooled(hidden.float(), residues).cpu().numpy()
        frame = pd.DataFrame(vectors, columns=[f"e{k}" for k in range(vectors.shape[1])])
        frame.insert(0, "id", inputs["ids"])
        return frame

    def baselines(
        self, config: MlmConfig, data: Data, test: Data | None, worker: Worker
    ) -> dict[str, dict[str, float]]:
        """Frequencies of residues, at all and by place, on the same masked residues.

        None of a stream, which would have to be read once more.
        """
        from distrib.trainables.antibodies.mlm.baselines import unigram_figures

        if not isinstance(data, ChainRows):
            return {}
        train, held_out = self.split(config, data)
        assert isinstance(train, ChainRows)
        assert isinstance(held_out, ChainRows)
        found = unigram_figures(train, held_out)
        if isinstance(test, ChainRows):
            for name, values in unigram_figures(data, test).items():
                found[name] |= {f"test/{key}": value for key, value in values.items()}
        return found

    def write_artifacts(
        self,
        config: MlmConfig,
        state: State,
        data: Data,
        worker: Worker,
        folder: Path,
        inputs: ArtifactInputs,
    ) -> list[str]:
        """The model as `transformers` opens it, with its tokeniser."""
        from distrib.models.antibodies.export import write_export
        from distrib.trainables.training.device import load_model

        model = self.build(config, state.values)
        load_model(model, state)
        write_export(model, config.context, folder)
        return [
            *(data.notes if isinstance(data, ChainRows) else ()),
            "AutoModelForMaskedLM and AutoTokenizer of transformers open this folder.",
        ]

    def example(self, folder: Path) -> None:
        """A few simulated heavy chains with their regions and germline."""
        from distrib.data.antibodies.simulate import simulate_chains

        simulate_chains(200).frame().to_csv(folder / "heavy.csv", index=False)


def _refuse_long(config: MlmConfig, rows: ChainRows, error: type[InputError]) -> None:
    lengths = rows.lengths
    if len(over := np.flatnonzero(lengths + 2 > config.context)):
        most = config.context - 2
        raise error(
            "a chain longer than the model's context",
            where=f"chain {rows.ids[over[0]]}",
            found=f"{lengths[over[0]]} residues ({len(over):,} such chains)",
            expected=f"at most {most}",
            hint=f"--set context=..., or data.on_long=skip with data.longest={most}",
        )


def size_of(config: MlmConfig) -> Size:
    """The shape of a configuration's network."""
    from distrib.models.antibodies.masked_lm import Size

    return Size(
        hidden_size=config.hidden_size,
        num_layers=config.num_layers,
        num_heads=config.num_heads,
        intermediate_size=config.ffn_ratio * config.hidden_size,
        dropout=config.dropout,
        attention_dropout=config.attention_dropout,
        context=config.context,
        fused=config.fused_attention,
    )
