"""A study without Ray: the search and its trials in one process, in any order that a seed gives.

`Simulation` does what `tuner.py` and `trial_actor.py` do with Ray: asks for trials,
carries messages, ends trials.

`Killed` stands for the driver's sudden death at a write of the ledger.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from distrib.records import StudyRecord, Tracker
from distrib.study.driver.initial_trials import default_params
from distrib.study.driver.place import new_record
from distrib.study.driver.search_loop import Assignment, Limits, Search
from distrib.study.plan.options import Options
from distrib.study.plan.plan import Plan, make_plan
from distrib.study.record.checkpoint import Checkpoints
from distrib.study.record.journal import JournalFile
from distrib.study.record.ledger import Ledger
from distrib.study.record.run_folder import RunFolder
from distrib.study.search.promotion import Promotion
from distrib.study.space.space_file import parse_space
from distrib.study.worker.reports import Message, Pace
from distrib.study.worker.trial import run_trial
from distrib.trial_files import read_metrics

TOY = {
    "trainable": "tests.families.toys:Curve",
    "trials": 8,
    "parameters": {
        "height": {"uniform": [0, 1]},
        "rate": {"loguniform": [0.1, 1]},
        "noise": 0.05,
        "epochs": 9,
    },
}


class Killed(BaseException):
    """The driver's sudden death."""


class Clock:
    """A clock that jumps at random, so that messages carry a few rows and saves are now and then.

    One per process of a study: it stands in for the module `time` of `distrib.study.worker.trial`.
    """

    def __init__(self, seed: int, mean: float = 0.2) -> None:
        self._random = np.random.default_rng(seed)
        self._mean = mean
        self._now = 0.0

    def monotonic(self) -> float:
        self._now += self._random.exponential(self._mean)
        return self._now

    def time(self) -> float:
        return self.monotonic()


def toy_plan(
    parameters: Mapping[str, Any] | None = None, *, settings: Mapping[str, Any] = {}, **options: Any
) -> Plan:
    """A plan of the toy family: `parameters` over those of `TOY`."""
    content = {**TOY, **settings, "parameters": {**TOY["parameters"], **(parameters or {})}}
    return make_plan(
        parse_space(content, name="toy", file="toy.yaml"), Options(allow_custom=True, **options)
    )


@dataclass
class Simulation:
    """One study in a folder; `open` is a driver's start, first or later.

    Attributes:
        ran: the numbers of the trials that were given out, by every driver in turn. told: the lines
            for the reader, likewise.
    """

    plan: Plan
    path: Path
    actors: int = 1
    save_every: float = 0.0
    trackers: Sequence[Tracker] = ()
    ran: list[int] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    search: Search | None = None

    def open(self, **limits: Any) -> Search:
        """A driver: the ledger opened (and repaired), the search brought to where it stands."""
        self.path.mkdir(parents=True, exist_ok=True)
        folder = RunFolder(self.path)
        record: StudyRecord = new_record(self.plan, "toy")
        ledger = Ledger(folder.ledger, record.name, record.direction)
        record.trials = ledger.records(record, self.plan.rule())
        self.ledger = ledger
        self.search = Search(
            record,
            family=self.plan.family,
            space=self.plan.space,
            ledger=ledger,
            folder=folder,
            rule=self.plan.rule(),
            limits=Limits(self.plan.trials, self.actors, **limits),
            seed=self.plan.options.seed,
            sampler=self.plan.sampler,
            defaults=default_params(self.plan),
            trackers=self.trackers,
            tell=self.told.append,
        )
        return self.search

    def messages(self, assignment: Assignment, pace: Pace) -> Iterator[Message]:
        """What the trial says, as it comes through Ray: as JSON."""
        folder = self.search.folder.trial(assignment.number)
        family = self.plan.family
        for message in run_trial(
            family,
            family.Config.model_validate(assignment.config),
            family.load(self.plan.source),
            self.plan.worker,
            Checkpoints(folder / "checkpoint"),
            pace,
            self.plan.objective.name,
            bar=assignment.bar,
            pauses=isinstance(self.search.rule, Promotion),
        ):
            yield Message(**json.loads(json.dumps(asdict(message))))

    def drive(
        self, order: int = 0, until: Callable[[Search], bool] = lambda search: False
    ) -> Search:
        """Run the opened search to its end, trials taking turns in a seeded order.

        Args:
            until: looked at after every message; the driver leaves in good order when it is true.
        """
        search = self.search
        random = np.random.default_rng(order)
        milestones = frozenset(search.study.milestones)
        paces = [Pace(milestones, self.save_every) for _ in range(self.actors)]
        live: dict[int, Iterator[Message]] = {}
        slot_of: dict[int, int] = {}
        while True:
            while (assignment := search.ask()) is not None:
                number = assignment.number
                self.ran.append(number)
                slot_of[number] = min(set(range(self.actors)) - {slot_of[n] for n in live})
                live[number] = self.messages(assignment, paces[slot_of[number]])
            if not live:
                return search
            number = int(random.choice(sorted(live)))
            if search.hear(number, next(live[number])):
                live.pop(number).close()
                search.end(number)
            if until(search):
                return search

    def close(self) -> None:
        """Let go of the ledger's file, as the end of a process does: nothing more is written."""
        handle = self.ledger.file._file
        if handle is not None:
            handle.close()
            self.ledger.file._file = None

    def run(self, order: int = 0, **limits: Any) -> Search:
        """Open, drive to the end, close."""
        self.open(**limits)
        try:
            return self.drive(order)
        finally:
            self.close()


@contextmanager
def killed_at(write: int, part: float = 0.0) -> Iterator[None]:
    """The driver dies at the ledger's write of this number (from 0), `part` of it being written."""
    count = 0
    real = JournalFile._write

    def fatal(self: JournalFile, content: bytes) -> None:
        nonlocal count
        count += 1
        if count > write:
            self._file.write(content[: int(part * len(content))])
            self._file.close()
            self._file = None
            raise Killed
        real(self, content)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JournalFile, "_write", fatal)
        yield


def facts(search: Search) -> dict[int, tuple[Any, ...]]:
    """What a study found, by trial: parameters, state, every value, failure."""
    return {
        t.number: (
            dict(t.params),
            t.state.name,
            # repr: a NaN equals itself.
            {step: repr(value) for step, value in t.intermediate_values.items()},
            t.user_attrs.get("failure"),
        )
        for t in search.ledger.frozen()
    }


def check_whole(simulation: Simulation) -> None:
    """Exactly the trials asked for, all ended; the metrics of each complete, each unit once."""
    search = simulation.search
    assert sorted(search.study.trials) == list(range(simulation.plan.trials))
    frozen = search.ledger.frozen()
    assert len(frozen) == simulation.plan.trials
    assert {t.state.name for t in frozen} <= {"COMPLETE", "PRUNED", "FAIL"}
    for t in frozen:
        assert (search.folder.trial(t.number) / "config.yaml").is_file()
        rows = read_metrics(search.folder.trial(t.number) / "metrics.csv")
        steps = [int(row["step"]) for row in rows]
        assert steps == list(range(1, len(steps) + 1))
        told = {int(r["step"]): repr(r["score"]) for r in rows if "score" in r}
        reported = {s: repr(v) for s, v in t.intermediate_values.items()}
        # A row is written before it is told, so a trial that was stopped may have rows beyond.
        assert told.items() >= reported.items()
        if t.state.name == "COMPLETE":
            assert t.value == max(t.intermediate_values.values())
            assert len(steps) == 9 == len(reported)
