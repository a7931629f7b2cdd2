"""The data file of daart, `data.yaml`: which sessions, where, and what of their labels counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distrib.data.behaviour.reader import ReadOptions
from distrib.errors import InputError, nearest
from distrib.safe_yaml import read_yaml_file

LISTS = ("expt_ids", "expt_ids_test", "expt_ids_to_keep")
"""Keys whose lists are never a dimension of a search."""

KEYS = (
    "input_type",
    *LISTS,
    "ignore_class",
    "weight_classes",
    "data_dir",
    "results_dir",
    "eval_dir",
    "columns",
    "feature_columns_to_keep",
    "animal",
    "h5_key",
    "missing",
)


@dataclass(frozen=True)
class DataFile:
    """What a data file says."""

    folder: Path
    options: ReadOptions
    ignore_class: int | None
    weight_classes: bool | None


def read_data_file(path: Path) -> DataFile:
    """A `data.yaml`.

    Raises:
        InputError: an unknown key, with the nearest valid one; or no `data_dir`.
    """
    content = read_yaml_file(path)
    if not isinstance(content, Mapping):
        found = "an empty file" if content is None else f"a {type(content).__name__}"
        raise InputError("not a mapping", file=path, found=found, expected="key: value")
    for key in content:
        if key not in KEYS:
            raise InputError(
                "no such key of a data file",
                file=path,
                where=str(key),
                expected=f"one of {', '.join(KEYS)}",
                hint=nearest(str(key), KEYS),
            )
    if not content.get("data_dir"):
        raise InputError("the folder of the data is missing", file=path, where="data_dir")
    keep = content.get("expt_ids_to_keep")
    return DataFile(
        placed(str(content["data_dir"]), path),
        ReadOptions(
            input_type=_scalar(content.get("input_type"), "input_type", path),
            ids=names(content.get("expt_ids"), "expt_ids", path),
            test_ids=names(content.get("expt_ids_test"), "expt_ids_test", path),
            keep_ids=None if keep is None else names(keep, "expt_ids_to_keep", path),
            columns=names(
                content.get("columns", content.get("feature_columns_to_keep")), "columns", path
            ),
            animal=content.get("animal"),
            h5_key=content.get("h5_key"),
            missing=content.get("missing", "interpolate"),
        ),
        _scalar(content.get("ignore_class"), "ignore_class", path),
        _scalar(content.get("weight_classes"), "weight_classes", path),
    )


def placed(folder: str, file: Path) -> Path:
    """A folder as named in a file: from where the file lies, if it is there, or else from here."""
    path = Path(folder).expanduser()
    beside = file.parent / path
    return beside if beside.exists() or path.is_absolute() else path


def names(value: Any, key: str, file: object) -> tuple[str, ...]:
    """A list of names; also one name, or several joined by semicolons, as daart keeps them.

    Raises:
        InputError: an empty list, or the same name twice.
    """
    if value is None:
        return ()
    found = value.split(";") if isinstance(value, str) else [str(name) for name in value]
    if not found or not all(found):
        raise InputError("an empty list", file=file, where=key, expected="at least one name")
    if len(set(found)) < len(found):
        raise InputError("a name stands twice", file=file, where=key, found=", ".join(found))
    return tuple(found)


def _scalar(value: Any, key: str, file: Path) -> Any:
    if isinstance(value, list):
        raise InputError(
            "one value is due here",
            file=file,
            where=key,
            found=value,
            hint="a list is a dimension of a search: --data_config, --model_config, --train_config",
        )
    return value
