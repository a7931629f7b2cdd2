"""Dimensions that only some configurations have: where they lie, and that they are learned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
import pytest

from distrib.study.search.samplers import build_sampler
from distrib.study.search.shared_columns import shared_columns
from distrib.study.search.unit_space import MIDDLE, NO_CHOICE, UnitSpace
from distrib.study.space.space import Space
from distrib.study.space.space_file import parse_space

CONTENT = {
    "trainable": "mlp",
    "parameters": {
        "kind": {"choice": ["deep", "flat"]},
        "layers": {"randint": [1, 3], "when": {"kind": "deep"}},
        "second": {"uniform": [0, 1], "when": {"layers": [2, 3]}},
        "norm": {"choice": ["none", "layer"], "when": {"kind": "deep"}},
        "rate": {"loguniform": [1e-4, 1e-1], "when": {"kind": "flat"}},
        "mode": {"choice": ["fast", "slow"]},
        "never": {"uniform": [0, 1], "when": {"mode": "slow"}},
        "always": {"uniform": [0, 1], "when": {"mode": "fast"}},
    },
}


@pytest.fixture
def space() -> Space:
    return read(CONTENT)


def read(content: Any) -> Space:
    space = parse_space(content, name="conditional", file="conditional.yaml")
    return space.fix("mode", "fast")


@pytest.fixture
def unit_space(space: Space) -> UnitSpace:
    distributions = {p.name: p.distribution() for p in space.searched() if p.name != "never"}
    return UnitSpace(distributions, space.conditions({}))


def test_what_a_space_needs(space: Space) -> None:
    assert space.conditions({}) == {
        "layers": {"kind": ("deep",)},
        "norm": {"kind": ("deep",)},
        "rate": {"kind": ("flat",)},
        "second": {"layers": (2, 3)},
        "never": {"mode": ()},
    }
    fixed = space.conditions({"kind": "flat"})
    assert (fixed["layers"], "rate" in fixed) == ({"kind": ()}, False)


def test_points_have_the_dimensions_that_their_configurations_have(
    unit_space: UnitSpace, space: Space
) -> None:
    """As `Space.exists` tells it, for what is drawn anywhere and what is drawn beside it."""
    random = np.random.default_rng(0)
    points = unit_space.draw(300, random)
    for _ in range(3):
        names = np.array(list(unit_space.space))
        absent = np.where(unit_space.choices > 0, NO_CHOICE, MIDDLE)
        for point, exists in zip(points, unit_space.exists(points)):
            params = unit_space.params(point)
            assert set(params) == {p.name for p in space.exists(params) if p.kind != "const"}
            assert set(params) == set(names[exists])
            assert np.array_equal(point[~exists], absent[~exists])
            assert all(d._contains(d.to_internal_repr(params[n]))
                       for n, d in unit_space.space.items() if n in params)  # fmt: skip
            np.testing.assert_allclose(unit_space.point(params), point, atol=1e-12)
        points = unit_space.near(points, 0.2, random)
    assert 0.3 < unit_space.exists(points)[:, 0].mean() <= 1


def value(params: dict[str, Any]) -> float:
    """Highest where kind is deep, layers 3 and second 0.7; flat ones are best at a rate of 1e-2."""
    if params["kind"] == "flat":
        return -0.5 - abs(np.log10(params["rate"]) + 2)
    return -abs(params["layers"] - 3) - 2 * abs(params.get("second", 0.0) - 0.7)


def run(
    space: Space, seed: int, value: Callable[[dict[str, Any]], float], trials: int
) -> list[dict[str, Any]]:
    """The configurations of a search by `gp`."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize")
    found = []
    for number in range(trials):
        study.sampler = build_sampler("gp", seed, number, {}, space=space)
        trial = study.ask()
        found.append(space.suggest(trial))
        study.tell(trial, value(found[-1]))
    return found


@pytest.mark.parametrize("seed", range(2))
def test_conditional_dimensions_are_learned(space: Space, seed: int) -> None:
    found = run(space, seed, value, trials=32)
    late = [params for params in found[20:] if params["kind"] == "deep"]
    assert len(late) >= 6
    assert np.median([abs(params.get("second", 0.0) - 0.7) for params in late]) < 0.1
    assert max(map(value, found)) > -0.1


