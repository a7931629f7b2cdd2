"""The lines of a ledger looked at one by one, before Optuna reads them: what is wrong is named."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from distrib.errors import InputError
from distrib.study.search.promotion import PAUSES

NUMBER = (int, float)

# optuna.storages.journal.JournalOperation: what each line has beside op_code and worker_id.
CREATE_STUDY, CREATE_TRIAL, PARAMETER, END, VALUE, ATTRIBUTE = 0, 4, 5, 6, 7, 8
FIELDS: dict[int, dict[str, type | tuple[type, ...]]] = {
    CREATE_STUDY: {"study_name": str, "directions": list},
    1: {"study_id": int},
    2: {"study_id": int, "user_attr": dict},
    3: {"study_id": int, "system_attr": dict},
    CREATE_TRIAL: {"study_id": int, "datetime_start": (str, type(None))},
    PARAMETER: {"trial_id": int, "param_name": str, "param_value_internal": NUMBER,
                "distribution": str},
    END: {"trial_id": int, "state": int, "values": (list, type(None))},
    VALUE: {"trial_id": int, "step": int, "intermediate_value": NUMBER},
    ATTRIBUTE: {"trial_id": int, "user_attr": dict},
    9: {"trial_id": int, "system_attr": dict},
    10: {},
}  # fmt: skip
COMPLETE = 1
STATES = range(5)  # of a trial: RUNNING, COMPLETE, PRUNED, FAIL, WAITING
ENDS = (1, 2, 3)  # the states that have a date
DATES = {CREATE_TRIAL: "datetime_start", END: "datetime_complete"}

HINT = (
    "python -m distrib.doctor {folder} --rebuild-ledger makes a ledger of what the trials' own "
    "files hold, and keeps this one beside it"
)


def hint(path: Path) -> str:
    """The way on from a ledger that cannot be used."""
    return HINT.format(folder=shlex.quote(str(path.parent)))


def check_lines(path: Path) -> None:
    """Raise for the first line that is no line of a ledger; a torn last line is passed over.

    Raises:
        InputError: naming the line, its trial, and its field or parameter.
    """
    trials = studies = 0
    for number, line in whole_lines(path):
        log = _read(path, number, line)
        code = log.get("op_code")
        where = _where(number, log)
        if not isinstance(code, int) or isinstance(code, bool) or code not in FIELDS:
            _refuse(path, where, f"op_code: {code!r}" if "op_code" in log else "no op_code",
                    "a line that Optuna writes")  # fmt: skip
        _check_fields(path, where, log)
        if code == PARAMETER:
            _check_distribution(path, where, log)
        if code == CREATE_STUDY and log["directions"] not in ([1], [2]):
            _refuse(path, where, f"directions: {log['directions']}", "[1], or [2] for max")
        if code == END and log["state"] not in STATES:
            _refuse(path, where, f"state: {log['state']}", "0 to 4")
        if code in DATES:
            _check_date(path, where, log)
        if code == ATTRIBUTE:
            _check_attributes(path, where, log["user_attr"])
        if "together" in log and type(log["together"]) is not int:
            _refuse(path, where, f"together: {log['together']!r}", "a number of lines")
        if code == END and log["state"] == COMPLETE and not _is_number(log["values"]):
            _refuse(
                path, where, f"values: {log['values']}", "the value of a trial that is COMPLETE"
            )
        for key, known in (("trial_id", trials), ("study_id", studies)):
            if key in log and not 0 <= log[key] < known:
                _refuse(path, where, f"{key}: {log[key]}",
                        f"one of the {known} that the lines before it begin")  # fmt: skip
        studies += code == CREATE_STUDY
        trials += code == CREATE_TRIAL


def whole_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Every line that is ended, with its number from 1."""
    lines = path.read_bytes().split(b"\n")[:-1]
    yield from enumerate(lines, 1)


def readable(path: Path) -> Iterator[dict[str, Any]]:
    """The lines that say something, whatever stands between them; their fields may still lack."""
    for _, line in whole_lines(path):
        try:
            log = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(log, dict):
            yield log


