"""The summary tells the winner beside the baselines, every failure, and what to do next."""

from __future__ import annotations

from typing import Any

import pytest

from distrib.records import StudyRecord
from distrib.tracking import wording
from distrib.tracking.phases import Phases
from distrib.tracking.summary import figures_table, summary
from distrib.tracking.wording import figure

BASELINES = {
    "mean profile": {"score": 0.5, "loss": 2.0, "test/score": 0.25},
    "ridge": {"score": 0.625, "test/score": 0.6125},
}


def winner(study: StudyRecord) -> dict[str, Any]:
    best = study.best()
    assert best is not None
    return {
        "trial": best.number,
        "state": best.state,
        "validation": {"score": 0.8125, "loss": 0.25},
        "test": {"score": 0.7875, "loss": 0.375},
    }


def told(study: StudyRecord, **changes: Any) -> str:
    given: dict[str, Any] = {
        "winner": {},
        "baselines": {},
        "notes": [],
        "seconds": {"start": 2.0, "search": 61.0},
        "size": 1_500_000,
        "resume": None,
    }
    return summary(study, "runs/toy-0", **(given | changes))


def test_who_ran_to_the_end_and_who_ended_before(fake_study: Any) -> None:
    study = fake_study(12)
    for number in (0, 2, 3):
        study.trials[number].fidelity = 5
    told_of = "3 ended by themselves before epoch 9, 3 stopped early, 2 failed"
    assert f"study toy-0: 12 trials: 4 ran to the end, {told_of}" in told(study)
    study.budget_key = "epochs"  # each has its own
    for number in (0, 2):
        study.trials[number].params["epochs"] = 5
    study.trials[3].params["epochs"] = 9
    told_of = "6 ran to the end, 1 ended by itself early, 3 stopped early, 2 failed"
    assert told_of in told(study)


def test_a_study_whose_time_was_over_while_all_waited(fake_study: Any) -> None:
    study = fake_study(3)
    for trial in study.trials.values():
        trial.state, trial.value, trial.failure = "PAUSED", 0.5, None
    text = told(study)
    assert "3 paused at a rung" in text
    assert "no trial succeeded" not in text
    assert wording.left(study, 3.0) == "about 3 s left"  # those that wait may go on


def test_a_finished_study(fake_study: Any) -> None:
    study = fake_study(12)
    study.trials[3].retries = 2
    text = told(study, winner=winner(study), baselines=BASELINES, notes=["a row was left out"])
    for line in (
        "study toy-0: 12 trials: 7 ran to the end, 3 stopped early, 2 failed",
        "  failed, diverged: 2",
        "  begun again after a lost node or process: 2",
        "    trial 4: score is nan",
        "note: a row was left out",
        "time: start 2.0 s, search 61.0 s",
        "everything is in runs/toy-0 (1.5 MB on disk)",
        "to look at: runs/toy-0/report.html",
        "  tensorboard --logdir runs/toy-0",
        "  python -m distrib.predict runs/toy-0/best --out predictions.parquet",
        "  python -m distrib.train --config runs/toy-0/best",
        "  python -m distrib.compare runs/*",
    ):
        assert line in text.splitlines(), line
    assert f"winner: trial {winner(study)['trial']}, epoch 9 of 9" in text
    assert "train 1.5" in text
    assert "--resume" not in text


def test_commands_can_be_pasted_where_the_folder_has_spaces(fake_study: Any) -> None:
    study = fake_study(12)
    text = summary(study, "my runs/toy-0", winner=winner(study), baselines={}, notes=[],
                   seconds={}, size=1)  # fmt: skip
    assert "predict 'my runs/toy-0/best' --out" in text
    assert "--logdir 'my runs/toy-0'" in text
    assert "compare 'my runs'/*" in text


def test_figures_stand_beside_the_baselines(fake_study: Any) -> None:
    study = fake_study(12)
    assert figures_table(study, winner(study), BASELINES).splitlines() == [
        "validation (selected on)",
        "         winner  mean profile   ridge",
        "  score  0.8125        0.5000  0.6250",
        "  loss   0.2500        2.0000       -",
        "",
        "test (a claim about new data)",
        "         winner  mean profile   ridge",
        "  score  0.7875        0.2500  0.6125",
        "  loss   0.3750             -       -",
    ]


def test_long_heads_of_figures_stand_on_several_lines(fake_study: Any) -> None:
    study = fake_study(12)
    found = winner(study) | {"intervals": {"validation": {"score": [0.75, 0.875]}}, "test": {}}
    names = ("training mean", "ridge", "untuned (256, 128)")
    lines = figures_table(study, found, {name: {"score": 0.5} for name in names})
    assert lines.splitlines() == [
        "validation (selected on)",
        "                                   training             untuned",
        "         winner      95% interval      mean   ridge  (256, 128)",
        "  score  0.8125  0.7500 to 0.8750    0.5000  0.5000      0.5000",
        "  loss   0.2500                           -       -           -",
    ]


def test_without_a_test_part(fake_study: Any) -> None:
    study = fake_study(12)
    text = told(study, winner=winner(study) | {"test": {}}, baselines={"ridge": {"score": 0.5}})
    assert "validation (selected on)" in text
    assert "test (" not in text


def test_a_confirmed_winner(fake_study: Any) -> None:
    study = fake_study(12)
    confirmed = {5: {"mean": 0.75, "sd": 0.0125, "seeds": 3}}
    text = told(study, winner=winner(study) | {"confirmed": confirmed}, baselines=BASELINES)
    assert "score of trial 5 over 3 fresh seeds: 0.7500 +- 0.0125 (standard deviation)" in text


def test_an_interrupted_study_tells_how_to_go_on(fake_study: Any) -> None:
    text = told(
        fake_study(12, running=2),
        interrupted=True,
        resume="python -m distrib.tune --resume runs/toy-0",
    )
    assert "2 unfinished" in text
    assert "interrupted; nothing that ended is lost" in text
    assert "  python -m distrib.tune --resume runs/toy-0" in text.splitlines()
    assert "winner" not in text
    assert "distrib.predict" not in text


def test_no_trial_succeeded(fake_study: Any) -> None:
    study = fake_study(3)
    for trial in study.trials.values():
        trial.state, trial.failure, trial.reason = "FAIL", "bug", "ValueError: shapes"
    text = told(study)
    assert "no trial succeeded" in text
    assert text.count("ValueError: shapes") == 3
    assert "distrib.predict" not in text


def test_no_trial_at_all(fake_study: Any) -> None:
    study = fake_study(3)
    study.trials = {}
    assert "study toy-0: 0 trials" in told(
        study, resume="python -m distrib.tune --resume runs/toy-0"
    )


def test_phases_speak_only_when_they_take_long(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("distrib.tracking.phases.time.monotonic", lambda: now[0])
    phases = Phases()
    phases("quick", 0, 2)
    now[0] += 0.5
    phases("quick", 2, 2)
    assert capsys.readouterr().out == ""
    phases("slow", 0, 10)
    for done in range(1, 11):
        now[0] += 1.0
        phases("slow", done, 10)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "slow: 2/10, 2 s, 8 s left"
    assert lines[-1] == "slow: 10/10, 10 s"
    assert len(lines) == 5


def test_a_zero_with_the_rounding_of_its_sums_is_a_zero() -> None:
    assert [figure(v) for v in (8.18e-18, -8.18e-18, 5.9e-05)] == ["0.0000", "0.0000", "5.9e-05"]
