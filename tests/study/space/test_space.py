"""Spaces: what they say, what is drawn from them, and how grids are shared out."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distrib.study.driver.dry_run import sample
from distrib.study.plan.options import Options
from distrib.study.plan.plan import Plan, make_plan
from distrib.study.space.space import Space, label
from distrib.study.space.space_file import find_space, number, parse_space, read_yaml


def space_of(parameters: str, more: str = "") -> Space:
    text = f"trainable: tests.families.toys:Curve\n{more}\nparameters:\n  " + parameters
    return parse_space(read_yaml(text, "space.yaml"), name="space", file="space.yaml")


def plan_of(parameters: str, more: str = "", **options: Any) -> Plan:
    return make_plan(space_of(parameters, more), Options(allow_custom=True, **options))


def drawn(space: Space, count: int, seed: int = 0) -> list[dict[str, Any]]:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed))
    return [space.suggest(study.ask()) for _ in range(count)]


@pytest.fixture(autouse=True)
def quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)


@pytest.mark.parametrize(
    "text", ["1e-4", "'1e-4'", "1.0e-4", "0.0001", "+1e-4", "1E-4", ".0001", "' 1e-4 '"]
)
def test_numbers_are_numbers(text: str) -> None:
    (const,) = space_of(f"rate: {text}").parameters
    assert const.values == (0.0001,)
    (low,) = space_of(f"rate: {{loguniform: [{text}, 1]}}").parameters
    assert low.low == 0.0001
    (grid,) = space_of(f"rate: [{text}, '2']").parameters
    assert grid.values == (0.0001, 2)
    space = space_of(f"rate: [{text}]\n  height: {{const: 1, when: {{rate: {text}}}}}")
    assert drawn(space, 1) == [{"rate": 0.0001, "height": 1}]


@pytest.mark.parametrize("text", ["curve", "'12ab'", "e5", "'-'", "nan", "inf", "1_x", "''"])
def test_words_stay_words(text: str) -> None:
    (const,) = space_of(f"kind: {text}").parameters
    assert const.values == (text.strip("'"),)


def test_a_plain_list_is_a_grid_and_a_scalar_a_const() -> None:
    space = space_of("kind: [curve, bug]\n  epochs: 5\n  options: {const: [1, 2]}")
    assert [p.kind for p in space.parameters] == ["grid", "const", "const"]
    assert drawn(space, 1)[0]["options"] == [1, 2]


def test_every_kind_draws_within_its_ends() -> None:
    space = space_of(
        """a: {uniform: [-1, 1]}
  b: {uniform: [0, 1], step: 0.25}
  c: {loguniform: [1e-5, 1e-1]}
  d: {randint: [1, 7], step: 3}
  e: {lograndint: [1, 100]}
  f: {choice: [null, true, 2, x, [1, 2], {k: v}]}"""
    )
    found = drawn(space, 300)
    assert all(-1 <= c["a"] <= 1 for c in found)
    assert {c["b"] for c in found} == {0, 0.25, 0.5, 0.75, 1}
    assert all(1e-5 <= c["c"] <= 1e-1 for c in found)
    assert sum(c["c"] < 1e-3 for c in found) > 100
    assert {c["d"] for c in found} == {1, 4, 7}
    assert {type(c["d"]) for c in found} == {int}
    assert {1, 2, 3} < {c["e"] for c in found} <= set(range(1, 101))
    assert {repr(c["f"]) for c in found} == {
        repr(v) for v in (None, True, 2, "x", [1, 2], {"k": "v"})
    }


ENDS = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted)
WHOLE = st.tuples(st.integers(1, 50), st.integers(1, 50)).map(sorted)
PARAMETER = {
    "height": ENDS.map(lambda e: {"uniform": e})
    | st.lists(st.floats(0, 1), min_size=1, max_size=4, unique=True)
    | st.floats(0, 1),
    "rate": st.tuples(st.floats(1e-9, 2), st.floats(1e-9, 2)).map(
        lambda e: {"loguniform": sorted(e)}
    ),
    "epochs": WHOLE.map(lambda e: {"randint": e})
    | WHOLE.map(lambda e: {"lograndint": e})
    | st.lists(st.integers(1, 50), min_size=1, unique=True).map(lambda v: {"choice": v}),
    "options": st.lists(
        st.none() | st.booleans() | st.text(max_size=3) | st.lists(st.integers(), max_size=2),
        min_size=1,
        max_size=4,
        unique_by=lambda value: label(number(value)),  # true counts as 1, and as "1"
    ).map(lambda v: {"choice": v}),
}


@settings(max_examples=40)
@given(
    parameters=st.fixed_dictionaries({}, optional=PARAMETER),
    sampler=st.sampled_from(["random", "tpe"]),
    seed=st.integers(0, 9),
)
def test_every_draw_is_a_valid_configuration(
    parameters: dict[str, Any], sampler: str, seed: int
) -> None:
    """`sample` makes the family's typed configuration of each."""
    content = {"trainable": "tests.families.toys:Curve", "parameters": parameters}
    plan = make_plan(
        parse_space(content, name="space", file="space.yaml"),
        Options(allow_custom=True, sampler=sampler, seed=seed, trials=4),
    )
    for config in sample(plan, 4):
        assert set(parameters) <= set(config)
        for p in plan.space.parameters:
            if p.kind in ("choice", "grid"):
                assert any(config[p.name] is v or config[p.name] == v for v in p.values)
    # What study.yaml stores reads back as the same space.
    again = parse_space(plan.space.plain(), name="space", file="space.yaml")
    assert [p.plain() for p in again.parameters] == [p.plain() for p in plan.space.parameters]


