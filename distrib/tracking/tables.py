"""The study as tables: `trials.parquet`, `epochs.parquet`, `leaderboard.csv`."""

from __future__ import annotations

import math
from array import array
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from distrib.data.files.readable import readable
from distrib.files import atomic_path
from distrib.records import StudyRecord
from distrib.trial_files import METRICS, read_columns, trial_folder


def trials_frame(study: StudyRecord) -> pd.DataFrame:
    """A row per trial: state, value, parameters as `param/<name>`, times as `seconds/<name>`."""
    rows = []
    for trial in sorted(study.trials.values(), key=lambda t: t.number):
        rows.append(
            {
                "trial": trial.number,
                "state": trial.state,
                study.metric: trial.value,
                f"best_{study.unit}": trial.best_fidelity,
                f"last_{study.unit}": trial.fidelity,
                "rung": trial.rung,
                "failure": trial.failure,
                "reason": trial.reason,
                "retries": trial.retries,
                "started": trial.started,
                "ended": trial.ended,
                **{f"param/{name}": value for name, value in trial.params.items()},
                **{f"last/{name}": value for name, value in trial.latest.items()},
                **{f"seconds/{name}": value for name, value in trial.seconds.items()},
            }
        )
    # Without a trial there is still a table, with the columns that every one has.
    frame = pd.DataFrame(rows, columns=None if rows else ["trial", "state", study.metric])
    # Parquet wants one type per column; a dimension of mixed choices is shown as text.
    for column in frame.columns:
        if column.startswith("param/") and len(set(map(type, frame[column].dropna()))) > 1:
            frame[column] = frame[column].map(str, na_action="ignore")
    return frame


def epochs_frame(folder: Path, study: StudyRecord) -> pd.DataFrame:
    """A row per trial and unit of fidelity, every metric a column."""
    trials = array("q")
    table = {"step": array("d")}
    for number in sorted(study.trials):
        columns = read_columns(trial_folder(folder, number) / METRICS)
        count = len(columns.get("step", ()))
        for name in columns:
            table.setdefault(name, array("d", [math.nan]) * len(trials))
        for name, values in table.items():
            values.extend(columns.get(name) or [math.nan] * count)
        trials.extend([number] * count)
    if "trial" in table:  # a metric
        table["trial (reported)"] = table.pop("trial")
    columns_of_all = {name: np.frombuffer(values) for name, values in table.items()}
    frame = pd.DataFrame({"trial": np.array(trials), **columns_of_all})
    return frame.astype({"step": "int64"}).rename(columns={"step": study.unit})


def leaderboard_frame(study: StudyRecord) -> pd.DataFrame:
    """Trials with a value, best first."""
    order = [trial.number for trial in study.ranked()]
    frame = trials_frame(study).set_index("trial").loc[order].reset_index()
    frame.insert(0, "rank", range(1, len(frame) + 1))
    return frame.dropna(axis="columns", how="all") if len(frame) else frame


def configurations_frame(study: StudyRecord) -> pd.DataFrame:
    """Where a seed is a dimension: configurations by their mean over seeds, best first.

    Columns: rank, the other parameters, mean and sd of the metric that is ranked, called
    `mean_<metric>` and `sd_<metric>` (over seeds; missing of one), seeds, trials.
    Configurations with fewer seeds than the others come after those with all. Trials that were
    stopped early count with none.
    """
    mean, sd = f"mean_{study.metric}", f"sd_{study.metric}"
    groups: dict[str, dict[str, Any]] = {}
    for trial in sorted(study.trials.values(), key=lambda t: t.number):
        if trial.state != "COMPLETE" or trial.value is None:
            continue
        rest = {k: v for k, v in trial.params.items() if k not in study.seeds}
        group = groups.setdefault(repr(sorted(rest.items())), {"params": rest, "trials": []})
        group["trials"].append(trial)
    rows = []
    for group in groups.values():
        values = [trial.value for trial in group["trials"]]
        rows.append(
            {
                **{f"param/{name}": value for name, value in group["params"].items()},
                mean: float(np.mean(values)),
                sd: float(np.std(values, ddof=1)) if len(values) > 1 else math.nan,
                "seeds": len(values),
                "trials": " ".join(str(trial.number) for trial in group["trials"]),
            }
        )
    frame = pd.DataFrame(rows, columns=None if rows else [mean, sd, "seeds", "trials"])
    frame = frame.sort_values(
        ["seeds", mean], ascending=[False, study.direction == "min"], kind="stable"
    )
    frame.insert(0, "rank", range(1, len(frame) + 1))
    return frame.reset_index(drop=True)


def write_tables(folder: Path, study: StudyRecord) -> None:
    """Write the three tables whole."""
    with atomic_path(folder / "trials.parquet") as temporary:
        trials_frame(study).to_parquet(temporary, index=False)
    with atomic_path(folder / "epochs.parquet") as temporary:
        epochs_frame(folder, study).to_parquet(temporary, index=False)
    with atomic_path(folder / "leaderboard.csv") as temporary:
        readable(leaderboard_frame(study)).to_csv(temporary, index=False)
    if any(dimension.name in study.seeds for dimension in study.dimensions):
        with atomic_path(folder / "configurations.csv") as temporary:
            readable(configurations_frame(study)).to_csv(temporary, index=False)
