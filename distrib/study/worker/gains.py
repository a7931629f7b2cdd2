"""By how much the winner of a study differs from its baselines, row by row (see `data.paired`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from distrib.data.paired import gains, mean_difference
from distrib.records import is_bound
from distrib.trainables.base import Metric
from distrib.trainables.capabilities import Judged


@dataclass(frozen=True)
class Part:
    """One part of the data: the winner's figures row by row, and the groups of these rows.

    Attributes:
        rows: `id` and each metric. groups: (rows,) int.
        tried: the same of every configuration that the winner was chosen among, by this part;
            empty where it was not. unknown: how many more there were.
    """

    rows: pd.DataFrame
    groups: np.ndarray
    tried: Sequence[pd.DataFrame] = ()
    unknown: int = 0


def part_gains(
    name: str, part: Part, baselines: Mapping[str, Judged], metrics: Sequence[Metric]
) -> dict[str, Any]:
    """Plain values: `rows`, `groups`, `tried` (configurations that the winner was chosen among by
    these rows), and `metrics` -> metric -> baseline -> [gain, low, high], where more is better;
    without an interval its ends are None.
    """
    found: dict[str, dict[str, list[float | None]]] = {}
    for metric in metrics:
        if metric.name not in part.rows:
            continue  # of columns: no row has a value
        own = part.rows[metric.name].to_numpy(float)
        found[metric.name] = {}
        for baseline, judged in baselines.items():
            if is_bound(baseline) or metric.name not in judged.rows.get(name, ()):
                continue
            other = judged.rows[name][metric.name].to_numpy(float)
            among = [
                gains(tried[metric.name].to_numpy(float), other, metric.direction)
                for tried in part.tried
            ]
            own_gains = gains(own, other, metric.direction)
            found_difference = mean_difference(own_gains, part.groups, among, part.unknown)
            if np.isfinite(found_difference.value):
                ends = found_difference.low, found_difference.high
                found[metric.name][baseline] = [found_difference.value, *ends]
    return {
        "rows": len(part.rows),
        "groups": len(np.unique(part.groups)),
        "tried": max(1, len(part.tried) + part.unknown),
        "metrics": found,
    }


def read_tried(files: Sequence[Path], ids: np.ndarray) -> tuple[list[pd.DataFrame], int]:
    """The figures of these rows of the trials that left them, and how many did not.

    A trial that was stopped as the study ended may have left none, and those of older versions.
    """
    tables = [pd.read_parquet(file) for file in files if file.is_file()]
    tables = [table for table in tables if table["id"].tolist() == ids.tolist()]
    return tables, len(files) - len(tables)


def compared_table(
    parts: Mapping[str, Part], baselines: Mapping[str, Judged], winner: str
) -> pd.DataFrame:
    """Every figure by row that was compared: part, model, id, group and the metrics."""
    tables = []
    for name, part in parts.items():
        of_models = {winner: part.rows} | {
            baseline: judged.rows[name]
            for baseline, judged in baselines.items()
            if name in judged.rows
        }
        for model, rows in of_models.items():
            table = rows.copy()
            table.insert(0, "part", name)
            table.insert(1, "model", model)
            table.insert(3, "group", part.groups)
            tables.append(table)
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
