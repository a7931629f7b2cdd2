"""Files of a study at a URL, between the driver's machine and those on which its trials run.

The driver keeps such a study in a folder of its machine and carries it to the store from there.
Workers on other machines have a folder of the same path for as long as they need it: what the
driver's has is brought before a training, and what the training writes is taken there before it is
told of. So no other machine needs leave to use the store, nor a disk that all share.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from distrib.files import atomic_write
from distrib.study.record.checkpoint import Checkpoints
from distrib.trainables.base import State

GROWING = ".log"  # a file of this ending is only added to, so that its end alone has to travel


class Piece(NamedTuple):
    """A file's content from a byte on; from the first it replaces what was there."""

    name: str
    begin: int
    content: bytes


class Porter:
    """The files below the study's folder; an actor of Ray on the driver's machine."""

    def read(self, folder: str) -> dict[str, bytes]:
        """The content of all files in a folder and below, by their names from there."""
        return {name: (Path(folder) / name).read_bytes() for name in _files(Path(folder))}

    def write(
        self, folder: str, pieces: Sequence[Piece], gone: Sequence[str]
    ) -> tuple[int, str] | None:
        """Write files, then remove those that are gone; what the disk refuses, else None."""
        try:
            for piece in pieces:
                path = Path(folder) / piece.name
                path.parent.mkdir(parents=True, exist_ok=True)
                if not piece.begin:
                    atomic_write(path, piece.content)
                    continue
                with suppress(FileNotFoundError), path.open("r+b") as file:  # gone: of no use
                    file.seek(piece.begin)
                    file.write(piece.content)
            for name in gone:
                (Path(folder) / name).unlink(missing_ok=True)
        except OSError as error:
            return error.errno or 0, str(error)
        return None


@dataclass(frozen=True)
class Carrier:
    """The way to a study's files.

    Attributes:
        porter: the actor. node: that of the driver. root: the folder around the study's.
    """

    porter: Any
    node: str
    root: str


def carrier_of(root: Path) -> Carrier:
    """A carrier for studies in a folder of this machine; it takes no share of the cluster."""
    import ray

    here = ray.get_runtime_context().get_node_id()
    porter = (
        ray.remote(Porter)
        .options(
            num_cpus=0,
            max_restarts=-1,
            max_task_retries=-1,
            label_selector={"ray.io/node-id": here},
        )
        .remote()
    )
    return Carrier(porter, here, str(root))


@contextmanager
def carried(
    carrier: Carrier | None, folder: Path, only: str | None = None
) -> Iterator[Callable[[], None]]:
    """A folder as it is on the driver's machine; in the end what has changed is taken there.

    Args:
        carrier: None where all machines see the same folder.
        only: the one file that is taken, as of a worker that stands beside the one which writes.

    Yields:
        what takes the changes so far.

    Raises:
        OSError: the driver's disk takes no more.
    """
    if carrier is None or _node() == carrier.node:
        yield lambda: None
        return
    luggage = _Luggage(carrier, folder, only)
    luggage.bring()
    try:
        yield luggage.take
        luggage.take()
    except BaseException:
        with suppress(Exception):  # the console, whose last lines say why
            luggage.take()
        raise
    finally:
        luggage.leave()


@dataclass
class _Luggage:
    """A folder of this machine, held against the driver's.

    Attributes:
        known: size and time of change of each file as both have it.
    """

    carrier: Carrier
    folder: Path
    only: str | None = None
    known: dict[str, tuple[int, int]] = field(default_factory=dict)

    def bring(self) -> None:
        import ray

        # Others on this machine have no business there.
        Path(self.carrier.root).mkdir(mode=0o700, exist_ok=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        content: Mapping[str, bytes] = ray.get(self.carrier.porter.read.remote(str(self.folder)))
        for name, file in content.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(path, file)
        self.known = _files(self.folder)

    def take(self) -> None:
        import ray

        there = _files(self.folder)
        if self.only is not None:
            there = {name: look for name, look in there.items() if name == self.only}
        pieces = []
        for name, (size, time) in there.items():
            before = self.known.get(name)
            if before == (size, time):
                continue
            grows = name.endswith(GROWING) and before is not None and before[0] <= size
            begin = before[0] if grows and before is not None else 0
            with suppress(FileNotFoundError), (self.folder / name).open("rb") as file:
                file.seek(begin)
                pieces.append(Piece(name, begin, file.read(size - begin)))
        gone = [] if self.only is not None else [name for name in self.known if name not in there]
        if pieces or gone:
            refused = ray.get(self.carrier.porter.write.remote(str(self.folder), pieces, gone))
            if refused is not None:
                raise OSError(*refused)
        self.known = there

    def leave(self) -> None:
        """Nothing stays on this machine, but what other processes still need."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for folder in (self.folder.parent, *self.folder.parent.parents):
            if len(folder.parts) < len(Path(self.carrier.root).parts):
                return
            with suppress(OSError):
                folder.rmdir()


class CarriedCheckpoints(Checkpoints):
    """States that are taken to the driver's machine as they are written."""

    def __init__(self, folder: Path, take: Callable[[], None]) -> None:
        super().__init__(folder)
        self._take = take

    def save(self, state: State) -> None:
        super().save(state)
        self._take()


def _node() -> str:
    import ray

    return str(ray.get_runtime_context().get_node_id())


def _files(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of change of the files below a folder; not of those that are being written."""
    found = {}
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place) / name
            if not name.startswith("."):
                with suppress(FileNotFoundError):
                    stat = path.stat()
                    found[str(path.relative_to(folder))] = (stat.st_size, stat.st_mtime_ns)
    return found