def wrong_attribute(attributes: Any) -> str | None:
    """Which of a trial's attributes is not as `TrialRecord` has it; "" where they are none."""
    if not isinstance(attributes, dict):
        return ""
    for key in ("latest", "seconds"):
        try:
            for value in attributes.get(key, {}).values():
                float(value)
        except (AttributeError, TypeError, ValueError):
            return key
    try:
        for pause in attributes.get(PAUSES, ()):
            if len([float(at) for at in pause]) not in (1, 2):
                return PAUSES
    except (TypeError, ValueError):
        return PAUSES
    return "retries" if type(attributes.get("retries", 0)) is not int else None


def _read(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        log = json.loads(line)
    except (ValueError, RecursionError):
        shown = line[:40].decode(errors="replace")
        log = None if line.strip(b"\0 ") else "nothing but zero bytes"
        _refuse(path, f"line {number}", log or shown, "one object as JSON")
    if not isinstance(log, dict):
        _refuse(path, f"line {number}", line[:40].decode(errors="replace"), "one object as JSON")
    return log


def _check_fields(path: Path, where: str, log: Mapping[str, Any]) -> None:
    for key, kind in {"worker_id": str, **FIELDS[log["op_code"]]}.items():
        if key not in log:
            _refuse(path, where, f"no {key}", f"the field {key!r}")
        if not isinstance(log[key], kind) or isinstance(log[key], bool):
            _refuse(path, where, f"{key}: {log[key]!r}", f"{key} as Optuna writes it")


def _check_distribution(path: Path, where: str, log: Mapping[str, Any]) -> None:
    from optuna.distributions import CategoricalDistribution, json_to_distribution

    try:
        distribution = json_to_distribution(log["distribution"])
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        # Optuna looks for the name, and then for the type that it was called by once.
        key = {"type": "name"}.get(str(error.args[0]), error.args[0]) if error.args else ""
        lacks = f"no {key!r}" if isinstance(error, KeyError) else str(error)
        _refuse(
            path, where, f"distribution: {lacks}", "a distribution with its name and attributes"
        )
    value, expected = log["param_value_internal"], ""
    if isinstance(distribution, CategoricalDistribution):
        if value not in range(len(distribution.choices)):
            expected = f"the place of one of {list(distribution.choices)}, from 0"
    elif not math.isfinite(value):
        expected = "a finite number"
    if expected:
        _refuse(path, where, f"param_value_internal: {value}", expected)


def _check_date(path: Path, where: str, log: Mapping[str, Any]) -> None:
    key = DATES[log["op_code"]]
    if log["op_code"] == END and log["state"] not in ENDS:
        return
    if key not in log:
        _refuse(path, where, f"no {key}", f"the field {key!r}")
    if log[key] is None and key == DATES[CREATE_TRIAL]:  # of a trial that waits
        return
    try:
        datetime.fromisoformat(log[key])
    except (TypeError, ValueError):
        _refuse(path, where, f"{key}: {log[key]!r}", "a date and time as ISO 8601 has them")


def _check_attributes(path: Path, where: str, attributes: Mapping[str, Any]) -> None:
    wrong = wrong_attribute(attributes)
    if wrong:
        expected = {"retries": "a whole number", PAUSES: "beginnings and ends"}.get(
            wrong, "numbers by name"
        )
        _refuse(path, where, f"{wrong}: {attributes[wrong]!r}", expected)


def _is_number(values: Any) -> bool:
    return bool(values) and len(values) == 1 and isinstance(values[0], NUMBER)


def _where(number: int, log: Mapping[str, Any]) -> str:
    words = [f"line {number}"]
    if "trial_id" in log:
        words.append(f"trial {log['trial_id']}")
    if "param_name" in log:
        words.append(f"parameter {log['param_name']}")
    return ", ".join(words)


def _refuse(path: Path, where: str, found: object, expected: str) -> NoReturn:
    raise InputError(
        "this line of the ledger is damaged",
        file=path,
        where=where,
        found=found,
        expected=expected,
        hint=hint(path),
    )
