"""Predefined folds, in the forms that people keep splits in: tables, JSON, .npz, pickles of arrays.

Splits by position say of each fold which rows it trains on and which it tests: rows of the targets,
in their order, counted from 0.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from distrib.data.files.ids import Ids, as_ids, examples, join
from distrib.data.files.labels import read_labels
from distrib.data.files.matrix_arrays import read_arrays
from distrib.data.files.numpy_pickle import read_pickle
from distrib.data.files.text import open_text, suffix
from distrib.errors import InputError

SPLITS = "fold_splits"
FOLD_SUFFIXES = (".pkl", ".pickle", ".json", ".npz", ".csv", ".tsv", ".parquet")

_FORM = (
    f"`{SPLITS}`: a (train, test) pair of row numbers for each fold; or a fold for each id; or, in "
    "an .npz, arrays test_0, test_1, ..."
)


def read_folds(path: Path, ids: Ids) -> np.ndarray:
    """(rows,) str, the fold of each row.

    Args:
        ids: of the rows, in the order of the targets.

    Raises:
        InputError: folds that overlap, lack a row, or are of other rows.
    """
    form = suffix(path)
    if form not in FOLD_SUFFIXES:
        raise InputError(
            "unsupported file extension for folds",
            file=path,
            expected=", ".join(FOLD_SUFFIXES),
        )
    if form in (".pkl", ".pickle"):
        return _of_content(read_pickle(path), path, ids)
    if form == ".json":
        return _of_content(_read_json(path), path, ids)
    if form == ".npz":
        return _of_arrays(read_arrays(path), path, ids)
    named, labels = read_labels(path, "fold")
    return _by_id(named, labels, path, ids)


def _read_json(path: Path) -> Any:
    """What a JSON file holds; a duplicate key is an error, not the last one's value."""

    def mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        for name, count in Counter(name for name, _ in pairs).items():
            if count > 1:
                raise InputError(f"duplicate key {name!r}", file=path)
        return dict(pairs)

    with open_text(path) as file:
        text = file.read()
    try:
        return json.loads(text, object_pairs_hook=mapping)
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError("this is not JSON", file=path, found=error) from None


def _of_arrays(arrays: Mapping[str, np.ndarray], path: Path, ids: Ids) -> np.ndarray:
    if {"ids", "folds"} <= set(arrays):
        names, folds = arrays["ids"], arrays["folds"]
        if names.ndim != 1 or folds.shape != names.shape:
            raise InputError(
                "expected a fold for each id",
                file=path,
                found=f"ids of shape {names.shape}, folds of shape {folds.shape}",
                expected="1-D arrays of the same length",
            )
        return _by_id(as_ids(names.tolist(), path), folds.astype(str), path, ids)
    tests = [name for name in arrays if re.fullmatch(r"test_\d+", name)]
    if not tests:
        raise InputError(
            "no folds in this file", file=path, found=", ".join(arrays), expected=_FORM
        )
    tests.sort(key=lambda name: int(name.removeprefix("test_")))
    pairs = [(arrays.get(name.replace("test_", "train_")), arrays[name]) for name in tests]
    return _by_position(pairs, path, ids)


def _of_content(content: Any, path: Path, ids: Ids) -> np.ndarray:
    if isinstance(content, Mapping) and SPLITS in content:
        total = content.get("total_samples")
        if total is not None and total != len(ids):
            raise InputError(
                "splits of another number of rows",
                file=path,
                where="total_samples",
                found=total,
                expected=f"{len(ids)}, the rows of {ids.file.name}",
            )
        return _by_position(content[SPLITS], path, ids)
    plain = isinstance(content, Mapping) and all(
        isinstance(key, str) and isinstance(fold, int | str | np.integer)
        for key, fold in content.items()
    )
    if not plain:
        raise InputError(
            "no folds in this file", file=path, found=type(content).__name__, expected=_FORM
        )
    labels = np.array([str(fold) for fold in content.values()], dtype=str)
    return _by_id(as_ids(list(content), path), labels, path, ids)


