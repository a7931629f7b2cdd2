"""The options of a study by the words of `distrib.tune`, for the commands and from Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from distrib.cluster.connect import Resources
from distrib.errors import InputError
from distrib.study.plan.options import DECLARED, Options

BY_WORD = {option.word: option for option in DECLARED}
OPTIONS = tuple(BY_WORD)
RESUMABLE = tuple(word for word, option in BY_WORD.items() if option.flag.resumes)


def options_from(given: Mapping[str, Any], base: Options | None = None) -> Options:
    """The options as given by their words, over those of the study that is resumed.

    Args:
        given: by the words of `OPTIONS`; None leaves one open. base: of the study to resume.

    Raises:
        InputError: a value of another type, or an option that a resumed study keeps as it is.
    """
    words = {word: given[word] for word in OPTIONS if given.get(word) is not None}
    refused = [word for word in words if word not in RESUMABLE]
    if base is not None and refused:
        taken = [o.flag.name for o in DECLARED if o.flag.resumes and o.flag.group != "machines"]
        raise InputError(
            "a resumed study keeps its own",
            where=flag(refused[0]),
            expected=f"only {', '.join(taken)} and what concerns the machines",
        )
    filled: dict[type, dict[str, Any]] = {Options: {}, Resources: {}}
    for word, value in words.items():
        option = BY_WORD[word]
        if option.flag.kind == "workers":
            filled[Resources] |= dict(zip(("workers", "most"), workers(value)))
            continue
        if option.flag.kind == "duration":
            value = seconds(value, option.flag.name)
        filled[option.owner][option.field] = str(value) if word == "data" else value
    taken_of = Resources() if base is None else base.resources
    resources = _typed(taken_of, filled[Resources])
    # The time of an earlier session is over; every other option goes on as it was.
    before = Options() if base is None else replace(base, time_budget=None)
    return replace(_typed(before, filled[Options]), resources=resources)


def _typed(base: Any, given: Mapping[str, Any]) -> Any:
    """`base` with the fields that are given, each of the type that it declares."""
    try:
        checked = TypeAdapter(type(base)).validate_python(dict(given))
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0])
        raise InputError(
            "not a valid value",
            where=next((o.flag.name for o in DECLARED if o.field == field), field),
            found=repr(first.get("input")),
            expected=first["msg"],
        ) from None
    return replace(base, **{name: getattr(checked, name) for name in given})


def flag(word: str) -> str:
    """An option as the commands spell it: `max_epochs` is `--max-epochs`."""
    return "--" + word.replace("_", "-")


def seconds(time: str | float, where: str = "--time-budget") -> float:
    """Seconds out of a number, or ``90``, ``90s``, ``15m``, ``2h`` or ``1d``.

    Raises:
        InputError: it is no time.
    """
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    text = str(time)
    scale = units.get(text[-1:], 1)
    try:
        return float(text[:-1] if text[-1:] in units else text) * scale
    except ValueError:
        raise InputError(
            "not a time", where=where, found=repr(time), expected="such as 90s, 15m, 2h"
        ) from None


def workers(number: str | int | tuple[int, int | None]) -> tuple[int, int | None]:
    """Of `--workers-per-trial`: 4, or "2:8" for at least two and at most eight.

    Raises:
        InputError: it is neither.
    """
    if isinstance(number, tuple):
        return number
    least, colon, most = str(number).partition(":")
    try:
        return int(least), int(most) if colon else None
    except ValueError:
        raise InputError(
            "not a number of workers",
            where="--workers-per-trial",
            found=repr(number),
            expected="such as 4 or 2:8",
        ) from None
