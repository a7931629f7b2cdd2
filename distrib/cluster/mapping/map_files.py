"""A pure function over many files: each becomes a part of a Parquet set, on whichever node is free.

    with connected(None):
        result = map_files("distrib.data.repertoire:counts", paths, "prepared", on_progress=show)

Memory is bounded by the workers at work and not by the set: a worker holds one table of the
function's and one row group, and only counts travel back. A second call does what is missing or
changed (see `map_folder`), so an interrupted one is simply made again. Which worker does what, and
how often one is lost, leaves no trace in the parts: they are the same to the bit.
"""

from __future__ import annotations

import heapq
import math
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distrib.cluster.connect import Resources, describe
from distrib.cluster.mapping.folder import MapFolder
from distrib.cluster.mapping.inputs import Input, find_inputs
from distrib.cluster.mapping.progress import MapProgress, MapResult, Tally
from distrib.cluster.mapping.task import Job, Outcome, run_job
from distrib.errors import InputError

TICK = 0.1  # seconds after which the driver looks up even if nothing has ended
PAUSE = 0.5  # seconds before the second attempt; doubled before each later one
ASKED = 3.0  # seconds in which attempts end that are asked to, when the map is stopped
CANCEL = 10.0  # seconds that attempts have to end in when the map is stopped

# Where another attempt may end better; a full disk never does, but a shared one may come back.
_AGAIN = ("reading", "writing", "lost")
# What is the fault of one file, so that others may go on.
_OF_ONE_FILE = ("bad input", "reading", "lost")


class MapError(RuntimeError):
    """A bug in the function, with the file that it came up with and where it stands."""


def map_files(
    function: str,
    inputs: Iterable[str | Path],
    out: str | Path,
    *,
    options: Mapping[str, Any] | None = None,
    concurrent: int | None = None,
    cpus: float = 1,
    retries: int = 3,
    limit: float = math.inf,
    on_progress: Callable[[MapProgress], None] = lambda progress: None,
    keep_going: bool = False,
) -> MapResult:
    """Map a function over files; call it inside `distrib.cluster.connect.connected`.

    Args:
        function: `package.module:name` of a pure function of a path (see `map_task` for what it
            takes and yields), importable on every node: `connected(..., ship=[function])`.
        inputs: paths, or URLs that fsspec knows; the function opens them itself.
        out: the folder of the set, which every node shares.
        options: keyword arguments of the function, plain values as JSON keeps them.
        concurrent: the most files at once; as many as the cluster's CPUs hold where not given.
        cpus: of one file's task; Arrow gets as many threads, at least one.
        retries: how often a file is begun again after its worker was lost or the system failed.
        limit: seconds that a file may take from when it is given out; its worker is then killed
            and counts as lost. Without it a function that hangs is waited for, and named.
        on_progress: called with every change, several of a quarter of a second in one.
        keep_going: go on without files that cannot be used; the result lists them, the set lacks
            them, and the next call tries them again.

    Raises:
        InputError: nothing to work on, or a file that is missing, given twice or cannot be used;
            a folder that holds other work; no such function; more CPUs than a node has.
        OSError: the output cannot be written.
        MapError: the function has a bug.
    """
    if "://" in str(out):
        raise InputError("a set is mapped into a folder", where="out", found=out,
                         expected="a path that every node sees")  # fmt: skip
    if not limit > 0:
        raise InputError("no time to map a file in", where="limit", found=limit, expected="above 0")
    files = find_inputs(inputs)
    folder = MapFolder(Path(out), function, options or {}, files)
    holds = describe("", Path()).holds(Resources(cpus=cpus))
    if holds < 1:
        raise InputError("no node has so many CPUs", where="cpus", found=cpus)
    with folder.opened():
        tally = Tally(files, list(folder.records.values()), on_progress)
        tally.show()
        _Crew(folder, tally, cpus, retries, limit, keep_going).work(concurrent or holds)
        folder.finish()
        tally.show(last=True)
    return MapResult(
        tuple(folder.records[file.key] for file in files if file.key in folder.records),
        tuple(tally.failures),
        tally.kept,
        tally.retried,
        tally.seconds,
    )


@dataclass(order=True)
class _Attempt:
    """One go at one file, not before a moment on the monotonic clock; numbered from 1.

    Attributes:
        begun: when it was given out. overdue: whether it was ended for taking too long.
    """

    ready: float
    file: Input = field(compare=False)
    number: int = field(compare=False, default=1)
    part: Path = field(compare=False, default=Path())
    begun: float = field(compare=False, default=0.0)
    overdue: bool = field(compare=False, default=False)


