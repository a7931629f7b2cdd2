"""Coefficients of a trimming model of one gene end: their table, and how certain they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from distrib.models.vdj.choice_inference import hessian, set_scores
from distrib.models.vdj.choice_losses import mean_loss, normalised
from distrib.models.vdj.conditional_logit import log_probabilities
from distrib.models.vdj.inference import cluster_covariance, covariance
from distrib.models.vdj.separation import inverse_beside, separated, tell_separated
from distrib.trainables.base import State
from distrib.trainables.vdj.coefficients import Estimates, coefficient_table, unbounded_names
from distrib.trainables.vdj.design import Column


def coefficients(state: State, replicates: pd.DataFrame | None = None) -> pd.DataFrame:
    """The fitted coefficients in the form of the original's tables (see `coefficient_table`).

    Clusters are a subject's sequences of a gene, or genes where subjects are not told apart.
    `error` is known where the data are counts.

    Args:
        replicates: a row per bootstrap, a column per coefficient.
    """
    values = state.values
    return coefficient_table(
        Estimates(
            columns=_columns(state),
            values=state.arrays["coefficients"],
            gradient_norm=values["gradient_norm"],
            log_loss=values["log_loss"],
            covariance=state.arrays.get("covariance"),
            cluster_covariance=state.arrays.get("cluster_covariance"),
            separated=state.arrays.get("separated"),
            replicates=None if replicates is None else replicates[names_of(state)].to_numpy(float),
        )
    )


def names_of(state: State) -> list[str]:
    """(features,) what the columns of a table of replicates are called."""
    return [column.name for column in _columns(state)]


def _columns(state: State) -> list[Column]:
    return [Column(**column) for column in state.values["columns"]]


def covariances(
    features: np.ndarray,
    weights: np.ndarray,
    b: np.ndarray,
    l2: float,
    num_sequences: float | None,
    of_subjects: np.ndarray,
    columns: Sequence[Column] = (),
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Those covariances of the coefficients that can be known, and why others cannot.

    Args:
        features: (genes, trims, features). weights: (genes, trims). b: (features,) fitted with the
            penalty `l2`, as `conditional_logit.fit` takes it.
        num_sequences: that were counted; None where the weights are frequencies.
        of_subjects: (subjects, genes, trims) what each subject's sequences weigh. A cluster is a
            subject's sequences of a gene.
        columns: (features,) named where they have no finite optimum.
    """
    of_genes = weights.sum(axis=1)
    penalty = l2 / (np.count_nonzero(of_genes) * weights.shape[1])
    identity = penalty * np.eye(len(b))
    curvature = hessian(features, weights, b) + identity

    def objective(at: np.ndarray) -> float:
        likelihood = mean_loss(log_probabilities(features, at), normalised(weights))
        return likelihood + 0.5 * penalty * float(at @ at)

    directions = separated(
        curvature,
        hessian(features, weights, np.zeros(len(b))) + identity,
        b,
        num_sequences,
        objective,
    )
    found, notes = {"separated": directions}, list[str]()
    if directions.shape[1]:
        names = unbounded_names(columns, directions)
        notes.append(tell_separated(names, "A penalty (--set l2=1)"))
    elif not np.all(np.linalg.eigvalsh(curvature) > 0):
        return found, ["the optimum is flat in some direction: there are no standard errors"]
    scores = np.concatenate([set_scores(features, own, b) for own in of_subjects])
    shares = of_subjects.sum(axis=2).ravel() / of_subjects.sum()
    seen = np.flatnonzero(shares)
    inverse = inverse_beside(curvature, directions)
    of_clusters = cluster_covariance(inverse, scores[seen], shares[seen], np.arange(len(seen)))
    found["cluster_covariance"] = of_clusters
    if num_sequences is None:
        notes.append("the data are frequencies, not counts: standard errors are those over genes")
    else:
        found["covariance"] = covariance(inverse, num_sequences)
    return found, notes
