"""What of Ray listens on this machine, as the doctor lists it."""

from __future__ import annotations

import socket
import subprocess
import sys

from distrib.cluster.sockets import Listener, check_listeners, listeners

SCRIPT = """
import socket, sys
one = socket.create_server(("127.0.0.1", 0))
other = socket.create_server(("0.0.0.0", 0))
print(one.getsockname()[1], other.getsockname()[1], flush=True)
input()
"""


def test_the_sockets_of_rays_processes_are_found() -> None:
    """A process that calls itself as Ray's do; another one's sockets are nobody's business."""
    with (
        socket.create_server(("127.0.0.1", 0)) as ours,
        subprocess.Popen(
            ["ray::TrialActor.step", "-c", SCRIPT], executable=sys.executable,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        ) as process,
    ):  # fmt: skip
        assert process.stdout is not None
        near, far = map(int, process.stdout.readline().split())
        found = {one.port: one for one in listeners()}
        assert found[near] == Listener("ray::", process.pid, "127.0.0.1", near)
        assert (found[near].open, found[far].open) == (False, True)
        assert ours.getsockname()[1] not in found
        process.kill()


def test_what_is_open_is_said_first_and_explained() -> None:
    near = Listener("raylet", 7, "127.0.0.1", 40001)
    assert not Listener("raylet", 7, "::ffff:127.0.0.1", 40001).open
    far = Listener("gcs_server", 8, "::", 40002)
    said = check_listeners([near, far])
    assert said.found == ("40002 (gcs_server 8, all interfaces), 40001 (raylet 7, this machine)")
    assert said.advice is not None and "docs/ports.md" in said.advice
    assert not said.fault
    assert check_listeners([near]).advice is None
    assert "no Ray runs here" in check_listeners([]).found
