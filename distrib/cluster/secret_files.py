"""Files that their owner alone may read: a cluster's token, with which anybody runs code there."""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path

from distrib.errors import InputError


def others_may_read(path: Path) -> bool:
    """Whether the mode of a file lets anybody beside its owner read or change it.

    The folders above it are not asked: they may change, and copies lie elsewhere.
    """
    return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)


def private(path: Path) -> str:
    """The command that mends that."""
    return f"chmod 600 {shlex.quote(str(path))}"


def require_private_token() -> None:
    """Raise where Ray would take the token of the cluster to join from a file that others may read.

    A file that Ray has made itself is one, wherever the umask does not keep others out.

    Raises:
        InputError: naming the file.
    """
    path = token_file()
    if path is not None and others_may_read(path):
        raise InputError(
            "others may read this cluster's token, with which they can run code there",
            file=path,
            found=f"mode {stat.S_IMODE(path.stat().st_mode):04o}",
            expected="mode 0600",
            hint=private(path),
        )


def token_file() -> Path | None:
    """The file from which Ray takes a cluster's token, in the order in which it looks.

    None where it asks for none, has one in the environment, or finds no file.
    """
    if os.environ.get("RAY_AUTH_MODE", "").lower() != "token" or os.environ.get("RAY_AUTH_TOKEN"):
        return None
    named = os.environ.get("RAY_AUTH_TOKEN_PATH")
    path = Path(named) if named else Path.home() / ".ray" / "auth_token"
    return path if path.is_file() else None
