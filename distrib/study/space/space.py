"""A search space: parameters, and how they are lowered to Optuna's distributions.

A space file (read by `space_file.py`) names its trainable and its parameters::

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

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from distrib.errors import InputError, nearest
from distrib.records import Dimension, Scalar

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution

RANGES = ("uniform", "loguniform", "randint", "lograndint")
KINDS = (*RANGES, "choice", "grid", "const")


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

    @property
    def continuous(self) -> bool:
        """Whether it takes infinitely many values."""
        return self.kind in ("uniform", "loguniform") and not self.step and self.low < self.high

    def steps(self) -> tuple[float, ...]:
        """Every value of a range that is not continuous."""
        step = self.step or 1
        count = math.floor((self.high - self.low) / step + 1e-9) + 1
        values = [self.low + i * step for i in range(count)]
        # 0.7, and not 0.7000000000000001, which may lie beyond the bounds.
        return tuple(int(v) if self.integer else float(f"{v:.12g}") for v in values)

    def takes(self, value: Any) -> bool:
        """Whether a value is one that it may have, and not by accident."""
        if self.kind not in RANGES:
            return label(value) in map(label, self.values)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or self.continuous:
            return False
        if not self.low <= value <= self.high:
            return False
        place = (value - self.low) / (self.step or 1)
        return abs(place - round(place)) < 1e-9

    def shown(self) -> str:
        """What it takes, for the reader."""
        if self.kind not in RANGES:
            return repr(list(self.values))
        step = f" in steps of {self.step:g}" if self.step else ""
        return f"{self.kind} [{self.low:g}, {self.high:g}]{step}"

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
        settings: what else the file says (trials, scheduler, ...), checked by `options.py`.
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

    def corner(self) -> dict[str, Any]:
        """One point: of every unconditional parameter the first value or the low end."""
        return {p.name: p.values[0] if p.values else p.low for p in self.parameters if not p.when}

    def grid(self) -> tuple[Parameter, ...]:
        """The grid dimensions."""
        return tuple(p for p in self.parameters if p.kind == "grid")

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

    def exists(self, values: Mapping[str, Any]) -> list[Parameter]:
        """The parameters of a configuration that exist in it, those that lack a value included.

        Args:
            values: of parameters, as a family has them; constants may be left out.
        """
        known: dict[str, Any] = {}
        found = []
        for parameter in self.parameters:
            if not all(known.get(k, _ABSENT) in v for k, v in parameter.when.items()):
                continue
            found.append(parameter)
            if parameter.kind == "const":
                known[parameter.name] = parameter.values[0]
            elif parameter.name in values:
                known[parameter.name] = values[parameter.name]
        return found

    def conditions(self, fixed: Mapping[str, Any]) -> dict[str, dict[str, tuple[Scalar, ...]]]:
        """Of each searched parameter, the parents that it depends on and the values it needs.

        Constants, and what is fixed for the trial, are judged here: a parameter that they rule out
        needs a value of nothing. Both as Optuna has them (see `label`); parents before children.
        """
        known = {p.name: p.values[0] for p in self.parameters if p.kind == "const"}
        known = {name: label(value) for name, value in known.items()} | dict(fixed)
        found: dict[str, dict[str, tuple[Scalar, ...]]] = {}
        for p in self.searched():
            needs = {}
            for parent, values in p.when.items():
                allowed = tuple(map(label, values))
                if parent not in known:
                    needs[parent] = allowed
                elif known[parent] not in allowed:
                    needs[parent] = ()
            if needs:
                found[p.name] = needs
        return found

    def fix(self, name: str, value: Any) -> Space:
        """The same space with one parameter fixed (`--set`), new ones added."""
        constant = Parameter(name, "const", (value,))
        kept = tuple(p for p in self.parameters if p.name != name)
        settings = dict(self.settings)
        if "points" in settings:  # those that differ in nothing else become one
            points = [{k: v for k, v in point.items() if k != name} for point in settings["points"]]
            settings["points"] = [p for k, p in enumerate(points) if p not in points[:k]]
        parameters = ordered((constant, *kept), self.file)
        return replace(self, parameters=parameters, settings=settings)

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
        return replace(self, parameters=tuple(parameters))


_ABSENT = object()


def _grid_values(p: Parameter, file: str) -> tuple[float, ...]:
    if p.step is None and (not p.integer or p.log):
        raise InputError(
            "a grid needs finitely many values",
            file=file,
            where=f"parameters.{p.name}",
            found=f"{{{p.kind}: [{p.low:g}, {p.high:g}]}}",
            expected="a step, a list of values, or --set",
        )
    return p.steps()


def ordered(parameters: tuple[Parameter, ...], file: str) -> tuple[Parameter, ...]:
    """Parents before the parameters that depend on them, otherwise as they stand."""
    by_name = {p.name: p for p in parameters}
    for p in parameters:
        for parent in p.when:
            if parent not in by_name:
                raise InputError(
                    "no such parameter",
                    file=file,
                    where=f"parameters.{p.name}.when",
                    found=parent,
                    expected="one of "
                    + (", ".join(n for n in by_name if n != p.name) or "the other parameters"),
                    hint=nearest(parent, by_name),
                )
    ordered: list[Parameter] = []
    waiting = list(parameters)
    while waiting:
        ready = [p for p in waiting if all(q in {o.name for o in ordered} for q in p.when)]
        if not ready:
            raise InputError(
                "circular conditions between parameters",
                file=file,
                where="when",
                found=", ".join(p.name for p in waiting),
                expected="at least one that depends on none of the others",
            )
        ordered += ready
        waiting = [p for p in waiting if p not in ready]
    return tuple(ordered)
