"""Processes of Ray that end are noticed at once, whatever the system offers for that."""

from __future__ import annotations

import os
import subprocess
import time

import pytest

from distrib.cluster.ray_watch import _Ends


@pytest.mark.parametrize("pidfd", [True, False])
def test_the_end_of_a_process_is_noticed(pidfd: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not pidfd:
        monkeypatch.delattr(os, "pidfd_open", raising=False)
    with subprocess.Popen(["sleep", "60"]) as one, subprocess.Popen(["sleep", "60"]) as other:
        with _Ends({one.pid: "raylet", other.pid: "gcs_server"}) as ends:
            assert ends.wait(0.1) == []
            one.kill()
            began = time.monotonic()
            while not (found := ends.wait(0.5)) and time.monotonic() - began < 10:
                pass
            assert found == [one.pid]
        assert one.wait() == -9  # it was left to be reaped
        other.kill()
