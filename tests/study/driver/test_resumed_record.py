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


@pytest.mark.parametrize("name", SPACES)
def test_its_tables_are_those_of_the_driver_before(name: str, tmp_path: Path) -> None:
    study = Simulation(toy_plan(**SPACES[name], sampler="random", seed=3), tmp_path)
    before = study.run().study
    after = study.run().study
    assert name in ("none", "unvaried", "failures") or any(t.rung for t in before.trials.values())
    for table in (trials_frame, leaderboard_frame):
        pd.testing.assert_frame_equal(
            table(before), table(after), check_dtype=False, check_exact=True
        )


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
    clocks = [c for c in expected.columns if c in ("started", "ended") or "seconds/" in c]
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
