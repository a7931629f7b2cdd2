"""The search itself: asks for trials, hears what they report, judges, records. No Ray in here.

Everything that decides what a study's record says is in `Search`, and runs in one thread of the
driver; `tuner.py` only carries its words to and from Ray Tune.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from distrib.errors import InputError, one_line
from distrib.files import atomic_write
from distrib.records import FailureClass, Scalar, StudyRecord, Tracker, TrialRecord
from distrib.study.driver.initial_trials import DEFAULTS_AT
from distrib.study.driver.paused_trials import PausedTrials
from distrib.study.driver.stalls import Stalls
from distrib.study.record.ledger import Ledger
from distrib.study.record.metrics_file import MetricsFile
from distrib.study.record.run_folder import RunFolder
from distrib.study.search.samplers import build_sampler, seed_of
from distrib.study.search.schedulers import Rule
from distrib.study.space.configs import config_yaml, make_config
from distrib.study.space.points import finite_space, grid_points
from distrib.study.space.space import Space, label
from distrib.study.worker.reports import Message
from distrib.trainables.base import Trainable
from distrib.trainables.capabilities import Advises
from distrib.trial_files import CONFIG, METRICS, read_metrics


@dataclass
class Assignment:
    """A trial to run: its number, its full configuration, and when it was given out.

    Attributes:
        bar: the value to beat for the last state to be kept, None to keep it (see `run_trial`).
    """

    number: int
    config: dict[str, Any]
    asked: float
    bar: float | None = None


@dataclass
class Limits:
    """When a study is over, and what it keeps.

    Attributes:
        deadline: `time.monotonic()` after which no trial begins and the running ones are left.
        stall: seconds without a word after which a trial is ended; None: never.
    """

    trials: int
    concurrent: int
    keep: int = 3
    deadline: float = math.inf
    stall: float | None = None


@dataclass
class _Live:
    """A trial that runs: what is recorded of it, and how it will end.

    Attributes:
        doomed: the failure as which it ends at its next message, after a loss that is not retried.
        verdict: "finished", "pruned", "paused" or "failed", once it is judged.
        starved: whether it was lost for want of memory. lost: why it was lost the last time.
        before: where its time went before it was paused.
    """

    record: TrialRecord
    metrics: MetricsFile
    doomed: tuple[FailureClass, str] | None = None
    verdict: str | None = None
    starved: bool = False
    lost: str = ""
    before: Mapping[str, float] = field(default_factory=dict)


class Search:
    """One study's search.

    Args:
        study: its record; on a resume, with the earlier trials. Those that the earlier driver left
            unfinished go first.
        defaults: values of one trial that is not drawn, `start.DEFAULTS_AT`; empty for none.
        tell: tells the reader a line, at once and in the summary.
    """

    def __init__(
        self,
        study: StudyRecord,
        *,
        family: Trainable[Any, Any, Any],
        space: Space,
        ledger: Ledger,
        folder: RunFolder,
        rule: Rule,
        limits: Limits,
        seed: int,
        sampler: str,
        defaults: Mapping[str, Any] | None = None,
        trackers: Sequence[Tracker] = (),
        tell: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.study = study
        self.family = family
        self.space = space
        self.ledger = ledger
        self.folder = folder
        self.rule = rule
        self.paused = PausedTrials(rule, study, ledger, space, seed)
        self.limits = limits
        self.seed = seed
        self.sampler = sampler
        self.defaults = dict(defaults or {})
        self.trackers = trackers
        self.tell = tell
        self.error: BaseException | None = None  # what stops the study: a disk that takes no more
        self.interrupted = False
        self.stalls = Stalls(limits.stall)
        # Names the processes of a trial, for the reader: whoever runs it knows them.
        self.processes: Callable[[int], str] = lambda number: "unknown"
        self.spoiled = False  # whether the data turned out to be bad, for any trial
        self._live: dict[int, _Live] = {}
        self._orphans: list[int] = []
        self._grid = grid_points(space)
        self._every = finite_space(space)
        self._kept: list[tuple[float, int]] = []
        for record in study.trials.values():
            record.params = record.params or self._whole(self._constants)
        for tracker in trackers:
            tracker.study_started(study)
        self._rebuild()

    @property
    def spent(self) -> bool:
        """Whether the time budget is over."""
        return time.monotonic() >= self.limits.deadline

    # What Tune asks.

    @property
    def over(self) -> bool:
        """Whether no further trial will begin."""
        if self.interrupted or self.error or self.spent or self.spoiled:
            return True
        running = [live.record for live in self._live.values()]
        return self._is_idle and not self.paused.may_go_on(running)

    def ask(self) -> Assignment | None:
        """The next trial, or None while as many run as may, or none is to begin now."""
        while not (self.over or self._is_idle) and len(self._live) < self.limits.concurrent:
            if not self._orphans and self._promoted in self._live:
                return None  # its process is not done with it yet
            assignment = self._begin()
            if assignment is not None:
                return assignment
        return None

    def hear(self, number: int, message: Message) -> bool:
        """Record what a trial says; whether it should stop."""
        live = self._live.get(number)
        if live is None:
            return True
        if (silence := self.stalls.heard(number)) is not None:
            self.tell(f"trial {number}: goes on after {silence:.0f} s of silence")
        if message.disk is not None:
            self.error = OSError(message.disk)
            return True
        for note in message.notes:
            self.tell(f"trial {number}: {note}")
        live.record.retries += message.restarts
        live.record.seconds.update(
            {kind: live.before.get(kind, 0.0) + s for kind, s in message.seconds.items()}
        )
        stop = self._rows(live, message.rows)
        if stop:
            return True
        if message.failure is not None:
            if message.failure[0] == "bad data" and not self.spoiled:
                self.spoiled = True
                self.tell("the data are at fault, whatever the configuration: no more trials begin")
            return self._judge(live, "failed", *message.failure)
        if message.ended:
            if live.record.value is None:
                return self._judge(live, "failed", "bug", "it ended without reporting anything")
            return self._judge(live, "finished")
        if live.doomed is not None:
            return self._judge(live, "failed", *live.doomed)
        return self.interrupted or self.spent  # unfinished: a resume goes on with it

    def began(self, number: int) -> None:
        """A process has taken the trial, for the first time or again."""
        self.stalls.began(number)

    def lost(
        self, number: int, failure: FailureClass, reason: str, *, given_up: bool = False
    ) -> None:
        """A trial's process died and Tune begins it again: it goes on from its checkpoint.

        Args:
            given_up: it does not; its end follows.
        """
        live = self._live.get(number)
        if live is None:
            return
        live.lost = reason
        if given_up:
            return
        self.stalls.waits(number)
        live.record.retries += 1
        if failure != "lost node":
            # The first time it may have been a trial beside it that took the memory.
            live.doomed = (failure, reason) if live.starved else None
            live.starved = True

    def end(self, number: int, failure: tuple[FailureClass, str] | None = None) -> None:
        """Tune has done with a trial: write its end, unless the study itself was interrupted."""
        self.stalls.forget(number)
        live = self._live.get(number)
        if live is None:
            return
        if failure is not None and live.verdict is None:
            kind, reason = live.doomed or failure
            if live.lost and live.lost != reason:
                reason = f"{reason}; the last time: {live.lost}"
            self._judge(live, "failed", kind, reason)
        if live.verdict is None or self.error is not None:
            return  # still RUNNING in the ledger: a resume goes on with it
        self._close(live)
        self._end_paused()

    def stalled(self) -> list[int]:
        """Trials that are to be ended for their silence; the reader is told of all that is long."""
        told, over = self.stalls.look()
        for number, silence in told.items():
            if self.stalls.waiting(number):
                self.tell(
                    f"trial {number}: no process for {silence:.0f} s: there is no room for it, or "
                    "its process hangs as it starts"
                )
                continue
            hint = "" if self.limits.stall else " (--stall-timeout would end it)"
            who = self.processes(number)
            self.tell(f"trial {number}: no progress for {silence:.0f} s; {who} may hang{hint}")
        for number, silence in over.items():
            where = self.processes(number)
            self.stalls.forget(number)
            self.tell(f"trial {number}: no progress for {silence:.0f} s: {where} is ended")
            self._judge(
                self._live[number], "failed", "stalled",
                f"no progress for {silence:.0f} s (--stall-timeout) in {where}",
            )  # fmt: skip
        return list(over)

    def tick(self) -> None:
        """Let the trackers draw."""
        for tracker in self.trackers:
            tracker.tick()

    # The beginning of a trial.

    @property
    def _promoted(self) -> int | None:
        """The trial that waits and is to go on now."""
        return self.paused.due(others=bool(self._live) or not self._is_full)

    @property
    def _is_full(self) -> bool:
        """Whether every trial that was asked for has begun."""
        return self.ledger.count() >= self.limits.trials

    @property
    def _is_idle(self) -> bool:
        """Whether no trial is to begin or go on now."""
        return not self._orphans and self._is_full and self._promoted is None

    def _begin(self) -> Assignment | None:
        """The next trial: one that was left unfinished, one whose place is earned, or a new one."""
        promoted = None if self._orphans else self._promoted
        fresh = not self._orphans and promoted is None
        if fresh:
            record, drawn = self._draw()
        elif promoted is not None:
            record = self.study.trials[promoted]
            drawn = self.paused.go_on(record)
        else:
            record = self.study.trials[self._orphans.pop(0)]
            number = record.number
            drawn = self.ledger.reopen(number, self.space, self._sampler(number))
        record.params = self.ledger.params(record.number) or self._whole(drawn)
        live = self._enter(record)
        try:
            config = self._configure(record.number, drawn)
        except (ValidationError, InputError) as error:
            self._judge(live, "failed", "bad configuration", one_line(error))
            self._close(live)
            return None
        full = self._kept and len(self._kept) >= self.limits.keep
        bar = self._kept[-1][0] if full and fresh else None
        return Assignment(record.number, config, time.time(), bar)

    def _draw(self) -> tuple[TrialRecord, dict[str, Any]]:
        """A new trial, and its values."""
        number = self.ledger.next_number()
        if self._has_defaults(number):
            self.ledger.enqueue(self.defaults)
        number, drawn = self.ledger.ask(self.space, self._sampler(number))
        record = self.study.trials[number] = TrialRecord(number, "RUNNING", started=time.time())
        return record, drawn

    def _configure(self, number: int, drawn: dict[str, Any]) -> dict[str, Any]:
        """The whole configuration of a trial, written into its folder.

        That of one that was cut off may be missing there, or torn by a loss of power.
        """
        drawn.setdefault("seed", seed_of(self.seed, number, 1) % 2**31)
        plain = make_config(self.family, drawn).model_dump(mode="json")
        file = self.folder.trial(number) / CONFIG
        atomic_write(file, config_yaml(self.study.trainable, plain))
        return plain

    def _has_defaults(self, number: int) -> bool:
        """Whether this trial is to have the family's defaults, and does not wait with them yet."""
        return bool(self.defaults) and number == DEFAULTS_AT and not self.ledger.waiting

    def _enter(self, record: TrialRecord) -> _Live:
        """A trial that runs from now on: its folder, and the trackers."""
        folder = self.folder.trial(record.number)
        folder.mkdir(parents=True, exist_ok=True)
        live = _Live(record, MetricsFile(folder / METRICS), before=dict(record.seconds))
        self._live[record.number] = live
        self.stalls.waits(record.number)
        for tracker in self.trackers:
            tracker.trial_started(record)
        return live

    def _whole(self, drawn: dict[str, Any]) -> dict[str, Scalar]:
        """What trackers show where nothing varies: the whole configuration."""
        if self.space.searched():
            return {}
        fields = self.family.Config.model_fields.items()
        defaults = {name: field.default for name, field in fields if not field.is_required()}
        return {name: label(value) for name, value in {**defaults, **drawn}.items()}

    @property
    def _constants(self) -> dict[str, Any]:
        return {p.name: p.values[0] for p in self.space.exists({}) if p.kind == "const"}

    def _sampler(self, number: int) -> Any:
        fixed = self._grid[number % len(self._grid)]
        return build_sampler(
            self.sampler,
            self.seed,
            number,
            fixed,
            self.study.selects,
            self._every,
            self.space,
            self.paused.allowed,
        )

    # The rows of a trial.

    def _rows(self, live: _Live, rows: list[dict[str, float]]) -> bool:
        """Record the new ones among these rows, one unit after the other, and judge each."""
        record = live.record
        new = [row for row in rows if row["step"] > record.fidelity]
        if not new:
            return False
        live.metrics.append([row for row in new if row["step"] > live.metrics.last_step])
        heard, stop = [], False
        for row in new:
            heard.append(row)
            stop = self._row(live, row)
            if stop:
                break
        record.latest = {k: v for k, v in heard[-1].items() if k not in ("step", "time")}
        record.rung = self.rule.rung(record.number, record.fidelity)
        if isinstance(self.family, Advises):
            record.advice = self.family.advice(read_metrics(live.metrics.path))
        for tracker in self.trackers:
            tracker.trial_progressed(record, heard)
        return stop

    def _row(self, live: _Live, row: dict[str, float]) -> bool:
        record, metric = live.record, self.study.metric
        if metric not in row:
            reported = ", ".join(k for k in row if k not in ("step", "time")) or "nothing"
            return self._judge(live, "failed", "bug", f"reported no {metric!r}, but: {reported}")
        value, step = row[metric], int(row["step"])
        record.fidelity = step
        self.ledger.report(record.number, step, value)
        if not math.isfinite(value):
            unit = self.study.unit
            return self._judge(live, "failed", "diverged", f"{metric} is {value} at {unit} {step}")
        if (
            record.value is None
            or self.study.selects == "last"
            or self.study.better(value, record.value)
        ):
            record.value, record.best_fidelity = value, step
        if self.rule.stops(record.number, step, self._signed(record.value)):
            return self._stop(live, waits=self.paused.allowed)
        return False

    def _stop(self, live: _Live, *, waits: bool) -> bool:
        """Where the rule stops a trial it waits, or its end is there."""
        if waits:
            return self._judge(live, "paused")
        where = f"{self.study.unit} {live.record.fidelity}"
        return self._judge(live, "pruned", why=f"stopped at {where}")

    def _signed(self, value: float) -> float:
        return value if self.study.direction == "max" else -value

    def _judge(
        self, live: _Live, verdict: str, failure: FailureClass | None = None, why: str | None = None
    ) -> bool:
        if live.verdict is None:
            live.verdict = verdict
            live.record.failure = failure
            live.record.reason = why or live.record.reason
        return True

    # The end of a trial.

    def _close(self, live: _Live) -> None:
        record = live.record
        self.stalls.forget(record.number)
        if live.verdict == "paused":
            self.paused.pause(record)
            del self._live[record.number]
            for tracker in self.trackers:
                tracker.trial_paused(record)
            return
        states = {"finished": "COMPLETE", "pruned": "PRUNED", "failed": "FAIL"}
        record.state = states[live.verdict or "failed"]  # type: ignore[assignment]
        record.ended = time.time()
        self.ledger.tell(record)
        del self._live[record.number]
        self.paused.leaves(record.number)
        self._keep(record)
        for tracker in self.trackers:
            tracker.trial_ended(record)

    def _end_paused(self) -> None:
        """At the end of the search, what waits and never goes on was stopped where it waits."""
        if self._live or self._orphans or not self.over:
            return
        if self.interrupted or self.error or self.spent:
            return  # a resume may go on with them
        for record in self.paused.trials:
            self.paused.reopen(record)
            live = self._enter(record)
            self._stop(live, waits=False)
            self._close(live)

    def _keep(self, *ended: TrialRecord) -> None:
        """Of trials that ended, only the best few that are complete keep their last state."""
        known = {number for _, number in self._kept} | {record.number for record in ended}
        self._kept += [
            (record.value, record.number)
            for record in ended
            if record.state == "COMPLETE" and record.value is not None
        ]
        self._kept.sort(key=lambda kept: (-self._signed(kept[0]), kept[1]))
        del self._kept[self.limits.keep :]
        for number in known - {number for _, number in self._kept}:
            shutil.rmtree(self.folder.trial(number) / "checkpoint", ignore_errors=True)

    # After a crash or an interruption.

    def _rebuild(self) -> None:
        """Bring the rule and the kept trials to where the ledger stands.

        The earlier driver may have died before it deleted a state, or have kept more of them.
        """
        best: dict[int, float] = {}
        stopped: dict[int, int] = {}
        if not self.study.trials:
            return
        for event in self.ledger.events():
            number, step, value = event.number, event.step, event.value
            if step is None or value is None:
                stopped.pop(number, None)
                self.paused.leaves(number)
                continue
            if not math.isfinite(value):
                continue
            signed = self._signed(value)
            worth = (
                signed if self.study.selects == "last" else max(signed, best.get(number, -math.inf))
            )
            best[number] = worth
            if self.rule.stops(number, step, worth):
                stopped[number] = step
        for record in self.study.trials.values():
            if record.state == "RUNNING":
                self._adopt(record, stopped.get(record.number))
        self._keep(*(r for r in self.study.trials.values() if r.is_over))
        self._end_paused()

    def _adopt(self, record: TrialRecord, stopped: int | None) -> None:
        """Go on with an unfinished trial, or write the end that the crash cut off.

        Args:
            stopped: the step at which the rule stops it, if it does.
        """
        frozen = self.ledger.frozen()[record.number]
        values = frozen.intermediate_values
        diverged = bool(values) and not math.isfinite(values[max(values)])
        if not diverged and stopped != record.fidelity:
            self._orphans.append(record.number)
            return
        number = record.number
        drawn = self.ledger.reopen(number, self.space, self._sampler(number))
        live = self._enter(record)
        self._configure(number, drawn)
        unit = self.study.unit
        if diverged:
            self._judge(live, "failed", "diverged", f"not finite at {unit} {record.fidelity}")
        else:
            self._stop(live, waits=self.paused.allowed)
        self._close(live)

    @property
    def unfinished(self) -> list[int]:
        """Trials that a resume goes on with, or may."""
        waiting = [record.number for record in self.paused.trials]
        return sorted([*self._live, *self._orphans, *waiting])
