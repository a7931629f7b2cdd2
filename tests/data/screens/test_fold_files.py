"""Folds: every form of file gives the same ones, and bad ones are told by fold, row and id."""

from __future__ import annotations

import gzip
import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import KFold

from distrib.data.files.ids import as_ids
from distrib.data.screens.fold_files import read_folds
from distrib.errors import InputError

ROWS = 11
NAMES = [f"ENSG{number:011d}" for number in range(ROWS)]
IDS = as_ids(NAMES, Path("targets.csv"))
PAIRS = list(KFold(5, shuffle=True, random_state=42).split(np.empty(ROWS)))
LISTS = [[train.tolist(), test.tolist()] for train, test in PAIRS]
FOLDS = np.empty(ROWS, dtype=np.int64)
for number, (_, held_out) in enumerate(PAIRS):
    FOLDS[held_out] = number
BY_ID = dict(zip(NAMES, FOLDS.tolist()))
ORIGINAL = {
    "method": "5fold",
    "n_splits": 5,
    "random_state": 42,
    "fold_splits": PAIRS,
    "total_samples": ROWS,
}


def refused(path: Path, *says: str) -> None:
    with pytest.raises(InputError) as caught:
        read_folds(path, IDS)
    for text in (path.name, *says):
        assert text in str(caught.value), str(caught.value)


def pickled(content: object) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / "cv_splits_5fold_42.pkl"
        path.write_bytes(pickle.dumps(content, protocol=4))
        return path

    return write


def plain(content: object) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / "splits.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


def zipped(**arrays: object) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        np.savez(folder / "splits.npz", **arrays)  # type: ignore[arg-type]
        return folder / "splits.npz"

    return write


def tabled(content: dict[str, Any], name: str = "folds.csv") -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path, frame = folder / name, pd.DataFrame(content)
        if name.endswith(".parquet"):
            frame.to_parquet(path, index=False)
        else:
            frame.to_csv(path, index=False, sep="\t" if name.endswith(".tsv") else ",")
        return path

    return write


def packed(write: Callable[[Path], Path]) -> Callable[[Path], Path]:
    def pack(folder: Path) -> Path:
        path = write(folder)
        gz = path.with_name(path.name + ".gz")
        gz.write_bytes(gzip.compress(path.read_bytes()))
        return gz

    return pack


TABLE = {"id": NAMES[::-1], "fold": FOLDS[::-1]}
TESTS = {f"test_{fold}": test for fold, (_, test) in enumerate(PAIRS)}
TRAINS = {f"train_{fold}": train for fold, (train, _) in enumerate(PAIRS)}

FORMS = {
    "pickle": pickled(ORIGINAL),
    "pickle of lists": pickled({"fold_splits": LISTS}),
    "pickle by id": pickled(BY_ID),
    "pickle by id, of NumPy": pickled({name: np.int64(fold) for name, fold in BY_ID.items()}),
    "JSON": plain({**ORIGINAL, "fold_splits": LISTS}),
    "JSON without training rows": plain({"fold_splits": [[None, test] for _, test in LISTS]}),
    "JSON by id": plain(BY_ID),
    "JSON by id, as text": plain({name: str(fold) for name, fold in BY_ID.items()}),
    "JSON with more ids": plain({**BY_ID, "ENSG00000999999": 3}),
    "JSON packed": packed(plain(BY_ID)),
    "npz": zipped(**TESTS, **TRAINS),
    "npz of tests": zipped(**TESTS),
    "npz by id": zipped(ids=np.array(NAMES), folds=FOLDS),
    "CSV": tabled(TABLE),
    "CSV of other columns": tabled({"gene_id": NAMES, "split": FOLDS}),
    "CSV packed": packed(tabled(TABLE)),
    "TSV": tabled(TABLE, "folds.tsv"),
    "parquet": tabled(TABLE, "folds.parquet"),
}


