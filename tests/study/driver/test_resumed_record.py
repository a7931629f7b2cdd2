"""What a resumed driver knows of the trials that have ended is what the driver before it knew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from distrib.study.driver.live_record import read_record
from distrib.study.driver.study_file import write_study
from distrib.tracking.tables import leaderboard_frame, trials_frame
from tests.support.simulate import Simulation, toy_plan

pytestmark = pytest.mark.usefixtures("random_clock")

SPACES: dict[str, dict[str, Any]] = {
    "asha": {"settings": {"scheduler": "asha"}},
    "promotion": {"settings": {"scheduler": "asha-promotion"}},
    "hyperband": {"settings": {"scheduler": "hyperband"}},
    "median": {"settings": {"scheduler": "median"}},
    "none": {"settings": {"scheduler": "none"}},
    "failures": {"parameters": {"kind": {"choice": ["curve", "nan", "bug", "silent"]}}},
    "unvaried": {"parameters": {"height": 0.5, "rate": 0.5}, "settings": {"trials": 2}},
}
MILLISECOND = 1e-3


def is_clock(column: str) -> bool:
    return column in ("started", "ended") or column.startswith("seconds/")


def same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    """In every column, the times of a clock to what the ledger keeps of them."""
    clocks = [column for column in one.columns if is_clock(column)]
    pd.testing.assert_frame_equal(
        one.drop(columns=clocks), other.drop(columns=clocks), check_dtype=False
    )
    assert sorted(one.columns) == sorted(other.columns)
    pd.testing.assert_frame_equal(one[clocks], other[clocks], rtol=0, atol=10 * MILLISECOND)


@pytest.mark.parametrize("name", SPACES)
def test_its_tables_are_those_of_the_driver_before(name: str, tmp_path: Path) -> None:
    study = Simulation(toy_plan(**SPACES[name], sampler="random", seed=3), tmp_path)
    before = study.run().study
    after = study.run().study
    assert name in ("none", "unvaried", "failures") or any(t.rung for t in before.trials.values())
    same(trials_frame(before), trials_frame(after))
    same(leaderboard_frame(before), leaderboard_frame(after))


@pytest.mark.parametrize("name", ["asha", "hyperband"])
def test_the_leaderboard_after_an_interruption_is_that_without(name: str, tmp_path: Path) -> None:
    plan = toy_plan(**SPACES[name], sampler="random", seed=3)
    whole = Simulation(plan, tmp_path / "whole").run()
    torn = Simulation(plan, tmp_path / "torn")
    torn.open()
    torn.drive(until=lambda search: sum(t.is_over for t in search.study.trials.values()) == 4)
    torn.close()
    found = leaderboard_frame(torn.run().study)
    expected = leaderboard_frame(whole.study)
    clocks = [column for column in expected.columns if is_clock(column)]
    pd.testing.assert_frame_equal(
        found.drop(columns=clocks), expected.drop(columns=clocks), check_dtype=False
    )


@pytest.mark.parametrize("name", ["asha", "hyperband", "none"])
def test_whoever_looks_on_sees_the_rungs_of_the_driver(name: str, tmp_path: Path) -> None:
    plan = toy_plan(**SPACES[name], sampler="random", seed=3)
    study = Simulation(plan, tmp_path)
    search = study.run()
    write_study(tmp_path / "study.yaml", plan, search.study, {}, ["tune"])
    seen = {number: trial.rung for number, trial in read_record(tmp_path).trials.items()}
    assert seen == {number: trial.rung for number, trial in search.study.trials.items()}
