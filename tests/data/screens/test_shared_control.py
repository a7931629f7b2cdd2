"""One control for all rows: its error stands in every one, and the bound must know of it."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from distrib.data.screens.pseudobulk import CellForm, Cells, read_cells
from distrib.data.screens.scoring.ceiling import split_half_ceiling

ROWS, GENES = 40, 60
PARTS = np.repeat(np.arange(4), ROWS // 4)


def cells(
    folder: Path, controls: int, signal: float, seed: int, each: int = 30
) -> tuple[Cells, np.ndarray, list[str]]:
    """What is read of simulated cells of a standard deviation of 1; (ROWS, GENES) what a model
    would say that knew every effect, and the error of the control that all were compared to; notes.
    """
    rng = np.random.default_rng(seed)
    effects = signal * rng.normal(size=(ROWS, GENES))
    labels = ["control"] * controls + [f"P{i:02}" for i in range(ROWS) for _ in range(each)]
    means = np.vstack([np.zeros((controls, GENES)), np.repeat(effects, each, axis=0)])
    values = 5 + means + rng.normal(size=means.shape)
    path = folder / f"{controls}-{signal}-{seed}-{each}.h5ad"
    with h5py.File(path, "w") as file:
        file["X"] = values
        for name, index in (("obs", len(values)), ("var", GENES)):
            group = file.create_group(name)
            group.attrs["_index"] = "_index"
            group["_index"] = [f"{name}{i}" for i in range(index)]
        file["obs/gene"] = labels
    notes: list[str] = []
    found = read_cells(path, CellForm("gene", "control"), notes)
    return found, effects - (values[:controls].mean(axis=0) - 5), notes


def pearson(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.mean([np.corrcoef(x, y)[0, 1] for x, y in zip(a, b)]))


def rmse(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.sqrt(np.square(a - b).mean(axis=1)).mean())


def out_of_fold_mean(values: np.ndarray) -> np.ndarray:
    return np.stack([values[part != PARTS].mean(axis=0) for part in PARTS])


@pytest.mark.parametrize("signal", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("controls", [4, 10, 400])
def test_the_bound_is_what_can_be_reached(controls: int, signal: float, tmp_path: Path) -> None:
    """On noise and on signal: the truth reaches it, and the training mean does not pass it."""
    beyond: dict[str, list[float]] = {"pearson": [], "rmse": []}
    for seed in range(6):
        found, truth, _ = cells(tmp_path, controls, signal, seed)
        measured = found.matrix.values.astype(float)
        bound = split_half_ceiling(found.halves, PARTS)
        mean = out_of_fold_mean(measured)
        beyond["rmse"].append(bound["rmse"] - rmse(truth, measured))
        assert bound["rmse"] <= rmse(mean, measured) * 1.05
        reached = pearson(truth, measured)
        if reached > 0.3:  # the root of a correlation about 0 is far off 0
            beyond["pearson"].append(bound["pearson"] - reached)
            assert bound["pearson"] >= pearson(mean, measured) - 0.03
    for values in filter(None, beyond.values()):
        error = np.std(values, ddof=1) / np.sqrt(len(values))
        assert abs(np.mean(values)) <= 4 * error + 0.003


def test_what_identifies_a_row_is_bounded_without_the_control(tmp_path: Path) -> None:
    """What all rows share is taken out of it: few control cells change nothing."""
    few, many = (
        split_half_ceiling(cells(tmp_path, controls, 0.3, 0)[0].halves, PARTS)
        for controls in (4, 400)
    )
    assert few["delta_pearson"] == pytest.approx(many["delta_pearson"], abs=0.05)
    assert few["pearson"] > many["pearson"] + 0.05
    noise = split_half_ceiling(cells(tmp_path, 4, 0.0, 0)[0].halves, PARTS)
    assert noise["delta_pearson"] < 0.2 and noise["pearson"] > 0.8


@pytest.mark.parametrize(
    ("controls", "each", "shared", "own"), [(10, 30, 0.316, 0.183), (9, 3, 0.333, 0.577)]
)
def test_the_error_that_all_share_is_told(
    controls: int, each: int, shared: float, own: float, tmp_path: Path
) -> None:
    """Against 1 / sqrt(n), and what the training mean scores where there is no effect at all."""
    found, _, notes = cells(tmp_path, controls, 0.0, 3, each)
    line = notes[-1]
    words = line.replace(",", "").replace(";", "").split()
    told = [float(word) for word in words if word.replace(".", "").isdigit()]
    assert told[0] == controls
    assert told[1] == pytest.approx(shared, rel=0.25) and told[2] == pytest.approx(own, rel=0.1)
    measured = found.matrix.values.astype(float)
    assert told[3] == pytest.approx(pearson(out_of_fold_mean(measured), measured), abs=0.12)
    assert "delta_pearson" in line


def test_one_control_cell(tmp_path: Path) -> None:
    *_, notes = cells(tmp_path, 1, 0.0, 0)
    assert notes[-1].startswith("the mean of 1 cell of control was taken from every row")