@pytest.mark.parametrize("write", FORMS.values(), ids=FORMS.keys())
def test_every_form_gives_the_same_folds(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    assert read_folds(write(tmp_path), IDS).tolist() == FOLDS.astype(str).tolist()


def test_folds_keep_their_numbers_beyond_ten(tmp_path: Path) -> None:
    tests = {f"test_{fold}": np.array([fold]) for fold in range(ROWS)}
    found = read_folds(zipped(**tests)(tmp_path), IDS)
    assert found.tolist() == [str(fold) for fold in range(ROWS)]


def test_ids_may_differ_by_their_version(tmp_path: Path) -> None:
    path = plain({f"{name}.7": fold for name, fold in BY_ID.items()})(tmp_path)
    assert read_folds(path, IDS).tolist() == FOLDS.astype(str).tolist()


@given(st.integers(2, 6), st.integers(0, 2**16))
def test_positions_and_ids_say_the_same(
    tmp_path_factory: pytest.TempPathFactory, k: int, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("folds")
    fold_of = np.random.default_rng(seed).permutation(np.arange(ROWS) % k)
    pairs = [(np.flatnonzero(fold_of != f), np.flatnonzero(fold_of == f)) for f in range(k)]
    by_position = read_folds(pickled({"fold_splits": pairs})(folder), IDS)
    by_id = read_folds(plain(dict(zip(NAMES, fold_of.tolist())))(folder), IDS)
    assert by_position.tolist() == by_id.tolist() == fold_of.astype(str).tolist()


def changed(fold: int, test: object, train: object = None) -> dict[str, Any]:
    """The original's splits, but for one fold."""
    pairs: list[tuple[object, object]] = list(PAIRS)
    pairs[fold] = (train, test)
    return {"fold_splits": pairs}


T0, T1 = PAIRS[0][1], PAIRS[1][1]
EMPTY = np.array([], dtype=np.int64)
FIRST = NAMES[T0[0]]


@pytest.mark.parametrize(
    ("write", "says"),
    [
        # overlap
        (
            pickled(changed(1, np.append(T1, T0[0]))),
            ["folds that overlap", f"row {T0[0]} ({FIRST})", "folds 0 and 1"],
        ),
        (pickled(changed(0, T0[[0, 0]])), [f"row {T0[0]} ({FIRST})", "tested twice"]),
        (zipped(**{**TESTS, "test_1": np.append(T1, T0[0])}), ["overlap", f"({FIRST})"]),
        (
            pickled(changed(0, T0, np.arange(ROWS))),
            [f"fold 0, row {T0[0]} ({FIRST})", "trained on and tested", f"{len(T0)} such rows"],
        ),
        # rows left out
        (
            pickled(changed(1, T1, PAIRS[1][0][2:])),
            ["fold 1", f"2 of {ROWS} rows", NAMES[PAIRS[1][0][0]], "trains on"],
        ),
        (
            zipped(**TESTS, **{**TRAINS, "train_0": np.arange(ROWS)}),
            ["fold 0", "trained on and tested"],
        ),
        (tabled({"id": [*NAMES, NAMES[0]], "fold": [*FOLDS, 4]}), [NAMES[0], "rows 2 and 13"]),
        (
            zipped(ids=np.array([*NAMES, NAMES[0]]), folds=np.append(FOLDS, 4)),
            [f"duplicate id {NAMES[0]!r}"],
        ),
        (plain(json.dumps(BY_ID)[:-1] + f', "{NAMES[0]}": 4}}'), [NAMES[0], "duplicate key"]),
        # not covering
        (
            pickled({"fold_splits": PAIRS[1:]}),
            [f"{len(T0)} of {ROWS} rows are never tested", f"none for {FIRST}"],
        ),
        (plain({"fold_splits": []}), [f"{ROWS} of {ROWS} rows", ", ".join(NAMES[:5]) + ", ..."]),
        (
            plain({name: BY_ID[name] for name in NAMES[2:]}),
            [f"2 of {ROWS} ids have no fold", f"nothing for {NAMES[0]}, {NAMES[1]}"],
        ),
        (tabled({"id": NAMES[1:], "fold": FOLDS[1:]}), [f"1 of {ROWS} ids", NAMES[0]]),
        (tabled({"id": NAMES, "fold": [None, *FOLDS[1:]]}), [f"row 2 ({NAMES[0]})", "without"]),
        (plain({**BY_ID, NAMES[3]: ""}), [NAMES[3]]),
        # other rows
        (
            plain({f"TF{number}": 0 for number in range(7)}),
            ["no id in common", f"{ROWS} ids", "7 ids (TF0, TF1, TF2, TF3, TF4, ...)"],
        ),
        (
            pickled({**ORIGINAL, "total_samples": 377}),
            ["total_samples", "found:    377", f"expected: {ROWS}, the rows of targets.csv"],
        ),
        (
            pickled(changed(2, np.array([ROWS]))),
            ["fold 2", "not there", f"found:    {ROWS}", f"0 to {ROWS - 1}"],
        ),
        (pickled(changed(2, np.array([-1]))), ["fold 2", "not there", "found:    -1"]),
        (pickled(changed(2, PAIRS[2][1], np.array([99]))), ["fold 2", "not there", "99"]),
        # an empty fold
        (pickled({"fold_splits": [*PAIRS, (np.arange(ROWS), EMPTY)]}), ["fold 5", "empty"]),
        (plain({"fold_splits": [*LISTS, [LISTS[0][0], []]]}), ["fold 5", "empty"]),
        (zipped(**TESTS, test_5=EMPTY), ["fold 5", "empty"]),
    ],
)  # fmt: skip
def test_folds_of_other_rows(
    tmp_path: Path, write: Callable[[Path], Path], says: list[str]
) -> None:
    refused(write(tmp_path), *says)


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (pickled(changed(2, 3)), ["fold 2", "expected row numbers", "shape ()"]),
        (pickled(changed(2, np.array([0.0]))), ["fold 2", "row numbers", "float64"]),
        (pickled(changed(2, np.zeros(ROWS, dtype=bool))), ["fold 2", "bool of shape (11,)"]),
        (pickled(changed(2, np.zeros((2, 2), dtype=int))), ["fold 2", "shape (2, 2)"]),
        (pickled(changed(2, NAMES[:2])), ["fold 2", "expected row numbers", "<U15"]),
        (pickled(changed(2, [[1], [2, 3]])), ["fold 2", "expected row numbers"]),
        (plain({"fold_splits": [[[0], [[1], [2, 3]]]]}), ["fold 0", "expected row numbers"]),
        (plain({"fold_splits": [[0, 1, 2]]}), ["fold 0", "no pair of training and test rows"]),
        (plain({"fold_splits": [3, 4]}), ["fold 0", "no pair of training and test rows"]),
        (plain({"fold_splits": 3}), ["fold_splits"]),
        (plain({"fold_splits": None}), ["fold_splits"]),
        (pickled({"fold_splits": 3}), ["fold_splits"]),
        (plain({"fold_splits": LISTS, "total_samples": "all"}), ["total_samples", "all"]),
        (pickled({"fold_splits": LISTS, "total_samples": "all"}), ["total_samples", "all"]),
        (pickled({"fold_splits": LISTS, "total_samples": [3]}), ["total_samples"]),
        (plain({"folds": LISTS}), ["no folds in this file", "found:    dict", "`fold_splits`"]),
        (plain([1, 2]), ["no folds in this file", "found:    list", "`fold_splits`"]),
        (plain(dict.fromkeys(NAMES, 0.5)), ["no folds in this file"]),
        (pickled(FOLDS), ["no folds in this file", "found:    ndarray"]),
        (zipped(a=FOLDS), ["no folds in this file", "found:    a", "test_0, test_1"]),
        (zipped(ids=np.array(NAMES), folds=FOLDS[:-1]), ["11", "10"]),
        (zipped(ids=np.array(NAMES), folds=np.append(FOLDS, 0)), ["11", "12"]),
        (zipped(ids=np.array("a"), folds=np.array(1)), ["shape ()"]),
        (zipped(test_0=np.array([[1], "a"], dtype=object)), ["other than text"]),
        (plain('{"fold_splits": ['), ["this is not JSON", "line 1"]),
        (plain(""), ["the file is empty"]),
        (tabled({"id": NAMES, "a": FOLDS, "b": FOLDS}), ["no column 'fold'", "id, a, b"]),
    ],
)
def test_content_of_another_form(
    tmp_path: Path, write: Callable[[Path], Path], says: list[str]
) -> None:
    refused(write(tmp_path), *says)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("splits.txt", b"0", ["unsupported file extension", ".pkl", ".json", ".npz"]),
        ("splits.npz", b"PK\x03\x04 cut short", ["not a readable array file"]),
        ("splits.npz", b"gene_id,fold\n", ["not an array file"]),
        ("splits.pkl", pickle.dumps(ORIGINAL)[:-40], ["not a readable pickle"]),
        ("splits.json", b'{"a": "ni\xf1o"}', ["not UTF-8", "byte 9"]),
        ("splits.json", b"\x80\x04K\x01.", ["not UTF-8"]),
        ("folds.csv", b"id\na\n", ["no column 'fold'"]),
    ],
)
def test_files_that_are_something_else(
    tmp_path: Path, name: str, content: bytes, says: list[str]
) -> None:
    (tmp_path / name).write_bytes(content)
    refused(tmp_path / name, *says)


@pytest.mark.parametrize("name", ["a.pkl", "a.json", "a.npz", "a.csv", "a.parquet"])
def test_a_file_that_is_not_there(tmp_path: Path, name: str) -> None:
    refused(tmp_path / name, "no such file")


class _Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (os.environ["DISTRIB_TEST_BOMB"],)


def test_a_pickle_with_more_than_arrays_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = tmp_path / "bomb"
    monkeypatch.setenv("DISTRIB_TEST_BOMB", str(bomb))
    refused(pickled({**ORIGINAL, "note": _Bomb()})(tmp_path), "mkdir", "JSON or .npz")
    assert not bomb.exists()
