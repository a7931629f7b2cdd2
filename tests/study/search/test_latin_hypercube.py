"""The random start of the searches by a Gaussian process."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from distrib.study.search.latin_hypercube import value_of
from distrib.study.search.samplers import build_sampler
from distrib.study.search.unit_space import to_unit


def drawn(d: BaseDistribution, name: str = "x", count: int = 10, seed: int = 0) -> list[Any]:
    return [value_of(name, d, number, count, seed) for number in range(count)]


@pytest.mark.parametrize(
    "d", [FloatDistribution(-1, 2), FloatDistribution(1e-5, 1e-1, log=True)], ids=str
)
@pytest.mark.parametrize("seed", range(5))
def test_each_part_of_a_range_has_one(d: FloatDistribution, seed: int) -> None:
    parts = [int(to_unit(d, value) * 10) for value in drawn(d, seed=seed)]
    assert sorted(parts) == list(range(10))


@pytest.mark.parametrize(
    "d",
    [
        CategoricalDistribution(["a", "b", "c"]),
        IntDistribution(1, 3),
        FloatDistribution(0, 1, step=0.5),
    ],
    ids=str,
)
@pytest.mark.parametrize("seed", range(5))
def test_every_value_has_its_share(d: BaseDistribution, seed: int) -> None:
    counts = Counter(drawn(d, seed=seed)).values()
    assert len(counts) == 3
    assert set(counts) <= {2, 3, 4}  # two of ten parts lie across the border of two values


def test_values_are_of_their_type() -> None:
    found = drawn(IntDistribution(16, 512, log=True))
    assert all(type(value) is int for value in found)
    assert min(found) < 23 and max(found) > 360  # the outer tenths


def test_dimensions_and_studies_are_independent() -> None:
    d = FloatDistribution(0, 1)
    columns = [drawn(d, name, 100, seed) for name in ("x", "y") for seed in (0, 1)]
    apart = np.abs(np.corrcoef(columns) - np.eye(4))
    assert apart.max() < 0.4  # 4 standard deviations


def test_a_study_begins_with_it() -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study, found = optuna.create_study(), []
    for number in range(10):
        study.sampler = build_sampler("gp", 3, number, {})
        trial = study.ask()
        found.append((trial.suggest_float("x", 0, 1), trial.suggest_categorical("k", ["a", "b"])))
    assert sorted(int(x * 10) for x, _ in found) == list(range(10))
    assert Counter(k for _, k in found) == {"a": 5, "b": 5}
