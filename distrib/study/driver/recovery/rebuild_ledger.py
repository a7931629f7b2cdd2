"""A ledger made again out of what the trials' own files hold, where the ledger itself was lost.

Parameters come from `config.yaml`, values from `metrics.csv` (or `epochs.parquet`), ends from the
lines of the old ledger that can be read, else from `trials.parquet`, else from the values: a trial
whose end nobody knows is unfinished, and a resume goes on with it.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distrib.errors import InputError, one_line
from distrib.files import atomic_write
from distrib.records import StudyRecord
from distrib.study.driver.study_file import record_of
from distrib.study.plan.plan import Plan
from distrib.study.record.ledger import Ledger, value_of
from distrib.study.record.ledger_lines import (
    ATTRIBUTE,
    CREATE_STUDY,
    CREATE_TRIAL,
    END,
    PARAMETER,
    VALUE,
    readable,
    wrong_attribute,
)
from distrib.study.record.metrics_file import MetricsFile
from distrib.study.record.run_folder import RunFolder
from distrib.study.search.promotion import Promotion
from distrib.study.space.configs import read_config
from distrib.study.space.space import Parameter, label
from distrib.trial_files import CONFIG, METRICS, read_metrics

if TYPE_CHECKING:
    import pandas as pd

STATES = ("RUNNING", "COMPLETE", "PRUNED", "FAIL", "WAITING")  # as Optuna numbers them
WORKER = "distrib-doctor"


@dataclass
class _Trial:
    """What is known of a trial.

    Attributes:
        params: searched parameters by name, as the family has them. rows: of `metrics.csv`.
        ended: when, seconds since the epoch. attributes: as the ledger keeps them.
    """

    number: int
    params: dict[str, Any] = field(default_factory=dict)
    rows: list[dict[str, float]] = field(default_factory=list)
    state: str = "RUNNING"
    ended: float | None = None
    attributes: dict[str, Any] = field(default_factory=dict)


def rebuild_ledger(folder: RunFolder, stored: dict[str, Any], plan: Plan) -> list[str]:
    """Put a new ledger in the place of the old one, which is kept as `ledger.journal.damaged`.

    The caller holds the folder.

    Args:
        stored: `study.yaml`. plan: of that study.

    Returns:
        lines that say what was found.

    Raises:
        InputError: no trial left anything, or its configuration is not one of the space.
        OSError: the disk takes no more; the old ledger is then in its place.
    """
    folder.check_links()
    record = record_of(stored)
    trials, notes = _gather(folder, record, plan)
    if not trials:
        raise InputError(
            "no trial left anything to make a ledger of",
            file=folder.path,
            expected="trials/0000/config.yaml and its like, or trials.parquet",
            hint="begin the study again",
        )
    notes += _judge(trials, record, plan)
    lines = "".join(json.dumps(log) + "\n" for log in _logs(trials, record, plan))
    _try_out(folder, record, lines)
    for trial in trials.values():
        path = folder.trial(trial.number) / METRICS
        if trial.rows and not read_metrics(path):  # its rows are those of epochs.parquet
            path.unlink(missing_ok=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            MetricsFile(path).append(trial.rows)
    kept = _kept_aside(folder.ledger)
    atomic_write(folder.ledger, lines, durable=True)
    found = [trial.state for trial in trials.values()]
    counts = [f"{found.count(state)} {state}" for state in STATES if state in found]
    if kept is not None:
        notes.append(f"the old ledger is kept as {kept.name}")
    return [f"{len(trials)} trials: {', '.join(counts)}", *notes]


def _gather(
    folder: RunFolder, record: StudyRecord, plan: Plan
) -> tuple[dict[int, _Trial], list[str]]:
    """Every trial up to the last that left anything, by number."""
    table = _table(folder.path / "trials.parquet")
    epochs = _table(folder.path / "epochs.parquet")
    numbers = {int(path.name) for path in folder.trials()}
    for frame in (table, epochs):
        numbers |= set() if frame is None else {int(n) for n in frame["trial"]}
    if not numbers:
        return {}, []
    notes: list[str] = []
    trials = {number: _Trial(number) for number in range(max(numbers) + 1)}
    for number, trial in trials.items():
        params = _params_of(folder.trial(number) / CONFIG, number, plan, notes)
        if params is not None:
            trial.params = params
        elif table is not None and number in set(table["trial"]):
            row = table[table["trial"] == number].iloc[0]
            trial.params = _shown(plan, row)
        else:
            notes.append(f"trial {number} left no configuration: it is drawn again")
            continue
        trial.rows = _rows(folder.trial(number) / METRICS, epochs, number, record)
    if table is not None:
        _ends_of_table(trials, table)
    _ends_of_ledger(trials, folder.ledger)
    return trials, notes


def _table(path: Path) -> pd.DataFrame | None:
    """A table of the study's, None where it is not there or cannot be read."""
    import pandas as pd

    try:
        return pd.read_parquet(path)
    except (OSError, ValueError):
        return None


