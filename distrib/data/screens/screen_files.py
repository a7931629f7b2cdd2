"""Where the parts of a user's screen lie: in a folder by their names, or named by a YAML file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distrib.data.files.matrix_files import MATRIX_SUFFIXES
from distrib.data.files.sequences import SEQUENCE_SUFFIXES
from distrib.data.files.text import TABLE_SUFFIXES, check_file, suffix
from distrib.errors import InputError, nearest
from distrib.safe_yaml import read_yaml_file

YAML_NAME = "screen.yaml"

_SUFFIXES = {
    "embeddings": MATRIX_SUFFIXES,
    "ids": (".txt", ".npy"),
    "targets": TABLE_SUFFIXES,
    "groups": TABLE_SUFFIXES,
    "folds": TABLE_SUFFIXES,
    "sequences": SEQUENCE_SUFFIXES,
    "gene_embeddings": MATRIX_SUFFIXES,
    "gene_ids": (".txt", ".npy"),
    "responding": TABLE_SUFFIXES,
    "halves": (".npz",),
    "weights": TABLE_SUFFIXES,
}
_ROWS = ("embeddings", "sequences")
"""Either tells which rows there are."""
_FORM = (
    "embeddings.npy|npz|parquet or sequences.fasta|csv|parquet, targets.csv|tsv|parquet, and, "
    "where wanted, ids.txt (beside a .npy), groups.csv, folds.csv, gene_embeddings.npz, "
    f"responding.csv, halves.npz, weights.csv; or a {YAML_NAME} that names them"
)


@dataclass(frozen=True)
class ScreenFiles:
    """The files of a screen.

    Attributes:
        source: the folder or YAML file that was named.
        ids, gene_ids: of a bare `.npy` of embeddings.
        groups, folds: a file, or the name of a column of the targets.
        responding: targets that are known to respond, 1 or 0, in the form of the targets.
        weights: how much each row rests upon.
        halves: the targets as two halves of the replicates measured them.
    """

    source: Path
    embeddings: Path | None = None
    ids: Path | None = None
    targets: Path | None = None
    groups: Path | str | None = None
    folds: Path | str | None = None
    sequences: Path | None = None
    gene_embeddings: Path | None = None
    gene_ids: Path | None = None
    responding: Path | None = None
    halves: Path | None = None
    weights: Path | None = None


def find_files(source: Path) -> ScreenFiles:
    """The files of the screen at `source`, a folder or a YAML file.

    Raises:
        InputError: where something is missing, unknown or there in two forms.
    """
    if source.is_dir():
        if (source / YAML_NAME).is_file():
            return _from_yaml(source / YAML_NAME)
        return _from_folder(source)
    if not source.exists():
        raise InputError("no such folder or file", file=source, expected=_FORM)
    if source.suffix.lower() not in (".yaml", ".yml"):
        raise InputError(
            "expected a folder or a YAML file", file=source, found=source.name, expected=_FORM
        )
    return _from_yaml(source)


def _from_folder(folder: Path) -> ScreenFiles:
    found: dict[str, Any] = {}
    names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    for key, suffixes in _SUFFIXES.items():
        there = [n for n in names if n.split(".")[0] == key and suffix(Path(n)) in suffixes]
        if len(there) > 1:
            raise InputError(f"the {key} are there twice", file=folder, found=", ".join(there))
        if there:
            found[key] = folder / there[0]
    if not any(key in found for key in _ROWS):
        raise InputError(
            "neither embeddings nor sequences in this folder",
            file=folder,
            found=", ".join(names[:8]) or "nothing",
            expected=_FORM,
        )
    return ScreenFiles(source=folder, **found)


def _from_yaml(path: Path) -> ScreenFiles:
    check_file(path)
    content = read_yaml_file(path)
    if not isinstance(content, dict):
        raise InputError(
            "expected a mapping of keys to values",
            file=path,
            found=content,
            expected=", ".join(_SUFFIXES),
        )
    for key, value in content.items():
        if key not in _SUFFIXES:
            raise InputError(
                f"unknown key {key!r}",
                file=path,
                expected=", ".join(_SUFFIXES),
                hint=nearest(str(key), _SUFFIXES),
            )
        if not isinstance(value, str) and value is not None:
            raise InputError(
                "expected a file name", file=path, where=f"key {key!r}", found=repr(value)
            )
    if not any(content.get(key) for key in _ROWS):
        raise InputError("the key 'embeddings' is missing", file=path, expected=_FORM)
    found: dict[str, Any] = {k: _resolve(path, k, v) for k, v in content.items() if v}
    return ScreenFiles(source=path, **found)


def _resolve(path: Path, key: str, value: str) -> Path | str:
    file = path.parent / Path(value).expanduser()
    if key in ("groups", "folds") and not file.exists() and suffix(file) not in TABLE_SUFFIXES:
        return value  # a column of the targets
    if not file.exists():
        raise InputError("no such file", file=path, where=f"key {key!r}", found=file)
    if suffix(file) not in _SUFFIXES[key]:
        raise InputError(
            f"unsupported file extension for {key}",
            file=path,
            where=f"key {key!r}",
            found=value,
            expected=", ".join(_SUFFIXES[key]),
        )
    return file
