"""Predefined folds, in the forms that people keep splits in: tables, JSON, .npz, pickles of arrays.

Splits by position say of each fold which rows it trains on and which it tests: rows of the targets,
in their order, counted from 0.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from distrib.data.ids import Ids, as_ids, examples, join
from distrib.data.labels import read_labels
from distrib.data.numpy_pickle import read_pickle
from distrib.data.text import open_text, suffix
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
            "folds cannot be read from this kind of file",
            file=path,
            expected=", ".join(FOLD_SUFFIXES),
        )
    if form in (".pkl", ".pickle"):
        return _of_content(read_pickle(path), path, ids)
    if form == ".json":
        with open_text(path) as file:
            try:
                return _of_content(json.load(file), path, ids)
            except ValueError as error:
                if isinstance(error, InputError):
                    raise
                raise InputError("this is not JSON", file=path, found=error) from None
    if form == ".npz":
        return _of_arrays(path, ids)
    named, labels = read_labels(path, "fold")
    return _by_id(dict(zip(named.values.tolist(), labels.tolist())), path, ids)


def _of_arrays(path: Path, ids: Ids) -> np.ndarray:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except Exception as error:
        raise InputError("not a readable array file", file=path, found=error) from None
    if {"ids", "folds"} <= set(arrays):
        return _by_id(dict(zip(map(str, arrays["ids"]), map(str, arrays["folds"]))), path, ids)
    tests = sorted(name for name in arrays if name.startswith("test_"))
    if not tests:
        raise InputError(
            "no folds in this file", file=path, found=", ".join(arrays), expected=_FORM
        )
    pairs = [(arrays.get(name.replace("test_", "train_")), arrays[name]) for name in tests]
    return _by_position(pairs, path, ids)


def _of_content(content: Any, path: Path, ids: Ids) -> np.ndarray:
    if isinstance(content, Mapping) and SPLITS in content:
        total = content.get("total_samples")
        if total is not None and int(total) != len(ids):
            raise InputError(
                "splits of another number of rows",
                file=path,
                where="total_samples",
                found=int(total),
                expected=f"{len(ids)}, the rows of {ids.file.name}",
            )
        return _by_position(content[SPLITS], path, ids)
    plain = isinstance(content, Mapping) and all(
        isinstance(key, str) and isinstance(fold, (int, str)) for key, fold in content.items()
    )
    if not plain:
        raise InputError(
            "no folds in this file", file=path, found=type(content).__name__, expected=_FORM
        )
    return _by_id({key: str(fold) for key, fold in content.items()}, path, ids)


def _by_id(folds: Mapping[str, str], path: Path, ids: Ids) -> np.ndarray:
    named = as_ids(list(folds), path)
    common, of_ids, of_names = join(ids, named, notes=[])
    if len(common) < len(ids):
        lonely = np.delete(ids.values, of_ids)
        raise InputError(
            f"{len(lonely)} of {len(ids)} ids have no fold",
            file=path,
            found=f"nothing for {examples(lonely)}",
            expected="a fold for each id",
        )
    return np.array(list(folds.values()), dtype=str)[of_names]


def _by_position(splits: Sequence[Sequence[Any]], path: Path, ids: Ids) -> np.ndarray:
    fold_of = np.full(len(ids), -1)
    for fold, split in enumerate(splits):
        try:
            train, test = split
        except (TypeError, ValueError):
            raise InputError(
                "no pair of training and test rows", file=path, where=f"fold {fold}", expected=_FORM
            ) from None
        rows = _positions(test, path, fold, ids)
        twice = rows[fold_of[rows] >= 0]
        if len(twice) or len(np.unique(rows)) < len(rows):
            row = twice[0] if len(twice) else _repeated(rows)
            other = fold_of[row] if len(twice) else fold
            raise InputError(
                "folds that overlap: a row is tested twice",
                file=path,
                where=f"row {row} ({ids.values[row]})",
                found=f"folds {other} and {fold}",
            )
        fold_of[rows] = fold
        if train is not None:
            both = np.intersect1d(rows, _positions(train, path, fold, ids))
            if len(both):
                raise InputError(
                    "a row that is both trained on and tested",
                    file=path,
                    where=f"fold {fold}, row {both[0]} ({ids.values[both[0]]})",
                    found=f"{len(both)} such rows",
                )
    lacking = np.flatnonzero(fold_of < 0)
    if len(lacking):
        raise InputError(
            f"folds that do not cover: {len(lacking)} of {len(ids)} rows are never tested",
            file=path,
            found=f"none for {examples(ids.values[lacking])}",
        )
    return fold_of.astype(str)


def _positions(rows: Any, path: Path, fold: int, ids: Ids) -> np.ndarray:
    found = np.asarray(rows)
    if found.ndim != 1 or found.dtype.kind not in "iu":
        raise InputError(
            "row numbers are due",
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
