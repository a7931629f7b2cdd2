"""Samplers: a resumed study draws what the uninterrupted one would have drawn."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from distrib.errors import InputError
from distrib.study.search.samplers import NAMES, seed_of
from tests.support.driver import ROOT
from tests.support.simulate import Simulation, facts, toy_plan

GRID = {"height": {"uniform": [0, 1], "step": 0.25}, "rate": [0.2, 0.4, 0.6]}
CONDITIONAL = {
    "kind": {"choice": ["curve", "late"]},
    "at": {"randint": [1, 9], "when": {"kind": "late"}},
}


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("name", NAMES)
def test_resumed_equals_uninterrupted(name: str, tmp_path: Path) -> None:
    """Long enough for each to leave its random beginning, stopped four times."""
    parameters = GRID if name == "grid" else None
    trials = 15 if name == "grid" else 30
    plan = toy_plan(parameters, sampler=name, trials=trials, seed=7, scheduler="none")
    whole = facts(Simulation(plan, tmp_path / "whole").run())
    parts = Simulation(plan, tmp_path / "parts")
    for stop in (3, 11, 12, trials - 1):
        parts.open()
        parts.drive(until=lambda search, stop=stop: len(search.study.trials) > stop)
        parts.close()
    assert facts(parts.run()) == whole
    if name != "grid":
        other = toy_plan(parameters, sampler=name, trials=3, seed=8, scheduler="none")
        elsewhere = facts(Simulation(other, tmp_path / "other").run())
        assert all(elsewhere[n][0] != whole[n][0] for n in range(3))


def test_no_sampler_brings_torch_into_the_driver(tmp_path: Path) -> None:
    """One sampler after the other in a process, each beyond its random beginning."""
    code = """
import sys, warnings
from pathlib import Path
from tests.support.simulate import Simulation, toy_plan
warnings.simplefilter("ignore")
for name in sys.argv[2:]:
    plan = toy_plan(sampler=name, trials=12, scheduler="none")
    Simulation(plan, Path(sys.argv[1]) / name).run()
    print(f"{name}: {'torch' in sys.modules}")
"""
    names = sorted(set(NAMES) - {"grid"})
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), *names],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    told = [line for line in done.stdout.splitlines() if ": " in line]
    assert told == [f"{name}: False" for name in names]


@pytest.mark.parametrize("name", ["tpe", "gp", "random"])
def test_no_draw_stands_twice(name: str, tmp_path: Path) -> None:
    """A sampler that is seeded anew must not begin anew."""
    plan = toy_plan(sampler=name, trials=25, seed=7, scheduler="none")
    found = facts(Simulation(plan, tmp_path).run())
    assert len({tuple(params.items()) for params, *_ in found.values()}) == 25


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("name", ["tpe", "gp", "random"])
def test_conditional_dimensions(name: str, tmp_path: Path) -> None:
    plan = toy_plan(CONDITIONAL, sampler=name, trials=25, seed=1, scheduler="none")
    found = facts(Simulation(plan, tmp_path).run())
    for params, state, *_ in found.values():
        assert state == "COMPLETE"
        assert ("at" in params) == (params["kind"] == "late")


@pytest.mark.parametrize("name", ["tpe", "gp"])
def test_a_sampler_learns(name: str, tmp_path: Path) -> None:
    """Once it draws its trials are better than at random: it does see the results.

    Of the whole study that is so for TPE alone: a process that has found the top looks elsewhere.
    """
    plan = toy_plan({"noise": 0}, sampler=name, trials=60, seed=0, scheduler="none")
    study = Simulation(plan, tmp_path).run().study
    values = [study.trials[n].value for n in range(60)]
    first, drawn = (values[:10], values[-20:]) if name == "tpe" else (values[:5], values[5:15])
    assert np.mean(drawn) > np.mean(first) + 0.1


def test_every_point_of_a_grid_once(tmp_path: Path) -> None:
    plan = toy_plan(GRID, sampler="grid")
    assert plan.trials == 15
    found = facts(Simulation(plan, tmp_path, actors=3).run(order=4))
    assert len({tuple(sorted(params.items())) for params, *_ in found.values()}) == 15


@pytest.mark.parametrize("where", ["--sampler", "toy.yaml, sampler"])
def test_a_sampler_that_is_gone_names_another(where: str) -> None:
    given = {"sampler": "cmaes"}
    with pytest.raises(InputError, match="use gp") as caught:
        toy_plan(**given) if where == "--sampler" else toy_plan(settings=given)
    assert f"{where}: no such choice" in str(caught.value)
    assert "--warm-start" in str(caught.value)


def test_one_dimension_is_enough(tmp_path: Path) -> None:
    plan = toy_plan({"rate": 0.5}, sampler="gp", trials=12, scheduler="none")
    found = facts(Simulation(plan, tmp_path).run())
    assert len({params["height"] for params, *_ in found.values()}) == 12


def test_seeds_are_independent_of_each_other() -> None:
    seeds = {seed_of(s, n, p) for s in range(5) for n in range(50) for p in range(2)}
    assert len(seeds) == 500


FINITE = {
    "kind": {"choice": ["curve", "late"]},
    "at": {"randint": [1, 5], "when": {"kind": "late"}},
    "rate": {"uniform": [0.2, 0.6], "step": 0.2},
    "height": 0.5,
}


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("name", ["tpe", "gp", "random"])
@pytest.mark.parametrize("seed", [0, 1])
def test_every_point_of_a_finite_space_once_before_any_twice(
    name: str, seed: int, tmp_path: Path
) -> None:
    plan = toy_plan(FINITE, sampler=name, trials=24, seed=seed)
    study = Simulation(plan, tmp_path / "whole", actors=3)
    found = facts(study.run(order=seed))
    points = [tuple(sorted(found[n][0].items())) for n in range(24)]
    assert len(set(points[:18])) == 18 == len(set(points))
    parts = Simulation(toy_plan(FINITE, sampler=name, trials=18, seed=seed), tmp_path / "parts")
    for stop in (5, 13):
        parts.open()
        parts.drive(until=lambda search, stop=stop: len(search.study.trials) > stop)
        parts.close()
    resumed = facts(parts.run())
    assert len({tuple(sorted(params.items())) for params, *_ in resumed.values()}) == 18


@pytest.mark.parametrize("name", ["tpe", "random"])
def test_a_share_of_the_grid_that_is_used_up_yields(name: str, tmp_path: Path) -> None:
    """The kind `curve` has one configuration, `late` has five: six trials try all of them."""
    parameters = {**FINITE, "kind": ["curve", "late"], "rate": 0.4}
    plan = toy_plan(parameters, sampler=name, trials=6, seed=3)
    found = facts(Simulation(plan, tmp_path).run())
    assert len({tuple(sorted(params.items())) for params, *_ in found.values()}) == 6


def test_a_finite_space_is_still_searched_where_it_is_better(tmp_path: Path) -> None:
    """TPE tries the better half of a hundred heights well before the other."""
    plan = toy_plan({"height": {"uniform": [0, 0.99], "step": 0.01}, "rate": 0.5, "noise": 0},
                    sampler="tpe", trials=50, seed=0, scheduler="none")  # fmt: skip
    found = facts(Simulation(plan, tmp_path).run())
    heights = [found[n][0]["height"] for n in range(50)]
    assert len(set(heights)) == 50
    assert sum(h >= 0.5 for h in heights[20:]) >= 22
