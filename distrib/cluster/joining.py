"""Asking for a cluster at an address without the raw lines that Ray writes where none answers."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from distrib.errors import InputError

PATIENCE = 10.0
"""Seconds in which the head of a cluster must take a connection; Ray itself tries for minutes."""

_REFUSALS = ("Unauthenticated", "InvalidAuthToken", "Token authentication is enabled")
_MOST = 2**20  # characters of what Ray writes

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


def no_answer(address: str, error: BaseException, written: str = "") -> InputError:
    """What to say where a cluster does not answer, or refuses.

    Args:
        written: what Ray wrote meanwhile, which alone tells a refusal.
    """
    if any(word in f"{error} {written}" for word in _REFUSALS):
        return InputError(
            "this Ray cluster wants its token",
            where="--address",
            found=f"{address}, which refuses who has none or another one",
            expected="the cluster's token in ~/.ray/auth_token, or in the file that "
            "RAY_AUTH_TOKEN_PATH names",
            hint="with it there, set RAY_AUTH_MODE=token",
        )
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
def silence(wanted: bool = True) -> Iterator[Callable[[], str]]:
    """Nothing reaches standard error meanwhile: Ray's C++ writes there without any logger.

    Yields:
        what gives the text that was written instead.
    """
    if not wanted:
        yield str
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as instead:

        def written() -> str:
            return os.pread(instead.fileno(), _MOST, 0).decode(errors="replace")

        os.dup2(instead.fileno(), 2)
        try:
            yield written
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
