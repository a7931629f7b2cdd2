"""Where a study lies: under a folder or at a URL, by name, by number, or the last one."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from distrib.errors import InputError
from distrib.study.driver.place import Place
from distrib.study.record.remote_store import RemoteStore, is_url, next_study
from distrib.study.record.run_folder import RunFolder, open_run_folder

RUNS = "runs"  # where studies are kept unless somebody says otherwise


def new_place(
    out: str | None, name: str | None, space: str, warm: Path | None = None
) -> tuple[Place, RemoteStore | None]:
    """Where a new study goes; with a URL, a folder here and the store that carries it there.

    Args:
        out: a folder or URL that keeps studies. name: the study's; else `<space>-<number>`.
        warm: the folder of a study whose best configurations it begins with.

    Raises:
        InputError: the name is taken there, or the URL cannot be read.
    """
    if not out or not is_url(out):
        return Place(Path(out or RUNS), name, warm), None
    url = next_study(out, name, space)
    staging, name = _staging(), url.rpartition("/")[2]
    return Place(staging, name, warm), RemoteStore(url, RunFolder(staging / name))


def fetched(url: str, *, hold: bool = True) -> RemoteStore:
    """A study at a URL, copied to this machine.

    Args:
        hold: whether it is held against other drivers; the store's lock is then to be released.

    Raises:
        InputError: there is none, or another driver holds it.
    """
    store = store_at(url)
    store.pull(hold=hold)
    return store


def store_at(url: str) -> RemoteStore:
    """A study at a URL, of which nothing is copied to this machine yet."""
    url = url.rstrip("/")
    return RemoteStore(url, RunFolder(_staging() / url.rpartition("/")[2]))


def find_study(name: str | Path, out: Path) -> RunFolder:
    """A study by its folder, by its name under `out`, or the `last` one under `out`.

    Raises:
        InputError: there is none.
    """
    name = str(name)
    if name == "last":
        studies = sorted(out.glob("*/study.yaml"), key=lambda p: p.stat().st_mtime)
        if not studies:
            raise InputError("no study to go on with", file=out)
        return open_run_folder(studies[-1].parent)
    inside = out / name
    known = "/" not in name and not Path(name).exists() and inside.exists()
    return open_run_folder(inside if known else name)


def gone_at_exit(store: RemoteStore) -> None:
    """Remove this machine's copy of a study at a URL when the process ends."""
    atexit.register(shutil.rmtree, store.folder.path.parent, ignore_errors=True)


def _staging() -> Path:
    """A folder for a study that lives at a URL; it goes where no study came to be."""
    folder = Path(tempfile.mkdtemp(prefix="distrib-study-"))

    def leave() -> None:
        with suppress(OSError):  # not empty, or gone
            folder.rmdir()

    atexit.register(leave)
    return folder
