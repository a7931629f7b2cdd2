"""The antibody generator: a transformer from an antigen and a pKd to heavy and light chain."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from distrib.data.antibodies.designs.record_rows import CDRH3, LIGHT, RecordRows, partners
from distrib.data.antibodies.designs.tokens import NUM_TOKENS, PAD, SEP
from distrib.data.streams.stream_batches import Rows, Tokens
from distrib.errors import InputError
from distrib.trainables.antibodies.sensitivity import sensitivity
from distrib.trainables.antibodies.seq2seq.advice import advice
from distrib.trainables.antibodies.seq2seq.batch import batch_of, refuse_long
from distrib.trainables.antibodies.seq2seq.config import (
    Seq2SeqConfig,
    Seq2SeqGenerate,
    Seq2SeqSource,
)
from distrib.trainables.antibodies.seq2seq.drawing import KNOWN, cut_notes
from distrib.trainables.antibodies.seq2seq.foreign import own_names, sizes_of
from distrib.trainables.antibodies.seq2seq.reading import load_rows
from distrib.trainables.base import Fidelity, Metric, Progress, State, Worker
from distrib.trainables.capabilities import ArtifactInputs, Ranking
from distrib.trainables.training.family import Batch, TorchTrainable, Use

if TYPE_CHECKING:
    from torch import Tensor, nn

    from distrib.models.antibodies.seq2seq import Seq2Seq, Size
    from distrib.trainables.antibodies.seq2seq.watched import Samples


class AntibodyGenerator(TorchTrainable[Seq2SeqConfig, Seq2SeqSource, RecordRows]):
    """Writes antibodies for an antigen and an affinity."""

    Config = Seq2SeqConfig
    Source = Seq2SeqSource
    Generate = Seq2SeqGenerate
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("loss", "min", "nats per token, without label smoothing"),
        Metric("perplexity", "min", "exp of the loss"),
        Metric("heavy_loss", "min", "nats per token of heavy chains"),
        Metric("cdrh3_loss", "min", "nats per residue of the CDRH3"),
        Metric("antigen_sensitivity", "max", "nats per CDRH3 residue lost with another antigen"),
        Metric("antigen_sensitivity_se", "min", "its standard error, antigen groups together"),
        Metric("pkd_sensitivity", "max", "nats per CDRH3 residue lost with another row's pKd"),
        Metric("pkd_sensitivity_se", "min", "its standard error, antigen groups together"),
        Metric("antigen_sensitivity_whole", "max", "the same of the antigen, per token of all"),
        Metric("pkd_sensitivity_whole", "max", "the same of the pKd, per token of all"),
    )
    fidelity = Fidelity("epoch", "epochs")
    no_decay = True

    def load(self, source: Seq2SeqSource, *, targets: bool = True) -> RecordRows:
        """Records of a JSON file or table; without one, simulated ones."""
        return load_rows(source, targets=targets)

    def row_ids(self, data: RecordRows) -> np.ndarray:
        return data.ids

    def values(self, config: Seq2SeqConfig, data: RecordRows) -> dict[str, Any]:
        """What is taken out of a pKd, and whether there are light chains, and real ones."""
        scale = (0.0, 1.0)
        if config.pkd == "standardised":
            scale = float(data.pkd.mean()), float(data.pkd.std()) or 1.0
        light = bool((data.antibodies == SEP).any())
        return {"pkd_scale": list(scale), "simulated": data.simulated, "light": light}

    def build(self, config: Seq2SeqConfig, values: Mapping[str, Any]) -> Seq2Seq:
        from distrib.models.antibodies.seq2seq import Seq2Seq

        return Seq2Seq(size_of(config))

    def blocks(self, model: nn.Module) -> Sequence[nn.Module]:
        network: Any = model
        return [*network.encoder.layers, *network.decoder.layers]

    def batching(self, config: Seq2SeqConfig) -> Rows | Tokens:
        if config.batch_tokens:
            return Tokens(config.batch_tokens, length="")
        return Rows(config.batch_size)

    def lengths(self, config: Seq2SeqConfig, data: RecordRows) -> np.ndarray:
        """(rows,) source and target tokens together."""
        source = np.minimum(np.diff(data.sources) + 2, config.source_context)
        return (source if config.antigen else 0) + np.diff(data.targets)

    def check_rows(
        self, config: Seq2SeqConfig, data: RecordRows, values: Mapping[str, Any] | None = None
    ) -> None:
        """Antigens and antibodies fit their contexts."""
        refuse_long(config, data)
        antibody = np.diff(data.targets) - 1
        most = config.target_context - 2
        if (over := antibody > most).any():
            row = int(np.argmax(over))
            raise InputError(
                "an antibody longer than the model's context",
                where=f"record {data.ids[row]}",
                found=f"{antibody[row]} tokens ({int(over.sum()):,} such records)",
                expected=f"at most {most}",
                hint="--set target_context=..., or heavy chains alone: --set data.light=false",
            )

    def collate(
        self, config: Seq2SeqConfig, values: Mapping[str, Any], rows: Any, use: Use
    ) -> Batch:
        scale = values["pkd_scale"][0], values["pkd_scale"][1]
        inputs = batch_of(config, rows, scale, use.rng if use.purpose == "train" else None)
        return Batch({**inputs, "ids": rows.ids.tolist()}, len(rows.antibodies))

    def losses(self, config: Seq2SeqConfig, model: Any, inputs: dict[str, Any]) -> Tensor:
        from torch.nn.functional import cross_entropy

        return cross_entropy(
            self._logits(model, inputs).flatten(0, 1),
            inputs["said"].flatten(),
            ignore_index=PAD,
            label_smoothing=config.label_smoothing,
            reduction="sum",
        )

    def sums(self, config: Seq2SeqConfig, model: nn.Module, inputs: dict[str, Any]) -> dict:
        found = self._row_sums(config, model, inputs)
        return {name: sums.sum() for name, sums in found.items()}

    def figures(self, config: Seq2SeqConfig, sums: dict[str, Any]) -> dict[str, float]:
        def loss(name: str) -> float:
            tokens = float(sums[f"{name}_tokens"])
            return float(sums[f"{name}_nats"]) / tokens if tokens else math.nan

        found = {"loss": loss("all"), "perplexity": math.exp(min(loss("all"), 700.0))}
        found |= {"heavy_loss": loss("heavy"), "cdrh3_loss": loss("cdrh3")}
        if config.label_smoothing:  # as trained with, to be set beside the training loss
            found["smoothed_loss"] = float(sums["smoothed_nats"]) / float(sums["all_tokens"])
        return found | ({"light_loss": loss("light")} if float(sums["light_tokens"]) else {})

    def judge(
        self,
        config: Seq2SeqConfig,
        model: nn.Module,
        data: RecordRows,
        values: Mapping[str, Any],
        worker: Worker,
    ) -> dict[str, float]:
        """Losses, and what shuffled conditions cost."""
        model.eval()
        true = self._by_row(config, model, data, values, worker)
        sums = {name: array.sum() for name, array in true.items()}
        found = self.figures(config, sums)
        another = partners(np.arange(len(data)), seed=1)  # any other row
        for name, shuffled in (
            ("antigen", data.with_antigens(partners(data.groups))),
            ("pkd", replace(data, pkd=data.pkd[another])),
        ):
            changed = self._by_row(config, model, shuffled, values, worker)
            for part, ending in (("cdrh3", ""), ("all", "_whole")):
                value, error = sensitivity(
                    true[f"{part}_nats"], changed[f"{part}_nats"], true[f"{part}_tokens"],
                    data.groups,
                )  # fmt: skip
                found[f"{name}_sensitivity{ending}"] = value
                if not ending:
                    found[f"{name}_sensitivity_se"] = error
        return found

    def evaluate(
        self, config: Seq2SeqConfig, state: State, data: RecordRows, worker: Worker
    ) -> dict[str, float]:
        """Also figures of antibodies that are drawn for these antigens and affinities."""
        found = super().evaluate(config, state, data, worker)
        drawn = self._drawn(config, state, data, None, worker)
        return found if drawn is None else found | drawn.figures()

    def apply(
        self, config: Seq2SeqConfig, model: nn.Module, inputs: dict[str, Any]
    ) -> pd.DataFrame:
        """Log-likelihoods in nats, whole and of the CDRH3, and perplexity."""
        rows = self._row_sums(config, model, inputs)
        return pd.DataFrame(
            {
                "id": inputs["ids"],
                "log_likelihood": -rows["all_nats"],
                "perplexity": np.exp(rows["all_nats"] / rows["all_tokens"]),
                "cdrh3_log_likelihood": -rows["cdrh3_nats"],
                "tokens": rows["all_tokens"].astype(int),
            }
        )

    def evaluate_rows(
        self, config: Seq2SeqConfig, state: State, data: RecordRows, worker: Worker
    ) -> pd.DataFrame:
        """A row per record, the likeliest first."""
        found = self.predict(config, state, data, worker)
        return found.sort_values("perplexity", ignore_index=True)

    def rank(
        self,
        config: Seq2SeqConfig,
        state: State,
        source: Seq2SeqSource,
        worker: Worker,
        scorer: Callable[[pd.DataFrame], Any] | None,
    ) -> Ranking:
        """See `ranking.rank`."""
        from distrib.trainables.antibodies.seq2seq.ranking import rank

        known = state.arrays.get(KNOWN, np.empty(0, np.uint64))
        return rank(
            config, source, known, lambda rows: self.predict(config, state, rows, worker), scorer
        )

    def refit(
        self,
        config: Seq2SeqConfig,
        data: RecordRows,
        worker: Worker,
        budget: int | None,
        state: State | None = None,
    ) -> Iterator[Progress]:
        """Train on all records; finished states know which antibodies those were."""
        for item in super().refit(config, data, worker, budget, state):
            yield replace(item, state=partial(_with_designs, item.state, data.designs))

    def progress(
        self, config: Seq2SeqConfig, data: RecordRows, worker: Worker, state: State | None = None
    ) -> Iterator[Progress]:
        """Train with validation; its models know which antibodies those were.

        Every worker draws the same samples: there are few.
        """
        train, held_out = self.split(config, data)
        for item in super().progress(config, data, worker, state):
            if (model := item.model) is None:
                yield item
                continue
            due = item.fidelity % config.eval_every == 0 or item.fidelity == config.epochs
            drawn = self._drawn(config, model(), held_out, train, worker) if due else None
            if drawn is not None:
                metrics = {**(item.metrics or {}), **drawn.figures()}
                item = replace(item, metrics=metrics, samples=drawn.tables)
            yield replace(item, model=partial(_with_designs, model, train.designs))

    def advice(self, rows: Sequence[Mapping[str, float]]) -> list[str]:
        """See `advice.advice`."""
        return advice(rows)

    def keys(self, foreign: Mapping[str, Any]) -> Mapping[str, Any]:
        """The names of the original scripts' checkpoints are known."""
        return own_names(foreign)

    def sizes(self, weights: Mapping[str, Any]) -> Mapping[str, int]:
        """Vocabulary, width, layers."""
        return sizes_of(weights)

    def baselines(
        self, config: Seq2SeqConfig, data: RecordRows, test: RecordRows | None, worker: Worker
    ) -> dict[str, dict[str, float]]:
        """How often a residue is at its place, chain by chain, whatever the antigen."""
        from distrib.trainables.antibodies.seq2seq.unigram import unigram_figures

        train, held_out = self.split(config, data)
        found = unigram_figures(train, held_out)
        if test is not None:
            tested = unigram_figures(data, test)
            found |= {f"test/{name}": value for name, value in tested.items()}
        return {"position-wise unigram": found}

    def generate(
        self, config: Seq2SeqConfig, state: State, options: Seq2SeqGenerate, worker: Worker
    ) -> Iterator[pd.DataFrame]:
        """Antibodies for each antigen and pKd, with their log-likelihoods."""
        from distrib.trainables.antibodies.seq2seq.drawing import generate

        return generate(self.restored(config, state, worker), config, state, options, worker)

    def write_artifacts(
        self,
        config: Seq2SeqConfig,
        state: State,
        data: RecordRows,
        worker: Worker,
        folder: Path,
        inputs: ArtifactInputs,
    ) -> list[str]:
        """A table of antibodies that the model draws."""
        from distrib.trainables.antibodies.seq2seq.watched import write_samples

        drawn = self._drawn(config, state, data, data, worker)
        return [
            *data.notes,
            *self.reading_notes(config, data),
            *([] if drawn is None else [write_samples(drawn, folder)]),
        ]

    def reading_notes(self, config: Seq2SeqConfig, data: RecordRows) -> list[str]:
        """How many antigens are cut."""
        return cut_notes(config, np.diff(data.sources))

    def notes_of(self, config: Seq2SeqConfig, options: Seq2SeqGenerate) -> list[str]:
        """The same of antigens to draw for."""
        from distrib.trainables.antibodies.seq2seq.drawing import notes_of

        return notes_of(config, options)

    def sample_counts(self, table: pd.DataFrame) -> pd.DataFrame:
        """By pKd."""
        kept = table[["ended", "valid", "in_training_data"]].astype(int)
        kept.insert(0, "antibodies", 1)
        found: pd.DataFrame = kept.groupby(table["pKd"]).sum().reset_index()
        return found.rename(columns={"in_training_data": "in training data"})

    def _drawn(
        self,
        config: Seq2SeqConfig,
        state: State,
        records: RecordRows,
        trained_on: RecordRows | None,
        worker: Worker,
    ) -> Samples | None:
        """Antibodies drawn for these records, by a state with the model."""
        from distrib.trainables.antibodies.seq2seq.watched import draw_samples

        if not config.samples:
            return None
        model = self.restored(config, state, worker)
        return draw_samples(model, config, state.values, records, trained_on, worker)

    def example(self, folder: Path) -> None:
        """Simulated records, as JSON."""
        from distrib.data.antibodies.designs.simulate import simulate_records

        frame = simulate_records(200).frame()
        frame.to_json(folder / "records.json", orient="records", indent=1)

    def restored(self, config: Seq2SeqConfig, state: State, worker: Worker) -> Seq2Seq:
        """The network of a finished state, on the worker's device."""
        model: Any = self._restored(config, state.values, state, worker)
        return model.eval()

    def _logits(self, model: Any, inputs: dict[str, Any]) -> Tensor:
        logits = model(inputs["source"], inputs["there"], inputs["pkd"], inputs["seen"])
        return logits.float()

    def _row_sums(
        self, config: Seq2SeqConfig, model: Any, inputs: dict[str, Any]
    ) -> dict[str, np.ndarray]:
        """(B,) nats and tokens of each row, by part (`ROW_SUMS`)."""
        said, parts = inputs["said"], inputs["parts"]
        logs = self._logits(model, inputs).log_softmax(-1)
        nats = -logs.gather(2, said[..., None])[..., 0].double()
        here = said != PAD
        smoothing = config.label_smoothing
        smoothed = (1 - smoothing) * nats - smoothing * logs.mean(-1).double()
        found = {"smoothed_nats": (smoothed * here).sum(1)}
        for part, where in zip(PARTS, (here, parts <= CDRH3, parts == CDRH3, parts == LIGHT)):
            inside = here & where
            found[f"{part}_nats"] = (nats * inside).sum(1)
            found[f"{part}_tokens"] = inside.sum(1).double()
        return {name: sums.cpu().numpy() for name, sums in found.items()}

    def _by_row(
        self,
        config: Seq2SeqConfig,
        model: nn.Module,
        data: RecordRows,
        values: Mapping[str, Any],
        worker: Worker,
    ) -> dict[str, np.ndarray]:
        """(rows,) nats and tokens, whole and of the CDRH3, each worker having done its part."""
        import torch

        from distrib.trainables.training.device import autocast

        place = {name: row for row, name in enumerate(data.ids.tolist())}
        total = {name: np.zeros(len(data)) for name in ROW_SUMS}
        batches = self._batches(config, data, worker)
        with torch.inference_mode(), autocast(worker):
            for _, inputs in self._in_order(config, values, batches, "validate", worker):
                rows = [place[name] for name in inputs["ids"]]
                for name, sums in self._row_sums(config, model, inputs).items():
                    total[name][rows] = sums
        return {name: worker.sum(array) for name, array in total.items()}


PARTS = ("all", "heavy", "cdrh3", "light")
ROW_SUMS = ("smoothed_nats", *(f"{p}_{what}" for p in PARTS for what in ("nats", "tokens")))


def _with_designs(take: Callable[[], State], designs: np.ndarray) -> State:
    state = take()
    return State({**state.arrays, KNOWN: np.unique(designs)}, state.values)


def size_of(config: Seq2SeqConfig) -> Size:
    """The shape of a configuration's network."""
    from distrib.models.antibodies.seq2seq import Size

    return Size(
        vocabulary=NUM_TOKENS,
        width=config.width,
        heads=config.num_heads,
        encoder_layers=config.encoder_layers,
        decoder_layers=config.decoder_layers,
        ffn=config.ffn_ratio * config.width,
        dropout=config.dropout,
        attention_dropout=config.attention_dropout,
        affinity=config.pkd != "none",
        fused=config.fused_attention,
        decoder_affinity=config.condition_decoder,
    )
