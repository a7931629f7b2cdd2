"""The live table fits its terminal, lines come at most so often, and the cursor comes back."""

from __future__ import annotations

import io
import subprocess
import sys
from typing import Any

import pytest
from rich.console import Console

from distrib.records import StudyRecord, TrialRecord
from distrib.tracking import live, wording
from distrib.tracking.live import LiveTable, PlainLines, ProgressBar, render

HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"


def drawn(study: StudyRecord, width: int = 80, height: int = 24) -> str:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=False)
    console.print(render(study, 2))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (50, 12)])
@pytest.mark.parametrize("running", [0, 3, 300])
def test_the_table_fits_the_terminal(fake_study: Any, size: tuple[int, int], running: int) -> None:
    text = drawn(fake_study(400, running=running), *size)
    lines = text.splitlines()
    assert len(lines) < size[1]
    assert max(map(len, lines)) <= size[0]


def test_the_table_says_what_stands(fake_study: Any) -> None:
    study = fake_study(12, running=2)
    text = drawn(study, 120)
    best = study.best()
    assert best is not None
    assert f"best score {best.value:.4f}, trial {best.number}, epoch 9" in text
    assert "10/12 trials" in text
    assert "1 failed (1 diverged)" in text
    assert "last failure: trial 4, diverged: score is nan" in text
    for title in ("trial", "state", "epoch", "rung", "score", "parameters"):
        assert title in text
    assert text.count("running") == 2
    assert text.index(" running") < text.index(" complete  ")


