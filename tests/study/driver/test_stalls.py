"""Silence of trials: who is told of, when, and what becomes of it."""

from __future__ import annotations

from pathlib import Path

from distrib.study.driver.stalls import AWAY, PACE, TELL, Stalls
from distrib.study.worker.reports import Message
from tests.support.simulate import Simulation, facts, toy_plan


class Watch:
    """A clock, and a driver that looks as it goes."""

    def __init__(self, timeout: float | None = None) -> None:
        self.now = 100.0
        self.stalls = Stalls(timeout, clock=lambda: self.now)

    def passes(self, seconds: float) -> tuple[dict[int, float], dict[int, float]]:
        """What is told in that time."""
        told: dict[int, float] = {}
        over: dict[int, float] = {}
        for _ in range(round(seconds)):
            self.now += 1
            new, ended = self.stalls.look()
            told, over = {**told, **new}, {**over, **ended}
        return told, over


def test_silence_is_told_once_and_its_end() -> None:
    watch = Watch()
    watch.stalls.began(3)
    watch.stalls.began(4)
    assert watch.passes(5) == ({}, {})
    assert watch.stalls.heard(4) is None
    assert watch.passes(TELL - 6) == ({}, {})
    assert watch.passes(2) == ({3: TELL}, {})
    watch.stalls.forget(4)
    assert watch.passes(30) == ({}, {})
    assert watch.stalls.heard(3) == TELL + 31
    assert watch.stalls.heard(3) is None


def test_a_slow_family_has_shown_that_it_is() -> None:
    watch = Watch()
    watch.stalls.began(0)
    watch.passes(90)
    watch.stalls.heard(0)
    assert watch.passes(PACE * 90 - 1) == ({}, {})
    assert watch.passes(2)[0] == {0: PACE * 90}


def test_who_waits_for_a_process_is_not_silent() -> None:
    watch = Watch(timeout=5)
    watch.stalls.began(0)
    watch.stalls.forget(0)
    assert watch.passes(2 * TELL) == ({}, {})
    assert watch.stalls.heard(0) is None


def test_time_in_which_the_driver_did_not_look_counts_for_nobody() -> None:
    """It was stopped itself, or the laptop's lid was shut."""
    watch = Watch(timeout=30)
    watch.stalls.began(0)
    watch.passes(20)
    watch.now += 1000
    assert watch.stalls.look() == ({}, {})
    assert watch.passes(9) == ({}, {})
    assert 0 in watch.passes(AWAY)[1]


def test_a_silent_trial_is_told_of_with_its_process_and_ended_where_that_is_asked(
    tmp_path: Path,
) -> None:
    for timeout in (None, 40.0):
        now = [0.0]
        simulation = Simulation(toy_plan(trials=2, scheduler="none"), tmp_path / str(timeout))
        search = simulation.open(stall=timeout)
        search.stalls = Stalls(timeout, clock=lambda now=now: now[0])
        search.processes = lambda number: f"process 7{number} on here"
        assignment = search.ask()
        assert assignment is not None
        search.began(0)
        search.hear(0, Message())
        ended: list[int] = []
        while now[0] < TELL:
            now[0] += 1
            ended += search.stalled()
        if timeout is None:
            assert ended == []
            assert simulation.told == [
                "trial 0: no progress for 60 s; process 70 on here may hang "
                "(--stall-timeout would end it)"
            ]
            search.hear(0, Message())
            assert simulation.told[1:] == ["trial 0: goes on after 60 s of silence"]
        else:
            assert ended == [0]
            search.end(0, ("lost node", "its process died"))
            assert simulation.told == ["trial 0: no progress for 40 s: process 70 on here is ended"]
            assert facts(search)[0][1::2] == ("FAIL", "stalled")
            reason = search.ledger.frozen()[0].user_attrs["reason"]
            assert reason == "no progress for 40 s (--stall-timeout) in process 70 on here"
            simulation.close()
            simulation.run()
            assert simulation.ran == [1]
        simulation.close()
    assert TELL == 60


def test_a_late_word_of_an_ended_trial_leaves_its_reason(tmp_path: Path) -> None:
    """The rule would stop it at the rung that the late rows come to."""
    now = [0.0]
    simulation = Simulation(toy_plan(trials=4, scheduler="asha"), tmp_path, actors=4)
    search = simulation.open(stall=40.0)
    search.stalls = Stalls(40.0, clock=lambda: now[0])

    def rows(score: float) -> list[dict[str, float]]:
        return [{"step": step, "score": score, "time": 0.0} for step in range(1, 10)]

    for number in range(4):
        assert search.ask() is not None
        search.began(number)
    assert [search.hear(number, Message(rows(1.0), ended=True)) for number in range(2)]
    assert search.hear(2, Message(rows(0.1)))
    assert search.study.trials[2].reason.startswith("stopped at epoch")
    while 3 not in search.stalled():
        now[0] += 1
    assert search.hear(3, Message(rows(0.1)))
    search.end(3)
    assert search.study.trials[3].failure == "stalled"
    assert search.study.trials[3].reason.startswith("no progress for 40 s")
    simulation.close()


def test_a_process_that_does_not_come_is_told_and_not_ended() -> None:
    """A trial waits for a process: there may be no room for it, or it may hang as it starts."""
    now = 0.0
    stalls = Stalls(timeout=10.0, clock=lambda: now)
    stalls.waits(3)
    found = []
    for _ in range(40):
        now += 2
        found.append(stalls.look())
    assert [told for told, _ in found if told] == [{3: 60.0}]
    assert not any(over for _, over in found)
    assert stalls.waiting(3)
    stalls.began(3)
    now += 2
    assert stalls.look() == ({}, {})
    for _ in range(4):
        now += 2
        over = stalls.look()[1]
    assert over == {3: 10.0}
