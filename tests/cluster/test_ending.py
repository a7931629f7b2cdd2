"""What Ray leaves running is ended with it."""

from __future__ import annotations

import subprocess
from types import SimpleNamespace

import psutil
import pytest
import ray
from ray._private import worker

from distrib.cluster.ending import shut_down


@pytest.mark.parametrize("own", [True, False])
def test_what_came_of_a_ray_of_ones_own_ends_with_it(
    own: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with subprocess.Popen(
        ["sh", "-c", "sleep 600 & echo $!; wait"], stdout=subprocess.PIPE, text=True
    ) as raylet:
        assert raylet.stdout is not None
        left = psutil.Process(int(raylet.stdout.readline()))
        node = SimpleNamespace(all_processes={"raylet": [SimpleNamespace(process=raylet)]})
        monkeypatch.setattr(worker, "_global_node", node)
        monkeypatch.setattr(ray, "shutdown", raylet.kill)
        shut_down(own=own)
        if own:
            assert psutil.wait_procs([left], timeout=10)[1] == []
        else:
            assert left.is_running()
            left.kill()


def test_a_ray_that_never_started_has_nothing_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_global_node", None)
    shut_down(own=True)
