"""A folder for what Ray writes while a driver lives: its logs, sockets and Tune's own files."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from distrib.errors import InputError

ABANDONED = 120.0  # seconds after which the folder of a dead driver is surely not in use any more

LOCK = "lock"  # of a folder: its driver holds it
_held: list[int] = []  # the locks of this process


def scratch_folder() -> Path:
    """A new folder of this process's own; those that killed drivers left behind are removed.

    Raises:
        InputError: none can be made.
    """
    # A path of Ray's sockets has room for about 40 characters before the session's name.
    base = Path(tempfile.gettempdir())
    if len(str(base)) > 20:
        base = Path("/tmp")
    home = base / f"distrib-ray-{os.getuid()}"
    try:
        return _new(home)
    except OSError as error:
        raise InputError(
            "Ray cannot keep its files here",
            file=home,
            found=error.strerror,
            expected="a folder of your own that can be written to",
            hint="remove what is there, or name another place of at most 20 characters as TMPDIR",
        ) from None


def _new(home: Path) -> Path:
    home.mkdir(mode=0o700, exist_ok=True)
    _check_own(home)
    for other in home.iterdir():
        if _abandoned(other):
            shutil.rmtree(other, ignore_errors=True)
    folder = home / str(os.getpid())
    count = 0
    while True:
        try:
            folder.mkdir()
            break
        except FileExistsError:
            count += 1
            folder = home / f"{os.getpid()}-{count}"
    # Held for as long as this process lives, and by none that it starts.
    _held.append(os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600))
    fcntl.flock(_held[-1], fcntl.LOCK_EX)
    return folder


def _check_own(home: Path) -> None:
    """Whoever can write here could put sockets and code into Ray's way."""
    status = home.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise OSError(errno.EPERM, "it belongs to another user, or is a link")
    if status.st_mode & 0o077:
        home.chmod(0o700)


def _abandoned(folder: Path) -> bool:
    """Whether the driver of a folder is gone, and for long: nobody holds its lock.

    Its process is not looked for: another container that shares the place does not see it, nor has
    every system a /proc. Only of a folder without a lock, an earlier version's, that has to do.
    """
    pid = folder.name.partition("-")[0]
    with suppress(OSError):
        if not pid.isdigit() or time.time() - folder.stat().st_mtime <= ABANDONED:
            return False
        if not (folder / LOCK).exists():
            return not Path(f"/proc/{pid}").exists()
        descriptor = os.open(folder / LOCK, os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        finally:
            os.close(descriptor)
    return False
