"""What a screen's files say of its columns: embeddings of the genes, and which of them respond."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from distrib.data.files.ids import Ids, as_ids, examples, join
from distrib.data.files.labels import read_labels
from distrib.data.files.matrix import require_finite
from distrib.data.files.matrix_arrays import read_arrays
from distrib.data.files.matrix_files import read_matrix
from distrib.data.screens.replicates import check_weights
from distrib.data.screens.screen_files import ScreenFiles
from distrib.errors import InputError


def read_gene_inputs(
    files: ScreenFiles, columns: np.ndarray, notes: list[str]
) -> np.ndarray | None:
    """(G, e) embeddings of the targets' columns."""
    if files.gene_embeddings is None:
        return None
    embeddings = read_matrix(files.gene_embeddings, ids=files.gene_ids, notes=notes)
    require_finite(embeddings)
    assert files.targets is not None
    genes = as_ids(columns.tolist(), files.targets)
    common, of_columns, of_embeddings = join(genes, embeddings.ids, notes=[])
    if len(common) < len(genes):
        lonely = np.delete(columns, of_columns)
        raise InputError(
            f"{len(lonely)} of {len(columns)} targets have no gene embedding",
            file=files.gene_embeddings,
            found=f"nothing for {examples(lonely)}",
            expected="an embedding for each column of the targets",
            hint="python -m distrib.prepare expression leaves such columns out",
        )
    return embeddings.values[of_embeddings]


def read_responding(files: ScreenFiles, ids: Ids, columns: np.ndarray) -> np.ndarray | None:
    """(rows, G) bool: which targets are said to respond."""
    if files.responding is None or files.targets is None:
        return None
    return zeros_and_ones(files.responding, ids, as_ids(columns.tolist(), files.targets))


def read_halves(files: ScreenFiles, ids: Ids, columns: np.ndarray) -> np.ndarray | None:
    """(2, rows, G) float32 of an `.npz` with `ids`, `columns`, `first` and `second`."""
    if files.halves is None:
        return None
    arrays = read_arrays(files.halves)
    lacking = [name for name in ("ids", "columns", "first", "second") if name not in arrays]
    if lacking:
        raise InputError(
            "not the halves of a screen",
            file=files.halves,
            found=f"no {', '.join(lacking)}",
            expected="ids, columns, first and second, as prepare expression writes them",
        )
    places = []
    for wanted, there in ((ids.values, arrays["ids"]), (columns, arrays["columns"])):
        at = {str(name): i for i, name in enumerate(there.tolist())}
        if lonely := [name for name in wanted.tolist() if name not in at]:
            raise InputError(
                "halves that are not of these targets",
                file=files.halves,
                found=f"nothing for {examples(lonely)}",
                expected="the rows and columns of the targets",
            )
        places.append([at[name] for name in wanted.tolist()])
    both = (arrays["first"], arrays["second"])
    return np.stack([half[np.ix_(*places)].astype(np.float32) for half in both])


def read_weights(files: ScreenFiles, ids: Ids) -> np.ndarray | None:
    """(rows,) float64 of a table of `id` and `weight`."""
    if files.weights is None:
        return None
    named, words = read_labels(files.weights, "weight")
    common, of_ids, of_weights = join(ids, named, notes=[])
    if len(common) < len(ids):
        raise InputError(
            f"{len(ids) - len(common)} of {len(ids)} ids have no weight",
            file=files.weights,
            found=f"nothing for {examples(np.delete(ids.values, of_ids))}",
        )
    places = [named.place(int(row)) for row in of_weights]
    found = np.array([_number(words[row]) for row in of_weights])
    check_weights(found, files.weights, places, "weight")
    return found


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return float("nan")


def zeros_and_ones(path: Path, rows: Ids, columns: Ids, names: Sequence[str] = ()) -> np.ndarray:
    """(rows, columns) bool of a table of zeros and ones that has them all, in any order.

    Args:
        names: columns of the table that name its rows for people.
    """
    table = read_matrix(path, labels=names, notes=[])
    places = []
    for wanted, there, what in (
        (rows, table.ids, "rows"),
        (columns, as_ids(table.columns.tolist(), path), "targets"),
    ):
        common, _, of_table = join(wanted, there, notes=[])
        if len(common) < len(wanted):
            lonely = sorted(set(wanted.values.tolist()) - set(common.values.tolist()))
            raise InputError(
                f"{len(lonely)} of {len(wanted)} {what} are not in this table",
                file=path,
                found=f"nothing for {examples(lonely)}",
                expected="a row for each id and a column for each target",
            )
        places.append(of_table)
    values = table.values[np.ix_(*places)]
    if (odd := np.argwhere((values != 0) & (values != 1))).size:
        row, column = odd[0]
        raise InputError(
            "neither 0 nor 1",
            file=path,
            where=f"row {rows.values[row]}, column {str(columns.values[column])!r}",
            found=values[row, column],
            expected="1 where a target responds, else 0",
        )
    return values == 1