def test_a_grid_parent_is_fixed_for_the_trial(space: Space) -> None:
    """Its children are drawn where it has them, and nowhere else."""
    content = {**CONTENT, "parameters": {**CONTENT["parameters"], "kind": ["deep", "flat"]}}  # type: ignore[dict-item]
    grid = read(content)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize")
    for number in range(14):
        kind = ("deep", "flat")[number % 2]
        study.sampler = build_sampler("gp", 0, number, {"kind": kind}, space=grid)
        trial = study.ask()
        params = grid.suggest(trial)
        assert params["kind"] == kind
        study.tell(trial, value(params))


APART: dict[str, Any] = {"choice": ["adam", "sgd", "lbfgs"]}
RATE: dict[str, Any] = {"loguniform": [1e-4, 1e-1]}


@pytest.mark.parametrize(
    ("parameters", "shared"),
    [
        ({"rate_sgd": {**RATE, "when": {"kind": "sgd"}}}, {"rate_sgd": "rate_adam"}),
        ({"adagrad_rate": {**RATE, "when": {"kind": "sgd"}}}, {}),
        ({"rate_sgd": {**RATE, "when": {"kind": ["sgd", "adam"]}}}, {}),
        ({"rate_sgd": {"loguniform": [1e-4, 1], "when": {"kind": "sgd"}}}, {}),
        ({"momentum_sgd": {**RATE, "when": {"kind": "sgd"}}}, {}),
        ({"rate_sgd": RATE}, {}),
        (
            {"rate_sgd": {**RATE, "when": {"kind": "sgd"}},
             "rate_lbfgs": {**RATE, "when": {"kind": "lbfgs"}},
             "rate_late": {**RATE, "when": {"kind": ["sgd", "lbfgs"]}}},
            {"rate_sgd": "rate_adam", "rate_lbfgs": "rate_adam"},
        ),
        (
            {"cold": {"choice": [False, True], "when": {"kind": "sgd"}},
             "rate_cold": {**RATE, "when": {"cold": True}}},
            {"rate_cold": "rate_adam"},
        ),
    ],
    ids=["same", "other words", "may both be", "other range", "other name", "always", "three",
         "by its parent"],
)  # fmt: skip
def test_which_parameters_share_a_column(
    parameters: dict[str, Any], shared: dict[str, str]
) -> None:
    space = read_plain(
        {"kind": APART, "rate_adam": {**RATE, "when": {"kind": "adam"}}, **parameters}
    )
    own = {p.name: p.name for p in space.searched()}
    assert shared_columns(space, space.conditions({})) == own | shared


def test_none_shares_the_column_of_what_a_fixed_parent_rules_out() -> None:
    """The parent is then no dimension, which could tell them apart."""
    space = read_plain({"kind": APART, **{f"rate_{kind}": {**RATE, "when": {"kind": kind}}
                                          for kind in APART["choice"]}})  # fmt: skip
    for fixed in APART["choice"]:
        columns = shared_columns(space, space.conditions({"kind": fixed}))
        assert columns == {p.name: p.name for p in space.searched()}


@pytest.mark.parametrize("seed", range(2))
def test_a_space_that_is_split_is_searched_as_the_same_one_unsplit(seed: int) -> None:
    """The same configurations, where each part came once in the start."""
    whole = read_plain({"kind": APART, "rate_adam": RATE, "width": {"randint": [1, 64]}})
    split = read_plain({"kind": APART, "width": {"randint": [1, 64]},
                        **{f"rate_{kind}": {**RATE, "when": {"kind": kind}}
                           for kind in APART["choice"]}})  # fmt: skip
    found = [run(space, seed, by_kind, trials=14) for space in (whole, split)]
    assert len({params["kind"] for params in found[0][:5]}) == 3
    for one, other in zip(*found):
        rate = other.pop(f"rate_{other['kind']}")
        assert {**other, "rate_adam": rate} == one


def by_kind(params: dict[str, Any]) -> float:
    (rate,) = (v for name, v in params.items() if name.startswith("rate"))
    wanted = {"adam": -3, "sgd": -1.5, "lbfgs": -2}[params["kind"]]
    return -abs(np.log10(rate) - wanted) - abs(params["width"] - 20) / 40


def read_plain(parameters: dict[str, Any]) -> Space:
    return parse_space({"trainable": "mlp", "parameters": parameters}, name="split", file="s.yaml")
