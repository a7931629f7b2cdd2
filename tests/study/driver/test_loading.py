"""How many trials run at once, and which option is named where not even one can."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import Mock

import pytest
import ray

from distrib.cluster.connect import Cluster, Resources
from distrib.cluster.growth import Growth
from distrib.errors import InputError
from distrib.study.driver.loading import concurrency, load, own_cpus, unused_gpus
from distrib.study.plan.options import Options
from distrib.study.worker import tasks
from tests.support.simulate import toy_plan


def trials(resources: Resources, *nodes: dict[str, float], concurrent: int | None = None) -> int:
    plan = SimpleNamespace(options=Options(resources=resources, concurrent=concurrent))
    cpus, gpus = (sum(node.get(key, 0) for node in nodes) for key in ("CPU", "GPU"))
    return concurrency(
        cast(Any, plan), Cluster("local", Path("/nowhere"), len(nodes), cpus, gpus, nodes)
    )


@pytest.mark.parametrize(
    ("resources", "option"),
    [
        (Resources(cpus=8), "--cpus-per-worker"),
        (Resources(workers=3), "--workers-per-trial"),
        (Resources(workers=2, cpus=2), "--cpus-per-worker"),
        (Resources(workers=4, cpus=2), "--workers-per-trial"),
        (Resources(workers=2, cpus=64), "--cpus-per-worker"),
        (Resources(gpus=2), "--gpus-per-worker"),
        (Resources(workers=2, gpus=1), "--workers-per-trial"),
        (Resources(accelerator_type="A100"), "--accelerator-type"),
    ],
)
def test_the_option_that_asks_for_too_much_is_named(resources: Resources, option: str) -> None:
    with pytest.raises(InputError, match=f"{option}: one trial asks for more than there is"):
        trials(resources, {"CPU": 2, "GPU": 1})


def test_a_machine_may_be_shared_by_trials_but_has_no_more_for_one() -> None:
    here = len(os.sched_getaffinity(0))
    for concurrent, cpus, offered in (
        (None, 1, here),
        (here + 3, 1, here + 3),
        (999, 1, here + 5),  # as many as there are trials
        (1, 4096, here),
    ):
        plan = toy_plan(trials=here + 5, concurrent=concurrent, resources=Resources(cpus=cpus))
        assert own_cpus(plan) == offered


def test_what_is_asked_for_and_what_there_is_are_told_in_words() -> None:
    with pytest.raises(InputError) as caught:
        trials(Resources(gpus=2, accelerator_type="A100"), {"CPU": 2, "accelerator_type:T4": 1})
    assert "found:    1 x (1 CPUs, 2 GPUs, A100)" in str(caught.value)
    assert "on 1 node(s), accelerators: T4" in str(caught.value)


def test_groups_that_may_grow_are_given_room_to() -> None:
    nodes = {"CPU": 4}, {"CPU": 4}
    assert trials(Resources(workers=2, most=4), *nodes) == 2
    assert trials(Resources(workers=2, most=4), *nodes, concurrent=1) == 1
    assert trials(Resources(workers=2, most=16), *nodes) == 1


HEAD = {"CPU": 0.0, "node:__internal_head__": 1.0}


def grown(resources: Resources, growth: Growth, concurrent: int | None = None) -> int:
    """Trials at once on a head and one worker of one GPU, of a cluster that may grow."""
    plan: Any = SimpleNamespace(
        options=Options(resources=resources, concurrent=concurrent, address="auto")
    )
    nodes = (HEAD, {"CPU": 4.0, "GPU": 1.0})
    return concurrency(plan, Cluster("", Path(), 2, 4, 1, nodes, growth))


def test_a_cluster_that_may_grow_is_used_as_it_may_be() -> None:
    eight = Growth(({"CPU": 4.0, "GPU": 1.0},) * 8, 8)
    assert grown(Resources(gpus=1), eight) == 8
    assert grown(Resources(gpus=1), eight, concurrent=3) == 3
    assert grown(Resources(workers=4, gpus=1), eight) == 2
    assert grown(Resources(workers=2, most=8, gpus=1), eight) == 1
    small = {"CPU": 2.0}
    both = Growth((small,) * 4 + ({"CPU": 4.0, "GPU": 1.0},) * 4, 5)  # at most five of all types
    assert grown(Resources(gpus=1), both) == 4
    assert grown(Resources(cpus=2), both) == 9
    with pytest.raises(InputError, match="it may grow to 8 workers of at most 4 CPUs and 1 GPUs"):
        grown(Resources(workers=9, gpus=1), eight)


def test_where_nobody_knows_what_may_come_the_user_s_word_counts() -> None:
    unknown = Growth(unknown=True)
    assert grown(Resources(gpus=1), unknown) == 1
    assert grown(Resources(gpus=1), unknown, concurrent=6) == 6
    assert grown(Resources(workers=4, gpus=1), unknown, concurrent=2) == 2
    with pytest.raises(InputError, match="--workers-per-trial"):
        grown(Resources(workers=4, gpus=1), unknown)


@pytest.mark.parametrize(
    ("family", "gpus", "concurrent", "told"),
    [
        ("tests.families.toys:OnGpu", 0, 4, "2 of 2 GPUs stay unused: --gpus-per-worker 1"),
        ("tests.families.toys:OnGpu", 1, 1, "1 of 2 GPUs stay unused: they wait for"),
        ("tests.families.toys:OnGpu", 0.5, 4, None),
        ("tests.families.toys:OnGpu", 1, 2, None),
        ("tests.families.toys:Curve", 0, 4, None),
    ],
)
def test_unused_gpus_are_pointed_out(
    family: str, gpus: float, concurrent: int, told: str | None
) -> None:
    plan = toy_plan(settings={"trainable": family}, resources=Resources(gpus=gpus))
    cluster = Cluster("", Path(), 1, 4, 2, ({"CPU": 4.0, "GPU": 2.0},))
    found = unused_gpus(plan, cluster, concurrent)
    assert found is None if told is None else found is not None and found.startswith(told)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The assistant that loads the data, which are made up, and what is killed."""
    facts = {"draws": {}, "unfit": {}, "budget": None, "workers": 1, "read_later": False}
    made = SimpleNamespace(assistant=Mock(), killed=[])
    made.assistant.load.options.return_value.remote.return_value = ("data", None, facts)
    monkeypatch.setattr(tasks, "look_at_device", Mock())
    monkeypatch.setattr(tasks, "start_assistant", lambda spec, **share: made.assistant)
    monkeypatch.setattr(ray, "get", lambda found: found if found is facts else None)
    monkeypatch.setattr(ray, "kill", made.killed.append)
    return made


