"""The sockets on which Ray's processes of this machine listen, and to whom they are open."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from distrib.cluster.check import Check

NAMES = ("raylet", "gcs_server", "ray::")


@dataclass(frozen=True)
class Listener:
    """A socket that waits for connections.

    Attributes:
        process: its name. address: to which it is bound, as a number.
    """

    process: str
    pid: int
    address: str
    port: int

    @property
    def open(self) -> bool:
        """Whether other machines reach it, as far as this machine decides that."""
        address = ipaddress.ip_address(self.address)
        mapped = getattr(address, "ipv4_mapped", None)  # ::ffff:127.0.0.1
        return not (mapped or address).is_loopback


def listeners() -> Iterator[Listener]:
    """Those of Ray's processes that this user may look at."""
    import psutil

    for process in psutil.process_iter(["name", "cmdline"]):
        words = (process.info["name"] or "", *(process.info["cmdline"] or ())[:1])
        name = next((n for n in NAMES if any(n in word for word in words)), None)
        if name is None:
            continue
        with suppress(psutil.Error):
            for one in process.net_connections("inet"):
                if one.status == psutil.CONN_LISTEN:
                    yield Listener(name, process.pid, one.laddr.ip, one.laddr.port)


def check_listeners(found: Iterable[Listener]) -> Check:
    """What of Ray listens here, and what asks strangers for a token."""
    found = sorted(found, key=lambda one: (not one.open, one.process, one.port))
    if not found:
        return Check("Ray's ports", "none: no Ray runs here")
    shown = [f"{one.port} ({one.process.rstrip(':')} {one.pid}, "
             f"{'all interfaces' if one.open else 'this machine'})" for one in found]  # fmt: skip
    advice = None
    if any(one.open for one in found):
        advice = "open to other machines: is it a cluster, with a token? see docs/ports.md"
    return Check("Ray's ports", ", ".join(shown), advice)
