"""Where an actor and the workers of its group meet: questions go in, answers come out.

Both sides hold what they have said until the other side has answered it, and every call can be made
again. So the mailbox may be lost at any time: Ray starts another and makes the calls that were open
again, and nothing is missed.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from distrib.records import FailureClass
from distrib.study.worker.reports import Message
from distrib.study.worker.trial_runner import GroupEndsError, Job

STRAGGLERS = 10.0  # seconds in which the others of a group must fail too, or it begins again
WATCH = 1.0  # seconds between two looks whether an actor is still there
RESTARTS = 5  # of the group without a further unit, before its training counts as failed


@dataclass
class _Box:
    """The mail of one actor.

    Attributes:
        count: number of the last question. answer: to it, once there is one.
        group: the group at work, a number that grows. size: its workers. said: rank -> its answer.
        left: the group that was told to leave.
        furthest: the last unit of this job that was told. restarts: groups lost since then.
        early: a worker that had ended its training when its group was lost.
        met: whether the workers of the group have found each other. begun: those that have begun
            this job. spared: whether a group was lost before all of them had.
        error: the last that a worker ended with.
    """

    job: Job | None = None
    count: int = -1
    answer: Message | None = None
    group: int = 0
    size: int = 0
    said: dict[int, Message] = field(default_factory=dict)
    left: int = 0
    furthest: float = 0.0
    restarts: int = 0
    early: int | None = None
    met: bool = False
    begun: set[int] = field(default_factory=set)
    spared: bool = False
    error: str = ""
    closed: bool = False
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def new(self, count: int, job: Job | None) -> None:
        """Another question."""
        if job is not None and (self.job is None or job.key != self.job.key):
            self.furthest, self.restarts, self.early = 0.0, 0, None
            self.begun, self.spared, self.error = set(), False, ""
        self.count, self.job, self.answer, self.said = count, job or self.job, None, {}


class Mailbox:
    """The boxes of all actors of a study; an actor of Ray, whose methods run side by side."""

    def __init__(self) -> None:
        self._boxes: dict[str, _Box] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def _box(self, actor: str) -> _Box:
        return self._boxes.setdefault(actor, _Box())

    async def ask(self, actor: str, count: int, job: Job) -> Message:
        """An actor's question number `count`, for the next message of `job`.

        Waits for the answer.
        """
        box = self._box(actor)
        async with box.changed:
            if count > box.count:
                box.new(count, job)
            box.job = job
            box.changed.notify_all()
            await box.changed.wait_for(lambda: box.count != count or box.answer is not None)
            if box.count != count or box.answer is None:
                raise RuntimeError("this question was overtaken by a later one")
            return box.answer

    async def begin(self, actor: str, group: int, size: int) -> None:
        """A group is there, though its workers may not have found each other yet: told before they
        try, so that one which never does is counted too.

        Args:
            group: a number that grows from group to group of an actor. size: its workers.
        """
        box = self._box(actor)
        async with box.changed:
            if group > box.group:
                self._arrive(box, group, size)

    async def begun(self, actor: str, group: int, rank: int, key: str) -> None:
        """A worker has taken the job of this key."""
        box = self._box(actor)
        async with box.changed:
            if box.group == group and box.job is not None and box.job.key == key:
                box.begun.add(rank)

    async def failed(self, actor: str, group: int, rank: int, reason: str) -> None:
        """A worker ends with an error: the libraries' own, where it has lost the others."""
        box = self._box(actor)
        async with box.changed:
            if group == box.group:
                box.error = f"worker {rank}: {reason}"

    async def close(self, actor: str) -> None:
        """No more questions: the workers go home."""
        box = self._box(actor)
        async with box.changed:
            box.closed = True
            box.changed.notify_all()

    async def exchange(
        self, actor: str, group: int, rank: int, size: int, count: int, message: Message | None
    ) -> tuple[int, Job] | None:
        """A worker's answer to question `count`, for the next question.

        Args:
            group: which group it is of; a later one has a greater number.
            count, message: -1 and None from a worker that has just begun.

        Returns:
            the next question's number and job; None at the end.

        Raises:
            GroupEndsError: the group must begin again, since its workers are not together any more.
        """
        box = self._box(actor)
        async with box.changed:
            if group > box.group:
                self._arrive(box, group, size)
            box.met = box.met or group == box.group
            if message is not None and group == box.group and count >= box.count:
                if count > box.count:  # to a question that a lost mailbox had
                    box.new(count, None)
                self._hear(box, rank, size, message)
            await box.changed.wait_for(
                lambda: (
                    box.closed
                    or box.left >= group
                    or (box.job is not None and box.count > count and box.answer is None)
                )
            )
            if box.closed:
                return None
            if box.left >= group:
                raise GroupEndsError("this group of workers begins again")
            assert box.job is not None
            return box.count, box.job

    async def watch(self, holder: Any, group: Any) -> None:
        """Free what a group holds of the cluster once the actor that holds the group is gone.

        Ray would do so only at the end of the driver, and the next group could never begin.

        Args:
            holder: the actor's actor. group: the placement group.
        """
        import ray

        while True:
            try:
                await holder.__ray_ready__.remote()
                await asyncio.sleep(WATCH)
            except ray.exceptions.ActorUnavailableError:
                await asyncio.sleep(WATCH)
            except ray.exceptions.RayActorError:
                break
        ray.util.remove_placement_group(group)  # nothing, where it has ended in good order

    def _arrive(self, box: _Box, group: int, size: int) -> None:
        """A group begins: the first, or one in the place of a group that was lost or too small."""
        lost = box.group > 0 and box.left < box.group  # and was not told to leave
        again = lost and box.answer is None and box.count >= 0
        grown = lost and size > box.size
        # It was lost between two jobs: the next one has not begun, and loses nothing. Only once, so
        # that one which ends its workers before they can say that they began it is counted.
        idle = again and box.met and len(box.begun) < box.size and not box.spared
        ended = [rank for rank, message in sorted(box.said.items()) if message.ended]
        box.group, box.size, box.left, box.said = group, size, group - 1, {}
        box.met, box.begun, box.spared = False, set(), box.spared or idle
        if again and grown:
            box.answer = Message(notes=[f"goes on with {size} workers"])
        elif again and not idle:
            box.restarts += 1
            box.early = ended[0] if ended else box.early
            box.answer = Message(restarts=1)
            if box.restarts > RESTARTS:
                box.answer.failure = _given_up(box)
        box.changed.notify_all()

    def _hear(self, box: _Box, rank: int, size: int, message: Message) -> None:
        box.said[rank] = message
        if len(box.said) == size:
            self._settle(box)
        elif message.failure or message.disk:
            task = asyncio.get_running_loop().create_task(self._give_up(box, box.group, box.count))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _settle(self, box: _Box) -> None:
        """Rank 0 speaks for the group, unless another worker failed."""
        failed = [r for r in sorted(box.said) if box.said[r].failure or box.said[r].disk]
        speaker = failed[0] if failed else 0
        box.answer = box.said[speaker]
        if speaker and box.answer.failure:
            kind, reason = box.answer.failure
            box.answer.failure = (kind, f"worker {speaker}: {reason}")
        reached = max((row["step"] for row in box.answer.rows), default=0.0)
        if reached > box.furthest:
            box.furthest, box.restarts = reached, 0
        box.changed.notify_all()

    async def _give_up(self, box: _Box, group: int, count: int) -> None:
        """One failed and the others wait for it: tell the failure, and send the group away."""
        await asyncio.sleep(STRAGGLERS)
        async with box.changed:
            if box.group == group and box.count == count and box.answer is None:
                self._settle(box)
                box.left = group
                box.changed.notify_all()


def _given_up(box: _Box) -> tuple[FailureClass, str]:
    """Why a job is not begun again."""
    if box.early is not None:
        return "bug", f"worker {box.early} ended its training before the others"
    said = f"; the last said: {box.error}" if box.error else ""
    return "lost node", f"a worker died {box.restarts} times without a further unit{said}"
