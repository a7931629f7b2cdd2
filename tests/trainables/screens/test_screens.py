"""What holds for every family that predicts a screen."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from distrib.data.screens.scoring.scores import row_table
from distrib.data.screens.screen import Screen
from distrib.errors import InputError
from distrib.trainables.base import State, Worker
from distrib.trainables.registry import load_family
from distrib.trainables.screens.base import (
    ScreenConfig,
    ScreenTrainable,
    folds_of,
    known_targets,
    model_values,
    reference,
)
from tests.support.small_screens import CONFIGS, small_screen, spoilt

WORKER = Worker()
FAMILIES = list(CONFIGS)


def family(name: str) -> tuple[ScreenTrainable[ScreenConfig], ScreenConfig]:
    found = load_family(name)
    return found, found.Config.model_validate(CONFIGS[name])  # type: ignore[return-value]


def held_out(name: str, data: Screen) -> pd.DataFrame:
    """The predictions out of fold of the last unit."""
    trainable, config = family(name)
    *_, last = trainable.progress(config, data, WORKER)
    assert last.held_out is not None
    return last.held_out()


@cache
def usual(name: str, missing: float = 0.0) -> pd.DataFrame:
    return held_out(name, small_screen(missing=missing))


@pytest.mark.parametrize("name", FAMILIES)
def test_a_fold_learns_nothing_from_the_rows_it_is_judged_on(name: str) -> None:
    """Whatever the other rows of its fold are, a row's prediction stays the same number."""
    data = small_screen()
    part = folds_of(family(name)[1], data)[1]
    predicted = held_out(name, spoilt(data, part[1:]))
    before, after = (frame.set_index("id").iloc[part[0]] for frame in (usual(name), predicted))
    np.testing.assert_allclose(after, before, rtol=1e-4, atol=1e-4)
    others = usual(name).set_index("id").iloc[np.setdiff1d(np.arange(len(data)), part)]
    changed = predicted.set_index("id").loc[others.index]
    assert not np.allclose(others, changed)  # they do learn from it


@pytest.mark.parametrize("name", FAMILIES)
def test_every_row_is_predicted_where_targets_are_missing(name: str) -> None:
    data = small_screen(missing=0.3)
    frame = usual(name, 0.3)
    assert frame["id"].tolist() == data.ids.tolist()
    assert frame.columns[1:].tolist() == data.columns.tolist()
    assert np.isfinite(frame.iloc[:, 1:].to_numpy()).all()


@pytest.mark.parametrize("name", FAMILIES)
def test_it_reports_the_scores_of_what_it_predicts(name: str) -> None:
    data = small_screen()
    trainable, config = family(name)
    *_, last = trainable.progress(config, data, WORKER)
    assert last.held_out is not None and last.metrics is not None
    predicted = last.held_out()[data.columns.tolist()].to_numpy()
    rows = row_table(predicted, data, reference(config, data))
    for metric in ("pearson", "delta_pearson", "rmse", "mae", "mse", "l2", "auroc", "auprc"):
        assert rows[metric].mean() == pytest.approx(last.metrics[metric], abs=1e-5), metric
    ends = trainable.held_out_intervals(config, data, last.held_out())
    assert set(ends) == set(last.metrics) - {"loss"}  # which is of the training rows
    for metric, (low, high) in ends.items():
        assert low < high, metric


def test_all_families_stand_beside_the_same_baselines() -> None:
    data = small_screen()
    kept, test = data.take(np.arange(30)), data.take(np.arange(30, 40))
    found = []
    for name in FAMILIES:
        trainable, config = family(name)
        found.append(trainable.baselines(config, kept, test, WORKER))
    (untuned,) = [one.pop("untuned (256, 128)") for one in found if "untuned (256, 128)" in one]
    assert list(found[0]) == [
        "no change",
        "training mean",
        "additive",
        "random embedding",
        "ridge",
        "ridge, tuned",
    ]
    assert all(one == found[0] for one in found)
    assert set(found[0]["ridge"]) == set(untuned)
    assert found[0]["training mean"]["delta_pearson"] == pytest.approx(0, abs=1e-9)
    assert found[0]["no change"]["mse"] == pytest.approx(np.nanmean(kept.targets**2), rel=1e-6)  # type: ignore[operator]
    assert "test/pearson" in found[0]["ridge"]


def test_the_reference_is_the_mean_of_the_rows_that_a_fold_trains_on() -> None:
    data = small_screen(missing=0.2)
    config = ScreenConfig()
    assert data.targets is not None
    means = reference(config, data)
    for part in folds_of(config, data):
        rest = np.setdiff1d(np.arange(len(data)), part)
        expected = np.nanmean(data.targets[rest], axis=0)
        np.testing.assert_allclose(means[part], np.tile(expected, (len(part), 1)), rtol=1e-5)


def test_targets_that_are_not_the_models_are_named_on_both_sides() -> None:
    data = small_screen()
    state = State({}, model_values(data))
    assert known_targets(state, data, ("inputs",)) is data
    other = replace(data, columns=np.array(["new", *data.columns[1:]]))
    with pytest.raises(InputError) as caught:
        known_targets(state, other, ("inputs",))
    assert f"lacks 1: {data.columns[0]}; has beside them 1: new" in str(caught.value)
