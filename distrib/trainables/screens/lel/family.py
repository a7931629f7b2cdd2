"""Latent-embedding linear models: closed form, both sides from embeddings or from the responses.

Y = b + P W' G': see `models/lel`. The penalties, unless they are given, are chosen inside each
training on inner folds, a whole grid from one factorisation; their curve is kept with the trial.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from distrib.data.screens.scoring.scores import scores
from distrib.data.screens.screen import Screen
from distrib.data.splits import fold_ids
from distrib.trainables.base import Fidelity, Progress, State, Worker
from distrib.trainables.capabilities import LimitsBudget, Unfit
from distrib.trainables.screens.base import (
    ScreenTrainable,
    as_frame,
    folds_of,
    model_values,
    parts_of,
    reference,
)
from distrib.trainables.screens.lel.config import LelConfig

if TYPE_CHECKING:
    from distrib.trainables.screens.lel.fit import Fitted

CURVE = ("fold", "gene_penalty", "perturbation_penalty", "mse")


class LatentEmbedding(ScreenTrainable[LelConfig], LimitsBudget[LelConfig, Screen]):
    """A linear map between two embeddings, in closed form."""

    Config = LelConfig
    fidelity = Fidelity(unit="fold", config_key="folds", selects="last")
    precisions = ("float64",)
    needs = ()

    def needs_of(self, config: LelConfig) -> tuple[str, ...]:
        """The embeddings of those sides that are made of them."""
        sides = (("inputs", config.perturbation_side), ("gene_inputs", config.gene_side))
        return tuple(part for part, side in sides if side == "embedding")

    def unfit(self, data: Screen) -> list[Unfit]:
        """Sides that these data have no embeddings for."""
        found = super().unfit(data)
        if data.gene_inputs is None:
            found.append(Unfit("gene_side", "embedding", "the data have no gene embeddings"))
        if not data.inputs.shape[1]:
            found.append(Unfit("perturbation_side", "embedding", "the data have no embeddings"))
        if not set(data.ids.tolist()) & set(data.columns.tolist()):
            why = "no row is that of a gene that is read out"
            found.append(Unfit("perturbation_side", "pca", why))
        return found

    def budget(self, config: LelConfig, data: Screen) -> int:
        """Folds: the data's own, where they have any."""
        return len(folds_of(config, data))

    def progress(
        self, config: LelConfig, data: Screen, worker: Worker, state: State | None = None
    ) -> Iterator[Progress]:
        """Fit fold by fold; each scores all rows held out so far."""
        from distrib.trainables.screens.lel.fit import LelFits

        fits, parts = LelFits(config, data), folds_of(config, data)
        means, held_with = reference(config, data), parts_of(config, data)
        predicted = np.full(means.shape, np.nan, dtype=np.float32)
        curve = np.empty((0, len(CURVE)))
        done = 0
        if state is not None:
            done = state.values["folds"]
            predicted, curve = state.arrays["predicted"].copy(), state.arrays["curve"]
        for fold in range(done, len(parts)):
            rows = np.setdiff1d(np.arange(len(data)), parts[fold])
            fitted, found = fits.fit(rows, inner_folds(config, data, parts, fold))
            part = data.take(parts[fold])
            predicted[parts[fold]] = fitted.predict(part.ids, part.inputs, fits.columns)
            if found is not None:
                found.insert(0, "fold", fold)
                curve = np.concatenate([curve, found.to_numpy()])
            seen = np.concatenate(parts[: fold + 1])
            yield Progress(
                fold + 1,
                partial(_capture, predicted, curve, fold + 1),
                scores(predicted[seen], data.take(seen), means[seen], held_with[seen]),
                held_out=partial(as_frame, data.ids, data.columns.tolist(), predicted.copy()),
                tables=_tables(curve),
            )

    def refit(
        self,
        config: LelConfig,
        data: Screen,
        worker: Worker,
        budget: int | None,
        state: State | None = None,
    ) -> Iterator[Progress]:
        """One fit to every row, its penalties chosen on the folds."""
        from distrib.trainables.screens.lel.fit import LelFits

        parts = folds_of(config, data)
        fitted, curve = LelFits(config, data).fit(np.arange(len(data)), parts)
        if curve is not None:
            curve.insert(0, "fold", len(parts))
        item = Progress(
            1,
            lambda: _state(fitted, data),
            tables={} if curve is None else {"penalties": lambda: curve},
        )
        yield from self.remember(config, data, iter([item]))

    def apply(self, config: LelConfig, state: State, data: Screen, worker: Worker) -> np.ndarray:
        """(rows, G) predictions."""
        columns = {name: at for at, name in enumerate(state.values["columns"])}
        return _fitted(state).predict(data.ids, data.inputs, columns).astype(np.float32)

    def fitted_mean(self, state: State) -> np.ndarray:
        """(G,) mean of the targets of the rows trained on, weighed as they are."""
        return state.arrays["mean"]


def inner_folds(
    config: LelConfig, data: Screen, parts: list[np.ndarray], fold: int
) -> list[np.ndarray]:
    """Folds of the rows that `fold` trains on: the other folds, or new ones where there is one."""
    others = [part for k, part in enumerate(parts) if k != fold]
    if len(others) > 1:
        return others
    rows = others[0]
    groups = data.groups[rows]
    count = min(config.folds, len(np.unique(groups)))
    if count < 2:
        return []
    dealt = fold_ids(groups, count, config.fold_seed)
    return [rows[dealt == k] for k in range(count)]


def _tables(curve: np.ndarray) -> dict[str, Any]:
    if not len(curve):
        return {}
    return {"penalties": lambda: pd.DataFrame(curve, columns=CURVE).astype({"fold": int})}


def _capture(predicted: np.ndarray, curve: np.ndarray, folds: int) -> State:
    return State({"predicted": predicted.copy(), "curve": curve}, {"folds": folds})


def _state(fitted: Fitted, data: Screen) -> State:
    arrays = {name: getattr(fitted, name) for name in ("mean", "genes", "weights", "centre")}
    if fitted.transform is not None:
        arrays |= {
            "transform.mean": fitted.transform.mean,
            "transform.scale": fitted.transform.scale,
        }
        if fitted.transform.directions is not None:
            arrays["transform.directions"] = fitted.transform.directions
    if fitted.read_out is not None:
        arrays["read_out"] = fitted.read_out
    return State(arrays, model_values(data))


def _fitted(state: State) -> Fitted:
    from distrib.trainables.screens.lel.fit import Fitted, Transform

    arrays = state.arrays
    transform = None
    if "transform.mean" in arrays:
        transform = Transform(
            arrays["transform.mean"], arrays["transform.scale"], arrays.get("transform.directions")
        )
    return Fitted(
        arrays["mean"],
        arrays["genes"],
        arrays["weights"],
        arrays["centre"],
        transform,
        arrays.get("read_out"),
    )
