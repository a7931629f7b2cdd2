"""A model, trained or not yet, with its configuration: for evaluation, prediction, scripts."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from distrib.errors import InputError, said_in
from distrib.files import atomic_write
from distrib.study.plan.fixed_space import read_config
from distrib.study.record.checkpoint import Checkpoints, read_state, write_state
from distrib.study.record.remote_store import fetch, is_url
from distrib.study.space.configs import checked, config_yaml, make_config
from distrib.trainables.base import Config, Source, State, Trainable, Worker
from distrib.trainables.capabilities import (
    ChecksTraining,
    EvaluatesRows,
    GenerateOptions,
    Generates,
    HasBaselines,
    HasIntervals,
    NamesRows,
    NotesRows,
    Ranking,
    RanksRows,
    ReadLater,
    WritesPredictions,
    set_aside,
)
from distrib.trainables.registry import load_family
from distrib.trainables.training_rows import known_rows

TEST = "test/"  # before the names of a baseline's figures on data that it did not learn from


@dataclass(frozen=True, repr=False)
class Model:
    """A family under its name, a configuration, and the state after training (None before)."""

    family: Trainable[Any, Any, Any]
    config: Config
    source: Source
    worker: Worker
    state: State | None = None
    name: str = ""

    def __repr__(self) -> str:
        return f"Model({self.name!r}, {'not trained' if self.state is None else 'trained'})"

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
            source = source.elsewhere(path)
        try:
            return self.family.load(source, targets=targets)
        except InputError as error:
            if path is not None or source.path is None or Path(source.path).exists():
                raise
            hint = "this is the path recorded at training; --data gives another"
            raise InputError(str(error), hint=hint) from None

    def reading(self, on_long: Literal["error", "truncate"] | None) -> Model:
        """The same model with another policy for what is longer than its context; None: its own.

        Raises:
            InputError: its family has no such policy.
        """
        if on_long is None:
            return self
        if "on_long" not in type(self.config).model_fields:
            raise InputError("this family has no policy for what is too long", where="--on-long",
                             found=on_long, expected="no such option")  # fmt: skip
        return replace(self, config=self.config.model_copy(update={"on_long": on_long}))

    def notes(self, data: Any) -> list[str]:
        """What a user should know of data and of how this model reads them, a line each."""
        notes = [*data.describe().get("notes", ())]
        if isinstance(self.family, NotesRows):
            notes += self.family.reading_notes(self.config, data)
        return notes

    def train(self, data: Any, tell: Callable[[int], None] = lambda done: None) -> Model:
        """Train on every row, those aside that the data mark as a test, for the configured budget.

        Weights that are no numbers at the end are warned of (`RuntimeWarning`): it has diverged.

        Args:
            tell: hears the units completed.

        Raises:
            InputError: what a study refuses too, such as fewer groups than folds.
        """
        rest, _ = set_aside(self.family, self._rows(data), 0.0, 0)
        if isinstance(self.family, ChecksTraining):
            self.family.check(self.config, rest)
        last = None
        for item in self.family.refit(self.config, rest, self.worker, None):
            last = item
            tell(item.fidelity)
        if last is None:
            raise InputError("there was nothing to train on")
        state = last.state()
        if self.family.framework == "torch" and any(
            array.dtype.kind == "f" and np.isnan(array).any() for array in state.arrays.values()
        ):
            words = "the training diverged, its weights are no numbers: try a lower learning rate"
            warnings.warn(words, RuntimeWarning, stacklevel=2)
        return replace(self, state=state)

    def predict(self, data: Any) -> pd.DataFrame:
        """The family's predictions, a row per row of the data."""
        return self.family.predict(self.config, self._trained(), self._rows(data), self.worker)

    def write_predictions(
        self, data: Any, folder: str | Path, beside: Sequence[Model] = ()
    ) -> list[str]:
        """The same as files in a folder, the mean over this model and those `beside` it.

        Raises:
            InputError: the family has no such files, or the models differ in what they predict.
        """
        if not isinstance(self.family, WritesPredictions):
            raise InputError(
                "this family predicts a table",
                where="--out",
                found=folder,
                expected="a file that ends in .parquet, .csv or .tsv",
            )
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        models = [(model.config, model._trained()) for model in (self, *beside)]
        return self.family.write_predictions(models, data, self.worker, place)

    def evaluate(self, data: Any) -> dict[str, float]:
        """Every metric on these data."""
        return self.family.evaluate(self.config, self._trained(), self._rows(data), self.worker)

    def evaluate_rows(self, data: Any) -> pd.DataFrame:
        """The same for each row of the data.

        Raises:
            InputError: the family does not judge row by row.
        """
        if not isinstance(self.family, EvaluatesRows):
            raise InputError("this family has no figures per row", found=self.name)
        return self.family.evaluate_rows(self.config, self._trained(), data, self.worker)

    def rank(self, path: str, scorer: Callable[[pd.DataFrame], Any] | None = None) -> Ranking:
        """The rows of a file scored, filtered and ranked.

        Args:
            scorer: a score of a table of them, the higher the better; without: the model's.

        Raises:
            InputError: the family does not rank, no row is left, or the scorer fails.
        """
        if not isinstance(self.family, RanksRows):
            raise InputError("this family ranks nothing", found=self.name)
        source = self.source.model_copy(update={"path": path})
        return self.family.rank(self.config, self._trained(), source, self.worker, scorer)

    def intervals(self, data: Any) -> dict[str, tuple[float, float]]:
        """The 95% intervals of those metrics that have one."""
        if not isinstance(self.family, HasIntervals):
            return {}
        return self.family.intervals(self.config, self._trained(), data, self.worker)

    def baselines(self, data: Any) -> dict[str, dict[str, float]]:
        """What the family's simple models reach on these data: name -> metric -> value.

        They learn from the rows that this model was trained on, read again from where they lay.

        Raises:
            InputError: the family has none, or these rows are not known, or not there any more.
        """
        family = self.family
        if not isinstance(family, HasBaselines) or not isinstance(family, NamesRows):
            raise InputError("this family has no baselines", where="--baselines", found=self.name)
        try:
            with said_in(self.source.path):
                known = family.load(self.source)
                num_rows = 0 if isinstance(known, ReadLater) else len(known.groups)
                rows = known_rows(self._trained(), family.row_ids(known), num_rows)
        except InputError as error:
            hint = "baselines learn from the data that the model was trained on"
            raise InputError(str(error), hint=hint) from None
        found = family.baselines(self.config, known.take(rows), self._rows(data), self.worker)
        of_data = {
            name: {m.removeprefix(TEST): v for m, v in figures.items() if m.startswith(TEST)}
            for name, figures in found.items()
        }
        return {name: figures for name, figures in of_data.items() if figures}

    def save(self, folder: str | Path) -> Path:
        """Keep the trained model in a folder that the commands and `open_model` take.

        Args:
            folder: a new one, or that of a model, which then gives way to this one.

        Raises:
            InputError: it is not trained yet.
        """
        state = self._trained()
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        write_state(place / "weights.safetensors", state)
        source = self.source.model_dump(mode="json")
        text = config_yaml(self.name, self.config.model_dump(mode="json"), source=source)
        atomic_write(place / "config.yaml", text)
        return place

    def generate(self, **options: Any) -> pd.DataFrame:
        """Draw new samples: a row each.

        Args:
            options: `num`, `seed` and what the family adds; `distrib.generate MODEL --help` lists
                them.

        Raises:
            InputError: the family draws nothing, or a value that it does not take.
        """
        asked = checked(self._generator().Generate, options, "")
        return pd.concat(list(self.generate_tables(asked)), ignore_index=True)

    def generate_tables(self, options: GenerateOptions) -> Iterator[pd.DataFrame]:
        """The same as they are drawn, table after table, for more than memory holds."""
        yield from self._generator().generate(self.config, self._trained(), options, self.worker)

    def on(self, device: str) -> Model:
        """The same model, computing on "cpu" or "cuda".

        Raises:
            InputError: its family does not run there.
        """
        if device not in self.family.devices:
            raise InputError(
                "this family does not run there",
                where="--device",
                found=device,
                expected=" or ".join(self.family.devices),
            )
        return replace(self, worker=replace(self.worker, device=device))

    def _generator(self) -> Generates[Any, Any]:
        if not isinstance(self.family, Generates):
            raise InputError("this family draws no samples", found=self.name)
        return self.family

    def _rows(self, data: Any) -> Any:
        """The data, where they are data."""
        if isinstance(data, str | Path):
            raise InputError(
                "a path, where data are due",
                found=data,
                hint=f'read it first: distrib.load("{self.name}", "{data}")',
            )
        return data

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
    """The trained model of a `best/` folder, of a study's folder that has one, or of a trial's
    folder, where the trial kept its last state.

    Raises:
        InputError: there is none, or its files are torn.
    """
    content, file = _config_of(place)
    name = content["trainable"]
    family = load_family(name, allow_custom=allow_custom)
    config = checked(family.Config, content["config"], "config", str(file))
    source = checked(family.Source, content.get("source") or {}, "source", str(file))
    worker = Worker(precision=family.precisions[0])  # type: ignore[arg-type]
    state = _state_beside(file)
    return Model(family, config, source, worker, State(state.arrays, state.values), name)


def _state_beside(config: Path) -> State:
    weights, kept = config.parent / "weights.safetensors", config.parent / "checkpoint"
    if not weights.exists() and kept.is_dir():
        state, _ = Checkpoints(kept).load()
        if state is not None:
            return State(state.arrays, state.values["family"])
    return read_state(weights)


def family_of(
    place: str | Path, *, allow_custom: bool = False
) -> tuple[Trainable[Any, Any, Any], str, Path]:
    """The family of a trained model, its name, and the model's folder; no weights are read.

    Raises:
        InputError: there is none, or it runs code without leave.
    """
    content, file = _config_of(place)
    name = content["trainable"]
    return load_family(name, allow_custom=allow_custom), name, file.parent


def _config_of(place: str | Path) -> tuple[dict[str, Any], Path]:
    """The content and the place of a model's `config.yaml`."""
    folder = fetch(place) if isinstance(place, str) and is_url(place) else Path(place)
    if (folder / "best" / "config.yaml").is_file():
        folder = folder / "best"
    return read_config(folder)
