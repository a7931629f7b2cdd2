"""All configurations of a space: those of grids with conditions, and of finite spaces."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distrib.errors import InputError
from distrib.study.space.points import finite_space, grid_points
from distrib.study.space.space import Space
from distrib.study.space.space_file import parse_space
from tests.support.simulate import toy_plan


def space_of(parameters: Mapping[str, Any]) -> Space:
    content = {"trainable": "tests.families.toys:Curve", "parameters": dict(parameters)}
    return parse_space(content, name="x", file="x.yaml")


TREE: dict[str, Any] = {
    "kind": {"choice": ["curve", "late", "flat"]},
    "at": {"randint": [1, 3], "when": {"kind": "late"}},
    "slope": {"uniform": [0, 0.2], "step": 0.1, "when": {"kind": ["curve", "late"]}},
    "deep": {"choice": [7, [1, 2]], "when": {"at": [2, 3], "kind": "late"}},
    "epochs": 9,
}


def test_a_finite_space_is_written_out() -> None:
    finite = finite_space(space_of(TREE))
    assert finite is not None
    curve = [{"kind": "curve", "slope": s} for s in (0.0, 0.1, 0.2)]
    late = [
        {"kind": "late", "at": at, "slope": slope, **({"deep": deep} if deep else {})}
        for at in (1, 2, 3)
        for slope in (0.0, 0.1, 0.2)
        for deep in ([None] if at == 1 else [7, "[1, 2]"])
    ]
    assert sorted(map(str, finite.points)) == sorted(map(str, [*curve, *late, {"kind": "flat"}]))


@pytest.mark.parametrize("parameter", [{"uniform": [0, 1]}, {"randint": [1, 20_000]}, 5])
def test_what_has_no_end_or_one_point_is_not_written_out(parameter: Any) -> None:
    assert finite_space(space_of({"rate": parameter})) is None


def test_listed_points_are_the_only_ones() -> None:
    content = {"trainable": "tests.families.toys:Curve",
               "parameters": {"rate": [0.2, 0.4], "at": [1, 2], "kind": {"choice": ["a", "b"]}},
               "points": [{"rate": 0.2, "at": 1}, {"rate": 0.4, "at": 2}]}  # fmt: skip
    finite = finite_space(parse_space(content, name="x", file="x.yaml"))
    assert finite is not None
    assert {(p["rate"], p["at"]) for p in finite.points} == {(0.2, 1), (0.4, 2)}
    assert len(finite.points) == 4


def test_a_grid_with_conditions_has_each_configuration_once() -> None:
    grid = space_of(TREE).discrete()
    assert len(grid_points(grid)) == 3 + 3 + 2 * 3 * 2 + 1
    assert len({str(point) for point in grid_points(grid)}) == 19


def test_a_condition_on_what_is_drawn_leaves_the_grid_whole() -> None:
    space = space_of({"n": {"choice": [1, 2]}, "m": {"grid": ["a", "b"], "when": {"n": 1}},
                      "o": {"grid": [1, 2], "when": {"m": "a"}}})  # fmt: skip
    assert grid_points(space) == [{"m": m, "o": o} for m in "ab" for o in (1, 2)]


def test_a_grid_of_consts_and_grids_follows_their_conditions() -> None:
    space = space_of({"n": 1, "m": {"grid": ["a", "b"], "when": {"n": 1}},
                      "o": {"grid": [1, 2], "when": {"m": "a"}}})  # fmt: skip
    assert grid_points(space) == [{"m": "a", "o": 1}, {"m": "a", "o": 2}, {"m": "b"}]
    assert grid_points(space.fix("n", 3)) == [{}]


def test_the_grid_sampler_takes_conditions() -> None:
    plan = toy_plan({"kind": {"choice": ["curve", "late"]}, "height": 0.5, "rate": 0.5,
                     "at": {"randint": [1, 3], "when": {"kind": "late"}}},
                    sampler="grid")  # fmt: skip
    assert plan.trials == 4


@settings(max_examples=40)
@given(st.data())
def test_points_are_those_that_meet_the_conditions(data: st.DataObject) -> None:
    """Against every combination, of which those without their parents are struck out."""
    names, parameters = "abcd", dict[str, Any]()
    for i, name in enumerate(names):
        parents = data.draw(st.sets(st.sampled_from(names[:i]), max_size=2)) if i else set()
        when = {p: data.draw(st.integers(0, 1)) for p in sorted(parents)}
        parameters[name] = {"choice": [0, 1]} | ({"when": when} if when else {})
    space = Space("x", "t", tuple(
        p for p in _parsed(parameters)))  # fmt: skip
    expected = set()
    for values in itertools.product([0, 1], repeat=len(names)):
        point = dict(zip(names, values))
        kept: dict[str, int] = {}
        for name in names:
            when = parameters[name].get("when", {})
            if all(kept.get(parent) == value for parent, value in when.items()):
                kept[name] = point[name]
        expected.add(str(kept))
    finite = finite_space(space)
    assert finite is not None
    assert sorted(map(str, finite.points)) == sorted(expected)


def _parsed(parameters: Mapping[str, Any]) -> Any:
    from distrib.study.space.space_file import parse_parameter

    return [parse_parameter(name, value, "x") for name, value in parameters.items()]


LISTED = {"trainable": "mlp", "parameters": {"folds": [3, 5], "loss": ["mse", "cross_entropy"]}}


def test_listed_points_are_the_grid_and_follow_what_is_fixed() -> None:
    points = [{"folds": 3, "loss": "mse"}, {"folds": 5, "loss": "mse"}]
    space = parse_space({**LISTED, "points": points}, name="x", file="x.yaml")
    assert grid_points(space) == points
    assert grid_points(space.fix("folds", 5)) == [{"loss": "mse"}]


@pytest.mark.parametrize(
    ("points", "says"),
    [
        (["a", "b"], "not a list of points"),
        ([], "not a list of points"),
        ([{"foldz": 3}], "points, number 1, foldz"),
        ([{"folds": 3}, {"folds": 4}], "points, number 2, folds"),
    ],
)
def test_points_that_are_none_are_refused(points: list, says: str) -> None:
    with pytest.raises(InputError, match=says):
        parse_space({**LISTED, "points": points}, name="x", file="x.yaml")
