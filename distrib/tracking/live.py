"""While a study runs: a live table on a terminal, a bar for one training, else plain lines."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from distrib.records import StudyRecord, TrialRecord
from distrib.tracking import wording

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

DRAW_EVERY = 0.25  # seconds between two drawings
IDLE_EVERY = 1.0  # the same while nothing is reported: only the time left moves
SPEAK_EVERY = 10.0  # seconds between two plain lines about progress


def render(study: StudyRecord, concurrent: int = 1, *, driven: bool = True) -> RenderableType:
    """The study as it stands, as high and wide as the terminal; also for `distrib.watch`.

    Args:
        concurrent: trials at a time, as far as known. driven: whether a driver runs the study.
    """
    from distrib.tracking.live_table import StudyView

    return StudyView(study, concurrent, time.time(), driven)


class _Screen:
    """What the table and the bar share: they hold the terminal from a study's start to its end."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console
        self._live: Live | None = None
        self._study: StudyRecord | None = None
        self._drawn = 0.0
        self._changed = True

    def study_started(self, study: StudyRecord) -> None:
        from rich.live import Live

        self._study = study
        self._live = Live(self._view(study), console=self._console, auto_refresh=False)
        self._live.start(refresh=True)

    def trial_started(self, trial: TrialRecord) -> None:
        self._changed = True

    def trial_progressed(self, trial: TrialRecord, rows: list[dict[str, float]]) -> None:
        self._changed = True

    def trial_paused(self, trial: TrialRecord) -> None:
        self._changed = True

    def trial_ended(self, trial: TrialRecord) -> None:
        self._changed = True

    def tick(self) -> None:
        now = time.monotonic()
        if now - self._drawn < (DRAW_EVERY if self._changed else IDLE_EVERY):
            return
        if self._live is not None and self._study is not None:
            self._live.update(self._view(self._study), refresh=True)
        self._drawn, self._changed = time.monotonic(), False

    def study_ended(self, study: StudyRecord, interrupted: bool) -> None:
        live, self._live = self._live, None
        if live is None:
            return
        try:
            live.update(self._view(study), refresh=False)
        finally:
            live.stop()  # draws a last time and gives the cursor back

    def _view(self, study: StudyRecord) -> Any:
        raise NotImplementedError


class LiveTable(_Screen):
    """Running trials and the best few, redrawn in place."""

    def __init__(self, console: Console | None = None) -> None:
        super().__init__(console)
        self._concurrent = 1

    def trial_started(self, trial: TrialRecord) -> None:
        super().trial_started(trial)
        if self._study is not None:
            running = sum(t.state == "RUNNING" for t in self._study.trials.values())
            self._concurrent = max(self._concurrent, running)

    def _view(self, study: StudyRecord) -> RenderableType:
        return render(study, self._concurrent)


class ProgressBar(_Screen):
    """How far one training is: unit, metric, best, time left."""

    def __init__(self, console: Console | None = None) -> None:
        super().__init__(console)
        self._began: tuple[float, int] | None = None

    def trial_started(self, trial: TrialRecord) -> None:
        super().trial_started(trial)
        self._began = (time.monotonic(), trial.fidelity)

    def _view(self, study: StudyRecord) -> RenderableType:
        from distrib.tracking.live_table import training_view

        trial = next(iter(study.trials.values()), None)
        left = None
        if trial is not None and self._began is not None and trial.fidelity > self._began[1]:
            pace = (time.monotonic() - self._began[0]) / (trial.fidelity - self._began[1])
            left = pace * (study.max_budget - trial.fidelity)
        return training_view(study, trial, left)


TOLD = 4
"""Running trials whose place a line tells."""


