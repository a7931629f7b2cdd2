"""A search whose processes, time, data or disk give out, and what a resume makes of it."""

from __future__ import annotations

import errno
import os
import time
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from distrib.study.driver.worker_failures import failure_of
from distrib.study.record.checkpoint import Checkpoints
from distrib.study.worker import trial
from tests.support.simulate import Simulation, check_whole, facts, toy_plan

pytestmark = pytest.mark.usefixtures("random_clock")

IN_A_PROCESS = """\x1b[36mray::ResourceTrainable.train()\x1b[39m (pid=1, ip=127.0.0.1)
  File "site-packages/ray/tune/trainable/trainable.py", line 328, in train
    result = self.step()
ImportError: No module named 'lab'
"""


def test_a_lost_process_is_counted_and_goes_on(tmp_path: Path) -> None:
    study = Simulation(toy_plan(trials=1, seed=0), tmp_path)
    search = study.open()
    assignment = search.ask()
    told = list(study.messages(assignment, trial.Pace(frozenset({1, 3}))))
    assert not search.hear(0, told[0])
    search.lost(0, "lost node", "its process died")
    # It begins again from its checkpoint, and may say again what is known.
    for message in told:
        stop = search.hear(0, message)
    assert stop
    search.end(0)
    study.close()
    (t,) = search.ledger.frozen()
    assert t.state.name == "COMPLETE"
    assert t.user_attrs["retries"] == 1
    assert sorted(t.intermediate_values) == list(range(1, 10))
    check_whole(study)


@pytest.mark.parametrize("given_up", [False, True])
def test_a_process_out_of_memory_is_begun_again_once(tmp_path: Path, given_up: bool) -> None:
    """Once, since another trial may have taken the memory; also where Tune gives it up."""
    study = Simulation(toy_plan(trials=1), tmp_path)
    search = study.open()
    assignment = search.ask()
    (first, *_) = study.messages(assignment, trial.Pace(frozenset({1})))
    search.lost(0, "out of memory", "the node's memory was full")
    assert not search.hear(0, first)
    search.lost(0, "out of memory", "the node's memory was full")
    if given_up:
        search.end(0, ("lost node", "its process died again and again"))
    else:
        assert search.hear(0, first)
        search.end(0)
    study.close()
    record = search.study.trials[0]
    assert (record.failure, record.reason) == ("out of memory", "the node's memory was full")
    assert record.retries == 2


def test_a_process_that_dies_again_and_again_is_a_lost_node(tmp_path: Path) -> None:
    study = Simulation(toy_plan(trials=1), tmp_path)
    search = study.open()
    search.ask()
    search.lost(0, "lost node", "the actor died")
    search.lost(0, *failure_of(IN_A_PROCESS), given_up=True)
    search.end(0, ("lost node", "its process died again and again"))
    study.close()
    assert search.study.trials[0].failure == "lost node"
    assert search.study.trials[0].reason == (
        "its process died again and again; the last time: ImportError: No module named 'lab'"
    )
    assert search.study.trials[0].retries == 1
    assert search.over


def test_a_spent_time_budget_ends_the_study_in_good_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = toy_plan(trials=50, scheduler="none")
    study = Simulation(plan, tmp_path, actors=2)
    # The search's clock goes on by a second at each look, however fast the machine.
    clock = SimpleNamespace(monotonic=count().__next__, time=time.time)
    monkeypatch.setattr("distrib.study.driver.search_loop.time", clock)
    search = study.open(deadline=30)
    study.drive()
    assert 0 < len(search.study.trials) < 50
    assert search.ask() is None
    assert search.over
    cut = search.unfinished
    assert 0 < len(cut) <= 2
    study.close()
    states = {t.state for t in search.study.trials.values() if t.number not in cut}
    assert states == {"COMPLETE"}
    # The time budget of one driver: a resume goes on, with the trials that were cut off first.
    reached = {number: search.study.trials[number].fidelity for number in cut}
    assert study.open().unfinished == cut
    assert [study.search.ask().number for _ in cut] == cut
    assert {number: study.search.study.trials[number].fidelity for number in cut} == reached
    study.close()


def test_no_trial_begins_once_the_data_turn_out_to_be_bad(tmp_path: Path) -> None:
    plan = toy_plan({"kind": "data", "at": 2}, trials=9, scheduler="none")
    study = Simulation(plan, tmp_path, actors=2)
    study.run()
    failures = [t.failure for t in study.search.study.trials.values()]
    assert failures == ["bad data"] * len(failures)
    assert len(failures) <= 2
    assert [told for told in study.told if "the data are at fault" in told]


def test_an_interrupted_study_leaves_its_trials_to_the_resume(tmp_path: Path) -> None:
    study = Simulation(toy_plan(trials=6, scheduler="none"), tmp_path, actors=2)
    search = study.open()

    def interrupt(search: Any) -> bool:
        search.interrupted = search.interrupted or len(search.study.trials) >= 3
        return False

    study.drive(until=interrupt)
    study.close()
    unfinished = search.unfinished
    assert unfinished
    assert {n for n, (_, state, *_) in facts(search).items() if state == "RUNNING"} == set(
        unfinished
    )
    study.ran.clear()
    study.run()
    assert study.ran[: len(unfinished)] == unfinished
    check_whole(study)


DISK = [errno.ENOSPC, errno.EROFS]  # full, read-only


@pytest.mark.parametrize("error", DISK)
def test_a_disk_that_takes_no_more_of_a_trial_stops_the_study_not_the_record(
    error: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = Simulation(toy_plan(trials=3), tmp_path)
    search = study.open()
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "save", Mock(side_effect=OSError(error, os.strerror(error))))
        study.drive()
    assert isinstance(search.error, OSError)
    assert os.strerror(error) in str(search.error)
    assert search.over
    assert search.ask() is None
    study.close()
    assert facts(search)[0][1] == "RUNNING"
    study.run()
    check_whole(study)


@pytest.mark.parametrize("error", DISK)
def test_a_disk_that_takes_no_more_of_the_ledger_ends_the_search_not_tune(
    error: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ray.tune.search import Searcher

    from distrib.study.driver.tuner import _Searcher

    study = Simulation(toy_plan(trials=3), tmp_path)
    search = study.open()
    with monkeypatch.context() as patch:
        raw = Mock(fileno=search.ledger.file._file.fileno)
        raw.write.side_effect = OSError(error, os.strerror(error))
        patch.setattr(search.ledger.file, "_file", raw)
        assert _Searcher(search).suggest("a") == Searcher.FINISHED
    assert isinstance(search.error, OSError)
    assert search.error.errno == error
    study.close()
    study.run()
    check_whole(study)


def test_a_torn_checkpoint_is_passed_over_and_said(tmp_path: Path) -> None:
    study = Simulation(toy_plan(trials=1, scheduler="none"), tmp_path)
    study.open()
    study.drive(until=lambda search: search.study.trials[0].fidelity >= 7)
    study.close()
    states = sorted((tmp_path / "trials" / "0000" / "checkpoint").glob("*.safetensors"))
    assert len(states) == 2
    states[-1].write_bytes(b"")
    study.run()
    (told,) = study.told
    assert told.startswith(f"trial 0: {states[-1]}: this state is torn found: ")
    assert told.endswith("; the one before is taken")
    check_whole(study)