@pytest.mark.parametrize(
    ("address", "gpus", "stays"), [(None, 0, True), (None, 1, False), ("10.0.0.1:6379", 0, False)]
)
def test_what_loaded_the_data_stays_where_it_takes_nothing_from_the_trials(
    address: str | None, gpus: float, stays: bool, made: SimpleNamespace
) -> None:
    settings = {"trainable": "tests.families.toys:OnGpu"}
    plan = toy_plan(settings=settings, address=address, resources=Resources(gpus=gpus))
    cluster = Cluster("", Path(), 1, 4, 2, ({"CPU": 4.0, "GPU": 2.0},))
    loaded = load(plan, cluster, [].append)
    assert loaded.data == "data"
    assert (loaded.assistant is made.assistant) == stays
    assert (made.killed == []) == stays


@pytest.mark.parametrize("more", [0, 2])
def test_it_is_said_that_trials_share_cpus(more: int, made: SimpleNamespace) -> None:
    here = len(os.sched_getaffinity(0))
    cpus, told = here + more, list[str]()
    load(toy_plan(), Cluster("", Path(), 1, cpus, 0, ({"CPU": float(cpus)},)), told.append)
    said = f"note: {cpus} trials at a time share {here} CPUs: each takes longer"
    assert (said in told) == bool(more)
    assert told[0] == "reading the data"
