"""Whether a study can go on from what its folder holds, looked at before Ray or data start."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from distrib.errors import InputError
from distrib.records import StudyRecord
from distrib.study.driver.study_file import record_of
from distrib.study.record.artifacts import ROWS
from distrib.study.record.ledger import Ledger, value_of
from distrib.study.record.ledger_lines import hint, readable
from distrib.study.record.run_folder import RunFolder
from distrib.study.space.space import Space, label
from distrib.trial_files import METRICS, read_metrics

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

ENDED = ("COMPLETE", "PRUNED")
LOOKED_AT = 3  # trials whose values are compared with their metrics.csv
LEFT = ("trials.parquet", "epochs.parquet", "best")  # of a study that has had trials


RENEWED = ("delta_pearson", "pearson_column", "delta_pearson_column")
"""Metrics of screens that are another quantity since trials leave their figures by row."""


def check_resumable(folder: RunFolder, stored: dict[str, Any], space: Space) -> None:
    """Raise where the ledger is damaged, or knows less than what lies beside it.

    The caller holds the folder.

    Args:
        stored: `study.yaml`. space: as it was searched.

    Raises:
        InputError: naming what contradicts what, and the way on.
    """
    folder.check_links()
    known = _folders(folder)
    if not folder.ledger.is_file() or not any(True for _ in readable(folder.ledger)):
        if known or any((folder.path / name).exists() for name in LEFT):
            raise _knows_less(folder, "no trial", f"the {len(known)} trials that trials/ has")
        return  # begun, and no further
    record = record_of(stored)
    ledger = Ledger(folder.ledger, record.name, record.direction, read_only=True)
    with closing(ledger):
        frozen = ledger.frozen()
        direction = "max" if ledger.study.direction.name == "MAXIMIZE" else "min"
        if direction != record.direction:
            raise InputError(
                "the ledger contradicts this file",
                file=folder.study_yaml,
                where="record.direction",
                found=record.direction,
                expected=f"{direction}, as in {folder.ledger.name}",
                hint="put back what was edited: the worst trial would win",
            )
        beyond = [number for number in known if number >= len(frozen)]
        if beyond:
            lost = f"trial {beyond[0]} too, of which there is {folder.trial(beyond[0])}"
            raise _knows_less(folder, f"{len(frozen)} trials", lost)
        ended = [trial for trial in frozen if trial.state.name in ENDED]
        _check_meaning(folder, record, ended)
        for trial in ended:
            _check_params(folder, space, trial)
            _check_value(folder, record, trial)
        for trial in ended[:LOOKED_AT]:
            _check_metric(folder, record.metric, trial)


def _check_meaning(folder: RunFolder, record: StudyRecord, ended: list[FrozenTrial]) -> None:
    """Values of two definitions of one metric cannot be ranked together."""
    complete = [trial.number for trial in ended if trial.state.name == "COMPLETE"]
    old = [number for number in complete if not (folder.trial(number) / ROWS).is_file()]
    if record.metric in RENEWED and old:
        raise InputError(
            f"{record.metric} is reckoned otherwise than when this study began",
            file=folder.study_yaml,
            found=f"{len(old)} trials by the former definition",
            expected="a new study: values of both cannot be ranked together",
            hint="see CHANGELOG.md; everything in this folder still reads",
        )


def _folders(folder: RunFolder) -> list[int]:
    """The numbers of trials that have left something."""
    return [int(path.name) for path in folder.trials() if any(path.iterdir())]


def _check_params(folder: RunFolder, space: Space, trial: FrozenTrial) -> None:
    """A trial that came to an end has a value of every parameter that exists for it."""
    by_name = {p.name: p for p in space.searched()}
    for name, value in trial.params.items():
        parameter = by_name.get(name)
        if parameter and parameter.values and value not in map(label, parameter.values):
            raise InputError(
                "the ledger contradicts this file",
                file=folder.study_yaml,
                where=f"space.parameters.{name}",
                found=list(parameter.values),
                expected=f"{value!r} among them, which trial {trial.number} has",
                hint="put back what was edited",
            )
    values = {k: by_name[k].decode(v) for k, v in trial.params.items() if k in by_name}
    for parameter in space.exists(values):
        if parameter.kind != "const" and parameter.name not in trial.params:
            raise InputError(
                "a line of the ledger is missing",
                file=folder.ledger,
                where=f"trial {trial.number}, parameter {parameter.name}",
                found=f"a trial that is {trial.state.name} without it",
                expected="a value",
                hint=hint(folder.ledger),
            )


def _check_value(folder: RunFolder, record: StudyRecord, trial: FrozenTrial) -> None:
    """The value at a trial's end is that of its units: else a line is gone, or either edited."""
    if trial.state.name != "COMPLETE":
        return
    value, _ = value_of(trial.intermediate_values, record.direction, record.selects)
    if value != trial.value:
        raise InputError(
            "the lines of the ledger contradict each other",
            file=folder.ledger,
            where=f"trial {trial.number}",
            found=f"{trial.value} at its end, though its {record.selects} {record.unit} has "
            f"{value}",
            expected="the same",
            hint="if record.selects in study.yaml was edited, put it back; else a line of its "
            f"values is missing or was edited: {hint(folder.ledger)}",
        )


def _check_metric(folder: RunFolder, metric: str, trial: FrozenTrial) -> None:
    """The values of the ledger are those of the metric that the study optimises."""
    for row in read_metrics(folder.trial(trial.number) / METRICS):
        told = trial.intermediate_values.get(int(row["step"]))
        if told is not None and repr(row.get(metric)) != repr(told):
            raise InputError(
                "the ledger contradicts this file",
                file=folder.study_yaml,
                where="record.metric",
                found=f"{metric}, which is {row.get(metric)} in unit {int(row['step'])} of trial "
                f"{trial.number}",
                expected=f"the metric that is {told} there, as in {folder.ledger.name}",
                hint="put back what was edited",
            )


def _knows_less(folder: RunFolder, found: str, expected: str) -> InputError:
    return InputError(
        "the ledger knows less than the folders of the trials",
        file=folder.ledger,
        found=found,
        expected=expected,
        hint=hint(folder.ledger),
    )
