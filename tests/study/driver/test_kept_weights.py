"""Only the best few trials keep their weights, over resumes too."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.simulate import Simulation, toy_plan

pytestmark = pytest.mark.usefixtures("random_clock")


def checkpoints(folder: Path) -> set[int]:
    return {int(p.parent.name) for p in (folder / "trials").glob("*/checkpoint")}


@pytest.mark.parametrize("keep", [0, 1, 3])
@pytest.mark.parametrize("actors", [1, 3])
def test_only_the_best_few_keep_their_weights(keep: int, actors: int, tmp_path: Path) -> None:
    plan = toy_plan({"noise": 0}, trials=10, sampler="random", seed=3, keep=keep)
    study = Simulation(plan, tmp_path, actors).run(5, keep=keep).study
    complete = [t for t in study.ranked() if t.state == "COMPLETE"]
    assert checkpoints(tmp_path) == {t.number for t in complete[:keep]}


def test_the_best_keep_their_weights_over_a_resume(tmp_path: Path) -> None:
    plan = toy_plan({"noise": 0}, trials=10, sampler="random", seed=3, scheduler="none")
    study = Simulation(plan, tmp_path)
    study.open(keep=2)
    study.drive(until=lambda search: len(search.study.trials) == 6)
    study.close()
    ranked = study.run(keep=2).study.ranked()
    assert checkpoints(tmp_path) == {t.number for t in ranked[:2]}


def test_a_resume_that_keeps_fewer_deletes_the_others(tmp_path: Path) -> None:
    plan = toy_plan({"noise": 0}, trials=6, sampler="random", seed=3, scheduler="none")
    study = Simulation(plan, tmp_path)
    study.run(keep=4)
    assert len(checkpoints(tmp_path)) == 4
    ranked = study.run(keep=1).study.ranked()
    assert checkpoints(tmp_path) == {ranked[0].number}


def test_states_that_a_dead_driver_did_not_delete_go_with_the_resume(tmp_path: Path) -> None:
    """It wrote the end of each trial and died before it deleted what is not kept."""
    kinds = {"kind": {"choice": ["curve", "bug"]}}
    plan = toy_plan(kinds, trials=20, sampler="random", seed=3)
    study = Simulation(plan, tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "distrib.study.driver.search_loop.shutil.rmtree", lambda *args, **kwargs: None
        )
        study.open(keep=2)
        study.drive(until=lambda search: len(search.study.trials) == 19)
        study.close()
    left = {study.search.study.trials[number].state for number in checkpoints(tmp_path)}
    assert left >= {"COMPLETE", "PRUNED", "FAIL"}
    study.open(keep=2)
    running = set(study.search.unfinished)
    complete = [t.number for t in study.search.study.ranked() if t.state == "COMPLETE"]
    assert checkpoints(tmp_path) - running == set(complete[:2])
    study.close()
