"""Asking for a cluster at an address without the raw lines that Ray writes where none answers."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from distrib.errors import InputError

PATIENCE = 10.0
"""Seconds in which the head of a cluster must take a connection; Ray itself tries for minutes."""

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def require_answer(address: str) -> None:
    """Raise where nobody listens at an address with a port; words such as "auto" are Ray's affair.

    Raises:
        InputError: nobody does, or its host is unknown.
    """
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not host or not port.isdecimal():
        return
    host = host.strip("[]")
    if host in _LOOPBACK:  # Ray asks at the address that other nodes would use
        import ray.util

        host = ray.util.get_node_ip_address()
    try:
        socket.create_connection((host, int(port)), timeout=PATIENCE).close()
    except (OSError, OverflowError) as error:
        raise no_answer(address, error) from None


def no_answer(address: str, error: BaseException) -> InputError:
    """What to say where no cluster answers."""
    reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
    return InputError(
        "no Ray cluster answers",
        where="--address",
        found=address,
        expected=f"a cluster that runs ({reason})",
        hint="start one with: ray up cluster.yaml; one that asks for its token is joined with "
        "RAY_AUTH_MODE=token",
    )


@contextmanager
def silence(wanted: bool = True) -> Iterator[None]:
    """Nothing reaches standard error meanwhile: Ray's C++ writes there without any logger."""
    if not wanted:
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
