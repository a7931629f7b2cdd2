"""What runs on a worker beside the trials: loading the data, the last training, the figures."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pandas as pd
import ray

from distrib.claims import WINNER
from distrib.data.splits import names_parts
from distrib.errors import InputError, said_in
from distrib.study.plan.data_limits import fit_space
from distrib.study.record.checkpoint import (
    Checkpoints,
    read_state,
    without_best,
    write_state,
)
from distrib.study.space.space import Space
from distrib.study.worker.carrier import CarriedCheckpoints, carried
from distrib.study.worker.family_spec import FamilySpec
from distrib.study.worker.first_units import first_units
from distrib.study.worker.gains import Part, compared_table, part_gains, read_tried
from distrib.study.worker.reports import Message, Pace
from distrib.study.worker.trial import reason, run_trial
from distrib.study.worker.trial_runner import Job, console
from distrib.trainables.base import Config, Source, State, Trainable, Worker
from distrib.trainables.capabilities import (
    ArtifactInputs,
    Bootstraps,
    ChecksRows,
    ChecksTraining,
    ComparesRows,
    EvaluatesRows,
    HasBaselines,
    HasIntervals,
    LimitsBudget,
    LimitsSpace,
    ReadLater,
    WritesArtifacts,
    count,
    set_aside,
)
from distrib.trainables.framework import prepare
from distrib.trainables.registry import load_family


def _ready(spec: FamilySpec) -> tuple[Trainable[Any, Any, Any], Worker]:
    family = load_family(spec.trainable, allow_custom=spec.allow_custom)
    prepare(family, spec.worker)
    return family, spec.worker


def load_data(
    spec: FamilySpec,
    source: Source,
    fraction: float | None,
    seed: int,
    space: Space,
    num_workers: int = 1,
    least: int | None = None,
) -> tuple[Any, Any, Any]:
    """Read the data, set its test part aside, and see whether a training could begin.

    Args:
        fraction: of the test part, see `splits.share_of_test`.
        space: a configuration of it is tried. num_workers: the most of a training; `least`, where
            given: fewer will do, down to these, and `workers` of the description says how many.

    Returns:
        The rows to search on; the test rows, or None; and a description in plain values, or the
        text of what is wrong with the data under `error`.
    """
    began = time.monotonic()
    try:
        with said_in(source.path):
            family = load_family(spec.trainable, allow_custom=spec.allow_custom)
            data = family.load(source)
            rest, test = set_aside(family, data, fraction, seed)
            described = data.describe()
            described["read_later"] = isinstance(data, ReadLater)
            described["unfit"] = family.unfit(data) if isinstance(family, LimitsSpace) else []
            described["draws"] = family.draws(data) if isinstance(family, Bootstraps) else ()
            fitted = fit_space(space, family, described["unfit"])
            config = family.Config.model_validate(fitted.corner())
            least = least or num_workers
            described["workers"] = _most_workers(family, config, rest, least, num_workers)
            described["budget"] = (
                family.budget(config, rest) if isinstance(family, LimitsBudget) else None
            )
            if test is not None and isinstance(family, ChecksRows):
                family.check_rows(config, test)
            described["test_rows"] = 0 if test is None else count(family, test)
            described["search_rows"] = count(family, rest)
            if told := _about_parts(data, fraction, described["test_rows"]):
                described["notes"] = [*described.get("notes", ()), told]
            for part, key in (("test", "test_rows"), ("search", "search_rows")):
                if not described[key] and (part != "test" or test is not None):
                    raise InputError(
                        f"the {part} part has no rows",
                        where="--test-fraction",
                        found=fraction,
                        expected="a share that leaves rows, or groups, on both sides",
                    )
    except InputError as error:
        return None, None, {"error": str(error)}
    except Exception as error:
        traceback.print_exc()
        failed = InputError(
            "the family failed to load its data",
            where=f"trainable {spec.trainable}",
            found=reason(error),
            expected="data, or an InputError that says what is wrong with them",
            hint="--debug shows where, in full"
            if source.path
            else "has it data of its own? if not, add --data; --debug shows where it failed",
        )
        return None, None, {"error": str(failed)}
    described["seconds"] = time.monotonic() - began
    return rest, test, described


def _about_parts(data: Any, fraction: float | None, test_rows: int) -> str | None:
    """What a user should know of the test part of data that name their parts themselves."""
    if not names_parts(data):
        return None
    if fraction is not None and names_parts(data, "test"):
        return "the data name their test part: --test-fraction has no say in it"
    if not test_rows and fraction is None:
        return (
            "the data name no test part, so that there is none "
            "(--test-fraction SHARE takes one of their training rows)"
        )
    return None


def _most_workers(
    family: Trainable[Any, Any, Any], config: Config, data: Any, least: int, most: int
) -> int:
    """How many workers can train on these data together, at most: the family has the word.

    Raises:
        InputError: not even the least of them can.
    """
    if not isinstance(family, ChecksTraining):
        return most
    for workers in range(most, least - 1, -1):
        try:
            family.check(config, data, workers)
        except InputError:
            if workers == least:
                raise
        else:
            return workers
    raise AssertionError("unreachable")


@ray.remote
def look_at_device(spec: FamilySpec) -> str | None:
    """Whether the family can compute on this worker's device: None, or why it cannot."""
    try:
        _ready(spec)
    except InputError as error:
        return str(error)
    return None


