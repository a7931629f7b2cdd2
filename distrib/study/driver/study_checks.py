"""`study.yaml` looked at before it is used: what was edited or cut is named by its key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from distrib.errors import InputError, nearest
from distrib.records import StudyRecord
from distrib.study.plan.options import Options

VERSION = 1
STORED = {"max_budget": "max_units"}
"""Names of options and of the record -> their keys in the file, where these are others."""

SECTIONS = {
    "command": str,
    "space_name": str,
    "space": dict,
    "data": dict,
    "search": dict,
    "options": dict,
    "record": dict,
}
MENDED = "put back what was there: the trials were made with it"


@dataclass(frozen=True)
class Searched:
    """The section `search`: what the plan of the study came to."""

    trials: int
    max_units: int
    sampler: str
    scheduler: str
    grace: int
    reduction_factor: float
    metric: str
    refit: bool = True  # the studies of older versions do not say it


SAID_TWICE = {"trials": "num_trials", "max_units": "max_budget", "metric": "metric"}
"""Keys of `search`, and what of the record says the same."""


def stored_names(content: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping under the keys that every version has written."""
    return {STORED.get(key, key): value for key, value in content.items()}


def own_names(content: Mapping[str, Any]) -> dict[str, Any]:
    """Its inverse."""
    names = {stored: name for name, stored in STORED.items()}
    return {names.get(key, key): value for key, value in content.items()}


def check_study(content: Any, path: Path) -> None:
    """Raise where the content of a `study.yaml` cannot be that of a study.

    Raises:
        InputError: naming the key, what was found and what was expected.
    """
    found = content.get("version") if isinstance(content, Mapping) else None
    if found != VERSION:
        raise InputError(
            "not a study of this version",
            file=path,
            found="an empty file" if content is None else f"version: {found}",
            expected=f"version: {VERSION}",
        )
    for section, kind in SECTIONS.items():
        if not isinstance(content.get(section), kind):
            raise _edited(path, section, content.get(section, "nothing"),
                          "text" if kind is str else "a mapping")  # fmt: skip
    if not isinstance(content["data"].get("source"), Mapping):
        found = content["data"].get("source", "nothing")
        raise _edited(path, "data.source", found, "a mapping")
    search = _checked(Searched, content["search"], "search", path)
    for key, value in asdict(search).items():
        if isinstance(value, int | float) and not isinstance(value, bool) and value < 1:
            raise _edited(path, f"search.{key}", value, "1 or more")
    _checked(Options, {**content["options"], "fixed": {}}, "options", path)
    record = _checked(StudyRecord, content["record"], "record", path)
    for key, same in SAID_TWICE.items():
        ours, other = getattr(search, key), getattr(record, same)
        if ours != other:
            raise _edited(
                path, f"search.{key}", ours, f"{other}, as record.{STORED.get(same, same)} has it"
            )
    direction = record.metrics.get(record.metric)
    if direction is None:
        raise _edited(path, "record.metric", record.metric, f"one of {', '.join(record.metrics)}")
    if direction != record.direction:
        expected = f"{direction}, as record.metrics.{record.metric} has it"
        raise _edited(path, "record.direction", record.direction, expected)


def _checked(kind: Any, values: Mapping[str, Any], section: str, path: Path) -> Any:
    """An instance of a dataclass, its first mistake told."""
    names = list(stored_names(dict.fromkeys(field.name for field in fields(kind))))
    for key in values:
        if key not in names:
            raise InputError(
                "no such key",
                file=path,
                where=f"{section}.{key}",
                found=key,
                expected=f"one of {', '.join(names)}",
                hint=nearest(str(key), names) or MENDED,
            )
    try:
        return TypeAdapter(kind).validate_python(
            own_names(values) if kind is not Searched else dict(values)
        )
    except ValidationError as error:
        first = error.errors()[0]
        place = [STORED.get(str(key), str(key)) for key in (section, *first["loc"])]
        where = ".".join(place)
        missing = first["type"] in ("missing", "missing_argument")
        found = "nothing" if missing else repr(first["input"])
        raise _edited(path, where, found, first["msg"]) from None


def _edited(path: Path, where: str, found: object, expected: str) -> InputError:
    return InputError(
        "this file was edited or cut",
        file=path,
        where=where,
        found=found,
        expected=expected,
        hint=MENDED,
    )
