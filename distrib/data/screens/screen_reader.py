"""Reading a screen from a user's files, joined by id, whatever the order of their rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from distrib.data.files.ids import Ids, examples, join
from distrib.data.files.labels import read_labels
from distrib.data.files.matrix import Matrix, require_finite
from distrib.data.files.matrix_files import read_matrix
from distrib.data.files.sequences import read_sequences
from distrib.data.screens.screen import Screen
from distrib.data.screens.screen_checks import (
    about_scales,
    about_targets,
    about_twins,
    check_folds,
    check_orientation,
    metadata_columns,
)
from distrib.data.screens.screen_columns import (
    read_gene_inputs,
    read_halves,
    read_responding,
    read_weights,
)
from distrib.data.screens.screen_files import ScreenFiles, find_files
from distrib.errors import InputError


def load_screen(path: str | Path, targets: bool = True) -> Screen:
    """Read a screen from a folder or a YAML file.

    A folder holds `embeddings.npy|npz|parquet` (or `sequences.fasta|csv|parquet`, or both) and
    `targets.csv|tsv|parquet`, and, where wanted, `ids.txt` (beside a bare `.npy`), `groups.csv` and
    `folds.csv` (columns `id` and `group` or `fold`), `gene_embeddings` for the targets' columns,
    and `responding` targets; or a `screen.yaml` that names such files under those keys. There,
    `groups` and `folds` may also name a column of the targets. Rows are joined by id, in the order
    of the embeddings.

    Args:
        targets: whether to read targets, groups and folds; without, each row is its own group.

    Raises:
        InputError: naming the file, row or key at fault, what was found and what was expected.
    """
    files = find_files(Path(path))
    notes: list[str] = []
    row_ids, known = _read_rows(files, notes)
    if not targets:
        return replace(known, notes=tuple(notes))
    if files.targets is None:
        raise InputError(
            "no targets", file=files.source, expected="targets.csv, .tsv or .parquet (or the key)"
        )
    label_columns = [name for name in (files.groups, files.folds) if isinstance(name, str)]
    measured = read_matrix(files.targets, labels=label_columns, notes=notes)
    notes += _about_ids(measured.ids)
    check_orientation(row_ids, measured, notes)
    ids, of_rows, of_targets = join(row_ids, measured.ids, notes)
    values = measured.values[of_targets]
    notes += about_targets(values, measured.columns, measured.ids.file)
    notes += about_scales(values, measured.columns, measured.ids.file)
    if (odd := metadata_columns(measured.columns)).any():
        notes.append(
            f"{odd.sum()} of {len(odd)} targets of {measured.ids.file.name} are no genes by "
            f"their names: {examples(measured.columns[odd])}; leave them out of the file unless "
            "they are to be predicted"
        )
    groups = _labels_for(ids, files.groups, "group", measured, of_targets, notes)
    folds = _labels_for(ids, files.folds, "fold", measured, of_targets, notes)
    part = known.take(of_rows)
    screen = replace(
        part,
        ids=ids.values,
        targets=values,
        columns=measured.columns,
        groups=part.groups if groups is None else codes(groups),
        folds=None if folds is None else codes(folds),
        gene_inputs=read_gene_inputs(files, measured.columns, notes),
        responding=read_responding(files, ids, measured.columns),
        halves=read_halves(files, ids, measured.columns),
        weights=read_weights(files, ids),
    )
    file = files.folds if isinstance(files.folds, Path) else files.targets
    check_folds(screen, groups, folds, file)
    return replace(screen, notes=(*notes, *about_twins(screen)))


def _read_rows(files: ScreenFiles, notes: list[str]) -> tuple[Ids, Screen]:
    """What is known of the rows: embeddings, sequences, or both, joined."""
    inputs: np.ndarray | None = None
    sequences: np.ndarray | None = None
    ids: Ids | None = None
    if files.embeddings is not None:
        embeddings = read_matrix(files.embeddings, ids=files.ids, notes=notes)
        require_finite(embeddings)
        notes += _about_ids(embeddings.ids)
        ids, inputs = embeddings.ids, embeddings.values
    if files.sequences is not None:
        named, sequences = read_sequences(files.sequences)
        notes += _about_ids(named)
        if ids is None or inputs is None:
            ids, inputs = named, np.empty((len(named), 0), dtype=np.float32)
        else:
            ids, of_inputs, of_sequences = join(ids, named, notes)
            inputs, sequences = inputs[of_inputs], sequences[of_sequences]
    assert ids is not None and inputs is not None
    return ids, Screen(
        ids=ids.values,
        inputs=inputs,
        targets=None,
        columns=np.array([], dtype=str),
        groups=np.arange(len(ids)),
        sequences=sequences,
    )


def _about_ids(ids: Ids) -> list[str]:
    assumption = ids.assumption()
    return [] if assumption is None else [assumption]


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


def codes(labels: np.ndarray) -> np.ndarray:
    """(rows,) int64 from 0, in the order of the labels (10 after 9, where all are integers)."""
    distinct, codes = np.unique(labels, return_inverse=True)
    if all(label.isdecimal() for label in distinct.tolist()):
        rank = np.argsort(np.argsort([int(label) for label in distinct.tolist()], kind="stable"))
        codes = rank[codes]
    return codes.astype(np.int64)