def test_advice_on_the_best_trial_is_shown(
    fake_study: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    study = fake_study(12, running=2)
    best = study.best()
    best.advice = ["the loss rises: more dropout", *(f"sign {k}" for k in range(20))]
    text = drawn(study, 120)
    assert f"trial {best.number}: the loss rises: more dropout" in text
    assert len(text.splitlines()) < 24
    other = next(t for t in study.trials.values() if t is not best)
    other.advice = ["of another trial"]
    lines = PlainLines()
    lines.study_started(study)
    lines.trial_ended(best)
    lines.trial_ended(other)
    said = capsys.readouterr().out
    assert "  the loss rises: more dropout\n" in said
    assert "of another trial" not in said


def test_no_trial_runs_where_no_driver_does(fake_study: Any) -> None:
    console = Console(file=io.StringIO(), width=120, height=24)
    console.print(render(fake_study(12, running=2), driven=False))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert text.count(" unfinished") == 2
    assert "running" not in text
    assert "left" not in text


def test_trials_that_wait_are_told_from_those_that_run(
    fake_study: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    study = fake_study(12, running=2)
    study.trials[0].state = "PAUSED"
    study.trials[0].ended = None
    study.trials[0].pauses = [[study.trials[0].started + 1.0]]
    text = drawn(study, 120)
    assert " paused " in text
    assert "1 paused" in text.splitlines()[2]
    assert "9/12 trials" in text
    assert text.count(" running") == 2
    lines = PlainLines()
    lines.study_started(study)
    lines._spoke -= live.SPEAK_EVERY
    lines.tick()
    assert "9/12 trials, 2 running, 1 paused" in capsys.readouterr().out


def test_pauses_are_no_time_at_work() -> None:
    trial = TrialRecord(0, "RUNNING", started=100.0, fidelity=4, pauses=[[110.0, 150.0]])
    assert trial.stretches(155.0) == [(100.0, 110.0), (150.0, 155.0)]
    assert wording._at_work(trial, 155.0) == 15.0
    trial.state, trial.pauses = "PAUSED", [[110.0, 150.0], [155.0]]
    assert trial.stretches(990.0) == [(100.0, 110.0), (150.0, 155.0)]
    trial.state, trial.ended = "PRUNED", 999.0
    assert wording._at_work(trial, 2000.0) == 15.0


def test_runners_beyond_the_screen_are_counted(fake_study: Any) -> None:
    text = drawn(fake_study(100, running=80))
    shown = text.count(" running")
    assert 0 < shown < 80
    assert f"+{80 - shown} more" in text


def test_markup_in_texts_of_the_user_is_shown_as_it_is(fake_study: Any) -> None:
    study = fake_study(4, name="[bold red]x[/]")
    study.trials[0].params = {"[blink]": "[/nonsense]"}
    study.trials[0].value = 2.0
    study.trials[1].state, study.trials[1].failure = "FAIL", "bug"
    study.trials[1].reason = "list[int]\nand [/] more"
    text = drawn(study, 160)
    for piece in ("[bold red]x[/]", "[blink]=[/nonsense]", "list[int] and [/] more"):
        assert piece in text


def test_no_trial_yet(fake_study: Any) -> None:
    study = fake_study(5)
    study.trials = {}
    text = drawn(study)
    assert "0/5 trials" in text
    assert "best score: none yet" in text


def follow(tracker: Any, study: StudyRecord) -> None:
    trials, study.trials = study.trials, {}
    tracker.study_started(study)
    for trial in trials.values():
        state, trial.state = trial.state, "RUNNING"
        study.trials[trial.number] = trial
        tracker.trial_started(trial)
        tracker.trial_progressed(trial, [{"step": 1, "score": 0.25}])
        tracker.tick()
        trial.state = state
        tracker.trial_ended(trial)
        tracker.tick()
    tracker.study_ended(study, False)


@pytest.mark.parametrize("screen", [LiveTable, ProgressBar])
def test_the_terminal_is_given_back(fake_study: Any, screen: Any) -> None:
    console = Console(file=io.StringIO(), width=80, height=24, force_terminal=True)
    tracker = screen(console)
    follow(tracker, fake_study(12))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert text.count(HIDE) == 1
    assert text.rindex(SHOW) > text.rindex(HIDE)
    tracker.study_ended(fake_study(12), True)  # a second end does no harm


def test_the_terminal_is_given_back_when_drawing_fails(
    fake_study: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    console = Console(file=io.StringIO(), width=80, height=24, force_terminal=True)
    tracker = LiveTable(console)
    study = fake_study(3)
    tracker.study_started(study)

    def fails(study: StudyRecord) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(tracker, "_view", fails)
    with pytest.raises(KeyboardInterrupt):
        tracker.study_ended(study, True)
    assert isinstance(console.file, io.StringIO)
    assert SHOW in console.file.getvalue()


def test_drawing_is_bounded(fake_study: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(live.time, "monotonic", lambda: now[0])
    console = Console(file=io.StringIO(), width=80, height=24, force_terminal=True)
    tracker = LiveTable(console)
    study = fake_study(3, running=1)
    tracker.study_started(study)
    views = []
    monkeypatch.setattr(tracker, "_view", lambda s: views.append(s) or "")
    for _ in range(1000):  # ten seconds with a report at every call
        now[0] += 0.01
        tracker.trial_progressed(study.trials[2], [{"step": 1, "score": 0.1}])
        tracker.tick()
    assert 30 <= len(views) <= 40
    views.clear()
    for _ in range(1000):  # ten seconds without one
        now[0] += 0.01
        tracker.tick()
    assert 8 <= len(views) <= 11
    tracker.study_ended(study, False)


def test_the_bar_tells_unit_metric_best_and_time(
    fake_study: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(live.time, "monotonic", lambda: now[0])
    console = Console(file=io.StringIO(), width=100, force_terminal=False)
    tracker = ProgressBar(console)
    study = fake_study(1, running=1)
    trial = study.trials[0]
    trial.fidelity = 0
    tracker.study_started(study)
    tracker.trial_started(trial)
    trial.fidelity, trial.best_fidelity = 3, 2
    trial.value, trial.latest = 0.5, {"score": 0.25}
    now[0] += 6.0
    console.print(tracker._view(study))
    tracker.study_ended(study, False)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "epoch 3/9" in text
    assert "score 0.2500, best 0.5000 (epoch 2)" in text
    assert "12 s left" in text  # six units at two seconds


def test_plain_lines(fake_study: Any, capsys: pytest.CaptureFixture[str]) -> None:
    follow(PlainLines(), fake_study(12))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "study toy-0: 12 trials"
    assert lines[1] == "first report: trial 0, epoch 1/9, score 0.2500"
    assert len(lines) == 2 + 12 + 1
    assert lines[6].startswith("5/12, trial 4 failed (diverged), epoch 2, score 0.")
    assert lines[6].endswith(", score is nan")
    assert lines[-1] == "search ended: 7 complete, 3 pruned, 2 failed (2 diverged)"
    assert sum("the best so far" in line for line in lines) >= 1


def test_one_training_is_no_search(fake_study: Any, capsys: pytest.CaptureFixture[str]) -> None:
    follow(PlainLines(), fake_study(1))
    assert capsys.readouterr().out.splitlines()[-1] == "training ended: 1 complete"


def test_a_figure_of_a_part_of_the_folds_is_told_as_one(
    fake_study: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    study = fake_study(2)
    study.unit, study.selects = "fold", "last"
    follow(PlainLines(), study)
    whole, pruned = capsys.readouterr().out.splitlines()[2:4]
    assert "only" not in whole
    assert pruned.startswith("2/2, trial 1 pruned, fold 3, score ")
    assert pruned.endswith(" (of 3 of 9 folds only)")


def test_plain_progress_comes_once_in_a_while(
    fake_study: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(live.time, "monotonic", lambda: now[0])
    tracker = PlainLines()
    tracker.study_started(fake_study(12, running=2))
    capsys.readouterr()
    for _ in range(3500):  # thirty-five seconds
        now[0] += 0.01
        tracker.tick()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("10/12 trials, 2 running, best score ")
    assert "left" in lines[0]
    running = [t for t in tracker._study.trials.values() if t.state == "RUNNING"]  # type: ignore[union-attr]
    told = ", ".join(f"{t.fidelity} (trial {t.number})" for t in running)
    assert f"now at epoch {told} of " in lines[0]


def test_what_begins_again_is_told_once(
    fake_study: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    study, tracker = fake_study(12, running=2), PlainLines()
    tracker.study_started(study)
    capsys.readouterr()
    study.trials[11].retries = 2
    tracker.tick()
    tracker.tick()
    said = capsys.readouterr().out
    assert said == (
        "trial 11 goes on from its last checkpoint: a process of it was lost (2 so far)\n"
    )


def test_time_left_is_what_is_left_shared_by_those_at_work() -> None:
    study = StudyRecord("s", "toy", "score", "max", "epoch", 10, 10)
    for number in range(4):
        study.trials[number] = TrialRecord(number, "COMPLETE", started=0.0, ended=6.0)
    for number in (4, 5):
        study.trials[number] = TrialRecord(number, "RUNNING", started=98.0)
    # Four wait, 6 s each; the two at work have 4 s to go: 32 s for two at a time.
    assert wording.time_left(study, 100.0, 2) == 16.0
    study.trials = {0: TrialRecord(0, "RUNNING", started=90.0, fidelity=2)}
    # Nothing has ended: 5 s an epoch, so 50 s a trial: nine wait, and 40 s are to go.
    assert wording.time_left(study, 100.0, 1) == 490.0
    assert wording.left(study, 490.0) == "about 8:10 min left"
    study.milestones = (3,)  # where it may be stopped, which is not foreseen
    assert wording.left(study, 490.0) == "at most 8:10 min left"
    study.trials[1] = TrialRecord(1, "PRUNED", started=0.0, ended=6.0)
    assert wording.left(study, 12.0) == "about 12 s left"
    study.trials = {}
    assert wording.time_left(study, 100.0, 1) is None


def test_a_trial_that_takes_longer_than_the_others_is_not_about_to_end() -> None:
    study = StudyRecord("s", "toy", "score", "max", "epoch", 10, 2)
    study.trials[0] = TrialRecord(0, "COMPLETE", started=0.0, ended=6.0)
    study.trials[1] = TrialRecord(1, "RUNNING", started=60.0, fidelity=4)
    assert wording.time_left(study, 100.0, 1) == 60.0  # at its own pace
    # Twenty of its seconds it waited for its process, so it has trained for five an epoch.
    study.trials[1] = TrialRecord(1, "RUNNING", started=60.0, fidelity=4, seconds={"start": 20.0})
    assert wording.time_left(study, 100.0, 1) == 30.0
    study.trials[1] = TrialRecord(1, "RUNNING", started=60.0)
    assert wording.time_left(study, 100.0, 1) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.6, "1:00 min"), (187, "3:07 min"), (18720, "5:12 h"), (187200, "2 d 4 h")],
)
def test_spans(seconds: float, text: str) -> None:
    assert wording.span(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (float("nan"), "nan"),
        (0.73121, "0.7312"),
        (0.0, "0.0000"),
        (-12.5, "-12.5000"),
        (1234.56, "1234.6"),
        (1.2e-5, "1.2e-05"),
        (1e9, "1e+09"),
    ],
)
def test_figures(value: float | None, text: str) -> None:
    assert wording.figure(value) == text


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import distrib.tracking.live, sys;"
        "print([m for m in ('rich', 'pandas', 'matplotlib', 'plotly', 'optuna', 'ray', 'torch')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_of_a_finished_study_those_that_are_not_shown_are_counted(fake_study: Any) -> None:
    study = fake_study(60)
    for height in (12, 40):
        text = drawn(study, height=height)
        valued = len(study.ranked())
        shown = sum(" complete " in line or " pruned " in line for line in text.splitlines()[3:])
        assert f"+{valued - shown} more" in text
        assert len(text.splitlines()) <= height
