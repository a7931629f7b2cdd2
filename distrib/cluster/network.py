"""The network interfaces of this machine, and which of them workers on several nodes would use.

NCCL and gloo each take an interface of their own choice unless they are told; with a bridge of
Docker's or a second network they may choose one through which the other nodes cannot be reached,
and wait. The syntax of NCCL_SOCKET_IFNAME is that of NVIDIA's guide to NCCL's environment
variables, that of GLOO_SOCKET_IFNAME PyTorch's.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from pathlib import Path

from distrib.cluster.check import Check

LOOPBACK = "lo"
UP = 1  # among the flags of an interface


def interfaces(state: Path = Path("/sys/class/net")) -> list[str]:
    """The interfaces of this machine that are switched on, the loopback among them."""
    names = [name for _, name in socket.if_nameindex()]
    return [name for name in names if int((state / name / "flags").read_text(), 16) & UP]


def default_route(table: Path = Path("/proc/net/route")) -> str | None:
    """The interface that leads to everywhere else; of several the kernel's first choice."""
    if not table.is_file():
        return None
    rows = [line.split() for line in table.read_text().splitlines()[1:]]
    routes = [(int(row[6]), row[0]) for row in rows if row[1] == "00000000"]
    return min(routes)[1] if routes else None


def interface_towards(host: str) -> str | None:
    """The interface whose address this machine has for `host`; None where there is no way there.

    A machine's own address is that of an interface too, though it is reached over the loopback.
    """
    import psutil

    try:
        kind, *_, place = socket.getaddrinfo(host, 9, type=socket.SOCK_DGRAM)[0]
        with socket.socket(kind, socket.SOCK_DGRAM) as probe:
            probe.connect(place)  # sends nothing
            own = probe.getsockname()[0].partition("%")[0]
    except OSError:
        return None
    for name, addresses in psutil.net_if_addrs().items():
        if any(address.address.partition("%")[0] == own for address in addresses):
            return name
    return None


def choose_interface(host: str, environment: MutableMapping[str, str]) -> None:
    """Have gloo and NCCL use the interface that leads to `host`, where the user has chosen none.

    gloo's own choice is the address that the machine's name has, on Debian 127.0.1.1: workers on
    other machines would wait for each other at their own loopbacks.
    """
    name = interface_towards(host)
    if name is not None:
        environment.setdefault("GLOO_SOCKET_IFNAME", name)
        environment.setdefault("NCCL_SOCKET_IFNAME", f"={name}")


def chosen_by_nccl(value: str, names: Sequence[str]) -> list[str]:
    """What NCCL_SOCKET_IFNAME leaves of the interfaces.

    Args:
        value: prefixes, separated by commas; after "=" whole names; after "^" those to be left out.
    """
    without = value.startswith("^")
    value = value.removeprefix("^")
    whole = value.startswith("=")
    words = tuple(word for word in value.removeprefix("=").split(",") if word)
    named = [name for name in names if (name in words if whole else name.startswith(words))]
    return [name for name in names if name not in (*named, LOOPBACK)] if without else named


def chosen_by_gloo(value: str, names: Sequence[str]) -> list[str]:
    """The interfaces of GLOO_SOCKET_IFNAME, whole names separated by commas; none if one is not."""
    words = [word for word in value.split(",") if word]
    return words if all(word in names for word in words) else []


VARIABLES: dict[str, Callable[[str, Sequence[str]], list[str]]] = {
    "NCCL_SOCKET_IFNAME": chosen_by_nccl,
    "GLOO_SOCKET_IFNAME": chosen_by_gloo,
}


def network(
    names: Sequence[str], route: str | None, environment: Mapping[str, str], *, spread: bool
) -> Iterator[Check]:
    """Through which interfaces workers would reach each other.

    Args:
        names: of the interfaces. route: the one that leads elsewhere.
        spread: whether studies will use several nodes or GPUs.
    """
    others = [name for name in names if name != LOOPBACK]
    unset = [variable for variable in VARIABLES if not environment.get(variable)]
    advice = None
    if spread and unset and len(others) > 1:
        say = " ".join(f"{variable}={route or 'NAME'}" for variable in unset)
        advice = f"workers on several nodes may choose one that leads nowhere: export {say} on "
        advice += "every node before ray start (or name a faster network that all of them are in)"
    found = ", ".join(others) or "none but the loopback"
    yield Check("network", f"{found}; to elsewhere: {route or 'no route'}", advice)
    for variable in (v for v in VARIABLES if v not in unset):
        value = environment[variable]
        chosen = VARIABLES[variable](value, names)
        if not chosen:
            advice = f"name one of: {', '.join(names)}"
            yield Check(variable, f"{value}: missing here", advice, fault=True)
        elif spread and chosen == [LOOPBACK]:
            yield Check(variable, value, "other nodes cannot be reached through it")
        else:
            yield Check(variable, f"{value}: {', '.join(chosen)}")
