"""The one step of a dry run: what it asks of Ray, and what is said where it fails."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import ray

from distrib.cluster.connect import Resources
from distrib.errors import InputError
from distrib.study.driver import dry_run, run_study
from distrib.study.driver.loading import Loaded
from distrib.study.driver.place import Place
from distrib.study.plan.plan import Plan
from distrib.study.worker import tasks
from tests.support.simulate import toy_plan


class Task:
    """Stands for a remote function: writes down what it is asked to run with."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.asked: dict[str, Any] = {}

    def options(self, **asked: Any) -> Task:
        self.asked = asked
        return self

    def remote(self, *args: Any) -> Any:
        return self.function(*args)


@pytest.fixture
def step(monkeypatch: pytest.MonkeyPatch) -> Task:
    """A dry run without Ray: its one step, done in this process."""

    def load(plan: Plan, cluster: object, say: object) -> Loaded:
        spec = tasks.FamilySpec(plan.space.trainable, plan.worker, allow_custom=True)
        facts = {"search_rows": 20, "test_rows": 0}
        return Loaded(plan, 1, spec, plan.family.load(plan.source), None, facts)

    step = Task(tasks.first_step._function)
    monkeypatch.setattr(dry_run, "ray_of", nullcontext)
    monkeypatch.setattr(dry_run, "load", load)
    monkeypatch.setattr(tasks, "first_step", step)
    waits = iter([[], [], [None]])  # twice nothing yet
    monkeypatch.setattr(ray, "wait", lambda asked, timeout: (next(waits), asked))
    monkeypatch.setattr(ray, "get", lambda found: found)
    return step


def test_the_first_step_runs_where_a_trial_would(step: Task) -> None:
    plan = toy_plan(resources=Resources(cpus=2, accelerator_type="A100"))
    said: list[str] = []
    dry_run.dry_run(plan, Place(), said.append)
    assert step.asked == {"num_cpus": 2, "num_gpus": 0, "accelerator_type": "A100"}
    assert said[-1].startswith("estimate: 1 trials at a time")
    assert any(line.startswith("training configuration 0 for one epoch") for line in said)
    assert [line for line in said if "still measuring" in line] == ["  still measuring, 0 s"] * 2


@pytest.mark.parametrize("begin", ["study", "dry run"])
def test_what_takes_the_first_seconds_is_said_before_it_is_done(
    begin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ray_of(*args: object) -> None:
        raise InputError("no Ray today")

    said: list[str] = []
    for module in (dry_run, run_study):
        monkeypatch.setattr(module, "ray_of", ray_of)
    monkeypatch.setattr(run_study, "set_environment", lambda address: None)
    plan, place = toy_plan(), Place(tmp_path)
    with pytest.raises(InputError, match="no Ray today"):
        if begin == "study":
            run_study.run_study(plan, place, trackers=Mock(), say=said.append, phase=Mock())
        else:
            dry_run.dry_run(plan, place, said.append)
    assert said[-1] == "starting Ray on this machine"


def test_memory_that_is_too_small_is_told(step: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(asked: object) -> None:
        raise ray.exceptions.OutOfMemoryError(
            "Task was killed due to the node running low on memory. Memory on the node was 22GB "
            "used / 23GB limit"
        )

    monkeypatch.setattr(ray, "get", lost)
    with pytest.raises(InputError, match=r"was lost(.|\n)*22GB used / 23GB(.|\n)*smaller batches"):
        dry_run.dry_run(toy_plan(), Place(), [].append)


def test_time_and_memory_are_told() -> None:
    plan = toy_plan(trials=6)
    whole = {"metrics": {"score": 0.5}, "seconds": 100.0, "bytes": 10**6, "memory": 2 * 10**9}
    one, memory, estimate = dry_run.told(plan, whole, 2)
    assert one == "one epoch of configuration 0: 100.00 s; after the first score 0.5"
    assert memory == "memory: 2.00 GB of one process at its peak, 2 of these at a time"
    assert "at most 45.0 min without early stops, 15.0 min to train the winner again" in estimate
    part = {**whole, "part": 0.0125}
    del part["metrics"]
    one, _, estimate = dry_run.told(plan, part, 1)
    assert one == ("one epoch of configuration 0: about 1.7 min without validation, by 1.25% of it")
    assert "at most 1.5 h" in estimate


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("bug", "RuntimeError: a bug of the family's (toys.py:"),
        ("input", "parameters.height: too small"),
        ("nothing", "the training ended without a report"),
    ],
)
def test_a_first_step_that_fails_is_told(step: Task, kind: str, told: str) -> None:
    with pytest.raises(InputError, match="the first step failed") as caught:
        dry_run.dry_run(toy_plan({"kind": kind, "at": 1}), Place(), lambda line: None)
    assert told in str(caught.value)
