"""A search space: YAML in, Optuna distributions out, every mistake named.

A space file names its trainable and its parameters::

    trainable: mlp
    trials: 60
    scheduler: asha
    parameters:
      num_layers: {randint: [1, 3]}
      learning_rate: {loguniform: [1e-4, 1e-2]}
      norm: {choice: [none, layer]}
      loss: [mse, cross_entropy]              # a plain list is a grid
      dropout: {uniform: [0, 0.7], when: {num_layers: [2, 3]}}
      epochs: 60
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from distrib.errors import InputError, nearest
from distrib.records import Dimension, Scalar

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution

RANGES = ("uniform", "loguniform", "randint", "lograndint")
KINDS = (*RANGES, "choice", "grid", "const")


class _Loader(yaml.SafeLoader):
    """Safe YAML in which ``1e-4`` is a number and a key may stand only once in a mapping."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, (str, int, float, bool)):
                if key in seen:
                    line = key_node.start_mark.line + 1
                    raise InputError(
                        "this key stands twice", file=self.name, where=f"line {line}", found=key
                    )
                seen.add(key)
        return super().construct_mapping(node, deep)


def read_yaml(text: str, name: str) -> Any:
    """Parse YAML safely; `name` stands in the errors.

    Raises:
        InputError: for what is no YAML, with its line.
    """
    loader = _Loader(text)
    loader.name = name
    try:
        return loader.get_single_data()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}" if mark else None
        problem = getattr(error, "problem", None) or str(error)
        raise InputError(f"this is not YAML: {problem}", file=name, where=where) from None
    finally:
        loader.dispose()


@dataclass(frozen=True)
class Parameter:
    """One hyperparameter of a space.

    Attributes:
        kind: one of `KINDS`. values: of a choice, grid or const.
        low, high, step: of a range, both ends included.
        when: other parameter -> the values under which this one exists.
    """

    name: str
    kind: str
    values: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    step: float | None = None
    when: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    @property
    def integer(self) -> bool:
        return self.kind.endswith("randint")

    @property
    def log(self) -> bool:
        return self.kind.startswith("log")

    def distribution(self) -> BaseDistribution:
        """The Optuna distribution; lists and mappings go under their label (see `label`)."""
        from optuna.distributions import (
            CategoricalDistribution,
            FloatDistribution,
            IntDistribution,
        )

        if self.kind in ("choice", "grid"):
            return CategoricalDistribution([label(value) for value in self.values])
        if self.integer:
            step = int(self.step) if self.step else 1
            return IntDistribution(int(self.low), int(self.high), log=self.log, step=step)
        return FloatDistribution(self.low, self.high, log=self.log, step=self.step)

    def decode(self, drawn: Any) -> Any:
        """The value that Optuna's draw stands for."""
        if self.kind in ("choice", "grid"):
            return next(value for value in self.values if label(value) == drawn)
        return drawn

    def plain(self) -> Any:
        """The entry of a space file that says the same."""
        if self.kind in RANGES:
            content: dict[str, Any] = {self.kind: [self.low, self.high]}
            if self.step:
                content["step"] = int(self.step) if self.integer else self.step
        elif self.kind == "const":
            content = {"const": self.values[0]}
        else:
            content = {self.kind: list(self.values)}
        if self.when:
            content["when"] = {name: list(values) for name, values in self.when.items()}
        return content

    def dimension(self) -> Dimension:
        """As people look at it."""
        if self.kind in ("choice", "grid"):
            shown = tuple(label(value) for value in self.values)
            return Dimension(self.name, "choice", choices=shown)
        return Dimension(self.name, "range", self.low, self.high, self.log, self.integer)


def label(value: Any) -> Scalar:
    """A scalar as it is, a list or mapping as JSON: what Optuna and TensorBoard are shown."""
    return json.dumps(value) if isinstance(value, (list, dict, tuple)) else value


