"""A masked language model of antibody chains: RoBERTa, as AntiBERTa and its like are trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pandas as pd

from distrib.data.antibodies.chain_rows import ChainRows
from distrib.data.antibodies.masking import Masking
from distrib.data.streams.stream_batches import Tokens
from distrib.trainables.antibodies.chains.baselines import baseline_figures
from distrib.trainables.antibodies.chains.batch import tokens_of
from distrib.trainables.antibodies.chains.family import ChainTrainable, Data
from distrib.trainables.antibodies.chains.reading import STREAMED
from distrib.trainables.antibodies.chains.scores import BY_REGION, BY_STATE, NUM_CELLS, figures
from distrib.trainables.antibodies.mlm.batch import guesses, training_batch, validation_batch
from distrib.trainables.antibodies.mlm.config import MlmConfig, MlmSource
from distrib.trainables.base import Fidelity, Metric, State, Worker
from distrib.trainables.capabilities import ArtifactInputs
from distrib.trainables.extras import require
from distrib.trainables.training.family import Batch, Use

if TYPE_CHECKING:
    from torch import Tensor, nn

    from distrib.models.antibodies.masked_lm import MaskedLm
    from distrib.models.antibodies.size import Size


class Mlm(ChainTrainable[MlmConfig, MlmSource]):
    """Guesses masked residues; its embeddings are what `predict` gives."""

    Config = MlmConfig
    Source = MlmSource
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("loss", "min", "nats per masked residue"),
        Metric("perplexity", "min", "of masked residues"),
        Metric("accuracy", "max", "share of masked residues guessed"),
        *BY_REGION,
        *BY_STATE,
    )
    fidelity = Fidelity("epoch", "epochs")
    no_decay = True

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

    def collate(self, config: MlmConfig, values: Mapping[str, Any], rows: Any, use: Use) -> Batch:
        rows = self.rows_of_batch(config, values, rows)
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
        if not isinstance(data, ChainRows):
            return {}
        train, held_out = self.split(config, data)
        assert isinstance(train, ChainRows)
        assert isinstance(held_out, ChainRows)
        tested = test if isinstance(test, ChainRows) else None
        return baseline_figures(train, held_out, data, tested, guesses)

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


def size_of(config: MlmConfig) -> Size:
    """The shape of a configuration's network."""
    from distrib.models.antibodies.size import Size

    return Size(**config.shape())
