"""heavy2light: the light chain that goes with a heavy one, by an encoder and a decoder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from distrib.data.antibodies.designs.record_rows import partners
from distrib.data.antibodies.pairs.pair_rows import PairRows, pair_rows, simulated_pairs
from distrib.data.antibodies.pairs.reading import read_pairs
from distrib.data.streams.stream_batches import Rows
from distrib.errors import InputError
from distrib.trainables.antibodies.chains.baselines import baseline_figures
from distrib.trainables.antibodies.chains.causal import IGNORED, guesses
from distrib.trainables.antibodies.chains.scores import BY_REGION, figures
from distrib.trainables.antibodies.heavy2light.batch import pair_batch
from distrib.trainables.antibodies.heavy2light.config import (
    Heavy2LightConfig,
    Heavy2LightGenerate,
    Heavy2LightSource,
)
from distrib.trainables.antibodies.heavy2light.halves import load_halves, shapes_of, size_of
from distrib.trainables.antibodies.heavy2light.judging import Judged
from distrib.trainables.base import Fidelity, Metric, State, Worker
from distrib.trainables.capabilities import ArtifactInputs
from distrib.trainables.extras import require
from distrib.trainables.training.family import Batch, TorchTrainable, Use

if TYPE_CHECKING:
    from torch import Tensor, nn

    from distrib.models.antibodies.heavy2light import Heavy2Light


class LightFromHeavy(TorchTrainable[Heavy2LightConfig, Heavy2LightSource, PairRows]):
    """Writes light chains for a heavy chain, and rates pairs."""

    Config = Heavy2LightConfig
    Source = Heavy2LightSource
    Generate = Heavy2LightGenerate
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("loss", "min", "nats per token of the light chain, its end included"),
        Metric("perplexity", "min", "of the same, teacher-forced"),
        *BY_REGION,
        Metric("accuracy", "max", "share of the same guessed"),
        Metric("pairing_gap", "max", "nats per token lost with the heavy chain of another pair"),
        Metric("pairing_gap_se", "min", "its standard error, groups of pairs together"),
        Metric("blosum", "max", "BLOSUM62 score of drawn light chains against the true ones"),
        Metric("similarity", "max", "share of equal residues in that alignment"),
        Metric("locus_agreement", "max", "share of drawn chains right in kappa or lambda"),
        Metric("v_gene_agreement", "max", "share of drawn chains with the right nearest V gene"),
    )
    fidelity = Fidelity("epoch", "epochs")
    no_decay = True

    def load(self, source: Heavy2LightSource, *, targets: bool = True) -> PairRows:
        """The pairs of a file or folder; without one, simulated ones."""
        require("antibodies", "transformers", "Bio.Align")
        if source.path is None:
            return simulated_pairs(source.pairs, rule=source.rule,
                                   mutation_rate=source.mutation_rate)  # fmt: skip
        return pair_rows(read_pairs(Path(source.path), on_unknown=source.on_unknown))

    def row_ids(self, data: PairRows) -> np.ndarray:
        return data.ids

    def values(self, config: Heavy2LightConfig, data: PairRows) -> dict[str, Any]:
        """The shapes of both halves, and whether the pairs are simulated."""
        return {**shapes_of(config), "simulated": data.simulated}

    def build(self, config: Heavy2LightConfig, values: Mapping[str, Any]) -> Heavy2Light:
        require("antibodies", "transformers")
        from distrib.models.antibodies.heavy2light import Heavy2Light

        return Heavy2Light(size_of(config, values))

    def blocks(self, model: nn.Module) -> Sequence[nn.Module]:
        network: Any = model
        return [*network.encoder.encoder.layer, *network.decoder.transformer.h]

    def batching(self, config: Heavy2LightConfig) -> Rows:
        return Rows(config.batch_size)

    def check(self, config: Heavy2LightConfig, data: PairRows, num_workers: int = 1) -> None:
        """Halves that are named fit, no chain is longer than its context, and there are rows."""
        super().check(config, data, num_workers)
        if config.encoder is not None or config.decoder is not None:
            self._fresh(config, self.values(config, data), Worker(), begins=True)

    def check_rows(
        self, config: Heavy2LightConfig, data: PairRows, values: Mapping[str, Any] | None = None
    ) -> None:
        """Both chains of every pair fit their contexts."""
        shapes = shapes_of(config) if values is None else values
        for name, half, rows in (
            ("heavy", "encoder", data.heavy),
            ("light", "decoder", data.light),
        ):
            most = shapes[half]["context"] - 2
            if len(over := np.flatnonzero(rows.lengths > most)):
                fresh = getattr(config, half) is None
                raise InputError(
                    f"a {name} chain longer than the {half}'s context",
                    where=f"pair {data.ids[over[0]]}",
                    found=f"{rows.lengths[over[0]]} residues ({len(over):,} such pairs)",
                    expected=f"at most {most}",
                    hint=f"--set {half}_context=..." if fresh else None,
                )

    def collate(
        self, config: Heavy2LightConfig, values: Mapping[str, Any], rows: Any, use: Use
    ) -> Batch:
        batch = pair_batch(rows)
        count = int((batch["said"] != IGNORED).sum())
        return Batch({**batch, "ids": rows.ids.tolist()}, count)

    def losses(self, config: Heavy2LightConfig, model: Any, inputs: dict[str, Any]) -> Tensor:
        return self._nats(self._logits(model, inputs), inputs).sum()

    def sums(
        self, config: Heavy2LightConfig, model: nn.Module, inputs: dict[str, Any]
    ) -> dict[str, Any]:
        from distrib.models.antibodies.causal_lm import cell_sums

        return cell_sums(self._logits(model, inputs), inputs["said"], inputs["cells"])

    def figures(self, config: Heavy2LightConfig, sums: dict[str, Any]) -> dict[str, float]:
        return figures(sums)

    def judge(
        self,
        config: Heavy2LightConfig,
        model: nn.Module,
        data: PairRows,
        values: Mapping[str, Any],
        worker: Worker,
    ) -> dict[str, float]:
        """Losses in all and by region, the gap, and what drawn light chains have of the true."""
        found = self.judged(config, model, data, values, worker)
        errors = found.errors()
        told = {name: value for name, (value, _) in errors.items()}
        told["pairing_gap_se"] = errors["pairing_gap"][1]
        return self.figures(config, dict(found.cells)) | told

    def judged(
        self,
        config: Heavy2LightConfig,
        model: nn.Module,
        data: PairRows,
        values: Mapping[str, Any],
        worker: Worker,
    ) -> Judged:
        """The same row by row; every worker does its part, and draws the same light chains."""
        from distrib.trainables.antibodies.heavy2light.compared import compared, looked_at

        model.eval()
        other = data.with_heavy(partners(data.groups, seed=1))
        true, shuffled = (
            self._by_row(config, model, rows, values, worker) for rows in (data, other)
        )
        together: dict[str, np.ndarray] = {}
        if config.samples and all(bool(p.isfinite().all()) for p in model.parameters()):
            from distrib.trainables.antibodies.heavy2light.drawing import drawn

            pairs = looked_at(data, config.samples)
            light, ended = drawn(model, pairs, values["decoder"]["context"], worker)
            together = {**compared(light, pairs), "ended": ended.astype(float)}
        return Judged(
            true["nats"],
            true["tokens"],
            data.groups,
            shuffled["nats"],
            {name.removeprefix("cells_"): v for name, v in true.items() if "cells_" in name},
            together,
        )

    def apply(
        self, config: Heavy2LightConfig, model: nn.Module, inputs: dict[str, Any]
    ) -> pd.DataFrame:
        """Log-likelihoods of the light chain in nats, its end included, and perplexities."""
        nats = self._nats(self._logits(model, inputs), inputs).double().sum(1).cpu().numpy()
        tokens = (inputs["said"] != IGNORED).sum(1).cpu().numpy()
        return pd.DataFrame(
            {
                "id": inputs["ids"],
                "log_likelihood": -nats,
                "perplexity": np.exp(nats / tokens),
                "tokens": tokens,
            }
        )

    def evaluate_rows(
        self, config: Heavy2LightConfig, state: State, data: PairRows, worker: Worker
    ) -> pd.DataFrame:
        """A row per pair, the likeliest light chain first."""
        found = self.predict(config, state, data, worker)
        return found.sort_values("perplexity", ignore_index=True)

    def intervals(
        self, config: Heavy2LightConfig, state: State, data: PairRows, worker: Worker
    ) -> dict[str, tuple[float, float]]:
        """Of losses, the gap, and of what drawn light chains have of the true ones."""
        model = self.restored(config, state, worker)
        return self.judged(config, model, data, state.values, worker).intervals()

    def held_out_intervals(
        self, config: Heavy2LightConfig, data: PairRows, predictions: pd.DataFrame
    ) -> dict[str, tuple[float, float]]:
        """Of the loss and the perplexity, from the log-likelihoods of the pairs held out."""
        row = {name: k for k, name in enumerate(data.ids.tolist())}
        groups = data.groups[[row[str(name)] for name in predictions["id"].tolist()]]
        nats = -predictions["log_likelihood"].to_numpy(float)
        return Judged(nats, predictions["tokens"].to_numpy(float), groups).intervals()

    def baselines(
        self, config: Heavy2LightConfig, data: PairRows, test: PairRows | None, worker: Worker
    ) -> dict[str, dict[str, float]]:
        """A random light chain, and that of the nearest training heavy chain, in place of drawn
        ones, compared on the same pairs; and frequencies of residues at their places.
        """
        from distrib.trainables.antibodies.heavy2light.compared import (
            baseline_light,
            compared,
            looked_at,
        )

        train, held_out = self.split(config, data)
        tested = None if test is None else test.light
        found = baseline_figures(train.light, held_out.light, data.light, tested, guesses, end=True)
        parts = [("", train, held_out), *([] if test is None else [("test/", data, test)])]
        for before, known, judged in parts if config.samples else []:
            pairs = looked_at(judged, config.samples)
            for name, light in baseline_light(known, pairs).items():
                means = {f"{before}{k}": float(v.mean()) for k, v in compared(light, pairs).items()}
                found.setdefault(name, {}).update(means)
        return found

    def generate(
        self,
        config: Heavy2LightConfig,
        state: State,
        options: Heavy2LightGenerate,
        worker: Worker,
    ) -> Iterator[pd.DataFrame]:
        """Light chains for each heavy one, with their log-likelihoods and nearest germline."""
        from distrib.trainables.antibodies.heavy2light.drawing import generate

        values = state.values
        contexts = int(values["encoder"]["context"]), int(values["decoder"]["context"])
        return generate(self.restored(config, state, worker), contexts, options, worker)

    def write_artifacts(
        self,
        config: Heavy2LightConfig,
        state: State,
        data: PairRows,
        worker: Worker,
        folder: Path,
        inputs: ArtifactInputs,
    ) -> list[str]:
        """Light chains that it draws; and the model as `transformers` opens it, if it can."""
        from distrib.models.antibodies.export import write_pair_export
        from distrib.trainables.antibodies.chains.drawing import SAMPLES

        model = self.restored(config, state, Worker())
        notes = list(data.notes)
        if not any(config.frozen):
            write_pair_export(model, int(state.values["encoder"]["context"]), folder)
            notes.append("EncoderDecoderModel and AutoTokenizer of transformers open this folder.")
        if config.samples:
            from distrib.trainables.antibodies.heavy2light.compared import looked_at
            from distrib.trainables.antibodies.heavy2light.drawing import drawn, write_samples

            pairs = looked_at(data, config.samples)
            texts, ended = drawn(model, pairs, state.values["decoder"]["context"], Worker())
            write_samples(texts, ended, pairs, folder)
            notes.append(f"{SAMPLES}: light chains that it draws for heavy ones it was trained on")
        return notes

    def example(self, folder: Path) -> None:
        """A few simulated pairs with their regions and germline."""
        from distrib.data.antibodies.pairs.simulate import simulate_pairs

        simulate_pairs(200).to_csv(folder / "pairs.csv", index=False)

    def restored(self, config: Heavy2LightConfig, state: State, worker: Worker) -> Heavy2Light:
        """The network of a finished state, on the worker's device."""
        model: Any = self._restored(config, state.values, state, worker)
        return model.eval()

    def _fresh(
        self, config: Heavy2LightConfig, values: Mapping[str, Any], worker: Worker, *, begins: bool
    ) -> nn.Module:
        """The network to be trained, with the weights of finished halves where it begins."""
        model: Any = super()._fresh(config, values, worker, begins=begins)
        if begins:
            load_halves(model, config)
        return model

    def _logits(self, model: Any, inputs: dict[str, Any]) -> Tensor:
        logits: Tensor = model(inputs["heavy"], inputs["there"], inputs["seen"])
        return logits

    def _nats(self, logits: Tensor, inputs: dict[str, Any]) -> Tensor:
        """(B, T), 0 where nothing is said."""
        from distrib.models.antibodies.causal_lm import next_token_nats

        return next_token_nats(logits, inputs["said"])

    def _by_row(
        self,
        config: Heavy2LightConfig,
        model: nn.Module,
        data: PairRows,
        values: Mapping[str, Any],
        worker: Worker,
    ) -> dict[str, np.ndarray]:
        """(rows,) nats and tokens, and sums by cell, each worker having done its part."""
        import torch

        from distrib.models.antibodies.causal_lm import cell_sums
        from distrib.trainables.antibodies.chains.scores import NUM_CELLS
        from distrib.trainables.training.device import autocast

        place = {name: row for row, name in enumerate(data.ids.tolist())}
        total = {name: np.zeros(len(data)) for name in ("nats", "tokens")}
        total |= {f"cells_{name}": np.zeros(NUM_CELLS) for name in ("nats", "right", "count")}
        batches = self._batches(config, data, worker)
        with torch.inference_mode(), autocast(worker):
            for _, inputs in self._in_order(config, values, batches, "validate", worker):
                rows = [place[name] for name in inputs["ids"]]
                logits = self._logits(model, inputs)
                nats = self._nats(logits, inputs).double().sum(1)
                total["nats"][rows] = nats.cpu().numpy()
                total["tokens"][rows] = (inputs["said"] != IGNORED).sum(1).cpu().numpy()
                sums = cell_sums(logits, inputs["said"], inputs["cells"])
                for name, values_of in sums.items():
                    total[f"cells_{name}"] += values_of.cpu().numpy()
        return {name: worker.sum(array) for name, array in total.items()}