@ray.remote(num_cpus=0)
class Assistant:
    """A process beside the trials: it loads the data, then trains the winner and judges it."""

    def __init__(self, spec: FamilySpec) -> None:
        self.spec = spec
        self._ready: tuple[Trainable[Any, Any, Any], Worker] | None = None

    def load(self, *of: Any) -> tuple[Any, Any, Any]:
        """See `load_data`, whose other arguments these are."""
        return load_data(self.spec, *of)

    def get_ready(self) -> None:
        """Import what the family computes with; done while the last trials run."""
        self._made_ready()

    def _made_ready(self) -> tuple[Trainable[Any, Any, Any], Worker]:
        if self._ready is None:
            self._ready = _ready(self.spec)
        return self._ready

    def train(
        self, job: Job, data: Any, objective: str, save_every: float
    ) -> Iterator[dict[str, Any]]:
        """Train on every row of the search: {"step": n} as it goes on, or {"error": text}."""
        family, worker = self._made_ready()
        folder = Path(job.folder)
        with (
            carried(self.spec.carrier, folder.parent) as take,
            console(job.console, 0, echo=job.echo),
        ):
            for message in run_trial(
                family,
                family.Config.model_validate(job.config),
                data,
                worker,
                CarriedCheckpoints(folder, take),
                Pace(save_every=save_every),
                objective,
                budget=job.budget,
                refit=True,
            ):
                yield said(message)

    def write_last(self, folder: str, weights: str) -> None:
        """Write the weights of a `refit` from its checkpoints."""
        with carried(self.spec.carrier, Path(weights).parent):  # the checkpoints lie there, too
            saved, _ = Checkpoints(Path(folder)).load()
            assert saved is not None
            write_state(Path(weights), State(saved.arrays, saved.values["family"]))

    def write_best(self, folder: str, weights: str) -> int | None:
        """Write those of a trial's best unit, which is returned; None where none were kept."""
        with carried(self.spec.carrier, Path(folder)):
            saved, _ = Checkpoints(Path(folder)).load()
        best = None if saved is None else without_best(saved)[1]
        if best is None:
            return None
        with carried(self.spec.carrier, Path(weights).parent):
            write_state(Path(weights), best.state)
        return best.fidelity

    def judge(self, config: dict[str, Any], test: Any, weights: str) -> dict[str, float]:
        """Every metric on the test part, if any."""
        if test is None:
            return {}
        family, worker = self._made_ready()
        state = state_of(self.spec, weights)
        return family.evaluate(family.Config.model_validate(config), state, test, worker)

    def compare(
        self,
        config: dict[str, Any],
        data: Any,
        test: Any,
        weights: str,
        held_out: Any,
        objective: str,
        tried: Sequence[str],
    ) -> dict[str, Any]:
        """The family's baselines on the same rows, where it has any, and the winner beside them.

        Args:
            held_out: a table of the winner's predictions for the rows held out, or None.
            tried: where each trial that the winner was chosen among left its figures by row.

        Returns:
            `baselines` -> metric -> value; where rows are compared also `baseline_intervals`,
            `gains` by part (see `gains.part_gains`), a table of all figures by row, `compared`,
            and the direction and the winner's `validation` figure of what finished models have.
        """
        family, worker = self._made_ready()
        typed = family.Config.model_validate(config)
        if not isinstance(family, ComparesRows):
            if not isinstance(family, HasBaselines):
                return {"baselines": {}}
            return {"baselines": family.baselines(typed, data, test, worker)}
        judged = family.judged_baselines(typed, data, test, worker)
        parts: dict[str, Part] = {}
        if test is not None and isinstance(family, EvaluatesRows):
            state = state_of(self.spec, weights)
            parts["test"] = Part(family.evaluate_rows(typed, state, test, worker), test.groups)
        if held_out is not None:
            rows = family.held_out_rows(typed, data, held_out, finished=True)
            others, unknown = read_tried([Path(file) for file in tried], rows["id"].to_numpy())
            parts["validation"] = Part(rows, data.groups, others, unknown)
        names = dict.fromkeys((objective, *family.compared))
        metrics = [next(m for m in family.metrics if m.name == name) for name in names]
        gains = {name: part_gains(name, part, judged, metrics) for name, part in parts.items()}
        own = parts["validation"].rows if "validation" in parts else pd.DataFrame()
        more = [metric for metric in family.finished if metric.name in own]
        return {
            "finished": {metric.name: metric.direction for metric in more},
            "validation": {metric.name: float(own[metric.name].mean()) for metric in more},
            "baselines": {name: found.figures for name, found in judged.items()},
            "baseline_intervals": {name: found.intervals for name, found in judged.items()},
            "gains": gains,
            "compared": compared_table(parts, judged, WINNER),
        }

    def write_artifacts(
        self, config: dict[str, Any], data: Any, weights: str, inputs: ArtifactInputs
    ) -> list[str]:
        """Let the family write what belongs beside the weights; what there is to say of it."""
        family, worker = self._made_ready()
        if not isinstance(family, WritesArtifacts):
            return []
        typed = family.Config.model_validate(config)
        folder = Path(weights).parent
        with carried(self.spec.carrier, folder):
            state = read_state(Path(weights))
            return family.write_artifacts(typed, state, data, worker, folder, inputs)

    def intervals(
        self, config: dict[str, Any], data: Any, test: Any, weights: str, held_out: Any
    ) -> dict[str, dict[str, tuple[float, float]]]:
        """Of what is known of either: `validation` and `test` -> metric -> ends.

        Args:
            held_out: a table of predictions for the rows held out, or None.
        """
        family, worker = self._made_ready()
        if not isinstance(family, HasIntervals):
            return {}
        typed, found = family.Config.model_validate(config), {}
        if held_out is not None:
            found["validation"] = family.held_out_intervals(typed, data, held_out)
        if test is not None:
            state = state_of(self.spec, weights)
            found["test"] = family.intervals(typed, state, test, worker)
        return {part: ends for part, ends in found.items() if ends}


