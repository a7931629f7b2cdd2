"""A study at a URL: its folder is kept on this machine and copied to an object store as it grows.

Object stores cannot append, so the ledger goes there as numbered segments that are never changed:
`ledger/00000012-<bytes before it>`. A trial's files go before the segment that ends the trial, and
a checkpoint's manifest after the states it names, so whatever the store says is there, is there.
"""

from __future__ import annotations

import atexit
import json
import shlex
import shutil
import tempfile
import time
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

from distrib.errors import InputError
from distrib.records import StudyRecord, TrialRecord
from distrib.study.record.object_store import check_store, filesystem_of, refusal
from distrib.study.record.remote_lock import NOTE, RemoteLock
from distrib.study.record.run_folder import RunFolder, check_name

CHECKPOINTS_EVERY = 10.0  # seconds between two looks at the checkpoints of running trials
MANIFEST = "manifest.json"


def is_url(place: str) -> bool:
    """Whether a place is a URL rather than a path."""
    return "://" in place


def next_study(out: str, name: str | None, space: str) -> str:
    """The URL of a new study under `out`.

    Raises:
        InputError: the name is taken, or the store cannot be reached.
    """
    filesystem, root = filesystem_of(out)
    try:
        taken = {p.rstrip("/").rpartition("/")[2] for p in filesystem.ls(root, detail=False)}
    except FileNotFoundError:
        taken = set()
    except Exception as error:  # every store has errors of its own
        raise refusal(out, error) from None
    check_store(out)
    if name is None:
        numbers = [t[len(space) + 1 :] for t in taken if t.startswith(f"{space}-")]
        name = f"{space}-{max((int(n) for n in numbers if n.isdigit()), default=-1) + 1}"
    elif check_name(name) in taken and not _is_only_begun(filesystem, f"{root}/{name}"):
        raise InputError(
            "this study exists already",
            where="--name",
            found=name,
            hint=f"continue it with --resume {shlex.quote(out.rstrip('/') + '/' + name)}",
        )
    return f"{out.rstrip('/')}/{name}"


def _is_only_begun(filesystem: Any, root: str) -> bool:
    """Whether nothing lies there but the note of a driver that came no further."""
    return {path.rpartition("/")[2] for path in filesystem.find(root)} <= {NOTE}


def fetch(url: str) -> Path:
    """A copy on this machine of a folder at a URL, such as a study's `best/`.

    Raises:
        InputError: there is nothing at the URL.
    """
    filesystem, root = filesystem_of(url)
    files = filesystem.find(root)
    if not files:
        raise InputError("there is nothing here", file=url)
    target = Path(tempfile.mkdtemp(prefix="distrib-fetched-"))
    atexit.register(shutil.rmtree, target, ignore_errors=True)
    for source in files:
        path = target / source[len(root) :].lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(filesystem.cat_file(source))
    return target


