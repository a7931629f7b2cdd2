"""daart's three files read, and their lists made the combinations that it would have trained."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distrib.data.behaviour.data_file import LISTS, names, placed
from distrib.errors import InputError, nearest
from distrib.safe_yaml import read_yaml_file
from distrib.trainables.behaviour.daart.keys import (
    COLUMNS,
    FILES,
    FIXED,
    LEFT,
    SOURCE,
    settings_of,
)

CAP = 100
"""Combinations that daart trains on a CPU where `tt_n_cpu_trials` is silent."""


@dataclass(frozen=True)
class ThreeFiles:
    """What they say together.

    Attributes:
        values: every key with one value. grid: key -> values, in the order data, model, train.
        ranges: key -> a mapping such as {loguniform: [1e-5, 1e-2]}.
        paths: the files, by the name of their option.
    """

    values: Mapping[str, Any]
    grid: Mapping[str, list[Any]]
    ranges: Mapping[str, Mapping[str, Any]]
    paths: Mapping[str, Path]

    def combinations(self) -> list[dict[str, Any]]:
        """Values of the grid's keys, the last key fastest; those that train alike only once."""
        found, seen = [], []
        for point in itertools.product(*self.grid.values()):
            values = dict(zip(self.grid, point))
            whole = {**self.values, **values}
            effective = settings_of(whole), {k: whole.get(k) for k in (*SOURCE, *LEFT)}
            if effective not in seen:
                seen.append(effective)
                found.append(values)
        return found

    @property
    def count(self) -> int:
        """Combinations, those that train alike included, as daart counts them."""
        total = 1
        for options in self.grid.values():
            total *= len(options)
        return total

    @property
    def cap(self) -> int | None:
        """The most combinations that are trained; None: all, as on GPUs."""
        if self.values.get("device") == "cuda":
            return None
        return int(self.values.get("tt_n_cpu_trials") or CAP)

    @property
    def at_once(self) -> int:
        """Trainings at a time: a worker on the CPU, or one for each GPU."""
        if self.values.get("device") == "cuda":
            return len(str(self.values.get("gpus_vis", 0)).split(";"))
        return int(self.values.get("tt_n_cpu_workers", 5))

    def file_of(self, key: str) -> Path | None:
        """The file that a key stands in."""
        options = [option for option, keys in FILES.items() if key in keys]
        return self.paths[options[0]] if options else None

    def names(self, key: str) -> tuple[str, ...]:
        """A list of sessions."""
        return names(self.values.get(key), key, self.paths["data_config"])

    def source(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Which data a combination reads, as of `SessionsSource`."""
        file = self.paths["data_config"]
        if not values.get("data_dir"):
            raise InputError("the folder of the data is missing", file=file, where="data_dir")
        data_dir = str(placed(str(values["data_dir"]), file).absolute())
        columns = values.get("columns", values.get("feature_columns_to_keep"))
        found = {
            "path": str(file.absolute()),
            "data_dir": data_dir,
            "columns": [*names(columns, "columns", file)],
            **{key: [*self.names(key)] for key in LISTS},
            **{key: values.get(key) for key in SOURCE if key != "data_dir"},
        }
        return {key: value for key, value in found.items() if value}

    def folder(self, key: str) -> Path | None:
        """A folder that the data file names."""
        value = self.values.get(key)
        return None if not value else placed(str(value), self.paths["data_config"])


def read_three_files(paths: Mapping[str, Path], fixed: Mapping[str, Any]) -> ThreeFiles:
    """Read them; a list is a dimension, but for those of sessions.

    Args:
        fixed: `--set`: keys with one value, which then are no dimensions.

    Raises:
        InputError: an unknown key, with the nearest valid one; a key in two files; an empty list.
    """
    values: dict[str, Any] = {}
    grid: dict[str, list[Any]] = {}
    ranges: dict[str, Mapping[str, Any]] = {}
    owner: dict[str, Path] = {}
    every = [key for keys in FILES.values() for key in keys]
    fixed = {_own(key): value for key, value in fixed.items()}
    for option, keys in FILES.items():
        path = paths[option]
        content = read_yaml_file(path)
        if not isinstance(content, Mapping):
            found = "an empty file" if content is None else f"a {type(content).__name__}"
            raise InputError("not a mapping", file=path, found=found, expected="key: value")
        for key, value in content.items():
            _check_key(str(key), keys, option, path, owner)
            owner[str(key)] = path
            _sort(str(key), fixed.get(str(key), value), path, values, grid, ranges)
    for key, value in fixed.items():
        if key not in every:
            raise InputError("no such key", where="--set", found=key, hint=nearest(key, every))
        if key not in owner:
            _sort(key, value, Path("--set"), values, grid, ranges)
    return ThreeFiles(values, grid, ranges, paths)


def _own(key: str) -> str:
    """A key of `--set` as it stands in the files: elsewhere those of the data are `data.<key>`."""
    bare = key.removeprefix("data.")
    return bare if bare in FILES["data_config"] else key


def _check_key(
    key: str, keys: tuple[str, ...], option: str, path: Path, owner: Mapping[str, Path]
) -> None:
    if key in owner:
        raise InputError("a key stands in two files", file=path, where=key, found=owner[key])
    if key in keys:
        return
    home = next((f"--{name}" for name, own in FILES.items() if key in own), None)
    raise InputError(
        f"no such key of --{option}",
        file=path,
        where=key,
        expected=f"one of {', '.join(keys)}",
        hint=f"it belongs into the file of {home}" if home else nearest(key, keys),
    )


def _sort(
    key: str,
    value: Any,
    path: Path,
    values: dict[str, Any],
    grid: dict[str, list[Any]],
    ranges: dict[str, Mapping[str, Any]],
) -> None:
    """Put a key where it belongs: a constant, a dimension or a range."""
    if isinstance(value, Mapping) and "const" in value:
        value = value["const"]
    elif isinstance(value, Mapping) and len(value) == 1 and next(iter(value)) in ("choice", "grid"):
        value = next(iter(value.values()))
    elif isinstance(value, Mapping):
        ranges[key] = value
        return
    if key in (*LISTS, *COLUMNS) or not isinstance(value, list):
        values[key] = number(value)
        return
    if not value:
        raise InputError("an empty list", file=path, where=key, expected="at least one value")
    if key in FIXED:
        if len(value) > 1:
            raise InputError(
                "this key belongs to the whole search and takes one value",
                file=path,
                where=key,
                found=value,
                hint="start a search for each",
            )
        values[key] = value[0]
        return
    options = [number(option) for option in value]
    if len(options) > 1:
        grid[key] = options
    else:
        values[key] = options[0]


def number(value: Any) -> Any:
    """A number also where YAML leaves text, such as 1e-4."""
    if isinstance(value, str):
        for kind in (int, float):
            try:
                return kind(value.strip())
            except ValueError:
                continue
    return value
