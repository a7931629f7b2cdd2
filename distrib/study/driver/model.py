"""A model, trained or not yet, with its configuration: for evaluation, prediction, scripts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from distrib.errors import InputError
from distrib.study.plan.single_config import read_config
from distrib.study.record.checkpoint import read_state
from distrib.study.record.remote_store import fetch, is_url
from distrib.study.space.configs import checked, make_config
from distrib.trainables.base import Config, Source, State, Trainable, Worker
from distrib.trainables.capabilities import EvaluatesRows, HasIntervals
from distrib.trainables.registry import load_family


@dataclass(frozen=True)
class Model:
    """A family under its name, a configuration, and the state after training (None before)."""

    family: Trainable[Any, Any, Any]
    config: Config
    source: Source
    worker: Worker
    state: State | None = None
    name: str = ""

    @property
    def data_name(self) -> str:
        """What it was trained on, with the data options that are not the family's defaults."""
        options = self.source.model_dump(mode="json", exclude={"path"}, exclude_defaults=True)
        said = ", ".join(f"{key}={value}" for key, value in options.items())
        return (self.source.path or "default data") + (f" ({said})" if said else "")

    def load(self, path: str | None = None, *, targets: bool = True) -> Any:
        """The data at `path` in the family's form; without it, what the model was trained on."""
        source = self.source
        if path is not None:
            source = source.model_copy(update={"path": path})
        try:
            return self.family.load(source, targets=targets)
        except InputError as error:
            if path is not None or source.path is None or Path(source.path).exists():
                raise
            hint = "this is the path recorded at training; --data gives another"
            raise InputError(str(error), hint=hint) from None

    def train(self, data: Any, tell: Callable[[int], None] = lambda done: None) -> Model:
        """Train on every row for the configured budget; `tell` hears the units completed."""
        last = None
        for item in self.family.refit(self.config, data, self.worker, None):
            last = item
            tell(item.fidelity)
        if last is None:
            raise InputError("there was nothing to train on")
        return replace(self, state=last.state())

    def predict(self, data: Any) -> pd.DataFrame:
        """The family's predictions, a row per row of the data."""
        return self.family.predict(self.config, self._trained(), data, self.worker)

    def evaluate(self, data: Any) -> dict[str, float]:
        """Every metric on these data."""
        return self.family.evaluate(self.config, self._trained(), data, self.worker)

    def evaluate_rows(self, data: Any) -> pd.DataFrame:
        """The same for each row of the data.

        Raises:
            InputError: the family does not judge row by row.
        """
        if not isinstance(self.family, EvaluatesRows):
            raise InputError("this family has no figures per row", found=self.name)
        return self.family.evaluate_rows(self.config, self._trained(), data, self.worker)

    def intervals(self, data: Any) -> dict[str, tuple[float, float]]:
        """The 95% intervals of those metrics that have one."""
        if not isinstance(self.family, HasIntervals):
            return {}
        return self.family.intervals(self.config, self._trained(), data, self.worker)

    def _trained(self) -> State:
        if self.state is None:
            raise InputError("this model is not trained yet")
        return self.state


def build_model(name: str, **config: Any) -> Model:
    """An untrained model of a family with these hyperparameters.

    Raises:
        InputError: an unknown family, name or value.
    """
    family = load_family(name, allow_custom=True)
    worker = Worker(precision=family.precisions[0])  # type: ignore[arg-type]
    return Model(family, make_config(family, config), family.Source(), worker, name=name)


def open_model(place: str | Path, *, allow_custom: bool = False) -> Model:
    """The trained model of a `best/` folder, or of a study's folder that has one.

    Raises:
        InputError: there is none, or its files are torn.
    """
    folder = fetch(place) if isinstance(place, str) and is_url(place) else Path(place)
    if (folder / "best" / "config.yaml").is_file():
        folder = folder / "best"
    content, file = read_config(folder)
    family = load_family(content["trainable"], allow_custom=allow_custom)
    config = checked(family.Config, content["config"], "config", str(file))
    source = checked(family.Source, content.get("source") or {}, "source", str(file))
    worker = Worker(precision=family.precisions[0])  # type: ignore[arg-type]
    state = read_state(file.parent / "weights.safetensors")
    name = content["trainable"]
    return Model(family, config, source, worker, State(state.arrays, state.values), name)
