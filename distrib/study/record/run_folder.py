"""The run folder: its names, its lock, its size."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from distrib.errors import InputError
from distrib.study.record.ledger_lines import hint
from distrib.trial_files import TRIALS, trial_folder


class RunFolder:
    """The paths of one study's folder (see DESIGN: the run folder)."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    @property
    def study_yaml(self) -> Path:
        return self.path / "study.yaml"

    @property
    def ledger(self) -> Path:
        return self.path / "ledger.journal"

    @property
    def tensorboard(self) -> Path:
        return self.path / "tensorboard"

    @property
    def best(self) -> Path:
        return self.path / "best"

    def trial(self, number: int) -> Path:
        """The folder of one trial."""
        return trial_folder(self.path, number)

    def trials(self) -> list[Path]:
        """The folders of all trials, by number."""
        found = (self.path / TRIALS).glob("[0-9]*")
        return sorted(found, key=lambda path: int(path.name))

    def check_links(self) -> None:
        """Raise for a link in the folder: what a study writes there would go elsewhere.

        Raises:
            InputError: naming it and where it leads.
        """
        for name, folders, files in os.walk(self.path):
            for entry in sorted((*folders, *files)):
                path = Path(name, entry)
                if path.is_symlink():
                    raise InputError(
                        "a link stands in the study's folder",
                        file=path,
                        found=f"a link to {path.readlink()}",
                        expected="files and folders of the study's own, since it writes there",
                        hint="move what it leads to into its place, or link the whole folder "
                        f"{self.path.name} instead",
                    )

    def size(self) -> int:
        """Bytes that the disk holds for it: whole blocks, of folders too, as `du` counts them."""
        stats = [self.path.lstat(), *(entry.lstat() for entry in self.path.rglob("*"))]
        return sum(getattr(stat, "st_blocks", -(-stat.st_size // 512)) * 512 for stat in stats)

    @contextmanager
    def locked(self, *, quiet: bool = False) -> Iterator[None]:
        """Hold the study: one driver at a time.

        Args:
            quiet: hold it without a name, only to see whether somebody does.

        Raises:
            InputError: another driver holds it; its process id is told. Or the lock is a link,
                into which that id would be written.
        """
        lock = self.path / ".lock"
        if lock.is_symlink():
            self.check_links()
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        try:
            if not _flock(descriptor, tries=1 if quiet else 5):
                holder = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
                raise InputError(
                    "another driver runs this study",
                    file=self.path,
                    found=f"process {holder}",
                    hint=f"follow it with: python -m distrib.watch {shlex.quote(str(self.path))}",
                )
            if not quiet:
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            yield
        finally:
            os.close(descriptor)


def _flock(descriptor: int, tries: int) -> bool:
    """Take the lock; a reader may hold it for a moment, hence several tries."""
    for attempt in range(tries):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            time.sleep(0.1 * (attempt < tries - 1))
    return False


def create_run_folder(out: Path, name: str | None, space: str) -> RunFolder:
    """Make a new study's folder: `out/<name>`, or `out/<space>-<next free number>`, atomically.

    Raises:
        InputError: the name is taken or cannot be a folder's name, or the disk refuses it.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        if name is not None:
            path = out / check_name(name)
            try:
                path.mkdir()
            except FileExistsError:
                raise _taken(path) from None
            return RunFolder(path)
        number = next_number(out, space)
        while True:
            try:
                (out / f"{space}-{number}").mkdir()
                return RunFolder(out / f"{space}-{number}")
            except FileExistsError:
                number += 1
    except OSError as error:
        raise _unwritable(out, error.strerror) from None


def check_free(out: Path, name: str | None) -> None:
    """Refuse before anything starts what `create_run_folder` would refuse.

    Raises:
        InputError: the name is taken or cannot be a folder's name, or `out` is no folder.
    """
    if name is not None and (out / check_name(name)).exists():
        raise _taken(out / name)
    there = next(path for path in (out, *out.absolute().parents) if path.exists())
    if not there.is_dir():
        raise InputError("not a folder", where="--out", found=there)
    if not os.access(there, os.W_OK | os.X_OK):
        read_only = os.statvfs(there).f_flag & os.ST_RDONLY
        raise _unwritable(out, os.strerror(errno.EROFS if read_only else errno.EACCES))


def _unwritable(out: Path, why: str | None) -> InputError:
    return InputError(
        "no study can be written here",
        file=out,
        found=why,
        hint="choose another place with --out",
    )


def _taken(path: Path) -> InputError:
    return InputError(
        "this study exists already",
        file=path,
        hint=f"continue it with --resume {shlex.quote(str(path))}, or name another",
    )


def next_number(out: Path, space: str) -> int:
    """One more than the highest number among `out/<space>-<number>`."""
    taken = [p.name.removeprefix(f"{space}-") for p in out.glob(f"{space}-*")]
    return max((int(n) for n in taken if n.isdigit()), default=-1) + 1


def check_name(name: str) -> str:
    """A name that is one folder's, on every file system.

    Raises:
        InputError: it is not.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name):
        raise InputError(
            "not a study's name",
            where="--name",
            found=name,
            expected="letters, digits, '.', '_' and '-', at most 100",
        )
    return name


def open_run_folder(path: str | Path, *, ledger: bool = True) -> RunFolder:
    """The folder of a study that exists.

    Args:
        ledger: whether it must have one.

    Raises:
        InputError: there is none, or a link or a folder where its files should be.
    """
    folder = RunFolder(Path(path))
    if not folder.path.exists():
        raise InputError(
            "there is no such study",
            file=path,
            hint="a study that was just begun has its folder once its data are loaded",
        )
    if folder.study_yaml.is_symlink() or folder.ledger.is_symlink():
        folder.check_links()
    if folder.ledger.is_dir():
        raise InputError(
            "a folder stands in the place of the ledger",
            file=folder.ledger,
            expected="a file",
            hint=f"move that folder away; then {hint(Path(path) / folder.ledger.name)}",
        )
    if not folder.study_yaml.is_file():
        raise InputError(
            "not a study's folder",
            file=path,
            expected="a folder with study.yaml and ledger.journal",
        )
    if ledger and not folder.ledger.is_file():
        raise InputError(
            "this study has lost its ledger",
            file=path,
            expected=f"{folder.ledger.name} in it",
            hint=hint(Path(path) / folder.ledger.name),
        )
    return folder
