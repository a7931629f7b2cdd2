"""The options of a study by the words of `distrib.tune`, for the commands and from Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from distrib.cluster.connect import Resources
from distrib.errors import InputError
from distrib.study.plan.options import Options

# The options whose words are not those of `Options`, and those that say what a trial takes.
WORDS = {"max_epochs": "max_budget", "checkpoint_every": "save_every", "set": "fixed"}
RESOURCES = {
    "cpus_per_worker": "cpus",
    "gpus_per_worker": "gpus",
    "accelerator_type": "accelerator_type",
}
OPTIONS = (
    *("data", "set", "max_epochs", "metric", "test_fraction", "seed", "keep", "checkpoint_every"),
    *("trials", "sampler", "scheduler", "time_budget", "concurrent", "confirm"),
    *("bootstrap", "bootstrap_of", "address", "device", "precision", "allow_custom", "debug"),
    *("workers_per_trial", *RESOURCES),
)
RESUMABLE = (
    *("trials", "time_budget", "concurrent", "confirm", "keep", "checkpoint_every"),
    *("bootstrap", "bootstrap_of", "address", "device", "precision", "allow_custom", "debug"),
    *("workers_per_trial", *RESOURCES),
)


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
        raise InputError(
            "a resumed study keeps its own",
            where=flag(refused[0]),
            expected="only --trials, --time-budget, --concurrent, --confirm, --bootstrap, "
            "--keep and what concerns the machines",
        )
    resources = {RESOURCES[w]: words.pop(w) for w in tuple(words) if w in RESOURCES}
    if "workers_per_trial" in words:
        resources |= dict(zip(("workers", "most"), workers(words.pop("workers_per_trial"))))
    if "time_budget" in words:
        words["time_budget"] = seconds(words["time_budget"])
    if "data" in words:
        words["data"] = str(words["data"])
    known = Resources() if base is None else base.resources
    taken = _typed(known, resources, {v: k for k, v in RESOURCES.items()})
    # The time of an earlier session is over; every other option goes on as it was.
    before = Options() if base is None else replace(base, time_budget=None)
    fields = {WORDS.get(word, word): value for word, value in words.items()}
    typed = _typed(before, fields, {v: k for k, v in WORDS.items()})
    return replace(typed, resources=taken)


def _typed(base: Any, given: Mapping[str, Any], words: Mapping[str, str]) -> Any:
    """`base` with the fields that are given, each of the type that it declares."""
    try:
        checked = TypeAdapter(type(base)).validate_python(dict(given))
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0])
        raise InputError(
            "not a valid value",
            where=flag(words.get(field, field)),
            found=repr(first.get("input")),
            expected=first["msg"],
        ) from None
    return replace(base, **{name: getattr(checked, name) for name in given})


def flag(word: str) -> str:
    """An option as the commands spell it: `max_epochs` is `--max-epochs`."""
    return "--" + word.replace("_", "-")


def seconds(time: str | float) -> float:
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
            "not a time", where="--time-budget", found=repr(time), expected="such as 90s, 15m, 2h"
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
