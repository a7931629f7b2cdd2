"""The ledger: one Optuna study in the run folder, written by the driver alone.

Attributes of a trial beside Optuna's own: `reason`, `failure`, `retries`, `best_step`, `latest`,
`seconds`, `pauses` (see `TrialRecord`).
"""

from __future__ import annotations

import math
import warnings
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distrib.errors import InputError
from distrib.records import StudyRecord, TrialRecord
from distrib.study.record.journal import JournalFile
from distrib.study.record.ledger_lines import ATTRIBUTE, END, ENDS, VALUE, check_lines, hint
from distrib.study.search.promotion import PAUSES, waits

if TYPE_CHECKING:
    import optuna

    from distrib.study.search.schedulers import Rule
    from distrib.study.space.space import Space

ATTRIBUTES = ("reason", "failure", "retries", "best_step", "latest", "seconds", PAUSES)


@cache
def _optuna() -> Any:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


@dataclass(frozen=True)
class Event:
    """What the ledger tells of a trial at one place: a value, or that it went on or ended.

    Attributes:
        step, value: of a report; None where it has gone on after a pause, or has ended.
    """

    number: int
    step: int | None = None
    value: float | None = None


class Ledger:
    """Opens the ledger of a study, or begins it.

    Args:
        path: `ledger.journal` in the run folder. The caller holds the folder's lock.
        name: of the study. direction: "min" or "max", needed where the ledger is begun.
        read_only: for readers beside the driver.

    Raises:
        InputError: the file is no ledger, and which line of it is to blame.
    """

    def __init__(
        self, path: Path, name: str, direction: str | None = None, *, read_only: bool = False
    ) -> None:
        optuna = _optuna()
        if read_only and not path.is_file():
            raise InputError("no such ledger", file=path)
        self.file = JournalFile(path, read_only=read_only)
        try:
            check_lines(path)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                self.storage = optuna.storages.JournalStorage(self.file)
            names = optuna.get_all_study_names(self.storage)
        except InputError:
            self.file.close()
            raise
        except (ValueError, KeyError, TypeError, AttributeError, AssertionError) as error:
            self.file.close()
            found = f"{type(error).__name__}: {error}"
            raise InputError("not a ledger", file=path, found=found, hint=hint(path)) from None
        if not names:
            if direction is None or read_only:
                self.file.close()
                raise InputError("this ledger holds no study", file=path, hint=hint(path))
            self.study = optuna.create_study(
                storage=self.storage,
                study_name=name,
                direction="maximize" if direction == "max" else "minimize",
            )
        else:
            self.study = optuna.load_study(study_name=names[0], storage=self.storage)
        self._live: dict[int, Any] = {}
        waiting = _optuna().trial.TrialState.WAITING
        self._waiting = deque(t.number for t in self.frozen() if t.state == waiting)
        self._size = len(self.frozen())

    @property
    def repaired(self) -> str | None:
        """What was cut off a torn ledger when it was opened."""
        return self.file.torn

    def frozen(self) -> list[optuna.trial.FrozenTrial]:
        """Every trial as Optuna keeps it, by number."""
        return self.study.get_trials(deepcopy=False)

    def count(self) -> int:
        """How many trials were begun, those that wait (`enqueue`) not counted."""
        return self._size - self.waiting

    @property
    def waiting(self) -> int:
        """How many trials wait to be begun."""
        return len(self._waiting)

    def next_number(self) -> int:
        """The number that `ask` will give: that of a trial that waits, or a new one."""
        return self._waiting[0] if self._waiting else self._size

    def enqueue(self, params: dict[str, Any]) -> None:
        """Give the next trial these values; what they lack is drawn."""
        self.study.enqueue_trial(params)
        self._waiting.append(self._size)
        self._size += 1

    def ask(self, space: Space, sampler: optuna.samplers.BaseSampler) -> tuple[int, dict[str, Any]]:
        """Begin a trial: its number and its configuration."""
        self.study.sampler = sampler
        with self.file.together():
            trial = self.study.ask()
            config = space.suggest(trial)
        self._live[trial.number] = trial
        if self._waiting:
            self._waiting.popleft()
        else:
            self._size += 1
        return trial.number, config

    def reopen(
        self, number: int, space: Space, sampler: optuna.samplers.BaseSampler
    ) -> dict[str, Any]:
        """Take an unfinished trial up again: its parameters, and draws for those it lacks."""
        self.study.sampler = sampler
        trial = _optuna().trial.Trial(self.study, self.frozen()[number]._trial_id)
        config = space.suggest(trial)
        self._live[number] = trial
        return config

    def params(self, number: int) -> dict[str, Any]:
        """The searched values of a trial, as Optuna has them."""
        return dict(self._live[number].params)

    def report(self, number: int, step: int, value: float) -> None:
        """Record the objective after `step` units of fidelity (Optuna's word)."""
        trial = self._live[number]
        self.storage.set_trial_intermediate_value(trial._trial_id, step, value)

    def note(self, number: int, **attributes: Any) -> None:
        """Record attributes of a live trial."""
        trial_id = self._live[number]._trial_id
        for key, value in attributes.items():
            self.storage.set_trial_user_attr(trial_id, key, value)

    def pause(self, record: TrialRecord) -> None:
        """Record that a trial waits after its last unit."""
        with self.file.together():
            self.note(record.number, **{PAUSES: record.pauses}, **_figures(record))
        del self._live[record.number]

    def go_on(self, record: TrialRecord) -> None:
        """Record that a trial, taken up again (`reopen`), waits no more."""
        self.note(record.number, **{PAUSES: record.pauses})

    def tell(self, record: TrialRecord) -> None:
        """Record a trial's end; its times are afterwards those that a later reader finds."""
        state = _optuna().trial.TrialState[record.state]
        trial = self._live[record.number]
        with self.file.together():
            self.note(
                record.number,
                best_step=record.best_fidelity,
                **_figures(record),
                **{
                    key: value
                    for key, value in (
                        ("reason", record.reason),
                        ("failure", record.failure),
                        ("retries", record.retries),
                    )
                    if value
                },
            )
            if record.state == "COMPLETE":
                self.study.tell(trial, record.value)
            else:
                self.study.tell(trial, state=state)
        kept = self.storage.get_trial(trial._trial_id)
        record.started, record.ended = map(_seconds, (kept.datetime_start, kept.datetime_complete))
        record.seconds = dict(kept.user_attrs["seconds"])
        del self._live[record.number]

    def sync(self) -> None:
        """Wait until the disk holds all that was recorded."""
        self.file.sync()

    def events(self) -> Iterator[Event]:
        """What a stopping rule is told, in the order in which it happened."""
        numbers = {t._trial_id: t.number for t in self.frozen()}
        for log in JournalFile(self.file.path, read_only=True).read_logs(0):
            code = log["op_code"]
            if code == VALUE:
                yield Event(numbers[log["trial_id"]], log["step"], log["intermediate_value"])
            elif code == ATTRIBUTE:
                if PAUSES in log["user_attr"] and not waits(log["user_attr"][PAUSES]):
                    yield Event(numbers[log["trial_id"]])
            elif code == END and log["state"] in ENDS:
                yield Event(numbers[log["trial_id"]])

    def records(self, study: StudyRecord, rule: Rule) -> dict[int, TrialRecord]:
        """Every begun trial as `TrialRecord`, by number.

        Args:
            rule: the study's, which knows the rungs of each trial.
        """
        found = {}
        for trial in self.frozen():
            if trial.state.name != "WAITING":
                record = _record(trial, study.direction, study.selects)
                record.rung = rule.rung(record.number, record.fidelity)
                found[trial.number] = record
        return found

    def close(self) -> None:
        """Let go of the file."""
        self.file.close()