class RemoteStore:
    """Carries one study's folder to a URL; a `Tracker`, called once the ledger has its lines."""

    def __init__(self, url: str, folder: RunFolder) -> None:
        self.url = url
        self.folder = folder
        self._fs, self._root = filesystem_of(url)
        self.lock = RemoteLock(self._fs, self._root, url)
        self._sent: dict[str, tuple[int, int]] = {}
        self._segment = 0
        self._ledger_bytes = 0
        self._looked = 0.0

    def study_started(self, study: StudyRecord) -> None:
        self.lock.acquire()
        self._put(self.folder.study_yaml)
        self._put_ledger()

    def trial_started(self, trial: TrialRecord) -> None:
        """Its first line goes with the next segment."""

    def trial_progressed(self, trial: TrialRecord, rows: list[dict[str, float]]) -> None:
        if time.monotonic() - self._looked >= CHECKPOINTS_EVERY:
            self._looked = time.monotonic()
            for path in self.folder.trials():
                self._put_trial(path)
            self._put_ledger()
            self._remove_states()

    def trial_paused(self, trial: TrialRecord) -> None:
        self._put_trial(self.folder.trial(trial.number))  # before the ledger's next segment

    def trial_ended(self, trial: TrialRecord) -> None:
        self._put_trial(self.folder.trial(trial.number))
        self._put_ledger()
        self._remove_states()

    def tick(self) -> None:
        """Nothing is drawn."""

    def study_ended(self, study: StudyRecord, interrupted: bool) -> None:
        self.put_growing()

    def put_growing(self) -> None:
        """The ledger, and what trials have written."""
        for path in self.folder.trials():
            self._put_trial(path)
        self._put_ledger()
        self._remove_states()

    def put_rest(self) -> None:
        """Everything else that lies in the folder now: `best/`, tables, pictures, TensorBoard."""
        hidden = [p for p in self.folder.path.rglob("*") if p.is_file()]
        for path in hidden:
            parts = path.relative_to(self.folder.path).parts
            if path != self.folder.ledger and not any(part.startswith(".") for part in parts):
                self._put(path)

    def put_away(self) -> None:
        """Remove this machine's copy, and let go of the study: it is at the URL."""
        self.lock.release()
        shutil.rmtree(self.folder.path.parent, ignore_errors=True)

    def _put_trial(self, trial: Path) -> None:
        for path in sorted(trial.glob("*")):
            if path.is_file() and not path.name.startswith("."):
                self._put(path)
        states = sorted((trial / "checkpoint").glob("state-*.safetensors"))
        new = [path for path in states if self._put(path)]
        if new:
            named = {}
            for path in states:
                with suppress(FileNotFoundError):  # one that gave way to a newer one
                    named[path.name] = zlib.crc32(path.read_bytes())
            self._write(f"{self._key(trial)}/checkpoint/{MANIFEST}", json.dumps(named).encode())

    def _remove_states(self) -> None:
        """Remove the states that gave way to newer ones (once these are there) or better trials."""
        states = [key for key in self._sent if "/checkpoint/" in key]
        gone = [key for key in states if not (self.folder.path / key).exists()]
        for trial in {(self.folder.path / key).parents[1] for key in gone}:
            self._put_trial(trial)
        for key in gone:
            with suppress(Exception):  # one may have leave to write and none to remove
                self._fs.rm_file(f"{self._root}/{key}")
            del self._sent[key]

    def _put_ledger(self) -> None:
        """The bytes that the ledger has gained, as the next segment."""
        content = self.folder.ledger.read_bytes()[self._ledger_bytes :]
        if content:
            name = f"ledger/{self._segment:08d}-{self._ledger_bytes:012d}"
            self._write(name, content)
            self._segment += 1
            self._ledger_bytes += len(content)

    def _put(self, path: Path) -> bool:
        """Send a file unless it went there as it is; whether it was sent."""
        try:
            stat = path.stat()
            key, look = self._key(path), (stat.st_size, stat.st_mtime_ns)
            if self._sent.get(key) == look:
                return False
            self._write(key, path.read_bytes())
        except FileNotFoundError:  # a checkpoint that gave way to a newer one
            return False
        self._sent[key] = look
        return True

    def _write(self, key: str, content: bytes) -> None:
        self.lock.check()
        target = f"{self._root}/{key}"
        self._fs.makedirs(target.rpartition("/")[0], exist_ok=True)
        self._fs.pipe_file(target, content)

    def _key(self, path: Path) -> str:
        return path.relative_to(self.folder.path).as_posix()

    def pull(self, *, hold: bool = True) -> None:
        """Make the folder anew from the store: to resume a study that another machine began.

        Args:
            hold: whether it is held against other drivers; False only to look at it.

        Raises:
            InputError: there is no study at the URL, or another driver holds it.
        """
        if not self._fs.exists(f"{self._root}/study.yaml"):
            raise InputError("there is no study here", where="--resume", found=self.url)
        if hold:
            self.lock.acquire()
        shutil.rmtree(self.folder.path, ignore_errors=True)
        segments: list[tuple[str, bytes]] = []
        manifests: dict[Path, dict[str, int]] = {}
        for source in self._fs.find(self._root):
            key = source[len(self._root) :].lstrip("/")
            if key == NOTE:
                continue
            content = self._fs.cat_file(source)
            if key.startswith("ledger/"):
                segments.append((key, content))
                continue
            path = self.folder.path / key
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.name == MANIFEST:
                manifests[path.parent] = json.loads(content)
                continue
            path.write_bytes(content)
            self._sent[key] = (len(content), path.stat().st_mtime_ns)
        _check_states(self.folder, manifests)
        self._join(sorted(segments))

    def _join(self, segments: list[tuple[str, bytes]]) -> None:
        ledger = b""
        for key, content in segments:
            if int(key.rpartition("-")[2]) != len(ledger):
                raise InputError(
                    "a segment of the ledger is missing",
                    file=self.url,
                    where=key,
                    expected=f"one that begins at byte {len(ledger)}",
                )
            ledger += content
        self.folder.ledger.write_bytes(ledger)
        self._segment, self._ledger_bytes = len(segments), len(ledger)


def _check_states(folder: RunFolder, manifests: dict[Path, dict[str, int]]) -> None:
    """Drop states that no manifest names with this content: they were on their way."""
    for state in folder.path.glob("trials/*/checkpoint/state-*.safetensors"):
        if manifests.get(state.parent, {}).get(state.name) != zlib.crc32(state.read_bytes()):
            state.unlink()