def _params_of(file: Path, number: int, plan: Plan, notes: list[str]) -> dict[str, Any] | None:
    """The searched parameters in a trial's configuration; None, noted, where it cannot be read."""
    if not (file.is_file() and file.stat().st_size):
        return None
    try:
        return _params(plan, read_config(file), file)
    except InputError as error:
        notes.append(f"trial {number}: its configuration is passed over, {one_line(error)}")
        return None


def _params(plan: Plan, config: dict[str, Any], file: Path) -> dict[str, Any]:
    """The searched parameters that exist in a configuration, with their values in the space."""
    found = {}
    for parameter in plan.space.exists(config):
        if parameter.kind != "const":
            if parameter.name not in config:
                raise InputError(
                    "a parameter is missing", file=file, where=f"config.{parameter.name}",
                    expected="a value, since the study searches it",
                )  # fmt: skip
            found[parameter.name] = _within(parameter, config[parameter.name], file)
    return found


def _within(parameter: Parameter, value: Any, file: Path) -> Any:
    """The value of the parameter that a configuration's value is."""
    if not parameter.values:
        return value
    for same in (lambda v: type(v) is type(value) and v == value, lambda v: v == value):
        for known in parameter.values:
            if same(known) or label(known) == label(value):
                return known
    raise InputError(
        "a value outside the space of the study",
        file=file,
        where=f"config.{parameter.name}",
        found=value,
        expected=f"one of {list(parameter.values)}",
    )


def _shown(plan: Plan, row: Any) -> dict[str, Any]:
    """The parameters of a row of `trials.parquet`, which shows choices of several types as text."""
    import pandas as pd

    found = {}
    for parameter in plan.space.searched():
        value = row.get(f"param/{parameter.name}")
        if value is None or pd.isna(value):
            continue
        if parameter.values:
            known = [v for v in parameter.values if label(v) == value or str(label(v)) == value]
            if known:
                found[parameter.name] = known[0]
        else:
            found[parameter.name] = int(value) if parameter.integer else float(value)
    return found


def _rows(
    path: Path, epochs: pd.DataFrame | None, number: int, record: StudyRecord
) -> list[dict[str, float]]:
    """The units of a trial up to the first that is missing the objective."""
    rows = read_metrics(path)
    if not rows and epochs is not None:
        own = epochs[epochs["trial"] == number].drop(columns="trial")
        own = own.rename(columns={record.unit: "step", "trial (reported)": "trial"})
        rows = [
            {str(k): v for k, v in row.items() if k == record.metric or v == v}
            for row in own.to_dict("records")
        ]
        rows = [{**row, "step": int(row["step"])} for row in rows]
    whole = []
    for row in rows:
        if record.metric not in row:
            break
        whole.append(row)
    return whole


def _ends_of_table(trials: dict[int, _Trial], table: pd.DataFrame) -> None:
    import pandas as pd

    for row in table.to_dict("records"):
        trial = trials[int(row["trial"])]
        if row["state"] in STATES:
            trial.state = row["state"] if row["state"] != "WAITING" else "RUNNING"
            trial.ended = None if pd.isna(row.get("ended")) else float(row["ended"])
            for key in ("failure", "reason", "retries"):
                value = row.get(key)
                if value is not None and not pd.isna(value) and value:
                    trial.attributes[key] = int(value) if key == "retries" else str(value)


def _ends_of_ledger(trials: dict[int, _Trial], path: Path) -> None:
    """What the lines of the old ledger say that can be read; a trial's id is its number."""
    for log in readable(path) if path.is_file() else ():
        number = log.get("trial_id")
        trial = trials.get(number) if isinstance(number, int) else None
        if trial is None:
            continue
        if log.get("op_code") == END and log.get("state") in (1, 2, 3):
            trial.state = STATES[log["state"]]
            with suppress(TypeError, ValueError):  # no date, or one that is damaged
                trial.ended = datetime.fromisoformat(str(log.get("datetime_complete"))).timestamp()
        if log.get("op_code") == ATTRIBUTE and wrong_attribute(log.get("user_attr")) is None:
            trial.attributes.update(log["user_attr"])


def _judge(trials: dict[int, _Trial], record: StudyRecord, plan: Plan) -> list[str]:
    """The end of each trial of which nothing tells it, out of its values and the stopping rule.

    Returns:
        lines on trials whose end is known and whose values are not.
    """
    notes = []
    rule, stopped, best = plan.rule(), dict[int, int](), dict[int, float]()
    for number, step, value in _values(trials, record):
        if not math.isfinite(value):
            continue
        signed = value if record.direction == "max" else -value
        worth = signed if record.selects == "last" else max(signed, best.get(number, -math.inf))
        best[number] = worth
        if rule.stops(number, step, worth) and not isinstance(rule, Promotion):  # it only waits
            stopped.setdefault(number, step)
    for trial in trials.values():
        values = {int(row["step"]): row[record.metric] for row in trial.rows}
        last = max(values, default=0)
        if trial.state == "COMPLETE" and not any(map(math.isfinite, values.values())):
            trial.state = "RUNNING"
            notes.append(f"trial {trial.number} was complete, but its values are lost: a resume "
                         "trains it again")  # fmt: skip
        if trial.state != "RUNNING" or not values:
            continue
        if not math.isfinite(values[last]):
            trial.state = "FAIL"
            trial.attributes["failure"] = "diverged"
            trial.attributes["reason"] = f"not finite at {record.unit} {last}"
        elif stopped.get(trial.number) == last:
            trial.state = "PRUNED"
            trial.attributes["reason"] = f"stopped at {record.unit} {last}"
        elif last >= _most(trial, plan):
            trial.state = "COMPLETE"
    return notes


