"""A causal language model of antibody chains: GPT-2, as decoders of light chains are trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from distrib.data.antibodies.chain_rows import ChainRows
from distrib.data.streams.stream_batches import Tokens
from distrib.trainables.antibodies.chains.baselines import baseline_figures
from distrib.trainables.antibodies.chains.causal import (
    IGNORED,
    cells_of,
    guesses,
    packed_batch,
    row_batch,
)
from distrib.trainables.antibodies.chains.drawing import SAMPLES, advice, sample_figures
from distrib.trainables.antibodies.chains.family import ChainTrainable, Data
from distrib.trainables.antibodies.chains.reading import STREAMED
from distrib.trainables.antibodies.chains.scores import BY_REGION, figures
from distrib.trainables.antibodies.clm.config import ClmConfig, ClmGenerate, ClmSource
from distrib.trainables.base import Fidelity, Metric, State, Worker
from distrib.trainables.capabilities import ArtifactInputs
from distrib.trainables.extras import require
from distrib.trainables.training.family import Batch, Use

if TYPE_CHECKING:
    from torch import Tensor, nn

    from distrib.models.antibodies.causal_lm import CausalLm, CausalSize


class Clm(ChainTrainable[ClmConfig, ClmSource]):
    """Says a chain residue by residue; it draws new ones, and rates those that are given."""

    Config = ClmConfig
    Source = ClmSource
    Generate = ClmGenerate
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("loss", "min", "nats per token, residues and the end of a chain"),
        Metric("perplexity", "min", "of the same"),
        *BY_REGION,
        Metric("accuracy", "max", "share of the same guessed from what stands before"),
    )
    fidelity = Fidelity("epoch", "epochs")
    no_decay = True

    def build(self, config: ClmConfig, values: Mapping[str, Any]) -> CausalLm:
        require("antibodies", "transformers")
        from distrib.models.antibodies.causal_lm import CausalLm

        return CausalLm(size_of(config))

    def blocks(self, model: nn.Module) -> Sequence[nn.Module]:
        network: Any = model
        return [*network.lm.transformer.h]

    def batching(self, config: ClmConfig) -> Tokens:
        return Tokens(config.batch_tokens, length=STREAMED)

    def collate(self, config: ClmConfig, values: Mapping[str, Any], rows: Any, use: Use) -> Batch:
        rows = self.rows_of_batch(config, values, rows)
        if use.purpose == "train" and config.packed:
            batch = packed_batch(rows, config.context)
        else:
            batch = row_batch(rows)
        count = int((batch["said"] != IGNORED).sum())
        if use.purpose == "validate":
            batch["cells"] = cells_of(rows)
        return Batch({**batch, "ids": rows.ids.tolist()}, count)

    def losses(self, config: ClmConfig, model: Any, inputs: dict[str, Any]) -> Tensor:
        return self._nats(model(inputs["seen"]), inputs).sum()

    def sums(self, config: ClmConfig, model: nn.Module, inputs: dict[str, Any]) -> dict[str, Any]:
        from distrib.models.antibodies.causal_lm import cell_sums

        return cell_sums(model(inputs["seen"]), inputs["said"], inputs["cells"])

    def figures(self, config: ClmConfig, sums: dict[str, Any]) -> dict[str, float]:
        return figures(sums)

    def judge(
        self,
        config: ClmConfig,
        model: nn.Module,
        data: Data,
        values: Mapping[str, Any],
        worker: Worker,
    ) -> dict[str, float]:
        """How chains are said, in all and by region; and figures of chains that are drawn."""
        found = super().judge(config, model, data, values, worker)
        finite = all(bool(p.isfinite().all()) for p in model.parameters())
        if config.samples and isinstance(data, ChainRows) and finite:
            from distrib.trainables.antibodies.clm.drawing import samples

            found |= sample_figures(*samples(config, model, data, worker))
        return found

    def apply(self, config: ClmConfig, model: nn.Module, inputs: dict[str, Any]) -> pd.DataFrame:
        """Log-likelihoods in nats, the end included, and perplexities."""
        nats = self._nats(model(inputs["seen"]), inputs).double().sum(1).cpu().numpy()
        tokens = (inputs["said"] != IGNORED).sum(1).cpu().numpy()
        return pd.DataFrame(
            {
                "id": inputs["ids"],
                "log_likelihood": -nats,
                "perplexity": np.exp(nats / tokens),
                "tokens": tokens,
            }
        )

    def baselines(
        self, config: ClmConfig, data: Data, test: Data | None, worker: Worker
    ) -> dict[str, dict[str, float]]:
        """Frequencies of residues and ends, at all and by place, on the same tokens.

        None of a stream, which would have to be read once more.
        """
        if not isinstance(data, ChainRows):
            return {}
        train, held_out = self.split(config, data)
        assert isinstance(train, ChainRows)
        assert isinstance(held_out, ChainRows)
        tested = test if isinstance(test, ChainRows) else None
        return baseline_figures(train, held_out, data, tested, guesses, end=True)

    def generate(
        self, config: ClmConfig, state: State, options: ClmGenerate, worker: Worker
    ) -> Iterator[pd.DataFrame]:
        """New chains with their log-likelihoods."""
        from distrib.trainables.antibodies.clm.drawing import generate

        return generate(config, self.restored(config, state, worker), options, worker)

    def write_artifacts(
        self,
        config: ClmConfig,
        state: State,
        data: Data,
        worker: Worker,
        folder: Path,
        inputs: ArtifactInputs,
    ) -> list[str]:
        """The model as `transformers` opens it, with its tokeniser; and chains that it draws."""
        from distrib.models.antibodies.export import write_export

        model = self.restored(config, state, Worker())
        write_export(model, config.context, folder)
        notes = ["AutoModelForCausalLM and AutoTokenizer of transformers open this folder."]
        if not isinstance(data, ChainRows):
            return notes
        if config.samples:
            from distrib.trainables.antibodies.clm.drawing import samples, write_samples

            texts, ended, natural = samples(config, model, data, Worker())
            write_samples(texts, ended, folder)
            notes += [f"{SAMPLES}: chains that it draws"]
            notes += advice(sample_figures(texts, ended, natural))
        return [*data.notes, *notes]

    def example(self, folder: Path) -> None:
        """A few simulated light chains with their regions and germline."""
        from distrib.data.antibodies.simulate import LIGHT, simulate_chains

        frames = [simulate_chains(100, locus, distinct=True).frame() for locus in LIGHT]
        pd.concat(frames).to_csv(folder / "light.csv", index=False)

    def restored(self, config: ClmConfig, state: State, worker: Worker) -> CausalLm:
        """The network of a finished state, on the worker's device."""
        model: Any = self._restored(config, state.values, state, worker)
        return model.eval()

    def _nats(self, logits: Tensor, inputs: dict[str, Any]) -> Tensor:
        """(rows, places), 0 where nothing is said."""
        from distrib.models.antibodies.causal_lm import next_token_nats

        return next_token_nats(logits, inputs["said"])


def size_of(config: ClmConfig) -> CausalSize:
    """The shape of a configuration's network."""
    from distrib.models.antibodies.causal_lm import CausalSize

    return CausalSize(**config.shape())
