"""The runner in a process that is kept: job after job, a message at a time."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from distrib.study.worker.carrier import CarriedCheckpoints, Carrier, carried
from distrib.study.worker.reports import Message, Pace
from distrib.study.worker.trial import of_the_group, reason, run_trial
from distrib.trainables.base import Trainable, Worker
from distrib.trainables.framework import prepare, release
from distrib.trainables.registry import load_family

FAREWELL = 5.0  # seconds for what was written last to reach its places


@dataclass(frozen=True)
class Context:
    """What all jobs of a study share. `data` is a list, so that Ray leaves the reference be.

    Attributes:
        worker: of a group, the one of rank 0, before its group is made.
        keeps_best, pauses: see `run_trial`. carrier: see `carried`.
    """

    trainable: str
    objective: str
    data: list[Any]
    milestones: tuple[int, ...]
    worker: Worker
    save_every: float
    allow_custom: bool = False
    keeps_best: bool = False
    carrier: Carrier | None = None
    pauses: bool = False


@dataclass(frozen=True)
class Job:
    """One training to be done.

    Attributes:
        key: names this beginning of it: a training that begins again has another.
        folder: where its checkpoints lie. console: the file for what is written meanwhile, or None;
        echo: whether that is also written where it would go without the file.
        asked: when it was given out, seconds since the epoch.
        bar: see `run_trial`. refit, budget: the winner's last training, see `run_trial`.
    """

    key: str
    config: dict[str, Any]
    folder: str
    console: str | None = None
    echo: bool = False
    asked: float = field(default_factory=time.time)
    bar: float | None = None
    refit: bool = False
    budget: int | None = None


Exchange = Callable[[Message | None], Job | None]
"""Gives the answer to the last question (None at first) and waits for the next: for a message of
which job? None is the end."""


class GroupEndsError(RuntimeError):
    """From `Exchange`: nothing is wrong with this process, but its group must begin again."""


@dataclass
class TrialRunner:
    """Answers questions until there are no more.

    Attributes:
        seconds: what the process has cost before its first trial, told with that one.
        notice: whether the machine will be taken away soon; asked by all workers of a group alike.
        keeps_best, pauses: see `run_trial`. carrier: see `carried`.
    """

    family: Trainable[Any, Any, Any]
    data: Any
    worker: Worker
    pace: Pace
    objective: str
    seconds: dict[str, float]
    exchange: Exchange
    notice: Callable[[], bool] | None = None
    keeps_best: bool = False
    carrier: Carrier | None = None
    pauses: bool = False

    @classmethod
    def of(
        cls,
        context: Context,
        worker: Worker,
        get: Callable[[Any], Any],
        exchange: Exchange,
        notice: Callable[[], bool] | None = None,
    ) -> Self:
        """Make this process ready: the family's framework imported, the data at hand (`get`)."""
        family = load_family(context.trainable, allow_custom=context.allow_custom)
        began = time.monotonic()
        prepare(family, worker)
        seconds = {"import": time.monotonic() - began}
        began = time.monotonic()
        data = get(context.data[0])
        seconds["load"] = time.monotonic() - began
        pace = Pace(frozenset(context.milestones), context.save_every)
        return cls(
            family,
            data,
            worker,
            pace,
            context.objective,
            seconds,
            exchange,
            notice,
            context.keeps_best,
            context.carrier,
            context.pauses,
        )

    def run(self) -> None:
        """Job after job."""
        job = self.exchange(None)
        while job is not None:
            job = self._train(job)

    def _train(self, job: Job) -> Job | None:
        """Give messages for as long as they are asked for; returns the next job."""
        fixed = {"start": max(0.0, time.time() - job.asked), **self.seconds}
        self.seconds = dict.fromkeys(self.seconds, 0.0)
        folder, rank = Path(job.folder), self.worker.rank
        # Rank 0 writes all but the consoles of the others.
        own = None if rank == 0 else console_of(job.console or "none", rank).name
        with (
            carried(self.carrier, folder.parent, own) as take,
            console(job.console, rank, echo=job.echo),
        ):
            try:
                messages = run_trial(
                    self.family,
                    self.family.Config.model_validate(job.config),
                    self.data,
                    self.worker,
                    CarriedCheckpoints(folder, take),
                    self.pace,
                    self.objective,
                    bar=job.bar,
                    budget=job.budget,
                    refit=job.refit,
                    keeps_best=self.keeps_best and not job.refit,
                    pauses=self.pauses and not job.refit,
                    notice=self.notice,
                )
                asked: Job | None = job
                while asked is not None and asked.key == job.key:
                    message = next(messages)
                    message.seconds = {**fixed, **message.seconds}
                    try:
                        take()
                    except OSError as error:  # the disk of the driver's machine
                        message = Message(disk=str(error))
                    asked = self.exchange(message)
                messages.close()
                release(self.family, self.worker)
            except BaseException as error:
                if isinstance(error, GroupEndsError) or (
                    self.worker.world_size > 1 and of_the_group(error)
                ):
                    print("its group begins again: another worker failed or was lost", flush=True)
                    print(f"  {reason(error)}", flush=True)
                else:
                    traceback.print_exc()
                raise
        return asked


@contextmanager
def console(file: str | None, rank: int, *, echo: bool = False) -> Iterator[None]:
    """Everything that this process and its children write, into a file: one for each rank.

    Args:
        echo: also to where it would have gone.
    """
    if file is None:
        yield
        return
    path = console_of(file, rank)
    path.parent.mkdir(parents=True, exist_ok=True)
    _flush()
    with ExitStack() as stack:
        saved = os.dup(1), os.dup(2)
        target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        for descriptor in (*saved, target):
            stack.callback(os.close, descriptor)
        into = stack.enter_context(_doubled(target, saved[0])) if echo else target
        os.dup2(into, 1)
        os.dup2(into, 2)
        try:
            yield
        finally:
            _flush()
            for descriptor, copy in zip((1, 2), saved):
                os.dup2(copy, descriptor)


def console_of(file: str, rank: int) -> Path:
    """The file of a rank's own."""
    path = Path(file)
    return path.with_stem(f"{path.stem}-rank{rank}") if rank else path


@contextmanager
def _doubled(*targets: int) -> Iterator[int]:
    """A pipe whose other end writes all that comes to every one of these."""
    out, into = os.pipe()
    own = [os.dup(target) for target in targets]

    def copy() -> None:
        while content := os.read(out, 65536):
            for target in own:
                os.write(target, content)
        for descriptor in (*own, out):
            os.close(descriptor)

    reader = threading.Thread(target=copy, daemon=True)
    reader.start()
    try:
        yield into
    finally:
        os.close(into)
        reader.join(FAREWELL)  # a child that goes on holds the pipe open


def _flush() -> None:
    """What Python and the C library hold back, in libraries too, goes out."""
    sys.stdout.flush()
    sys.stderr.flush()
    ctypes.CDLL(None).fflush(None)