def _most(trial: _Trial, plan: Plan) -> int:
    """The units after which a trial is at its end."""
    fidelity = plan.family.fidelity
    if fidelity is None:
        return 1
    key = fidelity.config_key
    constant = {p.name: p.values[0] for p in plan.space.parameters if p.kind == "const"}
    return int({**constant, **trial.params}.get(key, plan.family.Config.model_fields[key].default))


def _values(trials: dict[int, _Trial], record: StudyRecord) -> Iterator[tuple[int, int, float]]:
    """(number, step, value) of every unit, in the order of the clock, a trial's own order kept."""
    found = []
    for trial in trials.values():
        clock = 0.0
        for row in trial.rows:
            clock = max(clock, row.get("time", 0.0))
            found.append((clock, trial.number, int(row["step"]), row[record.metric]))
    for _, number, step, value in sorted(found, key=lambda one: one[:3]):
        yield number, step, value


def _logs(trials: dict[int, _Trial], record: StudyRecord, plan: Plan) -> Iterator[dict[str, Any]]:
    """The lines of a ledger that says all this, as Optuna writes them."""
    from optuna.distributions import distribution_to_json

    def log(code: int, **fields: Any) -> dict[str, Any]:
        return {"op_code": code, "worker_id": WORKER, **fields}

    directions = [2 if record.direction == "max" else 1]
    yield log(CREATE_STUDY, study_name=record.name, directions=directions)
    parameters = {p.name: p for p in plan.space.searched()}
    for trial in trials.values():
        began = trial.rows[0].get("time") if trial.rows else trial.ended
        yield log(CREATE_TRIAL, study_id=0, datetime_start=_iso(began or time.time()))
        for name, value in trial.params.items():
            distribution = parameters[name].distribution()
            yield log(
                PARAMETER,
                trial_id=trial.number,
                param_name=name,
                param_value_internal=distribution.to_internal_repr(label(value)),
                distribution=distribution_to_json(distribution),
            )
    for number, step, value in _values(trials, record):
        yield log(VALUE, trial_id=number, step=step, intermediate_value=value)
    ended = [trial for trial in trials.values() if trial.state != "RUNNING"]
    for trial in sorted(ended, key=lambda trial: (trial.ended or _last(trial), trial.number)):
        values = {int(row["step"]): row[record.metric] for row in trial.rows}
        value, best_step = value_of(values, record.direction, record.selects)
        latest = trial.rows[-1] if trial.rows else {}
        shown = {k: v if math.isfinite(v) else repr(v) for k, v in latest.items()
                 if k not in ("step", "time")}  # fmt: skip
        attributes = {"best_step": best_step, "latest": shown, **trial.attributes}
        for key, item in attributes.items():
            yield log(ATTRIBUTE, trial_id=trial.number, user_attr={key: item})
        yield log(
            END,
            trial_id=trial.number,
            state=STATES.index(trial.state),
            values=_values_of_end(trial.state, value, values),
            datetime_complete=_iso(trial.ended or _last(trial)),
        )


def _values_of_end(state: str, value: float | None, values: dict[int, float]) -> list[float] | None:
    """What Optuna keeps of a trial's end; of one that was stopped that is its last value."""
    if state == "PRUNED" and values and math.isfinite(values[max(values)]):
        return [values[max(values)]]
    return [value] if state == "COMPLETE" and value is not None else None


def _last(trial: _Trial) -> float:
    return max((row.get("time", 0.0) for row in trial.rows), default=0.0) or time.time()


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")


def _try_out(folder: RunFolder, record: StudyRecord, lines: str) -> None:
    """Read the new ledger before it takes the old one's place."""
    path = folder.path / ".ledger.rebuilt"
    try:
        atomic_write(path, lines)
        Ledger(path, record.name, read_only=True).close()
    finally:
        path.unlink(missing_ok=True)


def _kept_aside(ledger: Path) -> Path | None:
    """The old ledger under another name; an empty one is not kept."""
    if not ledger.is_file() or not ledger.stat().st_size:
        return None
    count = 0
    while (aside := ledger.with_name(f"{ledger.name}.damaged{count or ''}")).exists():
        count += 1
    atomic_write(aside, ledger.read_bytes(), durable=True)
    return aside
