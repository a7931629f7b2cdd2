"""Reading a space file: YAML in, `Space` out, every mistake named."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from distrib.errors import InputError, nearest
from distrib.safe_yaml import read_yaml, read_yaml_file
from distrib.study.space.conditions import check_conditions
from distrib.study.space.space import KINDS, Parameter, Space, label, ordered


def find_space(name: str) -> Space:
    """The space of this name, or of this YAML file.

    Raises:
        InputError: for a name that is neither, with the nearest one.
    """
    from importlib import resources

    if name.endswith((".yaml", ".yml")) or "/" in name:
        path = Path(name)
        if not path.is_file():
            raise InputError("no such file", file=path, expected="a space in YAML")
        return parse_space(read_yaml_file(path), name=path.stem, file=name)
    names = space_names()
    if name not in names:
        raise InputError(
            "no such space",
            where="--space",
            found=name,
            expected=f"one of {', '.join(names)}, or a YAML file",
            hint=nearest(name, names),
        )
    file = resources.files("distrib.search_spaces") / f"{name}.yaml"
    text = file.read_text(encoding="utf-8")
    return parse_space(read_yaml(text, f"{name}.yaml"), name=name, file=f"{name}.yaml")


def space_names() -> list[str]:
    """The spaces that come with this package."""
    from importlib import resources

    files = resources.files("distrib.search_spaces").iterdir()
    return sorted(file.name[:-5] for file in files if file.name.endswith(".yaml"))


def parse_space(content: Any, *, name: str, file: str) -> Space:
    """Check a space that was read from YAML.

    Raises:
        InputError: naming the key, what was found and what was expected.
    """
    if not isinstance(content, Mapping):
        raise InputError(
            "a space is a mapping",
            file=file,
            found="an empty file" if content is None else f"a {type(content).__name__}",
            expected="trainable: NAME and parameters: {...}",
        )
    for key in ("trainable", "parameters"):
        if key not in content:
            raise InputError(
                f"the key {key!r} is missing",
                file=file,
                found=", ".join(map(str, content)) or "nothing",
                expected="trainable: NAME and parameters: {...}",
            )
    if not isinstance(content["trainable"], str):
        raise InputError(
            "no name of a family",
            file=file,
            where="trainable",
            found=content["trainable"],
            expected="a word such as mlp, or package.module:Class",
        )
    parameters = content["parameters"]
    if not isinstance(parameters, Mapping):
        raise InputError(
            "not a mapping",
            file=file,
            where="parameters",
            found=parameters,
            expected="{name: value} or {name: {uniform: [low, high]}}",
        )
    parsed = tuple(parse_parameter(str(key), value, file) for key, value in parameters.items())
    data = content.get("data") or {}
    if not isinstance(data, Mapping):
        raise InputError(
            "data options are not a mapping",
            file=file,
            where="data",
            found=data,
            expected="{option: value}",
        )
    settings = {k: v for k, v in content.items() if k not in ("trainable", "parameters", "data")}
    parameters = ordered(parsed, file)
    check_conditions(parameters, file)
    if "points" in settings:
        _check_points(settings["points"], parameters, file)
    return Space(name, content["trainable"], parameters, settings, dict(data), file)


def _check_points(points: Any, parameters: Sequence[Parameter], file: str) -> None:
    """Raise where the listed points of a grid are not of its dimensions and their values."""
    values = {p.name: p.values for p in parameters if p.kind == "grid"}
    if (
        not isinstance(points, list)
        or not points
        or not all(isinstance(p, Mapping) for p in points)
    ):
        raise InputError(
            "not a list of points",
            file=file,
            where="points",
            found=points,
            expected="[{name: value, ...}, ...]",
        )
    for place, point in enumerate(points, 1):
        for name, value in point.items():
            if name not in values or value not in values[name]:
                raise InputError(
                    "not a point of the grid",
                    file=file,
                    where=f"points, number {place}, {name}",
                    found=value,
                    expected=", ".join(map(str, values[name]))
                    if name in values
                    else f"a grid dimension: {', '.join(values) or 'there is none'}",
                )


def parse_parameter(name: str, value: Any, file: str, where: str | None = None) -> Parameter:
    """One entry of `parameters`, or of a mapping that has another name for it (`where`)."""
    where = where or f"parameters.{name}"
    if isinstance(value, list):
        value = {"grid": value}
    if not isinstance(value, Mapping):
        return Parameter(name, "const", (number(value),))
    keys = [key for key in value if key not in ("step", "when")]
    unknown = [key for key in keys if key not in KINDS]
    if unknown or len(keys) != 1:
        raise InputError(
            "not a kind of parameter" if unknown else "a parameter has exactly one kind",
            file=file,
            where=where,
            found=", ".join(map(str, unknown or keys)) or "nothing",
            expected=" | ".join(KINDS),
            hint=nearest(str(unknown[0]), KINDS) if unknown else None,
        )
    kind, content = str(keys[0]), value[keys[0]]
    when = _conditions(value.get("when"), where, file)
    if kind == "const":
        _no_step(value, where, file)
        return Parameter(name, kind, (number(content),), when=when)
    if kind in ("choice", "grid"):
        _no_step(value, where, file)
        return Parameter(name, kind, _values(content, where, file), when=when)
    low, high = _ends(kind, content, where, file)
    step = _step(kind, value.get("step"), low, high, where, file)
    return Parameter(name, kind, low=low, high=high, step=step, when=when)


def number(value: Any) -> Any:
    """A number also where YAML leaves text, such as ``1e-4``; everything else as it is."""
    if isinstance(value, str):
        text = value.strip()
        if text[:1].isdigit() or text[:1] in "+-.":
            try:
                return int(text)
            except ValueError:
                pass
            try:
                parsed = float(text)
            except ValueError:
                return value
            return parsed if math.isfinite(parsed) else value
    return value


def _no_step(value: Mapping[str, Any], where: str, file: str) -> None:
    if "step" in value:
        raise InputError(
            "only a range has a step",
            file=file,
            where=where,
            found=dict(value),
            expected="no step, or uniform or randint",
        )


def _values(content: Any, where: str, file: str) -> tuple[Any, ...]:
    if not isinstance(content, list) or not content:
        raise InputError(
            "no values to choose from",
            file=file,
            where=where,
            found=content,
            expected="a list with at least one value",
        )
    values = tuple(number(value) for value in content)
    for value in values:
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError):
            raise InputError(
                "not a plain value",
                file=file,
                where=where,
                found=value,
                expected="numbers, words, true, false, null, and lists or mappings of them",
            ) from None
    labels = [label(v) for v in values]
    for i, shown in enumerate(labels):
        if shown in labels[:i]:  # true counts as 1, as it does for Optuna
            raise InputError(
                "duplicate value",
                file=file,
                where=where,
                found=values[i],
                expected="each value once",
            )
    return values


def _ends(kind: str, content: Any, where: str, file: str) -> tuple[float, float]:
    expected = f"{{{kind}: [low, high]}}"
    ends = [number(end) for end in content] if isinstance(content, list) else []
    bad = [e for e in ends if isinstance(e, bool) or not isinstance(e, (int, float))]
    if len(ends) != 2 or bad:
        raise InputError(
            "not two numbers", file=file, where=where, found=content, expected=expected
        )
    low, high = ends
    if not (math.isfinite(low) and math.isfinite(high)):
        raise InputError(
            "a bound that is not finite", file=file, where=where, found=content, expected=expected
        )
    if low > high:
        raise InputError(
            "the lower bound is above the upper bound",
            file=file,
            where=where,
            found=content,
            expected=expected,
        )
    if kind.endswith("randint") and (low != int(low) or high != int(high)):
        raise InputError(
            "bounds that are not integers", file=file, where=where, found=content, expected=expected
        )
    if kind == "loguniform" and low <= 0:
        raise InputError(
            "a log range needs a lower bound above 0",
            file=file,
            where=where,
            found=content,
            expected=f"{expected} with low above 0",
        )
    if kind == "lograndint" and low < 1:
        raise InputError(
            "a log range of integers needs a lower bound of 1 or more",
            file=file,
            where=where,
            found=content,
            expected=f"{expected} with low at 1 or above",
        )
    if kind.endswith("randint"):
        return int(low), int(high)
    return float(low), float(high)


def _step(kind: str, given: Any, low: float, high: float, where: str, file: str) -> float | None:
    if given is None:
        return None
    step = number(given)
    if isinstance(step, bool) or not isinstance(step, (int, float)) or not step > 0:
        raise InputError(
            "not a step",
            file=file,
            where=f"{where}.step",
            found=given,
            expected="a number above 0",
        )
    if kind.startswith("log"):
        ends, stepped = f"[{low:g}, {high:g}]", f"[{low:g}, {high:g}], step: {given}"
        raise InputError(
            "a log range takes no step, as in Optuna",
            file=file,
            where=where,
            found=f"{{{kind}: {stepped}}}",
            expected=f"{{{kind[3:]}: {stepped}}}, or {{{kind}: {ends}}} without a step",
        )
    if kind == "randint" and step != int(step):
        raise InputError(
            "a step that is no integer",
            file=file,
            where=f"{where}.step",
            found=given,
            expected="an integer, as the ends of randint are",
        )
    if step > high - low:
        raise InputError(
            "the step is wider than the range",
            file=file,
            where=where,
            found=given,
            expected=f"at most {high - low:g}",
        )
    return float(step)


def _conditions(when: Any, where: str, file: str) -> dict[str, tuple[Any, ...]]:
    if when is None:
        return {}
    if not isinstance(when, Mapping):
        raise InputError(
            "not a mapping of parameters to values",
            file=file,
            where=f"{where}.when",
            found=when,
            expected="{other: value} or {other: [values]}",
        )
    return {
        str(key): tuple(number(v) for v in (value if isinstance(value, list) else [value]))
        for key, value in when.items()
    }
