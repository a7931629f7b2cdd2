"""How many trials run at once, and which option is named where not even one can."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from distrib.cluster.connect import Cluster, Resources
from distrib.errors import InputError
from distrib.study.options import Options
from distrib.study.run import concurrency


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


def test_groups_that_may_grow_are_given_room_to() -> None:
    nodes = {"CPU": 4}, {"CPU": 4}
    assert trials(Resources(workers=2, most=4), *nodes) == 2
    assert trials(Resources(workers=2, most=4), *nodes, concurrent=1) == 1
    assert trials(Resources(workers=2, most=16), *nodes) == 1
