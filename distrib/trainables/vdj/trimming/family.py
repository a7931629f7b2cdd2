"""The trimming family: how many nucleotides a gene end loses in V(D)J recombination.

A conditional logit over the trims of each gene, on sequence features around the cut (Russell et
al., eLife 2023). A trial is a cross-validation over groups of genes with equal ends, one exact fit
a fold; its score is the running mean over the folds so far. Always float64.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from distrib.data.splits import fold_ids
from distrib.data.vdj.prepare.prepared import is_prepared, read_prepared
from distrib.data.vdj.trimming.cut_features import (
    Feature,
    build_features,
    list_features,
)
from distrib.data.vdj.trimming.trimming import TrimmingData, olga_trimming, weights_of
from distrib.data.vdj.trimming.trimming_example import write_example
from distrib.data.vdj.trimming.trimming_files import read_trimming
from distrib.data.vdj.trimming.trimming_prepared import prepared_trimming
from distrib.errors import InputError
from distrib.models.vdj.choice_losses import (
    frequencies,
    mean_loss,
    saturated_loss,
    scores,
    set_mae,
    set_rmse,
)
from distrib.models.vdj.conditional_logit import Fit, fit, log_probabilities
from distrib.trainables import training_rows
from distrib.trainables.base import (
    Fidelity,
    Metric,
    Progress,
    State,
    Trainable,
    Worker,
)
from distrib.trainables.capabilities import (
    ArtifactInputs,
    Bootstraps,
    EvaluatesRows,
    HasBaselines,
    HasExample,
    LimitsBudget,
    NamesRows,
    WritesArtifacts,
)
from distrib.trainables.vdj.coefficients import describe_replicates
from distrib.trainables.vdj.design import Column, columns_to_values
from distrib.trainables.vdj.ligation.profiles import Profiles
from distrib.trainables.vdj.trimming.coefficients import (
    coefficients,
    covariances,
    names_of,
)
from distrib.trainables.vdj.trimming.config import TrimmingConfig, TrimmingSource

_TRAIN = ("log_loss", "gradient_norm")


class Trimming(
    Trainable[TrimmingConfig, TrimmingSource, TrimmingData],
    NamesRows[TrimmingData],
    LimitsBudget[TrimmingConfig, TrimmingData],
    EvaluatesRows[TrimmingConfig, TrimmingData],
    HasBaselines[TrimmingConfig, TrimmingData],
    Bootstraps[TrimmingConfig, TrimmingData],
    WritesArtifacts[TrimmingConfig, TrimmingData],
    HasExample,
):
    """Conditional logit on sequence features, fitted exactly."""

    Config = TrimmingConfig
    Source = TrimmingSource
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("log_loss", "min", "mean negative log likelihood per sequence, nats"),
        Metric("rmse", "min", "of predicted profiles, mean over genes"),
        Metric("mae", "min", "of predicted profiles, mean over genes"),
        Metric("log_loss_above_saturated", "min", "log loss less the least that is possible"),
    )
    fidelity = Fidelity(unit="fold", config_key="folds", selects="last")
    framework = "jax"
    precisions = ("float64",)
    bootstraps = ("clusters", "sequences")

    def load(self, source: TrimmingSource, *, targets: bool = True) -> TrimmingData:
        """A prepared folder, the user's files (see `read_trimming`), or OLGA's without a path."""
        if source.trim_min >= source.trim_max:
            raise InputError(
                "a window without choices",
                where="data.trim_min, data.trim_max",
                found=f"{source.trim_min}, {source.trim_max}",
                expected="trim_min less than trim_max",
            )
        if source.path is not None and is_prepared(Path(source.path)):
            prepared = read_prepared(Path(source.path))
            return prepared_trimming(prepared, source.weighting, source.path, source.subject)
        if source.subject is not None:
            raise InputError(
                "these data do not tell subjects apart",
                file=source.path,
                where="data.subject",
                found=source.subject,
                expected="a prepared folder",
                hint="python -m distrib.prepare trimming --help",
            )
        options = source.model_dump(exclude={"path", "weighting", "subject"})
        if source.path is None:
            return olga_trimming(**options)
        return read_trimming(Path(source.path), **options, targets=targets)

    def row_ids(self, data: TrimmingData) -> np.ndarray:
        """The genes."""
        return data.genes

    def budget(self, config: TrimmingConfig, data: TrimmingData) -> int:
        """Folds: no more than there are groups of genes."""
        return int(_folds(config, data).max()) + 1

    def progress(
        self, config: TrimmingConfig, data: TrimmingData, worker: Worker, state: State | None = None
    ) -> Iterator[Progress]:
        """A fold at a time; the metrics are means over the folds so far.

        In each fold the weights of the training and of the held-out genes are scaled to 1 apart.
        """
        folds = _folds(config, data)
        weights = _weights(data)
        features = _features(config, data)
        names = [metric.name for metric in self.metrics]
        rows = [] if state is None else list(state.arrays["folds"])
        for fold in range(len(rows), folds.max() + 1):
            held = folds == fold
            # Zero weights instead of fewer genes: all folds share one compilation.
            model = _fit(config, features, np.where(held[:, None], 0.0, weights))
            score = scores(log_probabilities(features[held], model.coefficients), weights[held])
            rows.append(np.array([*map(score.get, names), model.loss, model.gradient_norm]))
            so_far = np.array(rows)  # (folds, metrics and what the training reports)
            *means, loss, gradient_norm = so_far.mean(axis=0).tolist()
            yield Progress(
                fidelity=fold + 1,
                state=partial(State, {"folds": so_far}),
                metrics=dict(zip(names, means)),
                train=dict(zip(_TRAIN, (loss, gradient_norm))),
            )

    def refit(
        self,
        config: TrimmingConfig,
        data: TrimmingData,
        worker: Worker,
        budget: int | None,
        state: State | None = None,
    ) -> Iterator[Progress]:
        """One exact fit on all genes; a `budget` (of folds) means nothing."""
        if state is None:
            model = _fit(config, _features(config, data), _weights(data))
            certain, notes = covariances(
                _features(config, data),
                _weights(data),
                model.coefficients,
                config.l2,
                data.num_sequences,
                _of_subjects(data),
                _named(config, data),
            )
            state = State(
                {
                    "coefficients": model.coefficients,
                    **certain,
                    training_rows.NAME: training_rows.hashes(self.row_ids(data)),
                },
                {
                    "columns": columns_to_values(_named(config, data)),
                    "gene_end": data.gene_end,
                    "trims": [int(data.trims[0]), int(data.trims[-1])],
                    "log_loss": model.loss,
                    "gradient_norm": model.gradient_norm,
                    "num_steps": model.num_steps,
                    "num_sequences": data.num_sequences,
                    "fingerprint": data.describe()["fingerprint"],
                    "l2": config.l2,
                    "notes": notes,
                },
            )
        done = state
        train = {name: done.values[name] for name in _TRAIN}
        yield Progress(fidelity=1, state=lambda: done, train=train)

    def predict(
        self, config: TrimmingConfig, state: State, data: TrimmingData, worker: Worker
    ) -> pd.DataFrame:
        """Columns `gene`, `trim`, `predicted_prob` and, with counts, `observed_prob`."""
        log_p = _log_p(config, state, data)
        columns = {
            "gene": np.repeat(data.genes, len(data.trims)),
            "trim": np.tile(data.trims, len(data.genes)),
            "predicted_prob": np.exp(log_p).ravel(),
        }
        if data.weights is not None:
            columns["observed_prob"] = frequencies(data.weights).ravel()
        return pd.DataFrame(columns)

    def evaluate(
        self, config: TrimmingConfig, state: State, data: TrimmingData, worker: Worker
    ) -> dict[str, float]:
        """Every metric, over all genes of the data."""
        return scores(_log_p(config, state, data), _weights(data))

    def evaluate_rows(
        self, config: TrimmingConfig, state: State, data: TrimmingData, worker: Worker
    ) -> pd.DataFrame:
        """A row per gene: its share of the sequences, and every metric within it."""
        log_p, weights = _log_p(config, state, data), _weights(data)
        loss = np.array([mean_loss(p[None], w[None]) for p, w in zip(log_p, weights)])
        least = np.array([saturated_loss(w[None]) for w in weights])
        return pd.DataFrame(
            {
                "gene": data.genes,
                "share": weights.sum(axis=1) / weights.sum(),
                "log_loss": loss,
                "rmse": set_rmse(log_p, weights),
                "mae": set_mae(log_p, weights),
                "log_loss_above_saturated": loss - least,
            }
        )

    def baselines(
        self, config: TrimmingConfig, data: TrimmingData, test: TrimmingData | None, worker: Worker
    ) -> dict[str, dict[str, float]]:
        """Of models without features, as means over the same folds.

        `null`: all trims are equally likely. `mean profile`: P(trim) of the training genes.
        `saturated (bound)`: each gene's own profile, which no model can beat.
        """
        folds = _folds(config, data)
        weights = _weights(data)
        result = {}
        for name in ("null", "mean profile", "saturated (bound)"):
            rows = []
            for fold in range(folds.max() + 1):
                held = weights[folds == fold]
                rows.append(scores(_baseline(name, weights[folds != fold], held), held))
            result[name] = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
            if test is not None:
                held = _weights(test)
                on_test = scores(_baseline(name, weights, held), held)
                result[name] |= {f"test/{key}": value for key, value in on_test.items()}
        return result

    def bootstrap(
        self,
        config: TrimmingConfig,
        state: State,
        data: TrimmingData,
        worker: Worker,
        seeds: Sequence[int],
        of: str,
    ) -> pd.DataFrame:
        """A row per seed: the coefficients of a fit to resampled sequences or clusters.

        A cluster is a subject's sequences of a gene, or a gene where subjects are not told apart.
        """
        features = _features(config, data)
        counts = _weights(data)[None] if data.counts is None else data.counts
        rows = []
        for seed in seeds:
            drawn = _draw(counts, np.random.default_rng(seed), of)
            weights = weights_of(drawn, data.weighting).sum(axis=0)
            rows.append(_fit(config, features, weights).coefficients)
        return pd.DataFrame(rows, columns=names_of(state)).assign(seed=seeds)

    def draws(self, data: TrimmingData) -> tuple[str, ...]:
        """Frequencies are of no sequences that could be drawn."""
        return ("clusters",) if data.counts is None else self.bootstraps

    def write_artifacts(
        self,
        config: TrimmingConfig,
        state: State,
        data: TrimmingData,
        worker: Worker,
        folder: Path,
        inputs: ArtifactInputs,
    ) -> list[str]:
        """`coefficients.tsv`, and pictures of them and of the most used genes' profiles."""
        from distrib.trainables.vdj.ligation.artifacts import (
            COEFFICIENTS,
            write_coefficients_and_profiles,
        )

        weights = _weights(data)
        profiles = Profiles(
            trim_type=f"{data.gene_end}_trim",
            genes=data.genes,
            trims=data.trims,
            share=weights.sum(axis=1) / weights.sum(),
            observed=frequencies(weights),
            predicted=np.exp(_log_p(config, state, data)),
        )
        write_coefficients_and_profiles(coefficients(state, inputs.replicates), [profiles], folder)
        notes = list(state.values["notes"])
        if inputs.replicates is not None:
            errors = describe_replicates(inputs.replicates, names_of(state))
            notes.append(f"p values in {COEFFICIENTS} are by {errors}")
        return notes

    def example(self, folder: Path) -> None:
        """Simulated counts of two donors, drawn from OLGA's model of human TRB."""
        write_example(folder)


