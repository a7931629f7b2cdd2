"""What a study records, as plain values that every package may know: trials, studies, trackers.

The run folder (the study's own folder, `runs/<study>/`) holds, for the rooms that read it back:

- `study.yaml`: `StudyRecord` as a mapping under the key `record`, beside space and data;
- `ledger.journal`: Optuna's journal, the record that counts;
- `trials/0007/metrics.csv`: a row per unit: `step`, the metrics, `train/<name>`, `time`;
- `trials/0007/config.yaml`: the trial's full configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol

TrialState = Literal["WAITING", "RUNNING", "PAUSED", "COMPLETE", "PRUNED", "FAIL"]
"""Optuna's words, and PAUSED: it waits at a rung as a checkpoint, and may go on."""
FailureClass = Literal[
    "bad configuration", "bad data", "out of memory", "diverged", "lost node", "stalled", "bug"
]
Scalar = str | int | float | bool | None


@dataclass(frozen=True)
class Dimension:
    """One searched hyperparameter, as people look at it.

    Attributes:
        kind: "range" (with low, high, log, integer) or "choice" (with choices, as shown).
    """

    name: str
    kind: Literal["range", "choice"]
    low: float | None = None
    high: float | None = None
    log: bool = False
    integer: bool = False
    choices: tuple[Scalar, ...] = ()


@dataclass
class TrialRecord:
    """One trial as it stands.

    Attributes:
        params: the searched values by dimension; conditional ones are absent where not drawn, and
            lists or mappings are shown as JSON text.
        value: the objective so far (best or last unit, as the family selects); None before any.
        fidelity: units completed, as of the last row; best_fidelity: those of `value`.
        latest: the last row: metrics by name, and `train/<name>`.
        rung: the highest rung (a number of units) reached, 0 before the first.
        started, ended: seconds since the epoch.
        reason: why it was pruned or failed, one line; failure: the class of a failure.
        retries: how often it was begun again after its node or process was lost.
        advice: what the family says of its rows so far, a line each.
        seconds: where its time went: start, import, load, train, checkpoint, report.
        pauses: when it waited at a rung: beginning and end of each pause, seconds since the epoch;
            the last one has no end while it waits.
    """

    number: int
    state: TrialState = "WAITING"
    params: dict[str, Scalar] = field(default_factory=dict)
    value: float | None = None
    fidelity: int = 0
    best_fidelity: int = 0
    latest: dict[str, float] = field(default_factory=dict)
    rung: int = 0
    started: float | None = None
    ended: float | None = None
    reason: str | None = None
    failure: FailureClass | None = None
    retries: int = 0
    advice: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    pauses: list[list[float]] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        """Whether it has come to an end, of whatever kind."""
        return self.state in ("COMPLETE", "PRUNED", "FAIL")

    def stretches(self, until: float) -> list[tuple[float, float]]:
        """Beginning and end of each stretch that it ran for, its pauses left out.

        Args:
            until: the end of the last one where it still runs.
        """
        if self.started is None:
            return []
        last = until if self.ended is None else self.ended
        edges = [self.started, *(at for pause in self.pauses for at in pause), last]
        return [(begin, max(begin, end)) for begin, end in zip(edges[::2], edges[1::2])]


@dataclass
class StudyRecord:
    """One study as it stands.

    Attributes:
        trainable: name of the family. unit: of its fidelity ("epoch"); max_budget: the most of it.
        metric: the objective; direction: which way it is better.
        selects: whether a trial is worth its best unit or its last one.
        metrics: every metric the family reports: name -> direction, the objective among them.
        milestones: the units at which a scheduler judges, ascending.
        seeds: dimensions whose values are repetitions of one configuration.
        budget_key: the dimension that is a trial's own budget; None: each has `max_budget`.
        num_trials: how many were asked for. trials: by number.
    """

    name: str
    trainable: str
    metric: str
    direction: Literal["min", "max"]
    unit: str
    max_budget: int
    num_trials: int
    dimensions: tuple[Dimension, ...] = ()
    selects: Literal["best", "last"] = "best"
    metrics: dict[str, Literal["min", "max"]] = field(default_factory=dict)
    milestones: tuple[int, ...] = ()
    seeds: tuple[str, ...] = ("seed",)
    budget_key: str | None = None
    trials: dict[int, TrialRecord] = field(default_factory=dict)

    def better(self, a: float, b: float) -> bool:
        """Whether `a` is strictly better than `b`."""
        return a > b if self.direction == "max" else a < b

    def ranked(self) -> list[TrialRecord]:
        """Trials with a value, best first: those that completed before those that were pruned."""
        valued = [t for t in self.trials.values() if t.value is not None and t.state != "FAIL"]
        sign = -1.0 if self.direction == "max" else 1.0
        return sorted(
            valued,
            key=lambda t: (t.state != "COMPLETE", sign * (t.value or 0.0), t.number),
        )

    def best(self) -> TrialRecord | None:
        """The winner so far, or None."""
        ranked = self.ranked()
        return ranked[0] if ranked else None

    def spent_whole(self, trial: TrialRecord) -> bool:
        """Whether it came to the end of its budget; it may end by itself before, as by patience."""
        own = trial.params.get(self.budget_key) if self.budget_key else None
        return trial.fidelity >= (own if isinstance(own, (int, float)) else self.max_budget)

    def header(self) -> dict[str, Any]:
        """Everything but the trials, as plain values for `study.yaml`."""
        plain = asdict(self)
        del plain["trials"]
        return plain