class PlainLines:
    """For output that is no terminal: a line per trial at its end, and one in a while between."""

    def __init__(self) -> None:
        self._study: StudyRecord | None = None
        self._spoke = 0.0
        self._reported = False
        self._concurrent = 1
        self._retries: dict[int, int] = {}

    def study_started(self, study: StudyRecord) -> None:
        self._study = study
        self._spoke = time.monotonic()
        self._retries = {number: trial.retries for number, trial in study.trials.items()}
        earlier = wording.ended(study)
        known = f", {earlier} of them from before" if earlier else ""
        print(f"study {study.name}: {wording.trials(study.num_trials)}{known}", flush=True)

    def trial_started(self, trial: TrialRecord) -> None:
        if self._study is not None:
            running = sum(t.state == "RUNNING" for t in self._study.trials.values())
            self._concurrent = max(self._concurrent, running)

    def trial_progressed(self, trial: TrialRecord, rows: list[dict[str, float]]) -> None:
        if self._reported or self._study is None or not rows:
            return
        self._reported = True
        study = self._study
        value = wording.figure(rows[-1].get(study.metric))
        print(
            f"first report: trial {trial.number}, {study.unit} {rows[-1]['step']:g}/"
            f"{study.max_budget}, {study.metric} {value}",
            flush=True,
        )
        self._spoke = time.monotonic()

    def trial_paused(self, trial: TrialRecord) -> None:
        """The lines between tell how many wait."""

    def trial_ended(self, trial: TrialRecord) -> None:
        study = self._study
        assert study is not None
        words = [
            f"{wording.ended(study)}/{study.num_trials}",
            f"trial {trial.number} {wording.STATE_WORDS[trial.state]}",
            f"{study.unit} {trial.fidelity}",
            f"{study.metric} {wording.figure(trial.value)}",
        ]
        if trial.best_fidelity not in (0, trial.fidelity):
            words[-1] += f" at {study.unit} {trial.best_fidelity}"
        elif study.selects == "last" and trial.state == "PRUNED":
            # The first folds may be easy ones: a figure that looks better than it is.
            words[-1] += f" (of {trial.fidelity} of {study.max_budget} {study.unit}s only)"
        if trial.state == "FAIL":
            words[1] += f" ({trial.failure})"
            words.append(" ".join((trial.reason or "").split())[:200])
        elif trial is study.best():
            words.append("the best so far")
        print(", ".join(word for word in words if word), flush=True)
        if trial is study.best():
            for line in trial.advice:
                print(f"  {line}", flush=True)

    def tick(self) -> None:
        now = time.monotonic()
        study = self._study
        if study is None:
            return
        self._tell_restarts(study)
        if now - self._spoke < SPEAK_EVERY:
            return
        self._spoke = now
        left = wording.time_left(study, time.time(), self._concurrent)
        running = [t for t in study.trials.values() if t.state == "RUNNING"]
        parts = [f"{wording.ended(study)}/{study.num_trials} trials", f"{len(running)} running"]
        if paused := wording.paused(study):
            parts.append(f"{paused} paused")
        if study.num_trials == 1 and running:
            parts = [f"{study.unit} {running[0].fidelity}/{study.max_budget}"]
        parts.append(wording.best_line(study))
        if left is not None:
            parts.append(wording.left(study, left))
        if study.num_trials > 1 and running:
            told = ", ".join(f"{t.fidelity} (trial {t.number})" for t in running[:TOLD])
            more = ", ..." if len(running) > TOLD else ""
            parts.append(f"now at {study.unit} {told}{more} of {study.max_budget}")
        print(", ".join(parts), flush=True)

    def _tell_restarts(self, study: StudyRecord) -> None:
        for number, trial in study.trials.items():
            if trial.retries > self._retries.get(number, 0):
                self._retries[number] = trial.retries
                if trial.state != "RUNNING":
                    continue  # its end was told already
                print(
                    f"trial {number} goes on from its last checkpoint: a process of it was lost "
                    f"({trial.retries} so far)",
                    flush=True,
                )

    def study_ended(self, study: StudyRecord, interrupted: bool) -> None:
        over = "search ended" if study.num_trials > 1 else "training ended"
        word = "interrupted" if interrupted else over
        print(f"{word}: {wording.counts(study)}", flush=True)
