"""The canary for a new version of Ray: which of its names are not what they were."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import ray

import distrib
from distrib.cluster.ray_internals.names import NAMES, Name, found
from distrib.cluster.ray_internals.start import hush_raylets

HOUSE = Path(distrib.__file__).parent
PRIVATE = re.compile(
    r"\bray\._|\bray\.[\w.]*\._|\bray\.(train\.v2|air\.execution|tune\.(execution|experiment))"
)


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name.name)
def test_ray_has_what_is_used_of_it(name: Name) -> None:
    assert found(name.name) == name.shape, (
        f"Ray {ray.__version__} has another {name.name}; without it: {name.why}"
    )


def test_a_name_that_a_study_of_this_process_has_replaced_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from ray._private import worker

    monkeypatch.setattr(worker, "print_to_stdstream", worker.print_to_stdstream)
    hush_raylets()
    assert found("ray._private.worker:print_to_stdstream") == "(data, ignore_prefix)"


def test_a_name_that_has_changed_is_told() -> None:
    assert found("ray.no_such:Thing").startswith("no such module")
    assert found("ray._private.node:Node.no_such") == "missing: no_such of Node"
    assert found("ray._private.node:Node.start_monitor") != "(self, more)"


def test_nothing_private_to_ray_is_used_elsewhere() -> None:
    here = HOUSE / "cluster" / "ray_internals"
    elsewhere = [path for path in HOUSE.rglob("*.py") if here not in path.parents]
    assert len(elsewhere) > 100
    told = [
        f"{path}:{k}: {line.strip()}"
        for path in elsewhere
        for k, line in enumerate(path.read_text().splitlines(), 1)
        if PRIVATE.search(line)
    ]
    assert told == []


def test_every_module_of_rays_that_is_imported_stands_in_the_table() -> None:
    named = {name.name.partition(":")[0] for name in NAMES}
    for path in (HOUSE / "cluster" / "ray_internals").glob("*.py"):
        for module in re.findall(r"from (ray\.[\w.]+) import", path.read_text()):
            if PRIVATE.search(module):
                assert any(one.startswith(module) for one in named), f"{path}: {module}"