@dataclass(frozen=True)
class Space:
    """Parameters in an order in which every `when` looks back.

    Attributes:
        trainable: a family's name or `package.module:Class`.
        settings: what else the file says (trials, scheduler, grace, ...), checked by `study.settings`.
    """

    name: str
    trainable: str
    parameters: tuple[Parameter, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    file: str = ""

    def plain(self) -> dict[str, Any]:
        """The space as a space file says it."""
        return {
            "trainable": self.trainable,
            **({"data": dict(self.data)} if self.data else {}),
            **self.settings,
            "parameters": {p.name: p.plain() for p in self.parameters},
        }

    def searched(self) -> tuple[Parameter, ...]:
        """The parameters that vary."""
        return tuple(p for p in self.parameters if p.kind != "const")

    def grid(self) -> tuple[Parameter, ...]:
        """The grid dimensions."""
        return tuple(p for p in self.parameters if p.kind == "grid")

    def grid_points(self) -> list[dict[str, Any]]:
        """Every combination of the grid dimensions' labels; one empty point without any."""
        names = [p.name for p in self.grid()]
        values = [[label(v) for v in p.values] for p in self.grid()]
        return [dict(zip(names, point)) for point in itertools.product(*values)]

    def suggest(self, trial: optuna.trial.Trial) -> dict[str, Any]:
        """Draw a configuration; parameters whose `when` does not hold are absent."""
        drawn: dict[str, Any] = {}
        for parameter in self.parameters:
            if not all(drawn.get(k, _ABSENT) in v for k, v in parameter.when.items()):
                continue
            if parameter.kind == "const":
                drawn[parameter.name] = parameter.values[0]
            else:
                value = trial._suggest(parameter.name, parameter.distribution())
                drawn[parameter.name] = parameter.decode(value)
        return drawn

    def fix(self, name: str, value: Any) -> Space:
        """The same space with one parameter fixed (`--set`), new ones added."""
        constant = Parameter(name, "const", (value,))
        kept = tuple(p for p in self.parameters if p.name != name)
        return replace(self, parameters=_ordered((constant, *kept), self.file))

    def discrete(self) -> Space:
        """The space with every finite dimension a grid (`--sampler grid`).

        Raises:
            InputError: naming a range without a step, which has no grid.
        """
        parameters = []
        for p in self.parameters:
            if p.kind == "choice":
                parameters.append(replace(p, kind="grid"))
            elif p.kind in RANGES:
                parameters.append(replace(p, kind="grid", values=_grid_values(p, self.file)))
            else:
                parameters.append(p)
        conditional = [p.name for p in parameters if p.when and p.kind == "grid"]
        if conditional:
            raise InputError(
                "a grid has no conditional dimensions",
                file=self.file,
                where=f"parameters.{conditional[0]}.when",
                hint="fix it with --set, or use --sampler random",
            )
        return replace(self, parameters=tuple(parameters))


_ABSENT = object()


def _grid_values(p: Parameter, file: str) -> tuple[float, ...]:
    step = p.step or (1 if p.integer and not p.log else None)
    if step is None:
        raise InputError(
            "a grid needs finitely many values",
            file=file,
            where=f"parameters.{p.name}",
            found=f"{{{p.kind}: [{p.low:g}, {p.high:g}]}}",
            expected="a step, a list of values, or --set",
        )
    count = int(math.floor((p.high - p.low) / step + 1e-9)) + 1
    values = [p.low + i * step for i in range(count)]
    return tuple(int(v) for v in values) if p.integer else tuple(values)


def parse_space(content: Any, *, name: str, file: str) -> Space:
    """Check a space that was read from YAML.

    Raises:
        InputError: naming the key, what was found and what was expected.
    """
    if not isinstance(content, Mapping):
        raise InputError(
            "a space is a mapping", file=file, found=type(content).__name__,
            expected="trainable: NAME and parameters: {...}",
        )  # fmt: skip
    for key in ("trainable", "parameters"):
        if key not in content:
            raise InputError(f"the key {key!r} is missing", file=file, found=", ".join(content))
    if not isinstance(content["trainable"], str):
        raise InputError("no name of a family", file=file, where="trainable",
                         found=content["trainable"])  # fmt: skip
    parameters = content["parameters"]
    if not isinstance(parameters, Mapping):
        raise InputError("no mapping", file=file, where="parameters", found=parameters)
    parsed = tuple(parse_parameter(str(key), value, file) for key, value in parameters.items())
    data = content.get("data") or {}
    if not isinstance(data, Mapping):
        raise InputError("no mapping of data options", file=file, where="data", found=data)
    settings = {k: v for k, v in content.items() if k not in ("trainable", "parameters", "data")}
    return Space(
        name, content["trainable"], _ordered(parsed, file), settings, dict(data), file
    )


def parse_parameter(name: str, value: Any, file: str) -> Parameter:
    """One entry of `parameters`."""
    where = f"parameters.{name}"
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
        raise InputError("only a range has a step", file=file, where=where, found=dict(value))


def _values(content: Any, where: str, file: str) -> tuple[Any, ...]:
    if not isinstance(content, list) or not content:
        raise InputError(
            "no values to choose from", file=file, where=where, found=content,
            expected="a list with at least one value",
        )  # fmt: skip
    values = tuple(number(value) for value in content)
    labels = [(type(label(v)) is bool, label(v)) for v in values]
    for i, shown in enumerate(labels):
        if shown in labels[:i]:
            raise InputError("this value stands twice", file=file, where=where, found=values[i])
    return values


def _ends(kind: str, content: Any, where: str, file: str) -> tuple[float, float]:
    expected = f"{{{kind}: [low, high]}}"
    ends = [number(end) for end in content] if isinstance(content, list) else []
    bad = [e for e in ends if isinstance(e, bool) or not isinstance(e, (int, float))]
    if len(ends) != 2 or bad:
        raise InputError("not two numbers", file=file, where=where, found=content,
                         expected=expected)  # fmt: skip
    low, high = ends
    if not (math.isfinite(low) and math.isfinite(high)):
        raise InputError("an end that is not finite", file=file, where=where, found=content)
    if low > high:
        raise InputError("the low end lies above the high end", file=file, where=where,
                         found=content, expected=expected)  # fmt: skip
    if kind.endswith("randint") and (low != int(low) or high != int(high)):
        raise InputError("ends that are no integers", file=file, where=where, found=content)
    if kind == "loguniform" and low <= 0:
        raise InputError("a logarithmic range begins above 0", file=file, where=where,
                         found=content)  # fmt: skip
    if kind == "lograndint" and low < 1:
        raise InputError("a logarithmic range of integers begins at 1 or above", file=file,
                         where=where, found=content)  # fmt: skip
    if kind.endswith("randint"):
        return int(low), int(high)
    return float(low), float(high)


def _step(
    kind: str, given: Any, low: float, high: float, where: str, file: str
) -> float | None:
    if given is None:
        return None
    step = number(given)
    if isinstance(step, bool) or not isinstance(step, (int, float)) or not step > 0:
        raise InputError("a step is a number above 0", file=file, where=f"{where}.step",
                         found=given)  # fmt: skip
    if kind.startswith("log"):
        raise InputError("a logarithmic range takes no step", file=file, where=where, found=given,
                         expected="uniform or randint with a step")  # fmt: skip
    if kind == "randint" and step != int(step):
        raise InputError("a step that is no integer", file=file, where=where, found=given)
    if step > high - low:
        raise InputError("the step is wider than the range", file=file, where=where, found=given,
                         expected=f"at most {high - low:g}")  # fmt: skip
    return float(step)


def _conditions(when: Any, where: str, file: str) -> dict[str, tuple[Any, ...]]:
    if when is None:
        return {}
    if not isinstance(when, Mapping):
        raise InputError("no mapping of parameters to values", file=file, where=f"{where}.when",
                         found=when, expected="{other: value} or {other: [values]}")  # fmt: skip
    return {
        str(key): tuple(number(v) for v in (value if isinstance(value, list) else [value]))
        for key, value in when.items()
    }


def _ordered(parameters: tuple[Parameter, ...], file: str) -> tuple[Parameter, ...]:
    """Parents before the parameters that depend on them, otherwise as they stand."""
    by_name = {p.name: p for p in parameters}
    for p in parameters:
        for parent, values in p.when.items():
            where = f"parameters.{p.name}.when"
            if parent not in by_name:
                raise InputError("no such parameter", file=file, where=where, found=parent,
                                 hint=nearest(parent, by_name))  # fmt: skip
            other = by_name[parent]
            if other.kind in ("choice", "grid") and not set(map(label, values)) & set(
                map(label, other.values)
            ):
                raise InputError(f"a value that {parent} never takes", file=file, where=where,
                                 found=list(values), expected=f"one of {list(other.values)}"
                                 )  # fmt: skip
    ordered: list[Parameter] = []
    waiting = list(parameters)
    while waiting:
        ready = [p for p in waiting if all(q in {o.name for o in ordered} for q in p.when)]
        if not ready:
            raise InputError("these parameters wait for each other", file=file, where="when",
                             found=", ".join(p.name for p in waiting))  # fmt: skip
        ordered += ready
        waiting = [p for p in waiting if p not in ready]
    return tuple(ordered)


def find_space(name: str) -> Space:
    """The space of this name, or of this YAML file.

    Raises:
        InputError: for a name that is neither, with the nearest one.
    """
    from importlib import resources

    folder = resources.files("distrib.search_spaces")
    if name.endswith((".yaml", ".yml")) or "/" in name:
        path = Path(name)
        if not path.is_file():
            raise InputError("no such file", file=path, expected="a space in YAML")
        try:
            text = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise InputError("this is not UTF-8 text", file=path, where=f"byte {error.start}"
                             ) from None  # fmt: skip
        return parse_space(read_yaml(text, name), name=path.stem, file=name)
    names = sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(".yaml"))
    if name not in names:
        raise InputError("no such space", where="--space", found=name,
                         expected=f"one of {', '.join(names)}, or a YAML file",
                         hint=nearest(name, names))  # fmt: skip
    text = (folder / f"{name}.yaml").read_text(encoding="utf-8")
    return parse_space(read_yaml(text, f"{name}.yaml"), name=name, file=f"{name}.yaml")
