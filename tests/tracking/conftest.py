"""Made-up studies, with their `metrics.csv` on disk where a test wants them."""

from __future__ import annotations

import csv
import math
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from distrib.records import Dimension, StudyRecord, TrialRecord

FakeStudy = Callable[..., StudyRecord]


@pytest.fixture
def fake_study() -> FakeStudy:
    """Makes a study: half of its trials complete, the others pruned, failed or running."""
    return _study


@pytest.fixture
def write_rows() -> Callable[[Path, StudyRecord], None]:
    """Writes `trials/0007/metrics.csv` for every trial of a study."""
    return _write_rows


def rows_of(trial: TrialRecord) -> list[dict[str, float]]:
    """The learning curve of a made-up trial."""
    top = 0.9 - abs(math.log10(float(trial.params["optimiser.learning_rate"] or 1.0)) + 3) / 5
    return [
        {
            "step": step,
            "score": top * (1 - math.exp(-step / 3)),
            "loss": math.exp(-step / 4),
            "train/loss": math.exp(-step / 3),
            "time": 1e9 + step,
        }
        for step in range(1, trial.fidelity + 1)
    ]


def _study(num_trials: int = 12, *, running: int = 0, name: str = "toy-0") -> StudyRecord:
    draw = random.Random(num_trials)
    study = StudyRecord(
        name,
        "toy",
        "score",
        "max",
        "epoch",
        9,
        num_trials,
        dimensions=(
            Dimension("optimiser.learning_rate", "range", 1e-5, 1e-1, log=True),
            Dimension("num_layers", "range", 1, 4, integer=True),
            Dimension("norm", "choice", choices=("layer", "batch", None)),
            Dimension("momentum", "range", 0.0, 1.0),
        ),
        metrics={"score": "max", "loss": "min"},
        milestones=(1, 3),
    )
    for number in range(num_trials):
        trial = TrialRecord(number, "COMPLETE", started=1e9 + number, ended=1e9 + number + 2.0)
        trial.params = {
            "optimiser.learning_rate": 10 ** draw.uniform(-5, -1),
            "num_layers": draw.randint(1, 4),
            "norm": draw.choice(["layer", "batch", None]),
        }
        if trial.params["norm"] == "batch":
            trial.params["momentum"] = draw.random()
        trial.fidelity = 9
        if number % 4 == 1:
            trial.state, trial.fidelity, trial.reason = (
                "PRUNED",
                3,
                "below the best third at epoch 3",
            )
        elif number % 6 == 4:
            trial.state, trial.fidelity, trial.failure = "FAIL", 2, "diverged"
            trial.reason = "score is nan"
        if number >= num_trials - running:
            trial.state, trial.ended, trial.fidelity = "RUNNING", None, 2
            trial.failure = trial.reason = None
        last = rows_of(trial)[-1]
        trial.value, trial.best_fidelity = last["score"], trial.fidelity
        trial.latest = {k: v for k, v in last.items() if k not in ("step", "time")}
        trial.rung = max(m for m in study.milestones if m <= trial.fidelity)
        trial.seconds = {"start": 0.1, "train": 1.5, "report": 0.05}
        study.trials[number] = trial
    return study


def _write_rows(folder: Path, study: StudyRecord) -> None:
    for trial in study.trials.values():
        path = folder / "trials" / f"{trial.number:04d}" / "metrics.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = rows_of(trial)
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
