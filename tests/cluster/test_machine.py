"""The doctor's checks, on machines as they might be."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ray._private import utils

from distrib.cluster.machine import GIB, checks, shared_memory
from distrib.cluster.network import (
    LOOPBACK,
    choose_interface,
    chosen_by_gloo,
    chosen_by_nccl,
    default_route,
    interface_towards,
    interfaces,
    network,
)

NAMES = ["lo", "eth0", "eth1", "docker0", "ib0"]


@pytest.mark.parametrize(
    ("value", "chosen"),
    [
        ("eth", ["eth0", "eth1"]),
        ("eth0", ["eth0"]),
        ("ib,eth1", ["eth1", "ib0"]),
        ("=eth0", ["eth0"]),
        ("=eth", []),
        ("wlan", []),
        ("lo", ["lo"]),
        ("^docker", ["eth0", "eth1", "ib0"]),
        ("^=eth", ["eth0", "eth1", "docker0", "ib0"]),
        ("^eth,docker,ib", []),
    ],
)
def test_what_nccl_chooses(value: str, chosen: list[str]) -> None:
    assert chosen_by_nccl(value, NAMES) == chosen


def test_what_gloo_chooses() -> None:
    assert chosen_by_gloo("eth1,eth0", NAMES) == ["eth1", "eth0"]
    assert chosen_by_gloo("eth", NAMES) == []
    assert chosen_by_gloo("eth0,eth7", NAMES) == []


def test_the_first_default_route_counts(tmp_path: Path) -> None:
    table = tmp_path / "route"
    head = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n"
    local = "eth9 0002000A 00000000 0001 0 0 0 00FFFFFF 0 0 0\n"
    wlan = "wlan0 00000000 0100A8C0 0003 0 0 600 00000000 0 0 0\n"
    eth = "eth0 00000000 0100A8C0 0003 0 0 100 00000000 0 0 0\n"
    table.write_text(head + local + wlan + eth)
    assert default_route(table) == "eth0"
    table.write_text(head + local)
    assert default_route(table) is None
    assert default_route(tmp_path / "none") is None


def test_this_machine_has_a_loopback() -> None:
    assert LOOPBACK in interfaces()


def test_several_networks_want_a_choice_where_several_nodes_meet() -> None:
    alone, together = (list(network(NAMES, "eth0", {}, spread=s)) for s in (False, True))
    assert [check.advice for check in alone] == [None]
    assert "NCCL_SOCKET_IFNAME=eth0 GLOO_SOCKET_IFNAME=eth0" in str(together[0].advice)
    assert not together[0].fault
    # With one network there is nothing to choose, with both variables set it is chosen.
    assert [c.advice for c in network(["lo", "eth0"], "eth0", {}, spread=True)] == [None]
    told = {"NCCL_SOCKET_IFNAME": "eth", "GLOO_SOCKET_IFNAME": "eth1"}
    said = list(network(NAMES, "eth0", told, spread=True))
    assert [c.advice for c in said] == [None, None, None]
    assert said[1].found == "eth: eth0, eth1"
    half = list(network(NAMES, "eth0", {"NCCL_SOCKET_IFNAME": "eth0"}, spread=True))
    assert "export GLOO_SOCKET_IFNAME=eth0 on" in str(half[0].advice)


@pytest.mark.parametrize("variable", ["NCCL_SOCKET_IFNAME", "GLOO_SOCKET_IFNAME"])
def test_a_name_of_no_interface_is_a_fault(variable: str) -> None:
    last = list(network(NAMES, "eth0", {variable: "wlan0"}, spread=False))[-1]
    assert (last.name, last.fault) == (variable, True)
    assert "wlan0" in last.found
    assert "eth0" in str(last.advice)


def test_the_loopback_reaches_no_other_node() -> None:
    value = {"GLOO_SOCKET_IFNAME": "lo"}
    assert list(network(NAMES, "eth0", value, spread=False))[-1].advice is None
    assert "other nodes" in str(list(network(NAMES, "eth0", value, spread=True))[-1].advice)


def test_the_doctor_refuses_a_name_of_no_interface(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "distrib.doctor", "--out", str(tmp_path)],
        env={**os.environ, "NCCL_SOCKET_IFNAME": "nosuch0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert "nosuch0" in done.stdout


@given(st.integers(0, 400 * GIB), st.integers(2 * GIB, 1500 * GIB))
def test_shared_memory_is_too_small_where_ray_would_leave_it(free: int, available: int) -> None:
    """Ray's own rule is the reference: it uses the disk where its store exceeds /dev/shm."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utils, "get_shared_memory_bytes", lambda: free)
        store = utils.resolve_object_store_memory(available)
    check = shared_memory(free, available)
    assert (check.advice is not None) == (free < store)
    assert not check.fault


EVERYWHERE = [
    *("python", "ray", "memory", "shared memory", "network"),
    *("disk for runs", "disk for Ray", "ports"),
]


def test_every_check_says_something(tmp_path: Path) -> None:
    found = list(checks(tmp_path, cluster=True))
    assert {*EVERYWHERE} <= {c.name for c in found}
    assert all(check.found for check in found)
    assert all(check.advice for check in found if check.fault)


def test_the_interface_that_leads_to_the_head() -> None:
    """On the head itself as well, whose own address is reached over the loopback."""
    assert interface_towards("127.0.0.1") == LOOPBACK
    assert interface_towards("no.such.host.invalid") is None
    own = {
        address.address: name
        for name, addresses in psutil.net_if_addrs().items()
        for address in addresses
        if address.family == socket.AF_INET
    }
    for address, name in own.items():
        assert interface_towards(address) == name


def test_the_user_chooses_before_us() -> None:
    for own in ({}, {"GLOO_SOCKET_IFNAME": "ib0"}, {"NCCL_SOCKET_IFNAME": "^docker"}):
        environment = dict(own)
        choose_interface("127.0.0.1", environment)
        assert environment == {"GLOO_SOCKET_IFNAME": "lo", "NCCL_SOCKET_IFNAME": "=lo", **own}
    environment = {}
    choose_interface("no.such.host.invalid", environment)
    assert environment == {}
