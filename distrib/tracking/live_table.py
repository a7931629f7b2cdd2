"""How a running study is drawn: a few lines about the whole, then running trials and the best."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from distrib.records import StudyRecord, TrialRecord
from distrib.tracking import wording

STYLES = {
    "WAITING": "dim",
    "RUNNING": "cyan",
    "PAUSED": "blue",
    "COMPLETE": "green",
    "PRUNED": "yellow",
    "FAIL": "red",
}
FRAME = 9  # lines that are no rows: what is said of the whole, the table's head, the prompt
BEST = 10  # of the best trials at most so many, however high the terminal
ADVICE = 3  # lines on what to change, of the best trial
ROOM = 20  # columns below which the parameters are left out
WIDEST = 18  # columns of a metric's name


@dataclass
class StudyView:
    """Drawn anew for the terminal's size of the moment.

    Attributes:
        concurrent: trials at a time, for the time left. now: seconds since the epoch.
        driven: whether a driver runs the study; without one no trial runs.
    """

    study: StudyRecord
    concurrent: int
    now: float
    driven: bool

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        yield self._progress(options.max_width)
        words = list(self._words())
        yield from words
        height = options.height or console.height
        yield self._table(max(2, height - FRAME - max(0, len(words) - 3)), options.max_width)

    def _progress(self, width: int) -> RenderableType:
        study = self.study
        done, total = wording.ended(study), max(study.num_trials, len(study.trials))
        goes_on = self.driven and done < total
        left = wording.time_left(study, self.now, self.concurrent) if goes_on else None
        count = f"{done}/{total} trials"
        passed = "" if left is None else wording.left(study, left)
        grid = Table.grid(padding=(0, 2))
        grid.add_column(no_wrap=True, overflow="ellipsis", max_width=24)
        grid.add_column()
        grid.add_column(no_wrap=True)
        grid.add_column(no_wrap=True)
        name = Text(study.name, style="bold")
        room = width - min(24, len(study.name)) - len(count) - len(passed) - 8
        bar = ProgressBar(total=max(1, total), completed=done, width=max(8, min(40, room)))
        grid.add_row(name, bar, Text(count), Text(passed, style="dim"))
        return grid

    def _words(self) -> Iterator[Text]:
        study = self.study
        yield _line(wording.best_line(study), "bold green" if study.best() else "dim")
        yield _line(wording.counts(study), "")
        failed = [t for t in study.trials.values() if t.state == "FAIL"]
        if failed:
            last = max(failed, key=lambda t: (t.ended or 0.0, t.number))
            reason = " ".join((last.reason or "").split())
            yield _line(f"last failure: trial {last.number}, {last.failure}: {reason}", "red")
        best = study.best()
        for line in best.advice[:ADVICE] if best else ():
            yield _line(f"trial {best.number}: {line}", "yellow")  # type: ignore[union-attr]

    def _table(self, rows: int, width: int) -> RenderableType:
        study = self.study
        running = [t for t in study.trials.values() if t.state == "RUNNING"]
        ranked = [t for t in study.ranked() if t.state != "RUNNING"]
        best = ranked[: min(BEST, max(1, rows - len(running)))]
        left = len(ranked) - len(best)
        if left and not running and len(best) + 1 > rows:  # a line tells of those that are left
            best, left = best[:-1], left + 1
        shown = running[: max(1, rows - len(best) - 1)]
        winner = study.best()
        lines = [self._cells(trial, trial is winner) for trial in [*shown, *best]]
        heads = ["trial", "state", study.unit, "rung", study.metric, "best"]
        widths = [
            min(WIDEST, max(len(head), *(len(line[i]) for line in lines), 0))
            for i, head in enumerate(heads)
        ]
        room = width - sum(widths) - 2 * len(widths)
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for head, least in zip(heads, widths):
            justify: Literal["left", "right"] = "left" if head == "state" else "right"
            table.add_column(Text(head), justify=justify, no_wrap=True, width=least)
        if room >= ROOM:
            table.add_column("parameters", no_wrap=True, overflow="ellipsis", width=room)
        for line in lines:
            table.add_row(*(line if room >= ROOM else line[:-1]))
            if line is lines[len(shown) - 1] and len(running) > len(shown):
                more = Text(f"+{len(running) - len(shown)} more", style="dim")
                table.add_row("", more)
        if left and not running:
            table.add_row("", Text(f"+{left} more", style="dim"))
        return Padding(table, (1, 0, 0, 0))

    def _cells(self, trial: TrialRecord, first: bool) -> list[Text]:
        study = self.study
        left_off = trial.state == "RUNNING" and not self.driven
        state = wording.UNFINISHED if left_off else wording.STATE_WORDS[trial.state]
        return [
            Text(str(trial.number)),
            Text(state, style=STYLES[trial.state]),
            Text(f"{trial.fidelity}/{study.max_budget}"),
            Text(str(trial.rung) if trial.rung else "-"),
            Text(wording.figure(trial.latest.get(study.metric))),
            Text(wording.figure(trial.value), style="bold green" if first else ""),
            Text(wording.params_line(trial.params), style="dim"),
        ]


def training_view(
    study: StudyRecord, trial: TrialRecord | None, left: float | None
) -> RenderableType:
    """One training on one line: a bar, the unit, the metric, the best, and the time left."""
    step = trial.fidelity if trial else 0
    grid = Table.grid(padding=(0, 2))
    for _ in range(4):
        grid.add_column(no_wrap=True, overflow="ellipsis")
    latest = trial.latest.get(study.metric) if trial else None
    words = f"{study.metric} {wording.figure(latest)}"
    if trial is not None and trial.value is not None:
        words += f", best {wording.figure(trial.value)} ({study.unit} {trial.best_fidelity})"
    end = "" if left is None or left <= 0 else f"{wording.span(left)} left"
    if trial is not None and trial.state == "FAIL":
        end = f"failed: {trial.failure}"
    lines = trial.advice[:ADVICE] if trial is not None else []
    grid.add_row(
        ProgressBar(total=max(1, study.max_budget), completed=step, width=20),
        Text(f"{study.unit} {step}/{study.max_budget}"),
        Text(words),
        Text(end, style="red" if trial is not None and trial.state == "FAIL" else "dim"),
    )
    return Group(grid, *(_line(line, "yellow") for line in lines)) if lines else grid


def _line(text: str, style: str) -> Text:
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")
