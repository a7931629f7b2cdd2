"""A family to copy: ridge regression of a screen's targets on its embeddings; see README.md.

W minimises |Y - XW|^2 + penalty |W|^2, X and Y centred (Hoerl and Kennard 1970), in closed form.
A unit of fidelity is a fold, so that ASHA stops a penalty that is poor on the first folds.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import pandas as pd
from pydantic import Field

from distrib.data.screens.profiles import gene_end_profiles
from distrib.data.screens.screen import Screen
from distrib.data.screens.screen_reader import load_screen
from distrib.errors import InputError
from distrib.trainables.base import Fidelity, Metric, Progress, Source, State, Trainable, Worker
from distrib.trainables.capabilities import ChecksTraining, HasBaselines, LimitsBudget
from distrib.trainables.screens.base import (
    ScreenConfig,
    as_frame,
    check_inputs,
    folds_of,
    known_targets,
    model_values,
    require_targets,
)


class RidgeConfig(ScreenConfig):
    """The hyperparameters beside `folds` and `fold_seed`, under the names that spaces use."""

    log_penalty: float = Field(0.0, ge=-9, le=9, description="log10 of the L2 penalty")


class Ridge(
    Trainable[RidgeConfig, Source, Screen],
    ChecksTraining[RidgeConfig, Screen],
    LimitsBudget[RidgeConfig, Screen],
    HasBaselines[RidgeConfig, Screen],
):
    """A linear map from embeddings to targets."""

    Config = RidgeConfig
    metrics = (Metric("rmse", "min", "root mean squared error over rows and targets"),)
    fidelity = Fidelity("fold", config_key="folds", selects="last")
    precisions = ("float64",)

    def load(self, source: Source, *, targets: bool = True) -> Screen:
        """The user's screen; without `--data`, trimming profiles of gene ends."""
        return gene_end_profiles() if source.path is None else load_screen(source.path, targets)

    def progress(
        self, config: RidgeConfig, data: Screen, worker: Worker, state: State | None = None
    ) -> Iterator[Progress]:
        """Fold by fold; the metric is that of all rows held out so far."""
        folds = folds_of(config, data)
        done = 0 if state is None else state.values["folds"]
        errors = np.empty((0, len(data.columns))) if state is None else state.arrays["errors"]
        for fold in range(done, len(folds)):
            errors = np.concatenate([errors, held_out_errors(data, folds[fold], penalty(config))])
            state_now = partial(State, {"errors": errors}, {"folds": fold + 1})
            yield Progress(fold + 1, state_now, {"rmse": rmse(errors)})

    def refit(
        self,
        config: RidgeConfig,
        data: Screen,
        worker: Worker,
        budget: int | None,
        state: State | None = None,
    ) -> Iterator[Progress]:
        """One fit to every row, however many folds were looked at."""
        model = fit(data, penalty(config))
        yield Progress(1, lambda: model)

    def predict(
        self, config: RidgeConfig, state: State, data: Screen, worker: Worker
    ) -> pd.DataFrame:
        """`id` and a column for each target."""
        return as_frame(data.ids, state.values["columns"], apply(state, data))

    def evaluate(
        self, config: RidgeConfig, state: State, data: Screen, worker: Worker
    ) -> dict[str, float]:
        """The metric on rows that the model has not seen."""
        data = known_targets(state, data, ("inputs",))
        return {"rmse": rmse(apply(state, data) - require_targets(data))}

    def check(self, config: RidgeConfig, data: Screen, num_workers: int = 1) -> None:
        """Every target is there, and there are groups for the folds."""
        missing = np.argwhere(np.isnan(require_targets(data)))
        if len(missing):
            row, column = missing[0]
            raise InputError(
                "a target is missing", where=f"{data.ids[row]}, {data.columns[column]}"
            )
        folds_of(config, data)

    def budget(self, config: RidgeConfig, data: Screen) -> int:
        """As many folds as the data bring, where they bring their own."""
        return len(folds_of(config, data))

    def baselines(
        self, config: RidgeConfig, data: Screen, test: Screen | None, worker: Worker
    ) -> dict[str, dict[str, float]]:
        """The mean of the training rows: ridge with a penalty that leaves nothing else."""
        errors = [held_out_errors(data, fold, np.inf) for fold in folds_of(config, data)]
        found = {"rmse": rmse(np.concatenate(errors))}
        if test is not None:
            found["test/rmse"] = self.evaluate(config, fit(data, np.inf), test, worker)["rmse"]
        return {"training mean": found}


def penalty(config: RidgeConfig) -> float:
    return float(10**config.log_penalty)


def fit(data: Screen, penalty: float) -> State:
    """The model: `weights` (d, G), `x_mean` (d,), `y_mean` (G,), float64."""
    x, y = data.inputs.astype(np.float64), require_targets(data).astype(np.float64)
    x_mean, y_mean = x.mean(axis=0), y.mean(axis=0)
    weights = np.zeros((x.shape[1], y.shape[1]))
    if np.isfinite(penalty):
        gram = (x - x_mean).T @ (x - x_mean) + penalty * np.eye(x.shape[1])
        weights = np.linalg.solve(gram, (x - x_mean).T @ (y - y_mean))
    return State({"weights": weights, "x_mean": x_mean, "y_mean": y_mean}, model_values(data))


def apply(model: State, data: Screen) -> np.ndarray:
    """(rows, G) predictions."""
    check_inputs(model, data, ("inputs",))
    return (data.inputs - model.arrays["x_mean"]) @ model.arrays["weights"] + model.arrays["y_mean"]


def held_out_errors(data: Screen, held_out: np.ndarray, penalty: float) -> np.ndarray:
    """(held-out rows, G) differences, of a model fitted to all other rows."""
    model = fit(data.take(np.setdiff1d(np.arange(len(data)), held_out)), penalty)
    part = data.take(held_out)
    return apply(model, part) - require_targets(part)


def rmse(errors: np.ndarray) -> float:
    return float(np.sqrt(np.mean(errors**2)))
