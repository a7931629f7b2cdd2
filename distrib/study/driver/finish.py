"""After the search: confirm, train the winner on every row, judge it, write `best/`.

Without a refit the weights of its best unit are the model, see `Plan.refit`.
"""

from __future__ import annotations

import json
import math
import shutil
import statistics
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray

from distrib.claims import COMPARED, claims, heading, worth_words
from distrib.errors import InputError
from distrib.files import atomic_path, atomic_write, finite
from distrib.records import TrialRecord, trained_words
from distrib.study.driver.bootstrap import REPLICATES, bootstrap
from distrib.study.driver.loading import request
from distrib.study.record.artifacts import ROWS, read_held_out
from distrib.study.record.checkpoint import Checkpoints
from distrib.study.search.samplers import seed_of
from distrib.study.space.configs import config_yaml, read_config
from distrib.study.worker import tasks
from distrib.study.worker.trial_runner import Job
from distrib.trainables.capabilities import Advises, ArtifactInputs
from distrib.trial_files import CONFIG, METRICS, read_metrics

if TYPE_CHECKING:
    from distrib.study.driver.outcome import Outcome, Phase
    from distrib.study.plan.plan import Plan
    from distrib.study.worker.reports import Message
    from distrib.study.worker.trial_actor import Channel

FILES = ("config.yaml", "weights.safetensors", "metrics.json", "README.md")
SEEDS = 3  # fresh seeds for each of the configurations that `--confirm` trains again


def finish(
    plan: Plan,
    outcome: Outcome,
    spec: tasks.FamilySpec,
    start: Callable[[], Any],
    data: Any,
    test: Any,
    phase: Phase,
    channel: Channel | None = None,
) -> None:
    """Fill `outcome.winner` and `outcome.baselines`, and write `best/`.

    Without a single successful trial nothing is written, and the outcome has no winner.

    Args:
        start: gives the `tasks.Assistant` that trains and judges the winner.
        channel: to the group of workers that trains instead, in a study of such groups.
    """
    study, folder = outcome.study, outcome.folder
    winner = study.best()
    if winner is None:
        return
    confirmed = _confirm(plan, outcome, spec, data, phase, channel) if plan.options.confirm else {}
    if confirmed:
        better = max if study.direction == "max" else min
        number = better(confirmed, key=lambda n: confirmed[n]["mean"])
        winner = study.trials[number]
    config = read_config(folder.trial(winner.number) / CONFIG)
    budget = winner.best_fidelity if study.selects == "best" else None
    part = folder.path / ".best.part"
    part.mkdir(exist_ok=True)
    for left in part.glob("[!.]*"):  # of an end that was interrupted, perhaps of another winner
        left.unlink()
    key = f"{winner.number}-{budget}"  # a half-done training of another winner is no beginning
    log, refit = str(part / "console.log"), str(part / f".refit-{key}")
    job = Job(key, config, refit, log, plan.options.debug, refit=True, budget=budget)
    weights = str(part / "weights.safetensors")
    kept = folder.trial(winner.number) / "checkpoint"
    assistant, own = _weights(plan, outcome, kept, weights, start, job, data, phase, channel)
    unit = winner.best_fidelity if own is None else own
    figures = ray.get(assistant.judge.remote(config, test, weights))
    held_out = read_held_out(kept, unit)
    validation = metrics_at(folder.trial(winner.number), unit)
    outcome.winner = {
        "trial": winner.number,
        "state": winner.state,
        study.unit: unit,
        "trained": trained_words(study.unit, unit, refitted=own is None, tested=bool(figures)),
        "validation": validation,
        "test": {name: float(value) for name, value in figures.items()},
        "intervals": ray.get(assistant.intervals.remote(config, data, test, weights, held_out)),
        **({"confirmed": confirmed} if confirmed else {}),
    }
    phase("baselines", 0, 1)
    tried = [
        str(folder.trial(trial.number) / ROWS)
        for trial in study.ranked()
        if trial.value is not None
    ]
    compared = ray.get(
        assistant.compare.remote(config, data, test, weights, held_out, plan.objective.name, tried)
    )
    outcome.baselines = compared.pop("baselines")
    table = compared.pop("compared", None)
    outcome.winner["validation"] |= compared.pop("validation", {})
    outcome.winner |= compared
    if table is not None:
        with atomic_path(part / COMPARED) as temporary:
            table.to_parquet(temporary, index=False)
    phase("baselines", 1, 1)
    replicates = None
    if plan.options.bootstrap:
        ray.kill(assistant)  # what it holds is for the replicates
        replicates = bootstrap(plan, spec, request(plan), config, data, weights, phase)
        with atomic_path(part / REPLICATES) as temporary:
            replicates.to_parquet(temporary, index=False)
        assistant = tasks.start_assistant(spec, **request(plan))
    inputs = ArtifactInputs(replicates, held_out)
    notes = ray.get(assistant.write_artifacts.remote(config, data, weights, inputs))
    if isinstance(plan.family, Advises):
        rows = read_metrics(folder.trial(winner.number) / METRICS)
        notes = [*notes, *plan.family.advice(rows)]
    outcome.notes += notes
    _write_best(plan, outcome, winner, config, part, notes)


