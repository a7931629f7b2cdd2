"""A slot: a process kept for one trial after another, inside Ray Tune and Ray Train.

Tune places the process and asks it for the next message. In it, one `Trainer.fit()` of Ray Train
runs for as long as the process lives, and its training loop takes trials from a mailbox: starting
a trainer per trial costs seconds (with workers: tens of seconds), handing over a trial nothing.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import ray
from ray import tune

from distrib.study.checkpoint import Checkpoints
from distrib.study.registry import load_family
from distrib.study.trial import Message, Pace, run_trial
from distrib.trainables.base import Worker
from distrib.trainables.framework import prepare


@dataclass(frozen=True)
class SlotContext:
    """What every trial of a study shares. `data` is a list, so that Ray leaves the reference be."""

    trainable: str
    objective: str
    data: list[Any]
    folder: str
    milestones: tuple[int, ...]
    worker: Worker
    save_every: float
    capture: bool = True
    allow_custom: bool = False


class Slot(tune.Trainable):
    """Runs trial after trial; each `step` gives Tune the next message of the present one."""

    def setup(self, config: dict[str, Any], context: SlotContext) -> None:
        self._context = context
        self._requests: SimpleQueue[Any] = SimpleQueue()
        self._answers: SimpleQueue[Message | BaseException] = SimpleQueue()
        threading.Thread(target=self._train, daemon=True).start()
        self._requests.put(json.loads(config["assignment"]))

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self._requests.put(json.loads(new_config["assignment"]))
        return True

    def step(self) -> dict[str, Any]:
        self._requests.put("go on")
        answer = self._answers.get()
        if isinstance(answer, BaseException):
            raise answer
        return {"message": json.dumps(asdict(answer))}

    def _train(self) -> None:
        from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer

        try:
            loop = _Loop(self._context, self._requests, self._answers)
            DataParallelTrainer(
                loop.run, scaling_config=ray.train.ScalingConfig(num_workers=0)
            ).fit()
        except BaseException as error:
            self._answers.put(RuntimeError(f"{type(error).__name__}: {error}"))


class _Loop:
    """Ray Train's training loop: takes assignments, gives messages, one at a time."""

    def __init__(
        self,
        context: SlotContext,
        requests: SimpleQueue[Any],
        answers: SimpleQueue[Any],
    ) -> None:
        self.context, self.worker = context, context.worker
        self.requests, self.answers = requests, answers
        self.family = load_family(context.trainable, allow_custom=context.allow_custom)
        began = time.monotonic()
        prepare(self.family, self.worker)
        self.seconds = {"import": time.monotonic() - began}
        self.pace = Pace(frozenset(context.milestones), context.save_every)
        began = time.monotonic()
        self.data = ray.get(context.data[0])
        self.seconds["load"] = time.monotonic() - began

    def run(self) -> None:
        request = self.requests.get()
        while True:
            request = self._trial(request)

    def _trial(self, assignment: dict[str, Any]) -> dict[str, Any]:
        """Give messages for as long as Tune asks for more; returns the next assignment."""
        folder = Path(self.context.folder) / "trials" / f"{assignment['number']:04d}"
        start = max(0.0, time.time() - assignment["asked"])
        fixed = {"start": start, **self.seconds}
        self.seconds = dict.fromkeys(self.seconds, 0.0)
        with console(folder / "console.log", self.context.capture):
            try:
                messages = run_trial(
                    self.family,
                    self.family.Config.model_validate(assignment["config"]),
                    self.data,
                    self.worker,
                    Checkpoints(folder / "checkpoint"),
                    self.pace,
                    self.context.objective,
                    bar=assignment["bar"],
                )
                request = self.requests.get()
                while request == "go on":
                    message = next(messages)
                    message.seconds = {**fixed, **message.seconds}
                    self.answers.put(message)
                    request = self.requests.get()
                messages.close()
            except BaseException:
                traceback.print_exc()
                raise
        return request


@contextmanager
def console(path: Path, capture: bool) -> Iterator[None]:
    """Everything that this process and its children write, into the trial's own file."""
    if not capture:
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.dup2(target, 1)
        os.dup2(target, 2)
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for descriptor, copy in zip((1, 2), saved):
            os.dup2(copy, descriptor)
            os.close(copy)
        os.close(target)