def _named(config: TrimmingConfig, data: TrimmingData) -> list[Column]:
    """The columns as coefficients of this gene end."""
    trim_type = f"{data.gene_end}_trim"
    return [Column(f.coefficient, trim_type, f.side, f.position, f.base) for f in _columns(config)]


def _columns(config: TrimmingConfig) -> list[Feature]:
    return list_features(config.feature_set, config.motif_left, config.motif_right)


def _features(config: TrimmingConfig, data: TrimmingData) -> np.ndarray:
    return build_features(
        data.ends, data.trims, config.feature_set, config.motif_left, config.motif_right
    )


def _folds(config: TrimmingConfig, data: TrimmingData) -> np.ndarray:
    groups = data.groups
    num_groups = len(np.unique(groups))
    if num_groups < 2:
        raise InputError(
            "genes of one group only: none can be held out",
            where="data",
            found=", ".join(data.genes[:8]),
            expected="genes of at least two different ends",
        )
    return fold_ids(groups, min(config.folds, num_groups), config.fold_seed)


def _weights(data: TrimmingData) -> np.ndarray:
    if data.weights is None:
        raise InputError("these data have no counts", where=data.origin)
    return data.weights


def _of_subjects(data: TrimmingData) -> np.ndarray:
    """(subjects, genes, trims) weights; of one subject where they are not told apart."""
    return _weights(data)[None] if data.counts is None else weights_of(data.counts, data.weighting)


