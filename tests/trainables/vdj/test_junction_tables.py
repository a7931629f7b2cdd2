"""Tables of a fitted junction model: predictions against formulas written out, figures per pair."""

from __future__ import annotations

import numpy as np
import pytest

from distrib.trainables.vdj.ligation.tables import (
    evaluation_table,
    junction_coefficients,
    prediction_table,
)
from tests.support.junction_fits import fitted

FULL = "motif_two-side-base-count-beyond_average-mh_ligation-mh"
SMALL = "average-mh_ligation-mh"
PAIR = ["v_gene", "j_gene"]
TRIMS = ["v_trim", "j_trim"]


@pytest.mark.parametrize("model_type", [SMALL, FULL])
def test_predictions_are_probabilities(model_type: str) -> None:
    model, state = fitted(model_type)
    table = prediction_table(model, state.arrays["b"])
    assert list(table)[:5] == [*PAIR, *TRIMS, "ligation_mh"]
    assert not table.duplicated(list(table)[:5]).any()
    assert table.groupby(PAIR)["predicted_prob"].sum().to_numpy() == pytest.approx(1, abs=1e-12)
    cells = table.groupby(PAIR + TRIMS)
    ligated = cells["ligation_config_predicted_prob"].sum()
    assert ligated.to_numpy() == pytest.approx(1, abs=1e-12)
    assert cells["trimming_config_predicted_prob"].nunique().eq(1).all()
    product = table["trimming_config_predicted_prob"] * table["ligation_config_predicted_prob"]
    assert table["predicted_prob"].to_numpy() == pytest.approx(product.to_numpy())


def test_overlaps_of_no_length_have_a_proportion_and_a_fit() -> None:
    """A trim of -2 leaves nothing to compare upstream or downstream."""
    model, state = fitted("mh-prop")
    assert (model.data.left_trims[0], model.data.right_trims[0]) == (-2, -2)
    assert (model.design.cell_features[:, 0, 0] >= 0).all()
    assert model.design.cell_features.max() <= 1
    assert np.isfinite(state.arrays["b"]).all()
    assert state.values["gradient_norm"] < 1e-9


def test_predictions_are_those_of_the_formula() -> None:
    """Of one pair, in loops: exp(a mean(m)) / sum, and exp(g m) / sum, over all options."""
    model, state = fitted(SMALL)
    a, g = state.arrays["b"].tolist()
    data = model.data
    expected = {}
    for i, v_trim in enumerate(data.left_trims.tolist()):
        for k, j_trim in enumerate(data.right_trims.tolist()):
            options = [m for m in range(16) if int(data.options[3, i, k]) >> m & 1]
            if not options:
                continue
            cell = np.exp(a * np.mean(options))
            total = sum(np.exp(g * m) for m in options)
            for m in options:
                expected[v_trim, j_trim, m] = cell * np.exp(g * m) / total
    whole = sum(expected.values())
    left, right = data.pair_names()
    table = prediction_table(model, state.arrays["b"])
    table = table[(table["v_gene"] == left[3]) & (table["j_gene"] == right[3])]
    found = table.set_index([*TRIMS, "ligation_mh"])["predicted_prob"].to_dict()
    assert found == pytest.approx({key: value / whole for key, value in expected.items()})


def test_predictions_are_the_likelihood_where_every_class_is_observed() -> None:
    model, state = fitted(FULL, group="both_v-j_trim_ligation-mh")
    b, data = state.arrays["b"], model.data
    table = prediction_table(model, b).set_index([*PAIR, *TRIMS, "ligation_mh"])["predicted_prob"]
    pair, left, right = np.unravel_index(data.row_cell, data.options.shape)
    names = data.pair_names()
    seen = list(
        zip(
            names[0][pair].tolist(),
            names[1][pair].tolist(),
            data.left_trims[left].tolist(),
            data.right_trims[right].tolist(),
            data.row_mh.tolist(),
        )
    )
    found = table.loc[seen].to_numpy()
    assert np.log(found) == pytest.approx(model.likelihood.log_likelihoods(b), abs=1e-10)


def test_trims_alone_are_predicted_without_ligation() -> None:
    model, state = fitted("average-mh", group="nonproductive_v-j_trim")
    table = prediction_table(model, state.arrays["b"])
    assert list(table) == [*PAIR, *TRIMS, "predicted_prob"]
    assert table.groupby(PAIR)["predicted_prob"].sum().to_numpy() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("annotations", ["known", "all"])
def test_figures_per_pair_make_up_the_whole(annotations: str) -> None:
    model, state = fitted(FULL, annotations=annotations)
    table = evaluation_table(model, state.arrays["b"])
    whole = model.score_all(state.arrays["b"])
    assert len(table) == len(model.data.left_of)
    assert table["share"].sum() == pytest.approx(1)
    for name in ("log_loss", "log_loss_above_saturated"):
        assert (table["share"] * table[name]).sum() == pytest.approx(whole[name])
    assert table["mae"].mean() == pytest.approx(whole["mae"])
    assert (table["log_loss_above_saturated"] > 0).all()


def test_the_truth_is_found_within_its_errors() -> None:
    """Simulated with a = 1 and g = 1 on trims that are alike otherwise."""
    model, state = fitted(FULL)
    table = junction_coefficients(model, state)
    assert len(table) == 32
    of = table.set_index("coefficient")
    for name in ("average_mh", "ligation_mh"):
        assert abs(of.loc[name, "value"] - 1) < 4 * of.loc[name, "error"] < 0.2
    others = table[table["trim_type"] != ""]
    assert (others["zscore"].abs() < 4.5).all()
    assert np.mean(others["cluster_error"] / others["error"]) == pytest.approx(1, abs=0.2)


def test_standardised_models_tell_effects_per_standard_deviation() -> None:
    model, state = fitted("standardized_" + SMALL)
    table = junction_coefficients(model, state)
    scales = table["scale"].to_numpy()
    assert table["value"].to_numpy() == pytest.approx(state.arrays["b"] * scales)
    kind = model.design.kind
    exists = model.design.modelled.any(axis=1)[kind]
    average = model.design.cell_features[..., 0][exists]
    assert scales[0] == pytest.approx(average.std())
