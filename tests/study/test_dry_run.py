"""What a dry run asks of Ray for its one step."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
import ray

from distrib.cluster.connect import Resources
from distrib.study import dry_run, tasks
from distrib.study.loading import Loaded
from tests.simulate import toy_plan


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


def test_the_first_step_runs_where_a_trial_would(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = toy_plan(resources=Resources(cpus=2, accelerator_type="A100"))
    site = tasks.Site(plan.space.trainable, plan.worker, allow_custom=True)
    facts = {"search_rows": 20, "test_rows": 0}
    loaded = Loaded(plan, 1, site, plan.family.load(plan.source), None, facts)
    step = Task(tasks.first_step._function)
    monkeypatch.setattr(dry_run, "ray_of", lambda plan: nullcontext(SimpleNamespace()))
    monkeypatch.setattr(dry_run, "load", lambda plan, cluster, say: loaded)
    monkeypatch.setattr(tasks, "first_step", step)
    monkeypatch.setattr(ray, "get", lambda found: found)
    said: list[str] = []
    dry_run.dry_run(plan, said.append)
    assert step.asked == {"num_cpus": 2, "num_gpus": 0, "accelerator_type": "A100"}
    assert said[-1].startswith("estimate: 1 trials at a time")
