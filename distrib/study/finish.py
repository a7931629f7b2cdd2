"""After the search: confirm, train the winner on every row, judge it, write `best/`."""

from __future__ import annotations

import json
import math
import shutil
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray

from distrib.errors import InputError
from distrib.files import write_whole
from distrib.records import StudyRecord, TrialRecord
from distrib.study import tasks
from distrib.study.configs import config_yaml
from distrib.study.metrics_file import read_metrics
from distrib.study.samplers import seed_of
from distrib.study.space_file import read_yaml

if TYPE_CHECKING:
    from distrib.study.options import Plan
    from distrib.study.run import Outcome, Phase

SEEDS = 3  # fresh seeds for each of the configurations that `--confirm` trains again


def finish(
    plan: Plan,
    outcome: Outcome,
    site: tasks.Site,
    finisher: Any,
    data: Any,
    test: Any,
    phase: Phase,
) -> None:
    """Fill `outcome.winner` and `outcome.baselines`, and write `best/`.

    Without a single successful trial nothing is written, and the outcome has no winner.

    Args:
        finisher: the `tasks.Finisher` that trains and judges the winner.
    """
    study, folder = outcome.study, outcome.folder
    winner = study.best()
    if winner is None:
        return
    confirmed = _confirm(plan, outcome, site, data, phase) if plan.options.confirm else {}
    if confirmed:
        better = max if study.direction == "max" else min
        number = better(confirmed, key=lambda n: confirmed[n]["mean"])
        winner = study.trials[number]
    config = winner_config(folder.trial(winner.number))
    units = winner.best_step if study.selects == "best" else None
    part = folder.path / ".best.part"
    part.mkdir(exist_ok=True)
    key = f"{winner.number}-{units}"  # a half-done training of another winner is no beginning
    figures = _refit(plan, finisher, config, units, data, test, part, key, phase)
    validation = metrics_at(folder.trial(winner.number), winner.best_step)
    outcome.winner = {
        "trial": winner.number,
        "state": winner.state,
        study.unit: winner.best_step,
        "validation": validation,
        "test": figures,
        **({"confirmed": confirmed[winner.number]} if confirmed else {}),
    }
    phase("baselines", 0, 1)
    outcome.baselines = ray.get(finisher.baselines.remote(config, data, test))
    phase("baselines", 1, 1)
    _write_best(plan, outcome, winner, config, part)


def winner_config(trial: Path) -> dict[str, Any]:
    """The configuration of a trial, as its folder has it."""
    file = trial / "config.yaml"
    return read_yaml(file.read_text(encoding="utf-8"), str(file))["config"]


def metrics_at(trial: Path, step: int) -> dict[str, float]:
    """Every metric of a trial at one of its units."""
    rows = [row for row in read_metrics(trial / "metrics.csv") if row["step"] == step]
    if not rows:
        return {}
    return {k: v for k, v in rows[-1].items() if k not in ("step", "time") and "/" not in k}


def request(plan: Plan) -> dict[str, Any]:
    """What one worker of this study asks of Ray."""
    r = plan.options.resources
    return {"num_cpus": r.cpus, "num_gpus": r.gpus, "accelerator_type": r.accelerator_type}


def _refit(
    plan: Plan,
    finisher: Any,
    config: dict[str, Any],
    units: int | None,
    data: Any,
    test: Any,
    folder: Path,
    key: str,
    phase: Phase,
) -> dict[str, float]:
    total = units or 1
    phase("training the winner on every row", 0, total)
    stream = finisher.refit.options(num_returns="streaming").remote(
        config, units, data, test, str(folder), key, plan.options.save_every
    )
    for reference in stream:
        said = ray.get(reference)
        if "error" in said:
            raise InputError("the winner could not be trained again", found=said["error"])
        if "test" in said:
            phase("training the winner on every row", total, total)
            return {name: float(value) for name, value in said["test"].items()}
        phase("training the winner on every row", min(int(said["step"]), total), total)
    raise RuntimeError("the last training ended without its figures")


