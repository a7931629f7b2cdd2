"""How figures, times and parameters read wherever people look: table, lines, pictures, report."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

from distrib.records import Scalar, StudyRecord, TrialRecord

RECENT = 50  # ended trials from which the length of the next ones is estimated

ZERO = 1e-15  # what is smaller is the rounding of a zero

STATE_WORDS = {
    "WAITING": "waiting",
    "RUNNING": "running",
    "PAUSED": "paused",
    "COMPLETE": "complete",
    "PRUNED": "pruned",
    "FAIL": "failed",
}
UNFINISHED = "unfinished"  # a trial that runs in the record, of a study that no driver runs


def figure(value: float | None) -> str:
    """A metric in at most ten characters: `0.7312`, `1.2e-05`, `-` for none."""
    if value is None:
        return "-"
    if not math.isfinite(value):
        return str(float(value))
    value = 0.0 if abs(value) < ZERO else value
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:.4f}" if abs(value) < 1e3 else f"{value:.1f}"
    return f"{value:.3g}"


def arrow(metric: str, direction: str) -> str:
    """Which way a metric is better, as a mark behind its name; a standard error is no aim."""
    return "" if metric.endswith("_se") else " ↑" if direction == "max" else " ↓"


def param(value: Scalar) -> str:
    """A hyperparameter: floats to three digits, all else as it is, on one line."""
    if isinstance(value, float):
        return f"{value:.3g}"
    return " ".join(str(value).split())


def params_line(params: Mapping[str, Scalar]) -> str:
    """`hidden=256 dropout=0.2`; of dotted names only the last part."""
    return " ".join(f"{name.rpartition('.')[2]}={param(value)}" for name, value in params.items())


def span(seconds: float) -> str:
    """A length of time: `41 s`, `3:07 min`, `5:12 h`, `2 d 4 h`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    if whole < 86400:
        return f"{whole // 3600}:{whole % 3600 // 60:02d} h"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def trials(count: int) -> str:
    """`1 trial`, `60 trials`."""
    return f"{count} trial{'s' * (count != 1)}"


def end_words(study: StudyRecord, *trials: TrialRecord) -> str:
    """How complete trials ended that ended alike: at the end of their budget, or of themselves
    before, as by patience."""
    if study.spent_whole(trials[0]):
        return "ran to the end"
    own = f"before {study.unit} {study.max_budget}" if study.budget_key is None else "early"
    return f"ended by {'itself' if len(trials) == 1 else 'themselves'} {own}"


def ended(study: StudyRecord) -> int:
    """How many trials are over, in whatever way."""
    return sum(t.is_over for t in study.trials.values())


def paused(study: StudyRecord) -> int:
    """How many trials wait at a rung."""
    return sum(trial.state == "PAUSED" for trial in study.trials.values())


def counts(study: StudyRecord) -> str:
    """`12 complete, 9 pruned, 2 failed (1 diverged, 1 out of memory), 1 begun again`."""
    states = Counter(t.state for t in study.trials.values())
    parts = [f"{states[s]} {STATE_WORDS[s]}" for s in ("COMPLETE", "PRUNED", "PAUSED") if states[s]]
    if states["FAIL"]:
        classes = Counter(
            t.failure or "unknown" for t in study.trials.values() if t.state == "FAIL"
        )
        named = ", ".join(f"{count} {name}" for name, count in classes.most_common())
        parts.append(f"{states['FAIL']} failed ({named})")
    retries = sum(t.retries for t in study.trials.values())
    if retries:
        parts.append(f"{retries} begun again")
    return ", ".join(parts) or "none has ended yet"


def best_line(study: StudyRecord) -> str:
    """`best pearson 0.7312, trial 17, epoch 34`, or that there is none."""
    best = study.best()
    if best is None:
        return f"best {study.metric}: none yet"
    return (
        f"best {study.metric} {figure(best.value)}, trial {best.number}, "
        f"{study.unit} {best.best_fidelity}"
    )


def time_left(study: StudyRecord, now: float, concurrent: int = 1) -> float | None:
    """Seconds until the last trial ends, from how long those before it took.

    Before the first end, running trials are taken to need all their units at their own pace, an
    upper bound where a scheduler prunes. None where there is nothing yet to tell it from.

    Args:
        now: seconds since the epoch. concurrent: trials at a time, as far as the caller knows.
    """
    running = [t for t in study.trials.values() if t.state == "RUNNING"]
    # Most of those that are paused do not go on.
    over = [
        (t.stretches(now)[-1][1], _at_work(t, now))
        for t in study.trials.values()
        if t.started is not None and (t.ended is not None or t.state == "PAUSED")
    ]
    lengths = [length for _, length in sorted(over)[-RECENT:]]
    if not lengths:
        lengths = [
            _at_work(t, now) * study.max_budget / t.fidelity
            for t in running
            if t.started is not None and t.fidelity
        ]
    if not lengths:
        return None
    mean = sum(lengths) / len(lengths)
    waiting = max(0, study.num_trials - ended(study) - paused(study) - len(running))
    begun = 0.0
    for trial in running:
        spent = _at_work(trial, now)
        if spent <= mean:
            begun += mean - spent
        elif trial.fidelity:  # longer than the others: its own pace tells
            begun += spent * (study.max_budget - trial.fidelity) / trial.fidelity
        else:
            return None
    return (waiting * mean + begun) / max(1, concurrent, len(running))


def _at_work(trial: TrialRecord, until: float) -> float:
    """Seconds that a trial ran for, less those that its process took to be ready, as few do."""
    ready = sum(trial.seconds.get(kind, 0.0) for kind in ("start", "import", "load"))
    return max(0.0, sum(end - begin for begin, end in trial.stretches(until)) - ready)


def left(study: StudyRecord, seconds: float) -> str:
    """What `time_left` says, in words: `about 12 s left`."""
    bound = bool(study.milestones) and not ended(study) and not paused(study)  # these may go on
    return f"{'at most' if bound else 'about'} {span(seconds)} left"