def state_of(spec: FamilySpec, weights: str) -> State:
    """The state in a file of the study's."""
    with carried(spec.carrier, Path(weights).parent):
        return read_state(Path(weights))


def said(message: Message) -> dict[str, Any]:
    """A message of a last training in plain values: `step`, or `error`."""
    if message.failure or message.disk:
        return {"error": message.disk or message.failure[1]}  # type: ignore[index]
    return {"step": message.rows[-1]["step"]} if message.rows else {}


def start_assistant(spec: FamilySpec, **request: Any) -> Any:
    """An `Assistant` in a process of its own, with these resources."""
    return cast(Any, Assistant).options(**request).remote(spec)


@ray.remote
def train_again(spec: FamilySpec, job: Job, objective: str, data: Any) -> dict[str, Any]:
    """One whole training under another seed (`--confirm`): see `values_of`."""
    family, worker = _ready(spec)
    return values_of(
        run_trial(
            family,
            family.Config.model_validate(job.config),
            data,
            worker,
            Checkpoints(Path(job.folder)),
            Pace(save_every=1e9),
            objective,
        ),
        objective,
    )


@ray.remote
def bootstrap(
    spec: FamilySpec, config: dict[str, Any], weights: str, data: Any, seeds: Sequence[int], of: str
) -> pd.DataFrame:
    """Replicates of a finished model: a row per seed (see `Bootstraps.bootstrap`)."""
    family, worker = _ready(spec)
    assert isinstance(family, Bootstraps)
    state = state_of(spec, weights)
    return family.bootstrap(family.Config.model_validate(config), state, data, worker, seeds, of)


def values_of(messages: Iterator[Message], objective: str) -> dict[str, Any]:
    """The objective of each unit of a training under `values`, or why there is none: `error`."""
    values: list[float] = []
    for message in messages:
        if "error" in said(message):
            return said(message)
        values += [row[objective] for row in message.rows]
    return {"values": values}


@ray.remote(max_retries=0)  # where the memory is too small, it is so every time
def first_step(
    spec: FamilySpec, config: dict[str, Any], data: Any, keeps_best: bool = False
) -> dict[str, Any]:
    """What one configuration takes (`--dry-run`): see `first_units`.

    Where a unit fails, the text of it stands under `error`.
    """
    family, worker = _ready(spec)
    try:
        return first_units(
            family, family.Config.model_validate(config), data, worker, keeps_best=keeps_best
        )
    except Exception as error:
        traceback.print_exc()
        return {"error": str(error) if isinstance(error, InputError) else reason(error)}