def _by_id(named: Ids, labels: np.ndarray, path: Path, ids: Ids) -> np.ndarray:
    """Args:
    labels: the fold of each of the rows that are `named`.
    """
    common, of_ids, of_names = join(ids, named, notes=[])
    if len(common) < len(ids):
        lonely = np.delete(ids.values, of_ids)
        raise InputError(
            f"{len(lonely)} of {len(ids)} ids have no fold",
            file=path,
            found=f"nothing for {examples(lonely)}",
            expected="a fold for each id",
        )
    if len(empty := np.flatnonzero(np.char.strip(labels) == "")):
        raise InputError(
            "an id without a fold",
            file=path,
            where=named.place(empty[0]),
            found="nothing",
            expected="the name or number of its fold",
        )
    return labels[of_names]


def _by_position(splits: Sequence[Sequence[Any]], path: Path, ids: Ids) -> np.ndarray:
    if not isinstance(splits, Sequence | np.ndarray):
        raise InputError(
            "not a list of folds", file=path, where=SPLITS, found=repr(splits), expected=_FORM
        )
    fold_of = np.full(len(ids), -1)
    for fold, split in enumerate(splits):
        try:
            train, test = split
        except (TypeError, ValueError):
            raise InputError(
                "no pair of training and test rows", file=path, where=f"fold {fold}", expected=_FORM
            ) from None
        rows = _positions(test, path, fold, ids)
        if not len(rows):
            raise InputError("an empty fold: no row is tested", file=path, where=f"fold {fold}")
        twice = rows[fold_of[rows] >= 0]
        if len(twice) or len(np.unique(rows)) < len(rows):
            row = twice[0] if len(twice) else _repeated(rows)
            other = fold_of[row] if len(twice) else fold
            raise InputError(
                "folds that overlap: a row is tested twice",
                file=path,
                where=f"row {row} ({ids.values[row]})",
                found=f"folds {other} and {fold}",
                expected="every row tested in one fold",
            )
        fold_of[rows] = fold
        if train is not None:
            _check_trained(_positions(train, path, fold, ids), rows, path, fold, ids)
    lacking = np.flatnonzero(fold_of < 0)
    if len(lacking):
        raise InputError(
            f"folds that do not cover: {len(lacking)} of {len(ids)} rows are never tested",
            file=path,
            found=f"none for {examples(ids.values[lacking])}",
            expected="every row tested in one fold",
        )
    return fold_of.astype(str)


def _check_trained(train: np.ndarray, test: np.ndarray, path: Path, fold: int, ids: Ids) -> None:
    """Raise where a fold trains on other rows than all those that it does not test."""
    both = np.intersect1d(test, train)
    if len(both):
        raise InputError(
            "a row that is both trained on and tested",
            file=path,
            where=f"fold {fold}, row {both[0]} ({ids.values[both[0]]})",
            found=f"{len(both)} such rows",
            expected="none",
        )
    unused = np.setdiff1d(np.arange(len(ids)), np.union1d(test, train))
    if len(unused):
        raise InputError(
            "a fold that leaves rows out: they are neither trained on nor tested",
            file=path,
            where=f"fold {fold}",
            found=f"{len(unused)} of {len(ids)} rows, {examples(ids.values[unused])}",
            expected="every row that a fold does not test among those that it trains on",
            hint="take these rows out of the targets, or give the tested rows alone",
        )


def _positions(rows: Any, path: Path, fold: int, ids: Ids) -> np.ndarray:
    try:
        found = np.asarray(rows)
    except ValueError:  # lists of different lengths
        found = np.empty(len(rows), dtype=object)
    if isinstance(rows, list | tuple) and not rows:
        found = found.astype(np.int64)
    if found.ndim != 1 or found.dtype.kind not in "iu":
        raise InputError(
            "expected row numbers",
            file=path,
            where=f"fold {fold}",
            found=f"{found.dtype} of shape {found.shape}",
        )
    if len(outside := found[(found < 0) | (found >= len(ids))]):
        raise InputError(
            "a row that is not there",
            file=path,
            where=f"fold {fold}",
            found=int(outside[0]),
            expected=f"0 to {len(ids) - 1}, the rows of {ids.file.name}",
        )
    return found.astype(np.int64)


def _repeated(rows: np.ndarray) -> int:
    values, counts = np.unique(rows, return_counts=True)
    return int(values[counts > 1][0])