REFITTED = "trained again on every row but the test part"


def trained_words(unit: str, number: int, *, refitted: bool, tested: bool) -> str:
    """What the rows of a winner's weights are, as the model card and the report say it.

    Args:
        refitted: whether they were trained again. tested: whether there is a test part.
    """
    if refitted:
        return REFITTED if tested else "trained again on every row"
    return f"the weights of {unit} {number}, trained on the training rows alone"


def is_bound(baseline: str) -> bool:
    """Whether its name says that it is a bound, which no model can beat."""
    return baseline.endswith("(bound)")


def named(baseline: str) -> str:
    """Its name as it stands in a sentence: in quotes where it has a comma of its own."""
    return f"'{baseline}'" if "," in baseline else baseline


def unbeaten(
    study: StudyRecord,
    winner: Mapping[str, Any],
    baselines: Mapping[str, Mapping[str, float]],
) -> list[str]:
    """The baselines that a winner does not beat by its objective, or not beyond its 95% interval:
    lines for each part of the data.

    Args:
        winner: `validation` and `test` figures by metric. baselines: name -> metric -> value, test
            figures as `test/<metric>`; those that are bounds, not models, say so in their names.
    """
    lines = []
    for part, prefix in (("validation", ""), ("test", "test/")):
        value = winner.get(part, {}).get(study.metric)
        if value is None:
            continue
        key = prefix + study.metric
        known = {
            name: figures[key]
            for name, figures in baselines.items()
            if key in figures and not is_bound(name)
        }
        better = [f"{named(n)} ({v:.4f})" for n, v in known.items() if not study.better(value, v)]
        told = f"on {part} data the winner ({study.metric} {value:.4f})"
        if better:
            lines.append(f"{told} does not beat: {', '.join(better)}")
        ends = winner.get("intervals", {}).get(part, {}).get(study.metric)
        if ends is not None:
            worst = ends[0] if study.direction == "max" else ends[1]
            within = [
                f"{named(n)} ({v:.4f})"
                for n, v in known.items()
                if study.better(value, v) and not study.better(worst, v)
            ]
            if within:
                lines.append(
                    f"{told} beats these, which lie within its 95% interval: {', '.join(within)}"
                )
    return lines


class Tracker(Protocol):
    """Somebody who looks on. Called in the driver only, in this order, from one thread."""

    def study_started(self, study: StudyRecord) -> None:
        """Before the first trial; on a resumed study the earlier trials are in `study.trials`."""

    def trial_started(self, trial: TrialRecord) -> None:
        """The parameters are known; also for a trial that goes on: on a resumed study, or after it
        was paused."""

    def trial_progressed(self, trial: TrialRecord, rows: list[dict[str, float]]) -> None:
        """New rows (`step`, metrics, `train/<name>`), each unit once; `trial` is up to date."""

    def trial_paused(self, trial: TrialRecord) -> None:
        """It waits at a rung from now on."""

    def trial_ended(self, trial: TrialRecord) -> None:
        """The ledger has told its end: COMPLETE, PRUNED or FAIL. Never on an interruption."""

    def tick(self) -> None:
        """A few times a second, to draw."""

    def study_ended(self, study: StudyRecord, interrupted: bool) -> None:
        """After the last trial, or on an interruption."""
