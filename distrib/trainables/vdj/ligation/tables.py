"""Tables of a fitted junction model: predictions, figures per pair, coefficients."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import log_softmax

from distrib.models.vdj.junction_likelihood import JunctionLikelihood
from distrib.trainables.base import State
from distrib.trainables.vdj.coefficients import Estimates, coefficient_table

if TYPE_CHECKING:
    from distrib.trainables.vdj.ligation.model import JunctionModel


def prediction_table(model: JunctionModel, b: np.ndarray) -> pd.DataFrame:
    """A row for each pair, both trims and ligation: their probability, whatever the frame.

    Columns: both genes and both trims; of data of ligations also `ligation_mh`,
    `trimming_config_predicted_prob` P(trims | pair) and `ligation_config_predicted_prob`
    P(ligation | trims); `predicted_prob`, their product, which sums to 1 over each pair.
    """
    design = replace(model.design, modelled=model.design.options)
    cells = np.exp(JunctionLikelihood(design).cell_log_probabilities(b))
    data = model.data
    if data.ligation:
        at = np.nonzero(design.options[design.kind])  # pair, left trim, right trim, mh
    else:
        at = np.nonzero(np.asarray(design.options.any(axis=1))[design.kind])
    of_cell = cells[at[:3]]
    left_genes, right_genes = data.pair_names()
    left_trim, right_trim = data.trim_types
    columns = {
        gene_column(left_trim): left_genes[at[0]],
        gene_column(right_trim): right_genes[at[0]],
        left_trim: data.left_trims[at[1]],
        right_trim: data.right_trims[at[2]],
    }
    if not data.ligation:
        return pd.DataFrame(columns | {"predicted_prob": of_cell})
    of_option = option_probabilities(model, b)[design.kind[at[:3]], at[3]]
    return pd.DataFrame(
        {
            **columns,
            "ligation_mh": at[3],
            "trimming_config_predicted_prob": of_cell,
            "ligation_config_predicted_prob": of_option,
            "predicted_prob": of_cell * of_option,
        }
    )


def gene_column(trim_type: str) -> str:
    """`v_gene` of `v_trim`, `d_gene` of `d5_trim`."""
    return f"{trim_type[0]}_gene"


def option_probabilities(
    model: JunctionModel, b: np.ndarray, *, of_class: bool = False
) -> np.ndarray:
    """(kinds, 16) P(m bases of microhomology | trims); 0 where that is no option.

    Args:
        of_class: given that the ligation is of the class observed; of all options otherwise.
    """
    design = model.design
    options = design.modelled if of_class else design.options
    slope = float(b[-1]) if design.free_ligation else 0.0
    some = options.any(axis=1)  # a kind without options has no probabilities
    utility = np.where(options[some], slope * np.arange(options.shape[1]), -np.inf)
    result = np.zeros(options.shape)
    result[some] = np.exp(log_softmax(utility, axis=1))
    return result


def evaluation_table(model: JunctionModel, b: np.ndarray) -> pd.DataFrame:
    """A row per pair: both genes, its share of the weights, and every metric within it."""
    log_p = model.likelihood.log_likelihoods(b)
    pair = model.design.observation_pair
    num_pairs = len(model.data.left_of)
    share = np.bincount(pair, model.weights, num_pairs)
    own = model.weights / share[pair]

    def mean(values: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            total = np.bincount(pair, weights, num_pairs)
            of_pair = values if weights is None else weights * values
            return np.bincount(pair, of_pair, num_pairs) / total

    loss = mean(-log_p, own)
    left, right = model.data.pair_names()
    left_trim, right_trim = model.data.trim_types
    return pd.DataFrame(
        {
            gene_column(left_trim): left,
            gene_column(right_trim): right,
            "share": share,
            "log_loss": loss,
            "mae": mean(np.abs(np.exp(log_p) - own)),
            "log_loss_above_saturated": loss + mean(np.log(own), own),
        }
    )


def junction_coefficients(
    model: JunctionModel, state: State, replicates: pd.DataFrame | None = None
) -> pd.DataFrame:
    """The coefficient table of a fitted model (see `coefficient_table`).

    Args:
        replicates: a row per bootstrap, a column per coefficient.
    """
    found = Estimates(
        columns=model.columns,
        values=state.arrays["b"],
        gradient_norm=float(state.values["gradient_norm"]),
        log_loss=float(state.values["log_loss"]),
        covariance=state.arrays.get("covariance"),
        cluster_covariance=state.arrays.get("cluster_covariance"),
        separated=state.arrays.get("separated"),
        scales=model.scales(np.ones(len(model.data.left_of), bool)) if model.standardised else None,
    )
    if replicates is not None:
        found = replace(found, replicates=replicates[found.names].to_numpy(float))
    return coefficient_table(found)