def _confirm(
    plan: Plan, outcome: Outcome, site: tasks.Site, data: Any, phase: Phase
) -> dict[int, dict[str, Any]]:
    """Trial -> mean and spread of its objective over fresh seeds, for the best few."""
    study = outcome.study
    pending: dict[Any, int] = {}
    scratch = outcome.folder.path / ".confirm"
    for trial in study.ranked()[: plan.options.confirm]:
        config = winner_config(outcome.folder.trial(trial.number))
        for k in range(SEEDS):
            fresh = {**config, "seed": seed_of(plan.options.seed, trial.number, 100 + k) % 2**31}
            task = tasks.train_again.options(**request(plan)).remote(
                site, fresh, study.metric, study.selects, data, str(scratch / f"{trial.number}-{k}")
            )
            pending[task] = trial.number
    values: dict[int, list[float]] = {}
    total = len(pending)
    phase("confirming with fresh seeds", 0, total)
    while pending:
        done, _ = ray.wait(list(pending), num_returns=1)
        number = pending.pop(done[0])
        said = ray.get(done[0])
        if "error" in said or not math.isfinite(said["value"]):
            problem = said.get("error", "its value is not finite")
            outcome.notes.append(f"trial {number} under a fresh seed failed: {problem}")
        else:
            values.setdefault(number, []).append(said["value"])
        phase("confirming with fresh seeds", total - len(pending), total)
    shutil.rmtree(scratch, ignore_errors=True)
    return {
        number: {
            "mean": statistics.fmean(found),
            "sd": statistics.stdev(found) if len(found) > 1 else 0.0,
            "seeds": len(found),
        }
        for number, found in values.items()
        if len(found) == SEEDS
    }


def _write_best(
    plan: Plan, outcome: Outcome, winner: TrialRecord, config: dict[str, Any], part: Path
) -> None:
    """Complete `best/` beside its weights, and put it in place."""
    source = plan.source.model_dump(mode="json")
    write_whole(part / "config.yaml", config_yaml(plan.space.trainable, config, source=source))
    metrics = {**outcome.winner, "objective": outcome.study.metric, "baselines": outcome.baselines}
    write_whole(part / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    write_whole(part / "README.md", model_card(outcome.study, outcome.winner, winner, plan))
    for unfinished in part.glob(".refit-*"):
        shutil.rmtree(unfinished, ignore_errors=True)
    best = outcome.folder.best
    if best.exists():
        old = best.with_name(".best.old")
        shutil.rmtree(old, ignore_errors=True)
        best.rename(old)
        part.rename(best)
        shutil.rmtree(old, ignore_errors=True)
    else:
        part.rename(best)


def model_card(study: StudyRecord, figures: dict[str, Any], winner: TrialRecord, plan: Plan) -> str:
    """The README of `best/`."""
    lines = [
        f"# {study.name}: trial {winner.number} of a `{study.trainable}` study",
        "",
        f"Chosen among {len(study.trials)} trials by `{study.metric}` on validation data; then "
        "trained again on every row but the test part.",
        "",
        "| metric | validation (selected on) | test (never looked at before) |",
        "|---|---|---|",
    ]
    for name in study.metrics:
        cells = [figures["validation"].get(name), figures["test"].get(name)]
        shown = ["-" if value is None else f"{value:.4f}" for value in cells]
        lines.append(f"| {name} | {shown[0]} | {shown[1]} |")
    lines += [
        "",
        "Only the test column is a claim about new data.",
        "",
        "| parameter | value |",
        "|---|---|",
    ]
    lines += [f"| {name} | {value} |" for name, value in winner.params.items()]
    lines += [
        "",
        f"Seed of the study: {plan.options.seed}. The files: `config.yaml` (every hyperparameter "
        "and the data's source), `weights.safetensors`, `metrics.json`.",
        "",
    ]
    return "\n".join(lines)
