"""Likelihood-ratio tests: of nothing, of something, and of what cannot be compared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import chi2

from distrib.errors import InputError
from distrib.tracking.ratio_test import Fitted, ratio_table, ratio_test
from tests.support.junction_fits import fitted as junction

BASE = "two-side-base-count-beyond"
FULL = "two-side-base-count-beyond_average-mh_ligation-mh"


def model(model_type: str, **of_data: object) -> Fitted:
    found, state = junction(model_type, **of_data)
    return Fitted(
        f"runs/{model_type}",
        "trimming_ligation",
        found.config.model_dump(mode="json"),
        "default data",
        found.data.weighting,
        state.values,
    )


@pytest.mark.parametrize(
    "annotations", ["known", pytest.param("all", marks=pytest.mark.exhaustive)]
)
def test_nothing_is_found_where_there_is_nothing(annotations: str) -> None:
    """Trims that are alike, and ligations: none of eight coefficients has an effect."""
    null, full = (model(m, annotations=annotations, int_mh=0.0) for m in ("null", FULL))
    test = ratio_test(full, null)
    assert test.degrees == 8
    assert 0.01 < test.p <= 1
    assert test.statistic >= 0


def test_a_real_effect_is_found() -> None:
    full, nested = model(FULL), model(BASE)
    test = ratio_test(full, nested)
    assert test.degrees == 2
    assert test.p < 1e-50
    size = full.values["num_sequences"]
    expected = 2 * size * (nested.values["log_loss"] - full.values["log_loss"])
    assert test.statistic == pytest.approx(expected)
    assert test.p == chi2.sf(test.statistic, 2)
    row = ratio_table(full, nested, test).iloc[0]
    assert row.index.tolist() == [
        "annotation_type", "full_model", "sub_model", "full_model_logLik", "sub_model_logLik",
        "LRT_test_statistic", "LRT_pval", "DF",
    ]  # fmt: skip
    assert row["full_model"] == FULL
    assert row["full_model_logLik"] - row["sub_model_logLik"] == pytest.approx(test.statistic / 2)


def test_the_log_likelihood_is_that_of_every_sequence() -> None:
    found, state = junction(BASE)
    log_p = found.likelihood.log_likelihoods(state.arrays["b"])[found.data.entry_observation]
    expected = float(np.sum(found.data.entry_count * log_p))
    assert model(BASE).log_likelihood == pytest.approx(expected, rel=1e-12)


def changed(found: Fitted, **values: object) -> Fitted:
    return replace(found, values={**found.values, **values})


def test_what_is_no_likelihood_is_refused() -> None:
    full, nested = model(FULL), model(BASE)
    for bad, words in (
        (changed(full, l2=1.0), "penalised"),
        (changed(full, num_sequences=None), "frequencies"),
        (changed(full, gradient_norm=1e-3), "optimum"),
        (changed(full, gradient_norm=float("nan")), "optimum"),
        (replace(full, weighting="subject"), "do not count alike"),
        (replace(full, values={"loss": 1}), "no likelihood-ratio test"),
        (changed(full, log_loss=9.0), "fits worse"),
    ):
        with pytest.raises(InputError, match=words) as error:
            ratio_test(bad, nested)
        assert full.place in str(error.value)


def test_what_is_not_nested_is_refused() -> None:
    full, nested = model(FULL), model(BASE)
    other_motif = replace(nested, config={**nested.config, "motif_left": 2})
    standard = replace(nested, config={**nested.config, "model_type": "standardized_" + BASE})
    plain = replace(nested, config={**nested.config, "model_type": "two-side-base-count"})
    for other, words in (
        (model("motif_two-side-base-count-beyond"), "not nested"),
        (full, "not nested"),
        (other_motif, "motifs of different sizes"),
        (standard, "standardised"),
        (plain, "beyond the motif"),
        (replace(nested, trainable="trimming_ligation_em"), "different families"),
        (changed(nested, fingerprint="f"), "different data"),
    ):
        with pytest.raises(InputError, match=words):
            ratio_test(full, other)
    with pytest.raises(InputError, match="full model first"):
        ratio_test(nested, full)
