"""What a study's record says of each kind of trial, in every order of arrival."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from distrib.errors import InputError
from distrib.records import StudyRecord, TrialRecord
from distrib.study.driver.initial_trials import default_params
from distrib.trial_files import read_metrics
from tests.families.toys import Curve
from tests.support.simulate import Simulation, check_whole, facts, toy_plan

pytestmark = pytest.mark.usefixtures("random_clock")


def one(parameters: dict[str, Any], folder: Path, **options: Any) -> tuple[TrialRecord, Any]:
    """A study of a single trial: its record, and Optuna's own."""
    plan = toy_plan({"height": 0.5, "rate": 0.5, **parameters}, trials=1, seed=0, **options)
    search = Simulation(plan, folder).run()
    return search.study.trials[0], search.ledger.frozen()[0]


@settings(max_examples=30)
@given(
    actors=st.integers(1, 4),
    order=st.integers(0, 999),
    scheduler=st.sampled_from(["asha", "hyperband", "median", "none"]),
    sampler=st.sampled_from(["tpe", "gp", "random"]),
)
def test_exactly_the_trials_asked_for_each_ended(
    actors: int, order: int, scheduler: str, sampler: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    kinds = {"kind": {"choice": ["curve", "curve ", "nan", "bug", "memory", "silent"]}}
    plan = toy_plan(kinds, trials=9, seed=order, scheduler=scheduler, sampler=sampler)
    study = Simulation(plan, tmp_path_factory.mktemp("study"), actors)
    study.run(order)
    assert sorted(study.ran) == list(range(9))
    check_whole(study)
    for t in study.search.study.trials.values():
        expected = {
            "nan": ("diverged",),
            "bug": ("bug",),
            "memory": ("out of memory",),
            "silent": ("bug",),
        }.get(t.params["kind"].strip(), (None,))
        # A trial may be stopped early before anything happens to it.
        assert t.failure in expected or (t.state == "PRUNED" and t.fidelity < 3)


def test_a_complete_trial_is_worth_its_best_unit(tmp_path: Path) -> None:
    record, frozen = one({"noise": 2}, tmp_path)
    values = frozen.intermediate_values
    assert (record.state, frozen.state.name) == ("COMPLETE", "COMPLETE")
    assert record.value == frozen.value == max(values.values()) == values[record.best_fidelity]
    assert record.best_fidelity < 9 == record.fidelity
    assert list(values) == list(range(1, 10))


def test_a_family_may_select_its_last_unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    monkeypatch.setattr(Curve, "fidelity", replace(Curve.fidelity, selects="last"))
    record, frozen = one({"noise": 0.5}, tmp_path)
    assert record.value == frozen.value == frozen.intermediate_values[9]
    assert record.best_fidelity == 9


def test_a_metric_to_minimise(tmp_path: Path) -> None:
    record, frozen = one({"noise": 0.5}, tmp_path, metric="loss")
    assert frozen.value == min(frozen.intermediate_values.values()) == record.value
    plan = toy_plan({"noise": 0}, trials=20, metric="loss", sampler="random")
    study = Simulation(plan, tmp_path / "many").run().study
    best = study.best()
    assert best.state == "COMPLETE"
    assert best.value == min(t.value for t in study.trials.values() if t.state == "COMPLETE")
    pruned = [t for t in study.trials.values() if t.state == "PRUNED"]
    assert pruned
    assert all(t.value > best.value for t in pruned)


def test_a_pruned_trial_keeps_its_values_and_says_where(tmp_path: Path) -> None:
    plan = toy_plan(trials=12, sampler="random", seed=1)
    search = Simulation(plan, tmp_path).run()
    pruned = [t for t in search.ledger.frozen() if t.state.name == "PRUNED"]
    assert pruned
    for t in pruned:
        last = max(t.intermediate_values)
        assert last in (1, 3)
        assert t.value == t.intermediate_values[last]  # Optuna's view of a pruned trial
        assert t.user_attrs["reason"] == f"stopped at epoch {last}"
        assert search.study.trials[t.number].rung == last


@pytest.mark.parametrize(
    ("kind", "failure", "words"),
    [
        ("nan", "diverged", "score is nan at epoch 3"),
        ("bug", "bug", "RuntimeError: a bug of the family's (toys.py:"),
        ("memory", "out of memory", "MemoryError"),
        ("silent", "bug", "reported no 'score', but: train/loss"),
        ("infinite", "diverged", "score is inf at epoch 3"),
        ("text", "bug", "TypeError: 'score' at unit 3 is 'high', not a number"),
        ("input", "bad configuration", "too small"),
        ("nothing", "bug", "ended without reporting"),
    ],
)
def test_a_failed_trial_says_why_and_of_which_class(
    kind: str, failure: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record, frozen = one({"kind": kind}, tmp_path)
    assert (record.state, frozen.state.name) == ("FAIL", "FAIL")
    assert record.failure == frozen.user_attrs["failure"] == failure
    assert words in record.reason
    assert "\n" not in record.reason
    assert frozen.user_attrs["reason"] == record.reason
    steps = 3 if failure == "diverged" else 0 if kind in ("silent", "nothing") else 2
    assert len(frozen.intermediate_values) == steps
    assert not list(tmp_path.glob("trials/*/checkpoint"))
    # An exception's traceback stands in the trial's console.
    assert ("Traceback" in capsys.readouterr().err) == (kind in ("bug", "memory", "text", "input"))


def test_a_diverged_trial_stops_at_once(tmp_path: Path) -> None:
    record, _ = one({"kind": "nan", "epochs": 9}, tmp_path, scheduler="none")
    rows = read_metrics(tmp_path / "trials" / "0000" / "metrics.csv")
    assert record.fidelity == len(rows) == 3
    assert math.isnan(rows[-1]["score"])


def test_a_configuration_that_contradicts_itself_fails_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The family's own rule between two parameters, which no range can say."""
    from distrib.study.driver import search_loop as module

    real = module.make_config

    def checked(family: Any, values: dict[str, Any]) -> Any:
        if values["height"] < 0.5:
            raise InputError("too low for this rate", where="parameters.height")
        return real(family, values)

    monkeypatch.setattr(module, "make_config", checked)
    plan = toy_plan(trials=10, sampler="random", seed=2)
    study = Simulation(plan, tmp_path, actors=2)
    trials = study.run().study.trials
    low = {n for n, t in trials.items() if t.params["height"] < 0.5}
    assert 0 < len(low) < 10
    for number, t in trials.items():
        assert (t.failure == "bad configuration") == (number in low)
    assert low.isdisjoint(study.ran)
    assert "too low for this rate" in trials[min(low)].reason


def test_the_record_read_back_is_the_record_that_was_kept(tmp_path: Path) -> None:
    """What `watch`, `compare` and a resume see."""
    plan = toy_plan({"kind": {"choice": ["curve", "nan", "bug"]}}, trials=15, seed=4)
    study = Simulation(plan, tmp_path, actors=2)
    before = study.run(1).study.trials
    after = study.open().study.trials
    study.close()
    assert sorted(after) == sorted(before)
    for number, t in before.items():
        read = after[number]
        for name in ("state", "params", "value", "fidelity", "best_fidelity", "reason", "failure"):
            assert getattr(read, name) == getattr(t, name), name
        assert {k: repr(v) for k, v in read.latest.items()} == {
            k: repr(v) for k, v in t.latest.items()
        }


class Watcher:
    """A tracker that writes down what it is told."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, int]] = []
        self.rows: dict[int, list[int]] = {}

    def study_started(self, study: StudyRecord) -> None:
        self.heard.append(("study", len(study.trials)))

    def trial_started(self, trial: TrialRecord) -> None:
        assert trial.params
        self.heard.append(("started", trial.number))

    def trial_progressed(self, trial: TrialRecord, rows: list[dict[str, float]]) -> None:
        assert trial.fidelity == rows[-1]["step"]
        self.rows.setdefault(trial.number, []).extend(int(r["step"]) for r in rows)

    def trial_ended(self, trial: TrialRecord) -> None:
        assert trial.state in ("COMPLETE", "PRUNED", "FAIL")
        self.heard.append(("ended", trial.number))

    def tick(self) -> None: ...

    def study_ended(self, study: StudyRecord, interrupted: bool) -> None: ...


def test_trackers_hear_of_every_trial_and_unit_once(tmp_path: Path) -> None:
    watcher = Watcher()
    plan = toy_plan({"kind": {"choice": ["curve", "bug"]}}, trials=8, seed=1)
    study = Simulation(plan, tmp_path, actors=3, trackers=[watcher]).run(2).study
    for what in ("started", "ended"):
        assert sorted(n for w, n in watcher.heard if w == what) == list(range(8))
    for number, t in study.trials.items():
        assert watcher.rows.get(number, []) == list(range(1, t.fidelity + 1))


def test_a_trial_that_was_cut_off_before_its_end_is_told_after_the_study(tmp_path: Path) -> None:
    """Stopped by the rule, and the driver died before it wrote so: the resume writes the end."""
    plan = toy_plan({"noise": 0}, trials=4, sampler="random", seed=1)
    study = Simulation(plan, tmp_path)
    search = study.open()
    study.drive(until=lambda s: any(t.state == "PRUNED" for t in s.study.trials.values()))
    study.close()
    (pruned,) = (n for n, (_, state, *_) in facts(search).items() if state == "PRUNED")
    # Take its end back: the ledger as it was when the driver died.
    path = tmp_path / "ledger.journal"
    lines = path.read_bytes().splitlines(keepends=True)
    end = max(i for i, line in enumerate(lines) if b"together" in line and b"best_step" in line)
    path.write_bytes(b"".join(lines[:end]))
    watcher = Watcher()
    study.trackers = [watcher]
    study.ran.clear()
    reopened = study.run()
    assert watcher.heard[:3] == [
        ("study", pruned + 1),
        ("started", pruned),
        ("ended", pruned),
    ]
    assert pruned not in study.ran
    assert facts(reopened)[pruned] == facts(search)[pruned]


def test_warm_starts_come_first_and_are_completed(tmp_path: Path) -> None:
    study = Simulation(toy_plan(trials=4, seed=0), tmp_path)
    search = study.open()
    for params in ({"height": 0.9, "rate": 0.7}, {"height": 0.8}):
        search.ledger.enqueue(params)
    study.drive()
    study.close()
    trials = search.study.trials
    assert trials[0].params == {"height": 0.9, "rate": 0.7}
    assert trials[1].params["height"] == 0.8
    assert 0.1 <= trials[1].params["rate"] <= 1
    check_whole(study)


def test_the_defaults_are_tried_once_and_late(tmp_path: Path) -> None:
    study = Simulation(toy_plan(trials=24, scheduler="none"), tmp_path)
    defaults = {"height": 0.5, "rate": 0.3}
    trials = study.run().study.trials
    assert [n for n, t in trials.items() if t.params == defaults] == [20]
    check_whole(study)


@pytest.mark.parametrize("sampler", ["random", "grid"])
def test_samplers_that_do_not_learn_try_no_defaults(tmp_path: Path, sampler: str) -> None:
    values = {"choice": [0.5, 0.7, 0.9]}
    plan = toy_plan({"height": values, "rate": values}, trials=9, sampler=sampler)
    assert default_params(plan) == {}


def test_a_trials_files_say_what_it_was(tmp_path: Path) -> None:
    study = Simulation(toy_plan(trials=3, scheduler="none"), tmp_path)
    trials = study.run().study.trials
    for number, t in trials.items():
        content = yaml.safe_load(
            (tmp_path / "trials" / f"{number:04d}" / "config.yaml").read_text()
        )
        assert content["trainable"] == "tests.families.toys:Curve"
        config = content["config"]
        assert {k: config[k] for k in t.params} == t.params
        assert set(config) == set(Curve.Config.model_fields)
    seeds = {
        yaml.safe_load(p.read_text())["config"]["seed"] for p in tmp_path.glob("trials/*/*.yaml")
    }
    assert len(seeds) == 3


def test_lists_and_mappings_go_through_a_space(tmp_path: Path) -> None:
    values = [[1, 2], {"a": None}, None, True]
    plan = toy_plan({"options": {"choice": values}}, trials=12, scheduler="none", sampler="random")
    study = Simulation(plan, tmp_path).run().study
    seen = []
    for number, t in study.trials.items():
        content = yaml.safe_load(
            (tmp_path / "trials" / f"{number:04d}" / "config.yaml").read_text()
        )
        seen.append(content["config"]["options"])
        assert seen[-1] in values
        assert isinstance(t.params["options"], (str, bool, type(None)))
    assert len({repr(v) for v in seen}) == 4