def metrics_at(trial: Path, step: int) -> dict[str, float]:
    """Every metric of a trial at one of its units."""
    rows = [row for row in read_metrics(trial / METRICS) if row["step"] == step]
    if not rows:
        return {}
    return {k: v for k, v in rows[-1].items() if k not in ("step", "time") and "/" not in k}


def _weights(
    plan: Plan,
    outcome: Outcome,
    kept: Path,
    weights: str,
    start: Callable[[], Any],
    job: Job,
    data: Any,
    phase: Phase,
    channel: Channel | None,
) -> tuple[Any, int | None]:
    """Write the winner's weights: those of its best unit, else of a last training.

    Args:
        kept: its checkpoints. weights: the file. job: the last training.

    Returns:
        The assistant that wrote them; and the unit whose weights they are, None after a training.
    """
    assistant: Any = None
    if not plan.refit and Checkpoints(kept).has_best():
        if channel is not None:
            channel.close()  # first, since the assistant may need what the group held
            channel = None
        assistant = start()
        unit = ray.get(assistant.write_best.remote(str(kept), weights))
        if unit is not None:
            return assistant, unit
    begin = start if assistant is None else lambda: assistant
    assistant = _train(plan, begin, job, data, phase, channel)
    for silent in Path(weights).parent.glob("console*.log"):
        if not silent.stat().st_size:
            silent.unlink()
    ray.get(assistant.write_last.remote(job.folder, weights))
    if not plan.refit:
        outcome.notes.append(
            "the winner kept no weights, as a trial that was stopped early: in spite of refit: "
            "false it was trained again"
        )
    return assistant, None


def _train(
    plan: Plan,
    start: Callable[[], Any],
    job: Job,
    data: Any,
    phase: Phase,
    channel: Channel | None,
) -> Any:
    """The last training, in the assistant's process or by a group; the assistant is left."""
    name, total = "training the winner again", job.budget or 1
    phase(name, 0, total)
    assistant: Any = None
    if channel is None:
        assistant = start()
        stream = assistant.train.options(num_returns="streaming").remote(
            job, data, plan.objective.name, plan.options.save_every
        )
        heard = (ray.get(reference) for reference in stream)
    else:
        heard = (tasks.said(message) for message in messages(channel, job))
    for said in heard:
        if "error" in said:
            raise InputError("the winner could not be trained again", found=said["error"])
        if "step" in said:
            phase(name, min(int(said["step"]), total), total)
    phase(name, total, total)
    if channel is not None:
        channel.close()  # first, since the assistant may need what the group held
        assistant = start()
    return assistant


def messages(channel: Channel, job: Job) -> Iterator[Message]:
    """Everything that a group says of one training, to its end."""
    while True:
        message = channel.ask(job)
        yield message
        if message.ended or message.failure or message.disk:
            return


def _confirm(
    plan: Plan,
    outcome: Outcome,
    spec: tasks.FamilySpec,
    data: Any,
    phase: Phase,
    channel: Channel | None,
) -> dict[int, dict[str, Any]]:
    """Trial -> mean and spread of its objective over fresh seeds, for the best few."""
    study = outcome.study
    jobs: list[tuple[int, Job]] = []
    scratch = outcome.folder.path / ".confirm"
    shutil.rmtree(scratch, ignore_errors=True)  # half of them would be judged by half their values
    for trial in study.ranked()[: plan.options.confirm]:
        config = read_config(outcome.folder.trial(trial.number) / CONFIG)
        for k in range(SEEDS):
            fresh = {**config, "seed": seed_of(plan.options.seed, trial.number, 100 + k) % 2**31}
            key = f"{trial.number}-{k}"
            jobs.append((trial.number, Job(key, fresh, str(scratch / key / "checkpoint"))))
    values: dict[int, list[float]] = {}
    phase("confirming with fresh seeds", 0, len(jobs))
    for done, (number, said) in enumerate(_trained(plan, spec, jobs, data, channel), 1):
        found = said.get("values") or [math.nan]
        best = max(found) if study.direction == "max" else min(found)
        value = found[-1] if study.selects == "last" else best
        if math.isfinite(value):
            values.setdefault(number, []).append(value)
        else:
            problem = said.get("error", "its value is not finite")
            outcome.notes.append(f"trial {number} under a fresh seed failed: {problem}")
        phase("confirming with fresh seeds", done, len(jobs))
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


