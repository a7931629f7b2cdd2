"""What an actor and its workers say to each other, with every party lost in turn. No Ray."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Coroutine
from typing import Any

import pytest

from distrib.study.worker import mailbox
from distrib.study.worker.mailbox import RESTARTS, Mailbox
from distrib.study.worker.reports import Message
from distrib.study.worker.trial_runner import GroupEndsError, Job

BEGUN: list[asyncio.Task[Any]] = []
FIRST, SECOND = Job("first", {}, "a"), Job("second", {}, "b")


def played(scene: Coroutine[Any, Any, None]) -> None:
    async def play() -> None:
        await asyncio.wait_for(scene, 10)
        for task in BEGUN:
            task.cancel()
        await asyncio.gather(*BEGUN, return_exceptions=True)
        BEGUN.clear()

    asyncio.run(play())


def begin(what: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """Done beside the scene; asyncio itself forgets tasks that nobody holds."""
    task = asyncio.create_task(what)
    BEGUN.append(task)
    return task


def row(step: int) -> Message:
    return Message(rows=[{"step": step}])


class Rank:
    """A worker: gives an answer, gets the next question."""

    def __init__(self, box: Mailbox, rank: int, size: int = 2, group: int = 1) -> None:
        self.box, self.rank, self.size, self.group, self.count = box, rank, size, group, -1
        self.key = ""

    async def says(self, message: Message | None = None) -> Job | None:
        told = await self.box.exchange(
            "actor", self.group, self.rank, self.size, self.count, message
        )
        if told is None:
            return None
        self.count, job = told
        if job.key != self.key:
            self.key = job.key
            await self.box.begun("actor", self.group, self.rank, self.key)
        return job


def test_rank_0_speaks_when_all_have_answered() -> None:
    async def scene() -> None:
        box = Mailbox()
        a, b = Rank(box, 0), Rank(box, 1)
        asked = begin(box.ask("actor", 0, FIRST))
        assert await a.says() == await b.says() == FIRST
        a_next = begin(a.says(row(1)))
        await asyncio.sleep(0.01)
        assert not asked.done()
        b_next = begin(b.says(row(99)))
        assert (await asked).rows == [{"step": 1}]
        begin(box.ask("actor", 1, SECOND))
        assert await a_next == await b_next == SECOND

    played(scene())


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("answered", [False, True])
def test_a_lost_mailbox_is_filled_again_by_calls_made_again(
    order: tuple[int, ...], answered: bool
) -> None:
    async def scene() -> None:
        box = Mailbox()
        a, b = Rank(box, 0), Rank(box, 1)
        asked = begin(box.ask("actor", 0, FIRST))
        await a.says(), await b.says()
        begin(a.says(row(1)))
        if answered:
            begin(b.says(row(1)))
            await asked
        # Ray makes the calls that were open again on the next mailbox, in whatever order.
        again = Mailbox()
        a.box = b.box = again
        question = (1, SECOND) if answered else (0, FIRST)
        calls = [
            lambda: a.says(row(1)),
            lambda: b.says(row(1)),
            lambda: again.ask("actor", *question),
        ]
        tasks: dict[int, asyncio.Task[Any]] = {}
        for i in order:
            tasks[i] = begin(calls[i]())
            await asyncio.sleep(0.001)
        if not answered:
            assert (await tasks[2]).rows == [{"step": 1}]
            begin(again.ask("actor", 1, SECOND))
        assert await tasks[0] == await tasks[1] == SECOND

    played(scene())


def test_a_question_asked_again_has_the_same_answer() -> None:
    async def scene() -> None:
        box = Mailbox()
        a = Rank(box, 0, 1)
        asked = begin(box.ask("actor", 0, FIRST))
        await a.says()
        begin(a.says(row(1)))
        assert await asked == await box.ask("actor", 0, FIRST)

    played(scene())


def test_a_new_group_answers_what_the_lost_one_left_open() -> None:
    async def scene() -> None:
        box = Mailbox()
        a, b = Rank(box, 0), Rank(box, 1)
        asked = begin(box.ask("actor", 0, FIRST))
        await a.says(), await b.says()
        old = begin(a.says(row(1)))  # and b dies
        await asyncio.sleep(0.01)
        c = Rank(box, 0, 1, group=2)
        goes_on = begin(c.says())
        told = await asked
        assert (told.rows, told.restarts, told.failure) == ([], 1, None)
        with pytest.raises(RuntimeError, match="begins again"):
            await old
        asked = begin(box.ask("actor", 1, FIRST))
        assert await goes_on == FIRST
        goes_on = begin(c.says(row(7)))
        told = await asked
        assert (told.rows, told.restarts) == ([{"step": 7}], 0)
        begin(box.ask("actor", 2, SECOND))
        assert await goes_on == SECOND

    played(scene())


def test_a_group_lost_after_its_answer_waits_for_the_next_question() -> None:
    async def scene() -> None:
        box = Mailbox()
        a = Rank(box, 0, 1)
        asked = begin(box.ask("actor", 0, FIRST))
        await a.says()
        begin(a.says(row(1)))
        await asked
        fresh = begin(Rank(box, 0, 1, group=2).says())
        await asyncio.sleep(0.01)
        assert not fresh.done()
        begin(box.ask("actor", 1, SECOND))
        assert await fresh == SECOND

    played(scene())


def test_a_group_lost_between_two_jobs_costs_the_next_one_nothing() -> None:
    """A mailbox hands the next job to a worker that is gone as well: that is no beginning."""

    async def scene() -> None:
        box = Mailbox()
        a, b = Rank(box, 0), Rank(box, 1)
        asked = begin(box.ask("actor", 0, FIRST))
        await a.says(), await b.says()
        gone = box.exchange("actor", 1, 1, 2, b.count, row(1))  # and b dies: it begins nothing
        begin(a.says(row(1))), begin(gone)
        assert (await asked).rows == [{"step": 1}]
        asked = begin(box.ask("actor", 1, SECOND))
        await asyncio.sleep(0.01)
        c, d = Rank(box, 0, group=2), Rank(box, 1, group=2)
        c_next, d_next = begin(c.says()), begin(d.says())
        assert await c_next == await d_next == SECOND
        begin(c.says(row(1))), begin(d.says(row(1)))
        told = await asked
        assert (told.rows, told.restarts) == ([{"step": 1}], 0)

    played(scene())


def test_a_job_that_ends_its_workers_at_once_is_a_failure() -> None:
    async def scene() -> None:
        box, told = Mailbox(), list[Message]()
        asked = begin(box.ask("actor", 0, FIRST))
        for group in range(1, RESTARTS + 9):
            begin(box.exchange("actor", group, 0, 1, -1, None))
            await asyncio.sleep(0.01)
            if asked.done():
                told.append(asked.result())
                if told[-1].failure is not None:
                    break
                asked = begin(box.ask("actor", len(told), FIRST))
        assert [message.restarts for message in told] == [1] * (RESTARTS + 1)
        assert told[-1].failure is not None

    played(scene())


def test_a_failure_of_all_is_told_at_once_and_the_group_stays() -> None:
    async def scene() -> None:
        box = Mailbox()
        a, b = Rank(box, 0), Rank(box, 1)
        asked = begin(box.ask("actor", 0, FIRST))
        await a.says(), await b.says()
        rest = [begin(r.says(Message(failure=("bug", "both")))) for r in (a, b)]
        assert (await asked).failure == ("bug", "both")
        begin(box.ask("actor", 1, SECOND))
        assert await asyncio.gather(*rest) == [SECOND, SECOND]

    played(scene())


def test_one_that_fails_alone_ends_the_trial_and_the_group(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mailbox, "STRAGGLERS", 0.05)

    async def scene() -> None:
        box = Mailbox()
        a, b = Rank(box, 0), Rank(box, 1)
        asked = begin(box.ask("actor", 0, FIRST))
        await a.says(), await b.says()
        waits = begin(b.says(Message(failure=("bug", "alone"))))
        assert (await asked).failure == ("bug", "worker 1: alone")
        with pytest.raises(RuntimeError, match="begins again"):
            await waits
        begin(box.ask("actor", 1, SECOND))
        assert await Rank(box, 0, 1, group=2).says() == SECOND

    played(scene())


def test_a_group_that_was_told_to_begin_again_was_not_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The next trial does not count it, however late the new group comes."""
    monkeypatch.setattr(mailbox, "STRAGGLERS", 0.01)

    async def scene() -> None:
        box = Mailbox()
        zero, one = Rank(box, 0), Rank(box, 1)
        asked = begin(box.ask("actor", 0, FIRST))
        await asyncio.gather(zero.says(), one.says())
        failure = Message(failure=("bad data", "a value is missing"))
        with pytest.raises(GroupEndsError):
            await one.says(failure)
        assert (await asked).failure == ("bad data", "worker 1: a value is missing")
        asked = begin(box.ask("actor", 1, SECOND))
        await asyncio.sleep(0)
        zero, one = (Rank(box, rank, group=2) for rank in (0, 1))
        assert await asyncio.gather(zero.says(), one.says()) == [SECOND, SECOND]
        begin(zero.says(row(1)))
        begin(one.says(row(1)))
        assert (await asked).restarts == 0

    played(scene())