def _figures(record: TrialRecord) -> dict[str, dict[str, float | str]]:
    return {
        "latest": {k: v if math.isfinite(v) else repr(v) for k, v in record.latest.items()},
        "seconds": {k: round(v, 4) for k, v in record.seconds.items()},
    }


def value_of(values: Mapping[int, float], direction: str, selects: str) -> tuple[float | None, int]:
    """What a trial with these values, by step, is worth, and at which step; None and 0 without."""
    finite = {step: value for step, value in values.items() if math.isfinite(value)}
    if not finite:
        return None, 0
    choose = max if direction == "max" else min
    step = max(finite) if selects == "last" else choose(sorted(finite), key=finite.__getitem__)
    return finite[step], step


def _seconds(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()


def _is_paused(trial: optuna.trial.FrozenTrial) -> bool:
    return trial.state.name == "RUNNING" and waits(trial.user_attrs.get(PAUSES))


def _record(trial: optuna.trial.FrozenTrial, direction: str, selects: str) -> TrialRecord:
    value, best = value_of(trial.intermediate_values, direction, selects)
    attributes = {k: v for k, v in trial.user_attrs.items() if k in ATTRIBUTES}
    attributes.pop("best_step", None)
    pauses = [list(pause) for pause in attributes.pop(PAUSES, ())]
    latest = {k: float(v) for k, v in attributes.pop("latest", {}).items()}
    return TrialRecord(
        number=trial.number,
        state="PAUSED" if _is_paused(trial) else trial.state.name,
        params=dict(trial.params),
        value=value,
        fidelity=max(trial.intermediate_values, default=0),
        best_fidelity=best,
        latest=latest,
        pauses=pauses,
        started=_seconds(trial.datetime_start),
        ended=_seconds(trial.datetime_complete),
        **attributes,
    )