def test_conditional_parameters_are_absent_where_their_condition_fails() -> None:
    # The child stands before its parent in the file.
    space = space_of(
        """rate: {uniform: [0, 1], when: {kind: bug}}
  height: {uniform: [0, 1], when: {kind: [bug, nan], epochs: 1}}
  kind: {choice: [curve, bug, nan]}
  epochs: {randint: [1, 2]}"""
    )
    found = drawn(space, 200)
    for config in found:
        assert ("rate" in config) == (config["kind"] == "bug")
        expected = config["kind"] in ("bug", "nan") and config["epochs"] == 1
        assert ("height" in config) == expected
    assert len({frozenset(c) for c in found}) == 4


def test_every_grid_point_gets_its_share() -> None:
    plan = plan_of(
        "kind: [curve, nan]\n  epochs: [3, 5, 7]\n  height: {uniform: [0, 1]}", trials=20
    )
    configs = sample(plan, 20)
    shares = Counter((c["kind"], c["epochs"]) for c in configs)
    assert len(shares) == 6
    assert set(shares.values()) == {3, 4}
    assert len({c["height"] for c in configs}) == 20


def test_a_grid_alone_is_gone_through_once() -> None:
    plan = plan_of("kind: [curve, nan]\n  epochs: [3, 5, 7]")
    assert plan.trials == 6
    points = {(c["kind"], c["epochs"]) for c in sample(plan, 6)}
    assert len(points) == 6


def test_the_grid_sampler_makes_grids_of_finite_dimensions() -> None:
    plan = plan_of(
        "height: {uniform: [0, 0.7], step: 0.1}\n  epochs: {randint: [1, 3]}\n"
        "  kind: {choice: [curve, nan]}",
        sampler="grid",
    )
    assert plan.trials == 8 * 3 * 2
    configs = sample(plan, plan.trials)
    assert len({(c["height"], c["epochs"], c["kind"]) for c in configs}) == 48
    assert max(c["height"] for c in configs) == 0.7  # not a rounding error beyond its end


def test_set_fixes_a_dimension_or_adds_a_constant() -> None:
    text = "height: {uniform: [0, 1]}\n  epochs: [3, 5]"
    plan = plan_of(text, fixed={"height": "0.25", "noise": "1e-2"}, trials=4)
    assert [p.name for p in plan.space.searched()] == ["epochs"]
    for config in sample(plan, 4):
        assert (config["height"], config["noise"]) == (0.25, 0.01)
    assert plan.source.path is None
    assert plan_of(text, fixed={"data.path": "there"}).source.path == "there"


def test_the_units_follow_the_space_the_family_and_the_user() -> None:
    assert plan_of("height: 0.5").max_budget == 9
    assert plan_of("epochs: 4").max_budget == 4
    assert plan_of("epochs: {randint: [2, 6]}").max_budget == 6
    assert plan_of("epochs: [2, 8, 3]").max_budget == 8
    assert plan_of("epochs: [2, 8, 3]", max_budget=5).max_budget == 5


@pytest.mark.parametrize("name", ["trimming"])
def test_the_spaces_of_the_house_are_valid(name: str) -> None:
    plan = make_plan(find_space(name), Options())
    assert len(sample(plan, 3)) == 3


def test_a_space_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes("\ufefftrainable: tests.families.toys:Curve\r\nparameters: {}\r\n".encode())
    assert find_space(str(path)).name == "mine"