class _Crew:
    """Keeps tasks in flight until every file is done or given up."""

    def __init__(
        self,
        folder: MapFolder,
        tally: Tally,
        cpus: float,
        retries: int,
        limit: float,
        keep_going: bool,
    ) -> None:
        import ray

        self.ray = ray
        self.folder = folder
        self.tally = tally
        self.threads = max(1, int(cpus))
        self.retries = retries
        self.limit = limit
        self.keep_going = keep_going
        self.call = secrets.token_hex(4)
        # Ray's own retries would neither be told nor write elsewhere than a lost worker does.
        self.task = ray.remote(max_retries=0, num_cpus=cpus)(run_job)

    def work(self, concurrent: int) -> None:
        """Map what is missing.

        Raises:
            InputError, OSError, MapError: as `map_files`; what is in flight is cancelled.
        """
        waiting = deque(self.folder.missing())
        again: list[_Attempt] = []  # a heap
        flying: dict[Any, _Attempt] = {}
        try:
            while waiting or again or flying:
                while len(flying) < concurrent:
                    if again and again[0].ready <= time.monotonic():
                        attempt = heapq.heappop(again)
                    elif waiting:
                        attempt = _Attempt(0, waiting.popleft())
                    else:
                        break
                    flying[self._start(attempt)] = attempt
                for ref in self._ended(flying):
                    attempt = flying.pop(ref)
                    if not self._settled(attempt, self._outcome(ref, attempt)):
                        pause = PAUSE * 2 ** (attempt.number - 1)
                        heapq.heappush(
                            again,
                            _Attempt(time.monotonic() + pause, attempt.file, attempt.number + 1),
                        )
                self._end_overdue(flying)
                self.tally.at_work({a.file.shown: a.begun for a in flying.values()})
                self.tally.show()
        finally:
            self._cancel(list(flying))

    def _start(self, attempt: _Attempt) -> Any:
        file, folder = attempt.file, self.folder
        attempt.begun = time.monotonic()
        attempt.part = folder.attempt(file, attempt.number, self.call)
        return self.task.remote(
            Job(
                path=file.path,
                shown=file.shown,
                function=folder.function,
                options=folder.options,
                part=attempt.part,
                threads=self.threads,
            )
        )

    def _ended(self, flying: Mapping[Any, _Attempt]) -> list[Any]:
        if not flying:
            time.sleep(TICK)
            return []
        ended, _ = self.ray.wait(list(flying), num_returns=1, timeout=TICK)
        return list(ended)

    def _end_overdue(self, flying: Mapping[Any, _Attempt]) -> None:
        for ref, attempt in flying.items():
            if not attempt.overdue and time.monotonic() - attempt.begun > self.limit:
                attempt.overdue = True
                self.ray.cancel(ref, force=True)

    def _outcome(self, ref: Any, attempt: _Attempt) -> Outcome:
        errors = self.ray.exceptions
        try:
            return self.ray.get(ref)
        except errors.RayTaskError:
            raise  # `run_job` raises nothing: a fault of the house's own
        except errors.RayError as error:
            return Outcome("lost", self._how_lost(attempt, error))

    def _how_lost(self, attempt: _Attempt, error: Exception) -> str:
        errors = self.ray.exceptions
        if attempt.overdue:
            return f"it took more than {self.limit:g} s"
        if isinstance(error, errors.OutOfMemoryError):
            return "its worker was ended: the node is out of memory"
        if isinstance(error, errors.WorkerCrashedError):
            return "its worker's process died"
        return f"its worker was lost: {str(error).strip().splitlines()[0]}"

    def _settled(self, attempt: _Attempt, outcome: Outcome) -> bool:
        """Whether an attempt was a file's last, done or given up; raises what stops the map."""
        file = attempt.file
        if outcome.kind == "done":
            self.tally.finished(self.folder.publish(file, attempt.part, outcome))
            return True
        attempt.part.unlink(missing_ok=True)  # of a worker that could not do it itself
        if outcome.kind in _AGAIN and attempt.number <= self.retries:
            self.tally.begun_again(file, outcome.told)
            return False
        if not (self.keep_going and outcome.kind in _OF_ONE_FILE):
            raise self._stop(attempt, outcome)
        self.tally.given_up(file, outcome.told)
        return True

    def _stop(self, attempt: _Attempt, outcome: Outcome) -> Exception:
        shown = attempt.file.shown
        match outcome.kind:
            case "bad input" | "function":
                return InputError(outcome.told)
            case "reading":
                return InputError(f"the file cannot be read ({attempt.number} attempts)",
                                  file=shown, found=outcome.told)  # fmt: skip
            case "lost":
                return InputError(f"the file cannot be mapped ({attempt.number} attempts)",
                                  file=shown, found=outcome.told,
                                  hint=None if attempt.overdue
                                  else "if memory is short, let fewer run at once")  # fmt: skip
            case "writing":
                return OSError(outcome.code, outcome.told, str(self.folder.out))
            case _:
                return MapError(f"{shown}: {outcome.told}")

    def _cancel(self, refs: list[Any]) -> None:
        """End what is in flight: asked first, since Ray itself may abort where it forces a task
        to end that is just ending by itself."""
        with suppress(self.ray.exceptions.RayError):
            for force in (False, True):
                for ref in refs:
                    self.ray.cancel(ref, force=force)
                if refs:
                    patience = CANCEL if force else ASKED
                    _, refs = self.ray.wait(refs, num_returns=len(refs), timeout=patience)
