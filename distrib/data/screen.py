"""A screen: a vector of inputs for each row, and what was measured there. With its reader."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from distrib.data.ids import Ids, examples, join
from distrib.data.labels import read_labels
from distrib.data.matrix import Matrix, require_finite
from distrib.data.matrix_files import read_matrix
from distrib.data.screen_files import ScreenFiles, find_files
from distrib.data.splits import check_disjoint
from distrib.errors import InputError


@dataclass(frozen=True, eq=False)
class Screen:
    """Inputs and targets by row.

    Attributes:
        ids: (rows,) str.
        inputs: (rows, d) float32, finite.
        targets: (rows, G) float32, NaN = not measured; None where loaded without.
        columns: (G,) str, names of the targets.
        groups: (rows,) int64; rows of one group belong together.
        folds: (rows,) int64, the user's own folds, numbered from 0 in the order of their labels;
            after `take`, some may be empty. None: to be dealt.
        notes: what the reader of the files had to understand, for the user to see.
    """

    ids: np.ndarray
    inputs: np.ndarray
    targets: np.ndarray | None
    columns: np.ndarray
    groups: np.ndarray
    folds: np.ndarray | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: np.ndarray) -> Screen:
        """The part with these rows, (n,) integer positions, in their order."""
        return replace(
            self,
            ids=self.ids[rows],
            inputs=self.inputs[rows],
            targets=None if self.targets is None else self.targets[rows],
            groups=self.groups[rows],
            folds=None if self.folds is None else self.folds[rows],
        )

    def describe(self) -> dict[str, Any]:
        """Sizes, share of missing targets, notes and a fingerprint, as plain values."""
        return {
            "rows": len(self),
            "inputs": self.inputs.shape[1],
            "targets": len(self.columns),
            "groups": len(np.unique(self.groups)),
            "folds": None if self.folds is None else len(np.unique(self.folds)),
            "missing_targets": None
            if self.targets is None
            else float(np.isnan(self.targets).mean()),
            "notes": list(self.notes),
            "fingerprint": self.fingerprint(),
        }

    def fingerprint(self) -> str:
        """SHA-256 of the content, as hexadecimal digits; the arrays are not copied."""
        digest = hashlib.sha256()
        for names in (self.ids, self.columns):
            digest.update("\n".join(names.tolist()).encode() + b"\0")
        for array in (self.inputs, self.targets, self.groups, self.folds):
            if array is None:
                digest.update(b"none")
            else:
                digest.update(f"{array.dtype.str}{array.shape}".encode())
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


def load_screen(path: str | Path, targets: bool = True) -> Screen:
    """Read a screen from a folder or a YAML file.

    A folder holds `embeddings.npy|npz|parquet` and `targets.csv|tsv|parquet`, and, where wanted,
    `ids.txt` (beside a bare `.npy`), `groups.csv` and `folds.csv` (columns `id` and `group` or
    `fold`); or a `screen.yaml` that names such files under those keys. There, `groups` and `folds`
    may also name a column of the targets. Rows are joined by id, in the order of the embeddings.

    Args:
        targets: whether to read targets, groups and folds; without, each row is its own group.

    Raises:
        InputError: naming the file, row or key at fault, what was found and what was expected.
    """
    files = find_files(Path(path))
    notes: list[str] = []
    embeddings = read_matrix(files.embeddings, ids=files.ids, notes=notes)
    require_finite(embeddings)
    notes += _about_ids(embeddings.ids)
    if not targets:
        return Screen(
            ids=embeddings.ids.values,
            inputs=embeddings.values,
            targets=None,
            columns=np.array([], dtype=str),
            groups=np.arange(len(embeddings.ids)),
            notes=tuple(notes),
        )
    if files.targets is None:
        raise InputError(
            "no targets", file=files.source, expected="targets.csv, .tsv or .parquet (or the key)"
        )
    label_columns = [name for name in (files.groups, files.folds) if isinstance(name, str)]
    measured = read_matrix(files.targets, labels=label_columns, notes=notes)
    notes += _about_ids(measured.ids)
    _check_orientation(embeddings, measured)
    ids, of_inputs, of_targets = join(embeddings.ids, measured.ids, notes)
    values = measured.values[of_targets]
    notes += _about_targets(values, measured.columns, measured.ids.file)
    groups = _labels_for(ids, files.groups, "group", measured, of_targets, notes)
    folds = _labels_for(ids, files.folds, "fold", measured, of_targets, notes)
    screen = Screen(
        ids=ids.values,
        inputs=embeddings.values[of_inputs],
        targets=values,
        columns=measured.columns,
        groups=np.arange(len(ids)) if groups is None else _codes(groups),
        folds=None if folds is None else _codes(folds),
    )
    _check_folds(screen, groups, folds, files)
    return replace(screen, notes=(*notes, *_about_twins(screen)))


def _check_orientation(embeddings: Matrix, targets: Matrix) -> None:
    """A table with the ids along its top would otherwise only say that no id matches."""
    wanted = set(embeddings.ids.values.tolist())
    across = [name for name in targets.columns.tolist() if name in wanted]
    if across and wanted.isdisjoint(targets.ids.values.tolist()):
        raise InputError(
            "the targets lie the other way round: their columns are the ids of the embeddings",
            file=targets.ids.file,
            found=f"columns {examples(across)} and rows {examples(targets.ids.values)}",
            expected="a row for each id and a column for each target",
            hint="transpose the table (in pandas: table.T)",
        )


def _about_ids(ids: Ids) -> list[str]:
    assumption = ids.assumption()
    return [] if assumption is None else [assumption]


def _about_targets(values: np.ndarray, columns: np.ndarray, file: Path) -> list[str]:
    there = ~np.isnan(values)
    if not there.any():
        raise InputError("no target is measured in any of the joined rows", file=file)
    notes = []
    if empty := int((~there.any(axis=1)).sum()):
        notes.append(f"{empty} of {len(values)} rows of {file.name} have no target measured")
    low = np.where(there, values, np.inf).min(axis=0)
    high = np.where(there, values, -np.inf).max(axis=0)
    for names, what in (
        (columns[~there.any(axis=0)], "have no value measured"),
        (columns[low == high], "are constant: no model can be told from the mean there"),
    ):
        if len(names):
            notes.append(f"{len(names)} of {len(columns)} targets {what}: {examples(names)}")
    return notes


def _labels_for(
    ids: Ids,
    source: Path | str | None,
    name: str,
    targets: Matrix,
    of_targets: np.ndarray,
    notes: list[str],
) -> np.ndarray | None:
    """(rows,) str of the rows' groups or folds, from a file or a column of the targets."""
    if source is None:
        return None
    if isinstance(source, str):
        return targets.labels[source][of_targets]
    named, labels = read_labels(source, name)
    notes += _about_ids(named)
    common, of_ids, of_labels = join(ids, named, notes=[])
    if len(common) < len(ids):
        lonely = np.delete(ids.values, of_ids)
        raise InputError(
            f"{len(lonely)} of {len(ids)} ids have no {name}",
            file=source,
            found=f"nothing for {examples(lonely)}",
            expected=f"a {name} for each id",
        )
    return labels[of_labels]


