"""What a junction fit leaves behind: its state with standard errors, and fits to resampled data."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from distrib.models.vdj.inference import cluster_covariance, covariance
from distrib.models.vdj.junction_fit import Iteration, Objective, refine
from distrib.models.vdj.separation import inverse_beside, separated, tell_separated
from distrib.trainables.base import State
from distrib.trainables.vdj.coefficients import unbounded_names
from distrib.trainables.vdj.design import columns_to_values

if TYPE_CHECKING:
    from distrib.data.vdj.ligation.junction import JunctionData
    from distrib.trainables.vdj.ligation.model import JunctionModel


def final_state(model: JunctionModel, where: Iteration, trace: np.ndarray) -> State:
    """A fitted model with its standard errors, as arrays and plain values.

    Args:
        where: the optimum. trace: (iterations, 3) loss, q and gradient norm on the way there.
    """
    data = model.data
    penalty = model.penalty(model.chosen_l2, model.everything())
    objective = Objective(model.likelihood, model.weights, penalty)
    hessian = objective.hessian(where.b)
    at_zero = _without_effects(model) + np.diag(penalty)
    directions = separated(hessian, at_zero, where.b, data.num_sequences, objective.value)
    arrays = {"b": where.b, "coefficients": where.b, "hessian": hessian, "trace": trace,
              "separated": directions}  # fmt: skip
    notes = []
    if directions.shape[1]:
        names = unbounded_names(model.columns, directions)
        notes.append(tell_separated(names, "A penalty on all of them (--set l2=1 --set l2_on=all)"))
    clusters = _clusters(data)
    if directions.shape[1] or np.all(np.linalg.eigvalsh(hessian) > 0):
        inverse = inverse_beside(hessian, directions)
        scores = model.likelihood.scores(where.b)[data.entry_observation]
        arrays["covariance"] = covariance(inverse, data.num_sequences)
        arrays["cluster_covariance"] = cluster_covariance(
            inverse, scores, data.entry_weights(), clusters
        )
    else:
        notes.append("the optimum is flat in some direction: there are no standard errors")
    notes += [f"left out, others determine it: {name}" for name in model.dropped]
    return State(
        arrays,
        {
            "columns": columns_to_values(model.columns),
            "trim_types": list(data.trim_types),
            "num_sequences": data.num_sequences,
            "num_clusters": int(clusters.max()) + 1,
            "fingerprint": data.describe()["fingerprint"],
            "log_loss": where.loss,
            "q_loss": where.q,
            "gradient_norm": where.gradient_norm,
            "l2": model.chosen_l2,
            "l2_curve": sorted(map(list, model.l2_curve.items())),
            "notes": notes,
        },
    )


def replicate(model: JunctionModel, state: State, seed: int, of: str) -> np.ndarray:
    """(features,) coefficients fitted to resampled data, under the penalty of the model.

    Args:
        of: what is drawn with replacement: `sequences`, or `clusters` (all sequences that a subject
            has of a gene pair).
    """
    rng = np.random.default_rng(seed)
    counts = model.data.entry_count
    if of == "sequences":
        drawn = rng.multinomial(round(counts.sum()), counts / counts.sum()).astype(float)
    else:
        clusters = _clusters(model.data)
        num = int(clusters.max()) + 1
        drawn = counts * np.bincount(rng.integers(num, size=num), minlength=num)[clusters]
    weights = replace(model.data, entry_count=drawn).weights()
    penalty = model.penalty(float(state.values["l2"]), model.everything())
    objective = Objective(model.likelihood, weights, penalty)
    return refine(objective, state.arrays["b"], state.arrays["hessian"], model.config.tolerance)


def _without_effects(model: JunctionModel) -> np.ndarray:
    """(features, features) Hessian where all choices are alike, as if candidates were known."""
    zero = np.zeros(len(model.columns))
    _, shares = model.likelihood.observed(zero, model.weights)
    return model.likelihood.complete(zero, shares).hessian


def _clusters(data: JunctionData) -> np.ndarray:
    """(entries,) int64 from 0: a subject's sequences of one gene pair."""
    pair = data.observation_pair[data.entry_observation]
    codes = data.entry_subject.astype(np.int64) * len(data.left_of) + pair
    return np.unique(codes, return_inverse=True)[1]
