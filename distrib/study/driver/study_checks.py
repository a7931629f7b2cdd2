"""`study.yaml` looked at before it is used: what was edited or cut is named by its key."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from distrib.errors import InputError, nearest
from distrib.records import StudyRecord
from distrib.study.plan.options import Options, out_of_range
from distrib.study.search.samplers import NAMES as SAMPLERS
from distrib.study.search.schedulers import NAMES as RULES

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
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and not 1 <= value < math.inf:
            raise _edited(path, f"search.{key}", value, "1 or more, and finite")
    options = _checked(Options, {**content["options"], "fixed": {}}, "options", path)
    _check_choices(search, "search", path)
    _check_choices(options, "options", path)
    _check_ranges(options, path)
    record = _checked(StudyRecord, content["record"], "record", path)
    trainable = content["space"].get("trainable")
    if record.trainable != trainable:
        raise _edited(path, "record.trainable", record.trainable,
                      f"{trainable}, as space.trainable has it")  # fmt: skip
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
        given = own_names(values) if kind is not Searched else dict(values)
        checked = TypeAdapter(kind).validate_python(given)
    except ValidationError as error:
        first = error.errors()[0]
        place = [STORED.get(str(key), str(key)) for key in (section, *first["loc"])]
        where = ".".join(place)
        missing = first["type"] in ("missing", "missing_argument")
        found = "nothing" if missing else repr(first["input"])
        raise _edited(path, where, found, first["msg"]) from None
    for inner, value, wanted in _read_as_another(given, checked, ()):
        where = ".".join(STORED.get(key, key) for key in (section, *inner))
        raise _edited(path, where, repr(value), f"{wanted} of type {type(wanted).__name__}")
    return checked


def _read_as_another(
    given: Any, checked: Any, place: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    """Values that pydantic takes for others, as it takes true for 1 and "5" for 5."""
    if isinstance(given, Mapping):
        for key, value in given.items():
            one = checked[key] if isinstance(checked, Mapping) else getattr(checked, key, value)
            yield from _read_as_another(value, one, (*place, str(key)))
    elif isinstance(given, list):
        for i, (value, one) in enumerate(zip(given, checked)):
            yield from _read_as_another(value, one, (*place, str(i)))
    elif type(given) is not type(checked) and not (type(given) is int and type(checked) is float):
        yield place, given, checked


def _check_choices(part: Searched | Options, section: str, path: Path) -> None:
    for key, names in (("sampler", SAMPLERS), ("scheduler", RULES)):
        value = getattr(part, key)
        if value not in names and (value is not None or section == "search"):
            raise _edited(path, f"{section}.{key}", value, f"one of {', '.join(names)}")


def _check_ranges(options: Options, path: Path) -> None:
    """What a new study's options are refused for, under the keys that they have here."""
    resources = options.resources
    for option, value, expected in out_of_range(options):
        owner = "options" if option.owner is Options else "options.resources"
        raise _edited(path, f"{owner}.{STORED.get(option.field, option.field)}", value, expected)
    where = "options.resources"
    if resources.workers < 1:
        raise _edited(path, f"{where}.workers", resources.workers, "1 or more")
    if resources.most is not None and resources.most < resources.workers:
        expected = f"{resources.workers} or more, which are its workers"
        raise _edited(path, f"{where}.most", resources.most, expected)
    if not 0 < resources.cpus < math.inf:
        raise _edited(path, f"{where}.cpus", resources.cpus, "above 0")
    if not 0 <= resources.gpus < math.inf:
        raise _edited(path, f"{where}.gpus", resources.gpus, "0 or more")


def _edited(path: Path, where: str, found: object, expected: str) -> InputError:
    return InputError(
        "this file was edited or cut",
        file=path,
        where=where,
        found=found,
        expected=expected,
        hint=MENDED,
    )