async def lost_groups(box: Mailbox, says: list[Message | None], size: int = 1) -> list[Message]:
    """What is told of a job whose rank 1 says these things, one in each group, before it is lost;
    None: nothing. Without rank 1, rank 0 says them.
    """
    told, count = [], 0
    asked = begin(box.ask("actor", 0, FIRST))
    for group, message in enumerate(says, 1):
        rank = Rank(box, size - 1, size, group)
        arrives = begin(rank.says())
        if group > 1:
            told.append(await asked)
            if told[-1].failure is not None:
                return told
            count += 1
            asked = begin(box.ask("actor", count, FIRST))
        assert await arrives == FIRST
        await box.begun("actor", group, 0, FIRST.key)  # the others, of which nothing is heard
        if message is not None:
            begin(rank.says(message))
            await asyncio.sleep(0)
            if size == 1:
                told.append(await asked)
                count += 1
                asked = begin(box.ask("actor", count, FIRST))
                await asyncio.sleep(0)
    return told


def test_a_group_lost_again_and_again_is_a_failure() -> None:
    """Also where it says something each time, such as the unit that its checkpoint lacks."""

    async def scene(says: list[Message | None]) -> None:
        told = await lost_groups(Mailbox(), says)
        assert sum(message.restarts for message in told) == RESTARTS + 1
        assert told[-1].failure == (
            "lost node",
            f"a worker died {RESTARTS + 1} times without a further unit",
        )

    played(scene([None] * 20))
    played(scene([Message()] * 20))
    played(scene([row(3), *[row(2)] * 20]))