def _draw(counts: np.ndarray, rng: np.random.Generator, of: str) -> np.ndarray:
    """(subjects, genes, trims) counts of as many sequences, or clusters, with replacement."""
    if of == "sequences":
        share = counts.ravel() / counts.sum()
        return rng.multinomial(round(counts.sum()), share).reshape(counts.shape).astype(float)
    clusters = np.nonzero(counts.sum(axis=2))
    size = len(clusters[0])
    times = np.zeros(counts.shape[:2])
    times[clusters] = np.bincount(rng.integers(size, size=size), minlength=size)
    return counts * times[:, :, None]


def _fit(config: TrimmingConfig, features: np.ndarray, weights: np.ndarray) -> Fit:
    names = [column.name for column in _columns(config)]
    return fit(features, weights, l2=config.l2, names=names)


def _log_p(config: TrimmingConfig, state: State, data: TrimmingData) -> np.ndarray:
    return log_probabilities(_features(config, data), state.arrays["coefficients"])


def _baseline(name: str, train: np.ndarray, held: np.ndarray) -> np.ndarray:
    """(genes, trims) ln P of a model without features, for the held-out genes."""
    if name == "null":
        p = np.full(held.shape, 1 / held.shape[1])
    elif name == "mean profile":
        p = np.broadcast_to(train.sum(axis=0) / train.sum(), held.shape)
    else:
        p = frequencies(held)
    with np.errstate(divide="ignore"):  # a trim never seen in training: an infinite loss if seen
        return np.log(p)
