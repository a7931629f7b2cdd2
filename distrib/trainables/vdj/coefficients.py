"""The table of a model's coefficients, in the form of Russell et al. (2023, 2025).

A motif has one coefficient for each of A, C and G at a position; T, which sum coding leaves out, is
minus their sum. So every row of the table is a sum of coefficients, and its variance follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from distrib.files import atomic_path
from distrib.models.vdj.inference import has_optimum, wald_tests
from distrib.models.vdj.separation import touched
from distrib.trainables.vdj.design import Column

COLUMNS = ("coefficient", "value", "error", "base", "position", "side", "trim_type",
           "training_error", "training_loss", "cluster_error", "zscore", "pvalue",
           "adjusted_pvalue")  # fmt: skip


@dataclass(frozen=True)
class Estimates:
    """A fitted model's coefficients, and how certain they are.

    Attributes:
        columns: (features,) what each is. values: (features,) natural log of odds per unit.
        gradient_norm: of the objective at them. log_loss: mean per sequence, in nats.
        covariance: (features, features) were all sequences independent; None where unknown.
        cluster_covariance: the same where those of a cluster may depend on each other.
        replicates: (replicates, features) fitted to resampled data.
        scales: (features,) standard deviations, where values are to be per standard deviation.
        separated: (features, k) directions without a finite optimum; see `separation.py`.
    """

    columns: Sequence[Column]
    values: np.ndarray
    gradient_norm: float
    log_loss: float
    covariance: np.ndarray | None = None
    cluster_covariance: np.ndarray | None = None
    replicates: np.ndarray | None = None
    scales: np.ndarray | None = None
    separated: np.ndarray | None = None

    @property
    def names(self) -> list[str]:
        """(features,) of the columns, as those of a table of replicates are called."""
        return [column.name for column in self.columns]


def coefficient_table(found: Estimates) -> pd.DataFrame:
    """A row per coefficient, each motif's T after its G; columns as `COLUMNS`, in this order.

    `value` and the standard errors `error` (from the Hessian; NaN where unknown) and
    `cluster_error` (the sandwich) are in natural log of odds. `training_error` is the gradient's
    norm, `training_loss` the log loss, as in the original. `zscore` is the value over
    `cluster_error`; with replicates over their standard deviation, `bootstrap_sd`, a column more,
    over those replicates that have a finite optimum (see `describe_replicates`).
    `adjusted_pvalue` is after Bonferroni, over the rows. Where values are per standard deviation of
    a feature, this is the column `scale`: one for the whole motif of a gene end, so that its bases
    still sum to 0. A row with a part in a direction without a finite optimum has no error, by
    whichever estimator, and no p value.
    """
    rows, mix = _rows(found.columns)
    unbounded = np.zeros(len(rows), bool)
    if found.separated is not None:
        unbounded = touched(mix, found.separated)
    scales = None if found.scales is None else _of_rows(found.columns, found.scales, rows)
    unit = np.ones(len(rows)) if scales is None else scales
    values = mix @ found.values * unit
    errors = [_errors(mix, found.covariance) * unit, _errors(mix, found.cluster_covariance) * unit]
    certain = errors[1]
    if found.replicates is not None:
        finite = found.replicates[has_optimum(found.replicates)]
        certain = np.full(len(rows), np.nan)
        if len(finite) > 1:
            certain = (finite @ mix.T).std(axis=0, ddof=1) * unit
    for estimate in (*errors, certain):
        estimate[unbounded] = np.nan
    tests = wald_tests(values, certain)
    table = pd.DataFrame(
        {
            "coefficient": [row.coefficient for row in rows],
            "value": values,
            "error": errors[0],
            "base": [row.base for row in rows],
            "position": [f"pos{row.position}" if row.position else "" for row in rows],
            "side": [row.side for row in rows],
            "trim_type": [row.trim_type for row in rows],
            "training_error": found.gradient_norm,
            "training_loss": found.log_loss,
            "cluster_error": errors[1],
            "zscore": tests.z,
            "pvalue": tests.p,
            "adjusted_pvalue": tests.adjusted,
        },
        columns=list(COLUMNS),
    )
    if found.replicates is not None:
        table.insert(COLUMNS.index("zscore"), "bootstrap_sd", certain)
    return table if scales is None else table.assign(scale=scales)


def unbounded_names(columns: Sequence[Column], directions: np.ndarray) -> list[str]:
    """Of the rows of the table that have a part in directions (features, k) without an optimum."""
    rows, mix = _rows(columns)
    return [row.name for row, part in zip(rows, touched(mix, directions)) if part]


def describe_replicates(replicates: pd.DataFrame, names: Sequence[str]) -> str:
    """What a spread is of: how many replicates, and how many were left out of it.

    A fit to resampled data that separate choices runs off as far as its tolerance lets it: where
    it ends says nothing of the spread.

    Args:
        replicates: a row per bootstrap, columns of these names and others.
    """
    finite = int(has_optimum(replicates[list(names)].to_numpy(float)).sum())
    text = f"the spread of {finite} replicates"
    without = len(replicates) - finite
    if not without:
        return text
    return (
        f"{text}; {without} more have no finite optimum and are left out: the true spread is larger"
    )


def write_coefficients(table: pd.DataFrame, path: Path) -> None:
    """The table as tab-separated text, what is unknown left empty; the file appears whole."""
    with atomic_path(path) as temporary:
        table.to_csv(temporary, sep="\t", index=False)


def _rows(columns: Sequence[Column]) -> tuple[list[Column], np.ndarray]:
    """The rows of the table, and (rows, features) which coefficients each sums up."""
    rows: list[Column] = []
    mix: list[np.ndarray] = []
    identity = np.eye(len(columns))
    for k, column in enumerate(columns):
        rows.append(column)
        mix.append(identity[k])
        spot = _spot(column)
        if spot is not None and all(_spot(later) != spot for later in columns[k + 1 :]):
            rows.append(replace(column, base="T"))
            mix.append(-identity[[i for i, c in enumerate(columns) if _spot(c) == spot]].sum(0))
    return rows, np.array(mix).reshape(len(rows), len(columns))


def _spot(column: Column) -> tuple[str, str, int] | None:
    """Which position of which motif a column is of."""
    if column.coefficient != "motif":
        return None
    return column.trim_type, column.side, column.position


def _of_rows(columns: Sequence[Column], scales: np.ndarray, rows: Sequence[Column]) -> np.ndarray:
    """(rows,) the scale of each: of a motif the root mean square over its contrasts."""
    own = {column: scale**2 for column, scale in zip(columns, scales.tolist())}
    motifs: dict[str, list[float]] = {}
    for column, square in own.items():
        if column.coefficient == "motif":
            motifs.setdefault(column.trim_type, []).append(square)
    squares = [
        np.mean(motifs[row.trim_type]) if row.coefficient == "motif" else own[row] for row in rows
    ]
    return np.sqrt(squares)


def _errors(mix: np.ndarray, covariance: np.ndarray | None) -> np.ndarray:
    """(rows,) standard errors of sums of coefficients."""
    if covariance is None:
        return np.full(len(mix), np.nan)
    # Rounding may make a 0 negative.
    return np.sqrt(np.maximum(np.einsum("rf,fg,rg->r", mix, covariance, mix), 0))