def _codes(labels: np.ndarray) -> np.ndarray:
    """(rows,) int64 from 0, in the order of the labels (10 after 9, where all are integers)."""
    distinct, codes = np.unique(labels, return_inverse=True)
    if all(label.isdecimal() for label in distinct.tolist()):
        rank = np.argsort(np.argsort([int(label) for label in distinct.tolist()], kind="stable"))
        codes = rank[codes]
    return codes.astype(np.int64)


def _check_folds(
    screen: Screen, groups: np.ndarray | None, folds: np.ndarray | None, files: ScreenFiles
) -> None:
    if screen.folds is None or folds is None:
        return
    file = files.folds if isinstance(files.folds, Path) else files.targets
    if screen.folds.max() == 0:
        raise InputError("all rows lie in one fold", file=file, found=f"fold {folds[0]}")
    names = screen.ids if groups is None else groups
    check_disjoint(screen.groups, screen.folds, group_names=names, fold_names=folds, file=file)


def _about_twins(screen: Screen) -> list[str]:
    """Rows with equal inputs but of different groups may be parted between training and test."""
    first: dict[bytes, int] = {}
    twins = 0
    for row, group in zip(screen.inputs, screen.groups.tolist()):
        digest = hashlib.blake2b(row.tobytes(), digest_size=16).digest()
        twins += first.setdefault(digest, group) != group
    if not twins:
        return []
    return [
        f"{twins} rows have the inputs of another row in another group: training and test may "
        "share them; name groups to keep them together"
    ]
