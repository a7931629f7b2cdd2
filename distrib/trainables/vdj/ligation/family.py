"""The junction family: trimming of two gene ends together, and how they are ligated.

A conditional logit over the trims of each pair of genes and, beside it, one over the ligations that
they leave open (Russell et al., Nucleic Acids Research 2025). Here annotations are known: the data
tell how each sequence was ligated, or are of trims alone; `trimming_ligation_em` weighs what is
hidden. A trial is a cross-validation over groups of gene pairs, one exact fit a fold. Float64.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from distrib.data.splits import fold_ids
from distrib.data.vdj.ligation.frames import FrameRule
from distrib.data.vdj.ligation.junction import JunctionData
from distrib.data.vdj.ligation.junction_build import Annotations, build_junctions
from distrib.data.vdj.ligation.model_types import NO_FEATURES, parse_model_type
from distrib.data.vdj.ligation.simulate import simulate_junctions
from distrib.data.vdj.prepare.prepared import Prepared, read_prepared, write_prepared
from distrib.data.vdj.trimming.weights import Weighting
from distrib.errors import InputError
from distrib.trainables.base import (
    Fidelity,
    Metric,
    Progress,
    Source,
    State,
    Trainable,
    Worker,
)
from distrib.trainables.capabilities import (
    ArtifactInputs,
    Bootstraps,
    ChecksTraining,
    EvaluatesRows,
    HasBaselines,
    HasExample,
    LimitsBudget,
    NamesRows,
    WritesArtifacts,
)
from distrib.trainables.training_rows import remember
from distrib.trainables.vdj.ligation.artifacts import write_junction_artifacts
from distrib.trainables.vdj.ligation.config import TrimmingLigationConfig
from distrib.trainables.vdj.ligation.inference import final_state, replicate
from distrib.trainables.vdj.ligation.model import JunctionModel
from distrib.trainables.vdj.ligation.tables import evaluation_table, prediction_table

if TYPE_CHECKING:
    from distrib.models.vdj.junction_fit import Method


class TrimmingLigationSource(Source):
    """A prepared folder (`python -m distrib.prepare trimming`), or a simulation without a path."""

    subject: str | None = Field(None, description="one subject's sequences alone")
    weighting: Weighting = Field("pooled", description="what counts alike: sequences, subjects, ..")
    frame_rule: FrameRule = Field("anchors", description="what is in frame; residue: as published")
    chain: str = Field("TRA", description="of the simulation: its genes and their trimming")
    species: str = Field("human", description="of the simulation")
    sequences: int = Field(200_000, ge=1, description="of the simulation, before the class is kept")
    num_v: int | None = Field(20, ge=2, description="of the simulation: most used V genes")
    num_j: int | None = Field(20, ge=2, description="of the simulation: most used J genes")
    int_mh: float = Field(1.0, description="of the simulation: true effect of average_mh on trims")
    lig_mh: float = Field(
        1.0, description="of the simulation: true effect of a base of ligation-mh"
    )
    ligation: Literal["linear", "exponential"] = Field(
        "linear", description="of the simulation: it goes as 1 + lig_mh m, or as exp(lig_mh m)"
    )
    interior: float = Field(
        0.0, description="of the simulation: true effect of average interior mh"
    )
    base: Literal["olga", "uniform", "published"] | tuple[list[float], list[float]] = Field(
        "olga",
        description="of the simulation: where trims start from: OLGA's histograms, which no model "
        "here can express; all alike; or one-gene models, the published ones of Russell et al. or "
        "coefficients of one's own, for V and for J",
    )
    usage: Literal["olga", "uniform"] = Field("olga", description="of the simulation: of its genes")
    subjects: int = Field(4, ge=1, description="of the simulation")
    group: str = Field("nonproductive_v-j_trim_ligation-mh", description="of the simulation")
    simulation_seed: int = Field(0, ge=0, description="of the simulation")


class TrimmingLigation(
    Trainable[TrimmingLigationConfig, TrimmingLigationSource, JunctionData],
    NamesRows[JunctionData],
    ChecksTraining[TrimmingLigationConfig, JunctionData],
    LimitsBudget[TrimmingLigationConfig, JunctionData],
    EvaluatesRows[TrimmingLigationConfig, JunctionData],
    HasBaselines[TrimmingLigationConfig, JunctionData],
    Bootstraps[TrimmingLigationConfig, JunctionData],
    WritesArtifacts[TrimmingLigationConfig, JunctionData],
    HasExample,
):
    """Trims of both ends and ligation, annotations known."""

    Config = TrimmingLigationConfig
    Source = TrimmingLigationSource
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("log_loss", "min", "mean negative log likelihood per sequence, nats"),
        Metric("mae", "min", "of predicted frequencies of the sequences seen, mean over pairs"),
        Metric("log_loss_above_saturated", "min", "log loss less the least that is possible"),
    )
    fidelity = Fidelity(unit="fold", config_key="folds", selects="last")
    framework = "jax"
    precisions = ("float64",)
    bootstraps = ("sequences", "clusters")
    annotations: ClassVar[Annotations] = "known"

    def load(self, source: TrimmingLigationSource, *, targets: bool = True) -> JunctionData:
        """A prepared folder of two gene ends, or the simulation that the source describes."""
        if source.path is None:
            prepared, origin = simulate(source), "simulation"
        else:
            prepared, origin = read_prepared(Path(source.path)), source.path
        return build_junctions(
            prepared,
            self.annotations,
            subject=source.subject,
            weighting=source.weighting,
            frame_rule=source.frame_rule,
            origin=origin,
        )

    def method(self, config: TrimmingLigationConfig) -> Method:
        """How the likelihood is maximised."""
        return "direct"

    def check(
        self, config: TrimmingLigationConfig, data: JunctionData, num_workers: int = 1
    ) -> None:
        """Whether the data have what the model type looks at, and groups to hold out."""
        if parse_model_type(config.model_type).ligation and not data.ligation:
            raise InputError(
                "these data do not tell of ligations",
                where="model_type",
                found=config.model_type,
                expected="a model type without ligation-mh, or a group with ligation",
            )
        _folds(config, data)

    def budget(self, config: TrimmingLigationConfig, data: JunctionData) -> int:
        """Folds: no more than there are groups of genes."""
        return int(_folds(config, data).max()) + 1

    def progress(
        self,
        config: TrimmingLigationConfig,
        data: JunctionData,
        worker: Worker,
        state: State | None = None,
    ) -> Iterator[Progress]:
        """A fold at a time, an item for each iteration of its fit; metrics are means so far."""
        model = self._model(config, data)
        folds = _folds(config, data)
        names = [metric.name for metric in self.metrics]
        rows = [] if state is None else list(state.arrays["folds"])
        start = None if state is None else state.arrays.get("b")
        for fold in range(len(rows), folds.max() + 1):
            fit = None
            for fit in model.fit(self.method(config), folds != fold, folds, start):
                so_far = {"folds": np.array(rows).reshape(-1, len(names) + 1), "b": fit.b}
                yield Progress(fidelity=fold, state=partial(State, so_far))
            assert fit is not None
            start = None
            score = model.score(fit, folds == fold)
            rows.append(np.array([*map(score.get, names), fit.loss]))
            table = np.array(rows)  # (folds, metrics and the training loss)
            *means, loss = table.mean(axis=0).tolist()
            yield Progress(
                fidelity=fold + 1,
                state=partial(State, {"folds": table}),
                metrics=dict(zip(names, means)),
                train={"log_loss": loss},
            )

    def row_ids(self, data: JunctionData) -> np.ndarray:
        """(pairs,) names of both genes."""
        return np.array(["+".join(names) for names in zip(*data.pair_names())])

    def refit(
        self,
        config: TrimmingLigationConfig,
        data: JunctionData,
        worker: Worker,
        budget: int | None,
        state: State | None = None,
    ) -> Iterator[Progress]:
        """One exact fit on all pairs, with standard errors; a `budget` (of folds) means nothing."""
        yield from remember(self._refit(config, data, state), self.row_ids(data))

    def _refit(
        self, config: TrimmingLigationConfig, data: JunctionData, state: State | None
    ) -> Iterator[Progress]:
        if state is not None and "coefficients" in state.arrays:
            yield Progress(fidelity=1, state=lambda: state)
            return
        model = self._model(config, data)
        start = None if state is None else state.arrays.get("b")
        trace = [] if state is None else list(state.arrays["trace"])
        fit = None
        for fit in model.fit(self.method(config), model.everything(), _folds(config, data), start):
            trace.append(np.array([fit.loss, fit.q, fit.gradient_norm]))
            half = {"b": fit.b, "trace": np.array(trace[:-1]).reshape(-1, 3)}
            yield Progress(fidelity=0, state=partial(State, half))
        assert fit is not None
        done = final_state(model, fit, np.array(trace))
        yield Progress(fidelity=1, state=lambda: done, train={"log_loss": fit.loss})

    def predict(
        self, config: TrimmingLigationConfig, state: State, data: JunctionData, worker: Worker
    ) -> pd.DataFrame:
        """A row for each pair, trims and ligation: its probability, whatever its frame.

        Columns: both genes, both trims, `ligation_mh` (where ligation is modelled),
        `trimming_config_predicted_prob`, `ligation_config_predicted_prob`, `predicted_prob`.
        """
        return prediction_table(self._fitted(config, state, data), state.arrays["b"])

    def evaluate(
        self, config: TrimmingLigationConfig, state: State, data: JunctionData, worker: Worker
    ) -> dict[str, float]:
        """Every metric, over all pairs, and the q loss that Russell et al. report."""
        return self._fitted(config, state, data).score_all(state.arrays["b"])

    def evaluate_rows(
        self, config: TrimmingLigationConfig, state: State, data: JunctionData, worker: Worker
    ) -> pd.DataFrame:
        """A row per pair: its share of the sequences, and every metric within it."""
        return evaluation_table(self._fitted(config, state, data), state.arrays["b"])

    def baselines(
        self,
        config: TrimmingLigationConfig,
        data: JunctionData,
        test: JunctionData | None,
        worker: Worker,
    ) -> dict[str, dict[str, float]]:
        """`null`: all trims alike, and all ligations. `saturated (bound)`: each pair's own."""
        folds = _folds(config, data)
        null = config.model_copy(update={"model_type": NO_FEATURES})
        result: dict[str, dict[str, float]] = {}
        model = self._model(null, data)
        on_test = None if test is None else self._model(null, test)
        for name in ("null", "saturated (bound)"):
            rows = [model.baseline(name, folds == fold) for fold in range(folds.max() + 1)]
            result[name] = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
            if on_test is not None:
                figures = on_test.baseline(name, on_test.everything())
                result[name] |= {f"test/{key}": value for key, value in figures.items()}
        return result

    def bootstrap(
        self,
        config: TrimmingLigationConfig,
        state: State,
        data: JunctionData,
        worker: Worker,
        seeds: Sequence[int],
        of: str,
    ) -> pd.DataFrame:
        """A row per seed: the coefficients of a fit to resampled sequences or clusters."""
        model = self._fitted(config, state, data)
        rows = [replicate(model, state, seed, of) for seed in seeds]
        return pd.DataFrame(rows, columns=list(model.design.names)).assign(seed=seeds)

    def write_artifacts(
        self,
        config: TrimmingLigationConfig,
        state: State,
        data: JunctionData,
        worker: Worker,
        folder: Path,
        inputs: ArtifactInputs,
    ) -> list[str]:
        """`coefficients.tsv`, and pictures of them, of trimming profiles and of microhomology.

        Where the penalty was chosen from a grid, `l2.tsv` has the loss of each over inner folds.
        """
        model = self._fitted(config, state, data)
        return write_junction_artifacts(model, state, folder, inputs.replicates)

    def example(self, folder: Path) -> None:
        """A simulated repertoire of four subjects, as `distrib.prepare trimming` leaves it."""
        write_prepared(folder, simulate(TrimmingLigationSource(sequences=50_000)))

    def _model(self, config: TrimmingLigationConfig, data: JunctionData) -> JunctionModel:
        return JunctionModel(config, data)

    def _fitted(
        self, config: TrimmingLigationConfig, state: State, data: JunctionData
    ) -> JunctionModel:
        return JunctionModel.of_state(config, state, data)


def simulate(source: TrimmingLigationSource) -> Prepared:
    """The prepared data of a simulation with a known truth."""
    return simulate_junctions(
        source.sequences,
        chain=source.chain,
        species=source.species,
        int_mh=source.int_mh,
        interior=source.interior,
        lig_mh=source.lig_mh,
        ligation=source.ligation,
        base=source.base,
        usage=source.usage,
        num_v=source.num_v,
        num_j=source.num_j,
        subjects=source.subjects,
        group=source.group,
        frame_rule=source.frame_rule,
        seed=source.simulation_seed,
    )


def _folds(config: TrimmingLigationConfig, data: JunctionData) -> np.ndarray:
    groups = data.groups
    num_groups = len(np.unique(groups))
    if num_groups < 2:
        raise InputError(
            "gene pairs of one group only: none can be held out",
            where="data",
            found=", ".join("+".join(names) for names in list(zip(*data.pair_names()))[:4]),
            expected="at least two pairs of genes with different ends",
        )
    return fold_ids(groups, min(config.folds, num_groups), config.fold_seed)