def test_groups_whose_workers_never_find_each_other_are_a_failure() -> None:
    async def scene() -> None:
        box = Mailbox()
        told: list[Message] = []
        await box.begin("actor", 1, 2)
        for group in range(2, RESTARTS + 3):
            asked = begin(box.ask("actor", len(told), FIRST))
            await asyncio.sleep(0)
            await box.failed("actor", group - 1, 1, "RuntimeError: Gloo connectFullMesh failed")
            await box.failed("actor", group - 2, 0, "of an earlier group")
            await box.begin("actor", group, 2)
            told.append(await asked)
        assert [message.restarts for message in told] == [1] * (RESTARTS + 1)
        assert told[-1].failure is not None and told[-1].failure[0] == "lost node"
        said = "; the last said: worker 1: RuntimeError: Gloo connectFullMesh failed"
        assert told[-1].failure[1].endswith(said)
        assert all(message.failure is None for message in told[:-1])

    played(scene())


def test_a_group_that_grows_was_not_lost() -> None:
    async def scene() -> None:
        box = Mailbox()
        await box.begin("actor", 1, 1)
        for count, size in enumerate((2, 3, 2)):
            asked = begin(box.ask("actor", count, FIRST))
            await asyncio.sleep(0)
            await box.begin("actor", 2 + count, size)
            told = await asked
            grown = [] if count == 2 else [f"goes on with {size} workers"]
            assert (told.restarts, told.notes) == (int(count == 2), grown)

    played(scene())


def test_a_further_unit_is_a_new_beginning() -> None:
    async def scene() -> None:
        told = await lost_groups(Mailbox(), [row(step) for step in range(1, 20)])
        assert sum(message.restarts for message in told) == 18
        assert all(message.failure is None for message in told)

    played(scene())


def test_a_worker_that_ends_before_the_others_is_named() -> None:
    async def scene() -> None:
        told = await lost_groups(Mailbox(), [Message(ended=True)] * 20, size=2)
        assert told[-1].failure == ("bug", "worker 1 ended its training before the others")

    played(scene())


def test_a_closed_box_sends_everyone_home() -> None:
    async def scene() -> None:
        box = Mailbox()
        waits = begin(Rank(box, 0).says())
        await asyncio.sleep(0.01)
        await box.close("actor")
        assert await waits is None
        assert await Rank(box, 1).says() is None

    played(scene())


def test_slots_do_not_hear_each_other() -> None:
    async def scene() -> None:
        box = Mailbox()
        begin(box.ask("other", 0, SECOND))
        waits = begin(Rank(box, 0, 1).says())
        await asyncio.sleep(0.01)
        assert not waits.done()
        begin(box.ask("actor", 0, FIRST))
        assert await waits == FIRST

    played(scene())
