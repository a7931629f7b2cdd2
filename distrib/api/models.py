"""A family's data and its models: loaded, built, or opened from a `best/` folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from distrib.errors import InputError
from distrib.study.driver.model import Model, build_model
from distrib.study.driver.model import open_model as open_folder
from distrib.study.space.configs import checked
from distrib.study.space.space_file import find_space, space_names
from distrib.trainables.registry import FAMILIES, load_family


def load(family: str, path: str | Path | None = None, **options: Any) -> Any:
    """The data of a family: the user's at `path`, or its default data without one.

    Args:
        family: such as "mlp", or "package.module:Class".
        path: a folder or file in the family's form, as `--data` takes it.
        options: further data options, such as `chain="TRA"` for trimming;
            `python -m distrib.tune --space mlp --show` lists them.

    Returns:
        What `Model.train`, `Model.predict` and `Model.evaluate` take; `len(data.groups)` rows.

    Raises:
        InputError: naming file, row or key, what was found and what was expected.
    """
    loaded = load_family(_family(family), allow_custom=True)
    place = None if path is None else str(path)
    return loaded.load(checked(loaded.Source, {"path": place, **options}, "data"))


def build(family: str, **config: Any) -> Model:
    """An untrained model of a family; hyperparameters that are not given have their defaults.

    Args:
        family: such as "mlp", or "package.module:Class".
        config: hyperparameters, such as `hidden_width=64`;
            `python -m distrib.tune --space mlp --show` lists them.

    Raises:
        InputError: no such family or hyperparameter, or a value outside its type or bounds.
    """
    return build_model(_family(family), **config)


def _family(name: str) -> str:
    """The name of a family; a space, whose name it may also be, is told apart."""
    if name in FAMILIES or not (name.endswith((".yaml", ".yml")) or name in space_names()):
        return name
    space = find_space(name)
    fixed = {p.name: p.values[0] for p in space.parameters if p.kind == "const"}
    words = "".join(f", {key}={value!r}" for key, value in fixed.items())
    raise InputError(
        "a space, where a family is due",
        found=name,
        expected=f"its family, {space.trainable}",
        hint=f'build("{space.trainable}"{words}), or search("{name}")',
    )


def open_model(place: str | Path, *, allow_custom: bool = False) -> Model:
    """The trained model of a `best/` folder, or of the study's folder that has one; also by URL.

    Args:
        allow_custom: whether the code may be run that the folder names as "package.module:Class".

    Raises:
        InputError: there is none, its files are torn, or it runs code without leave.
    """
    return open_folder(place, allow_custom=allow_custom)
