"""ASHA by promotion: against its definition, by one worker; and paused trials in every record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distrib.records import TrialRecord
from distrib.study.search.promotion import Promotion
from distrib.study.worker.reports import Pace
from distrib.trial_files import read_metrics
from tests.support.simulate import Killed, Simulation, check_whole, facts, killed_at, toy_plan

pytestmark = pytest.mark.usefixtures("random_clock")

Job = tuple[int, int]  # number of a trial, and the place of the rung that it is trained to


def by_definition(curves: list[Any], rungs: tuple[int, ...], factor: int) -> list[Job]:
    """The jobs of one worker: Li et al. 2020, algorithm 2, for a number of configurations."""
    ends = [*rungs, len(curves[0])]
    reached: list[dict[int, float]] = [{} for _ in ends]
    promoted: list[set[int]] = [set() for _ in ends]
    jobs: list[Job] = []
    begun = 0
    while True:
        for k in reversed(range(len(rungs))):
            ranked = sorted(reached[k], key=lambda n: (-reached[k][n], n))
            top = [n for n in ranked[: len(ranked) // factor] if n not in promoted[k]]
            if top:
                break
        else:
            k = max((k for k, rung in enumerate(reached) if rung), default=0)
            if begun < len(curves):
                top, k = [begun], -1
                begun += 1
            elif reached[-1]:
                return jobs
            else:  # none has come to the end: the best of the highest rung does
                top = [max(reached[k], key=lambda n: (reached[k][n], -n))]
        promoted[k].add(top[0])
        reached[k + 1][top[0]] = max(curves[top[0]][: ends[k + 1]])
        jobs.append((top[0], k + 1))


def in_turn(numbers: list[int]) -> list[int]:
    """The trials in their order, one that goes on at once told once."""
    return [n for n, before in zip(numbers, [-1, *numbers]) if n != before]


@settings(max_examples=25)
@given(seed=st.integers(0, 999), trials=st.integers(1, 14), factor=st.integers(2, 4))
def test_one_worker_does_what_the_definition_says(
    seed: int, trials: int, factor: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    kinds: dict[str, Any] = {"settings": {"reduction_factor": factor}, "sampler": "random"}
    whole = toy_plan(trials=trials, seed=seed, scheduler="none", **kinds)
    ended = Simulation(whole, tmp_path_factory.mktemp("whole")).run().ledger.frozen()
    curves = [list(t.intermediate_values.values()) for t in ended]
    plan = toy_plan(trials=trials, seed=seed, scheduler="asha-promotion", **kinds)
    study = Simulation(plan, tmp_path_factory.mktemp("study"))
    search = study.run()
    jobs = by_definition(curves, plan.rule().milestones, factor)
    assert in_turn(study.ran) == in_turn([number for number, _ in jobs])
    ends = [*plan.rule().milestones, 9]
    reached = {number: ends[max(k for n, k in jobs if n == number)] for number in range(trials)}
    for number, trial in search.study.trials.items():
        assert trial.fidelity == reached[number]
        assert trial.state == ("COMPLETE" if reached[number] == 9 else "PRUNED")
        told = search.ledger.frozen()[number].intermediate_values
        assert list(told.values()) == curves[number][: trial.fidelity]
    check_whole(study)


@settings(max_examples=25)
@given(
    actors=st.integers(1, 4),
    order=st.integers(0, 999),
    sampler=st.sampled_from(["tpe", "gp", "random"]),
)
def test_every_trial_comes_to_an_end(
    actors: int, order: int, sampler: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    kinds = {"kind": {"choice": ["curve", "curve ", "nan", "bug"]}}
    plan = toy_plan(kinds, trials=13, seed=order, scheduler="asha-promotion", sampler=sampler)
    study = Simulation(plan, tmp_path_factory.mktemp("study"), actors)
    trials = study.run(order).study.trials
    check_whole(study)
    assert any(t.state == "COMPLETE" for t in trials.values()) or all(
        t.state == "FAIL" for t in trials.values() if t.fidelity >= 3
    )
    for number, t in trials.items():
        kept = list((study.path / "trials" / f"{number:04d}").glob("checkpoint/*"))
        assert not kept or t.state == "COMPLETE"
        assert t.reason == f"stopped at epoch {t.fidelity}" or t.state != "PRUNED"


def cut(study: Simulation, random: np.random.Generator) -> None:
    """A driver that is killed at a write, or leaves in good order after a message."""
    try:
        with killed_at(int(random.integers(1, 60)), random.random()):
            study.open()
            study.drive()
    except Killed:
        pass
    study.close()


@settings(max_examples=30)
@given(seed=st.integers(0, 9999), sampler=st.sampled_from(["tpe", "gp", "random"]))
def test_killed_and_resumed_it_ends_as_an_uninterrupted_study(
    seed: int, sampler: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    plan = toy_plan(trials=14, seed=seed % 7, scheduler="asha-promotion", sampler=sampler)
    whole = Simulation(plan, tmp_path_factory.mktemp("whole")).run()
    study = Simulation(plan, tmp_path_factory.mktemp("study"))
    random = np.random.default_rng(seed)
    for _ in range(4):
        cut(study, random)
    study.run()
    check_whole(study)
    assert facts(study.search) == facts(whole)


def test_a_trial_that_waits_is_paused_in_every_record(tmp_path: Path) -> None:
    plan = toy_plan(trials=9, seed=1, scheduler="asha-promotion", sampler="random")
    study = Simulation(plan, tmp_path)
    search = study.open()
    told: list[tuple[str, int]] = []
    search.trackers = [Told(told)]
    study.drive(until=lambda s: sum(t.state == "PAUSED" for t in s.study.trials.values()) == 3)
    waiting = [n for n, t in search.study.trials.items() if t.state == "PAUSED"]
    assert set(waiting) == set(search.paused.rule.waiting) <= set(search.unfinished)
    study.close()
    for number in waiting:
        assert search.ledger.frozen()[number].state.name == "RUNNING"
        assert search.ledger.frozen()[number].user_attrs["pauses"][-1]
        assert list((tmp_path / "trials" / f"{number:04d}" / "checkpoint").glob("state-*"))
    again = study.open()
    assert {n for n, t in again.study.trials.items() if t.state == "PAUSED"} == set(waiting)
    assert again.paused.rule.waiting == search.paused.rule.waiting
    for number in waiting:
        assert again.study.trials[number].pauses == search.study.trials[number].pauses
        assert again.study.trials[number].latest["score"] == search.study.trials[number].value
    study.drive()
    study.close()
    assert told.count(("paused", waiting[0])) == 1
    went_on = [t for t in again.study.trials.values() if t.fidelity > 1 and t.pauses]
    assert went_on
    for trial in went_on:
        stretches = trial.stretches(0.0)
        assert len(stretches) == len(trial.pauses) + (len(trial.pauses[-1]) == 2)
        assert all(begin <= end for begin, end in stretches)


class Told:
    """A tracker that writes down which trial was paused, began or ended."""

    def __init__(self, told: list[tuple[str, int]]) -> None:
        self.told = told

    def trial_started(self, trial: TrialRecord) -> None:
        self.told.append(("started", trial.number))

    def trial_paused(self, trial: TrialRecord) -> None:
        assert trial.state == "PAUSED"
        self.told.append(("paused", trial.number))

    def trial_ended(self, trial: TrialRecord) -> None:
        self.told.append(("ended", trial.number))

    def trial_progressed(self, trial: TrialRecord, rows: list[dict[str, float]]) -> None: ...


def test_a_study_may_be_raised_and_what_ended_stays_ended(tmp_path: Path) -> None:
    few = toy_plan(trials=7, seed=3, scheduler="asha-promotion", sampler="random")
    study = Simulation(few, tmp_path)
    before = facts(study.run())
    study.plan = toy_plan(trials=15, seed=3, scheduler="asha-promotion", sampler="random")
    after = facts(study.run())
    assert after.items() >= before.items()
    check_whole(study)
    steps = [int(r["step"]) for r in read_metrics(tmp_path / "trials" / "0000" / "metrics.csv")]
    assert steps == list(range(1, len(steps) + 1))


def test_while_the_only_hope_may_fail_others_may_go_on(tmp_path: Path) -> None:
    """Every trial fails beyond the last rung: one after the other is the best that waits."""
    plan = toy_plan(
        {"kind": "bug", "at": 6}, trials=6, seed=1, scheduler="asha-promotion", sampler="random"
    )
    study = Simulation(plan, tmp_path)
    search = study.open()
    study.drive(until=lambda s: any(live.record.fidelity > 3 for live in s._live.values()))
    assert len(search.study.trials) == 6
    assert search.paused.rule.next is None
    assert search.paused.rule.waiting
    assert not search.over
    study.close()
    study.run()
    assert {t.state for t in study.search.study.trials.values()} == {"FAIL"}


def test_who_waits_is_not_begun_before_its_process_lets_go(tmp_path: Path) -> None:
    plan = toy_plan({"noise": 0}, trials=3, seed=1, scheduler="asha-promotion", sampler="random")
    study = Simulation(plan, tmp_path, actors=3)
    search = study.open()
    live = {}
    while (assignment := search.ask()) is not None:
        live[assignment.number] = study.messages(assignment, Pace(frozenset({1, 3})))
    heights = sorted(live, key=lambda n: search.study.trials[n].params["height"])
    told = {n: next(live[n]) for n in heights}
    best = max(told, key=lambda n: told[n].rows[0]["score"])
    assert search.hear(best, told[best])
    others = [n for n in heights if n != best]
    for number in others:
        assert search.hear(number, told[number])
        search.end(number)
    assert search.paused.rule.next == best
    assert search.ask() is None
    assert not search.over
    search.end(best)
    assert search.ask().number == best
    study.close()


def test_without_a_rung_every_trial_runs_to_its_end(tmp_path: Path) -> None:
    plan = toy_plan(settings={"grace": 9}, trials=4, scheduler="asha-promotion")
    assert plan.rule().milestones == ()
    trials = Simulation(plan, tmp_path, actors=2).run().study.trials
    assert [t.state for t in trials.values()] == ["COMPLETE"] * 4


def test_an_interrupted_study_keeps_what_waits(tmp_path: Path) -> None:
    plan = toy_plan(trials=12, seed=1, scheduler="asha-promotion", sampler="random")
    study = Simulation(plan, tmp_path, actors=2)

    def interrupt(search: Any) -> bool:
        search.interrupted = search.interrupted or len(search.study.trials) >= 8
        return False

    study.open()
    search = study.drive(until=interrupt)
    study.close()
    assert any(t.state == "PAUSED" for t in search.study.trials.values())
    study.run()
    check_whole(study)


@given(st.lists(st.floats(-9, 9), min_size=1, max_size=30), st.sampled_from([2, 3, 4]))
def test_the_rule_lets_go_on_whom_the_rung_has_a_place_for(
    values: list[float], factor: int
) -> None:
    rule = Promotion(1, factor, 3)
    assert rule.milestones[0] == 1
    gone: set[int] = set()
    for number, value in enumerate(values):
        stops = rule.stops(number, 1, value)
        if not stops:
            gone.add(number)
        while rule.next is not None:
            gone.add(rule.next)
            rule.leaves(rule.next)
        ranked = sorted(range(number + 1), key=lambda n: (-values[n], n))
        assert gone >= set(ranked[: (number + 1) // factor])
    assert set(rule.waiting) == set(range(len(values))) - gone
    rule.leaves(-1)
    if rule.waiting:
        assert rule.foremost() == min(rule.waiting, key=lambda n: (-values[n], n))