def _trained(
    plan: Plan,
    spec: tasks.FamilySpec,
    jobs: list[tuple[int, Job]],
    data: Any,
    channel: Channel | None,
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each training as it comes to its end: trial, and `tasks.values_of` it."""
    metric = plan.objective.name
    if channel is not None:
        for number, job in jobs:
            yield number, tasks.values_of(messages(channel, job), metric)
        return
    task = tasks.train_again.options(**request(plan))
    pending = {task.remote(spec, job, metric, data): number for number, job in jobs}
    while pending:
        done, _ = ray.wait(list(pending), num_returns=1)
        yield pending.pop(done[0]), ray.get(done[0])


def _write_best(
    plan: Plan,
    outcome: Outcome,
    winner: TrialRecord,
    config: dict[str, Any],
    part: Path,
    notes: Sequence[str],
) -> None:
    """Complete `best/` beside its weights, and put it in place."""
    source = plan.source.model_dump(mode="json")
    split = {"test_fraction": plan.options.test_fraction, "seed": plan.options.seed_of_parts}
    more: dict[str, Any] = {"source": source, "split": split, "metric": outcome.study.metric}
    if not plan.refit:
        more["refit"] = False
    text = config_yaml(plan.space.trainable, config, **more)
    atomic_write(part / "config.yaml", text)
    begun = config.get("init")
    notes = [f"its training began from the weights in {begun}", *notes] if begun else notes
    notes = [*claims(outcome.study, outcome.winner, outcome.baselines), *notes]
    metrics = {**outcome.winner, "objective": outcome.study.metric, "baselines": outcome.baselines}
    text = json.dumps(finite(metrics), indent=2, allow_nan=False)
    atomic_write(part / "metrics.json", f"{text}\n")
    beside = sorted(path.name for path in part.glob("[!.]*") if path.name not in FILES)
    card = model_card(outcome, winner, plan, notes, beside)
    atomic_write(part / "README.md", card)
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


def model_card(
    outcome: Outcome,
    winner: TrialRecord,
    plan: Plan,
    notes: Sequence[str] = (),
    beside: Sequence[str] = (),
) -> str:
    """The README of `best/`.

    Args:
        notes: what the family says of the model. beside: files that it wrote.
    """
    study, figures = outcome.study, outcome.winner
    heads = [f"{part} ({heading(study, figures, part)})" for part in ("validation", "test")]
    lines = [
        f"# {study.name}: trial {winner.number} of a `{study.trainable}` study",
        "",
        f"Chosen among {len(study.trials)} trials by `{study.metric}` on validation data. It is "
        f"{figures['trained']}.",
        "",
        f"| metric | {heads[0]} | {heads[1]} |",
        "|---|---|---|",
    ]
    for name in (*study.metrics, *figures.get("finished", {})):
        cells = [figures["validation"].get(name), figures["test"].get(name)]
        lines.append(_line(name, cells))
    lines += ["", f"{worth_words(figures)}.", ""]
    if outcome.baselines:
        lines += [f"| baseline, `{study.metric}` | validation | test |", "|---|---|---|"]
        for name, known in outcome.baselines.items():
            lines.append(_line(name, [known.get(study.metric), known.get(f"test/{study.metric}")]))
        lines.append("")
    lines += [
        "| parameter | value |",
        "|---|---|",
    ]
    lines += [f"| {name} | {value} |" for name, value in winner.params.items()]
    lines += [
        "",
        f"Seed of the study: {plan.options.seed}. The files: `config.yaml` (every hyperparameter "
        "and the data's source), `weights.safetensors`, `metrics.json`"
        + "".join(f", `{name}`" for name in beside)
        + ".",
        "",
        *(f"- {note}" for note in notes),
        *[""] * bool(notes),
    ]
    return "\n".join(lines)


def _line(name: str, values: Sequence[float | None]) -> str:
    """Of a table of figures."""
    shown = ["-" if value is None else f"{value:.4f}" for value in values]
    return f"| {name} | {' | '.join(shown)} |"
