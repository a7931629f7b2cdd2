"""Rows that stand in two files: of one subject, under one id, in each.

Files are counted apart from each other, so this is looked for before: only hashes of rows are kept,
about 30 bytes of memory for each row of the files whose subjects may be the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from distrib.data.files.tables import read_rows
from distrib.data.vdj.prepare.prepare_recipe import Recipe
from distrib.data.vdj.prepare.rearrangements import Block, read_blocks
from distrib.errors import InputError

_SHOWN = 5  # pairs of files in notes
_SAME, _RIVAL, _EQUAL = "same", "rival", "equal"

Runs = dict[str, list[list[int]]]
"""Absolute path -> the first and last number of each run of its rows."""


@dataclass(frozen=True)
class SharedRows:
    """What later files repeat of earlier ones.

    Attributes:
        runs: the rows that are equal to one of an earlier file, which count there.
        notes: how many, of which files; and of rows that differ under one id, which all count.
    """

    runs: Runs = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def stem_of(file: Path) -> str:
    """What names the subject of a file without a column that does."""
    return file.name.removesuffix(".gz").rsplit(".", 1)[0]


def subjects_of(block: Block, recipe: Recipe) -> pd.Series:
    """(rows,) strings; empty where `recipe.subject_column` is."""
    if recipe.subject_column:
        return block.texts((recipe.subject_column,), "subjects")
    stem = stem_of(block.file)
    columns = recipe.program.columns.subject
    if not block.has(columns):
        return pd.Series([stem] * len(block), index=block.frame.index, dtype="str")
    subjects = block.texts(columns, "subjects")
    return subjects.where(subjects != "", stem)


def shared_rows(
    files: Sequence[Path], recipe: Recipe, say: Callable[[str], None] = lambda text: None
) -> SharedRows:
    """Rows that a file has and one before it.

    Raises:
        InputError: there are some, and `recipe.on_duplicate` is "error"; or as `read_blocks`.
    """
    if len(files) < 2 or recipe.program.scenarios or not _may_share(files, recipe):
        return SharedRows()
    parts = [part for i, file in enumerate(files) for part in _hashes(i, file, recipe, say)]
    rows = pd.concat(parts, ignore_index=True)
    rows = rows[rows["key"].duplicated(keep=False)]
    of_key = rows.groupby("key", sort=False)
    of_row = rows.groupby(["key", "content"], sort=False)
    same = (of_row["file"].transform("first") < rows["file"]).to_numpy(bool)
    other = (of_key["file"].transform("first") < rows["file"]).to_numpy(bool)
    rows = rows.assign(
        kind=np.where(~same, _RIVAL, np.where(rows["named"], _SAME, _EQUAL)),
        first_file=np.where(same, of_row["file"].transform("first"),
                            of_key["file"].transform("first")),
        first_row=np.where(same, of_row["row"].transform("first"),
                           of_key["row"].transform("first")),
    )[same | other]  # fmt: skip
    if recipe.on_duplicate == "error" and (rows["kind"] != _EQUAL).any():
        raise _refusal(files, rows[rows["kind"] != _EQUAL].iloc[0], recipe)
    runs = {
        str(files[int(str(i))].absolute()): _runs(group["row"].to_numpy())
        for i, group in rows[rows["kind"] == _SAME].groupby("file")
    }
    return SharedRows(runs, tuple(_notes(files, rows)))


def in_runs(numbers: np.ndarray, runs: Sequence[Sequence[int]]) -> np.ndarray:
    """(rows,) bool: whether each number lies in one of the runs, which ascend."""
    if not runs:
        return np.zeros(len(numbers), bool)
    first, last = np.array(runs).T
    place = np.searchsorted(first, numbers, side="right") - 1
    return (place >= 0) & (numbers <= last[np.maximum(place, 0)])


def _may_share(files: Sequence[Path], recipe: Recipe) -> bool:
    """Whether two files may be of one subject: else nothing of them need be read."""
    columns = (
        {recipe.subject_column} if recipe.subject_column else {*recipe.program.columns.subject}
    )
    if len(set(map(stem_of, files))) < len(files):
        return True
    return any(columns & set(next(read_rows(file))[1]) for file in files)


def _hashes(
    place: int, file: Path, recipe: Recipe, say: Callable[[str], None]
) -> Iterator[pd.DataFrame]:
    """Of each row that has a name: 64-bit hashes of that and of all its cells, and its number."""
    extra = [recipe.subject_column] if recipe.subject_column else []
    columns = recipe.program.columns.sequence
    done = 0
    for block in read_blocks(file, recipe.program, extra, recipe.events):
        named = block.has(columns)
        frame = block.frame[sorted(block.frame.columns)]
        # Files with other columns have no equal rows.
        content = _hash(frame.assign(**{"": "\t".join(frame.columns)}))
        ids = block.texts(columns, "ids") if named else pd.Series(content.astype(str))
        subjects = subjects_of(block, recipe).to_numpy()
        key = _hash(pd.DataFrame({"subject": subjects, "id": ids.to_numpy()}))
        yield pd.DataFrame({
            "key": key, "content": content, "file": np.int32(place),
            "row": block.frame.index.to_numpy(), "named": named,
        })[ids.to_numpy() != ""]  # fmt: skip
        done += len(block)
        say(f"{done:,} rows of {file.name}: are they in another file?")


def _hash(frame: pd.DataFrame) -> np.ndarray:
    return pd.util.hash_pandas_object(frame, index=False).to_numpy()


def _runs(rows: np.ndarray) -> list[list[int]]:
    parts = np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1)
    return [[int(part[0]), int(part[-1])] for part in parts]


def _refusal(files: Sequence[Path], row: pd.Series, recipe: Recipe) -> InputError:
    column = " or ".join(recipe.program.columns.sequence)
    return InputError(
        "a sequence that is in two files",
        file=files[row["file"]],
        where=f"row {row['row']}, column {column!r}",
        found=f"the same subject and id in row {row['first_row']} of {files[row['first_file']]}, "
        + ("in rows that are equal" if row["kind"] == _SAME else "in rows that differ"),
        expected="each sequence once",
        hint="--on-duplicate skip counts equal rows once",
    )


def _notes(files: Sequence[Path], rows: pd.DataFrame) -> Iterator[str]:
    words = {
        _SAME: "equal rows of {}, under the same id: counted once",
        _RIVAL: "have the id of a row of {}, and yet they differ: all are counted",
        _EQUAL: "equal rows of {} in every column; no column names sequences, so all are counted",
    }
    for kind, text in words.items():
        pairs = rows[rows["kind"] == kind].groupby(["file", "first_file"]).size().reset_index()
        later, first, sizes = (pairs.iloc[:, i].tolist() for i in range(3))
        for one, other, size in list(zip(later, first, sizes))[:_SHOWN]:
            what = "row" if size == 1 else "rows"
            yield f"{size:,} {what} of {files[one].name}: {text.format(files[other].name)}"
        if more := sum(sizes[_SHOWN:]):
            yield f"{more:,} rows of other files: {text.format('earlier files')}"
