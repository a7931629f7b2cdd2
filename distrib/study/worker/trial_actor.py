"""An actor: a process kept for one trial after another, inside Ray Tune and Ray Train.

Tune places the process and asks it for the next message. The training goes on beside it, in a
`Channel`: one `fit()` of Ray Train that lasts as long as the actor and takes trials one by one,
since starting a trainer costs seconds (with workers: tens of seconds), a trial nothing.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Protocol

import ray
from ray import tune

from distrib.study.worker.reports import Message
from distrib.study.worker.trial_runner import Context, Job, TrialRunner
from distrib.trial_files import trial_folder


class Channel(Protocol):
    """What connects an actor with the process, or the processes, that train."""

    def ask(self, job: Job) -> Message:
        """The next message of a job; a job of another key ends the one before."""

    def close(self) -> None:
        """The end of the channel; what it holds of the machine is given back."""


class LateChannel:
    """A channel that is made when it is first asked, since it may never be."""

    def __init__(self, make: Callable[[], Channel]) -> None:
        self._make = make
        self._made: Channel | None = None

    def ask(self, job: Job) -> Message:
        if self._made is None:
            self._made = self._make()
        return self._made.ask(job)

    def close(self) -> None:
        if self._made is not None:
            self._made.close()


class TrialActor(tune.Trainable):
    """Runs trial after trial; each `step` gives Tune the next message of the present one."""

    def setup(
        self,
        config: dict[str, Any],
        context: Context,
        folder: str,
        echo: bool,
        group: Any = None,
    ) -> None:
        """Args:
        folder: the study's. echo: whether what goes into the trial's own file is also shown.
        group: makes a group of workers (`worker_group.GroupFactory`); None: train in this process.
        """
        self._study, self._echo = Path(folder), echo
        self._channel: Channel = ThreadChannel(context) if group is None else group.channel(context)
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        assignment = json.loads(new_config["assignment"])
        folder = trial_folder(self._study, assignment["number"])
        self._job = Job(
            uuid.uuid4().hex,
            assignment["config"],
            str(folder / "checkpoint"),
            str(folder / "console.log"),
            self._echo,
            assignment["asked"],
            assignment["bar"],
        )
        return True

    def step(self) -> dict[str, Any]:
        return {"message": json.dumps(asdict(self._channel.ask(self._job)))}

    def cleanup(self) -> None:
        self._channel.close()


class ThreadChannel:
    """Trains in this very process, in a thread that Ray Train's local mode runs in."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._answers: SimpleQueue[Message | BaseException] = SimpleQueue()
        threading.Thread(target=self._train, daemon=True).start()

    def ask(self, job: Job) -> Message:
        self._jobs.put(job)
        answer = self._answers.get()
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def close(self) -> None:
        self._jobs.put(None)

    def _train(self) -> None:
        from distrib.cluster.ray_internals.train import train_here

        try:
            runner = TrialRunner.of(self._context, self._context.worker, ray.get, self._exchange)
            train_here(runner.run)
        except BaseException as error:
            self._answers.put(RuntimeError(f"{type(error).__name__}: {error}"))

    def _exchange(self, answer: Message | None) -> Job | None:
        if answer is not None:
            self._answers.put(answer)
        return self._jobs.get()
