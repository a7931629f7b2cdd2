"""What every trainable promises of what it writes beside its weights, and of its bootstrap."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from distrib.trainables.capabilities import (
    ArtifactInputs,
    Bootstraps,
    HasIntervals,
    WritesArtifacts,
)
from tests.contracts.cases import CASES, Case

every_case = pytest.mark.parametrize("case", CASES, ids=str)

ALIKE = "trimming_ligation_em"  # its bootstrap is that of `trimming_ligation`
BOOTSTRAPS = [
    pytest.param(case, id=str(case), marks=[pytest.mark.exhaustive] if case.name == ALIKE else [])
    for case in CASES
]


def held_out(case: Case) -> pd.DataFrame | None:
    *_, last = case.family.progress(case.typed(), case.data(), case.worker)
    return None if last.held_out is None else last.held_out()


@every_case
def test_artifacts_are_whole_files_and_lines(case: Case, tmp_path: Path) -> None:
    family = case.family
    if not isinstance(family, WritesArtifacts):
        pytest.skip("it writes no artifacts")
    arguments = case.typed(), case.trained(), case.data(), case.worker
    notes = family.write_artifacts(*arguments, tmp_path, ArtifactInputs(held_out=held_out(case)))
    assert all(note and "\n" not in note for note in notes)
    for path in tmp_path.iterdir():
        assert path.is_file()
        assert path.stat().st_size > 0
        assert not path.name.startswith(".")


@every_case
def test_held_out_predictions_give_the_figures_that_were_reported(case: Case) -> None:
    family, config, data = case.family, case.typed(), case.data()
    if not isinstance(family, HasIntervals):
        pytest.skip("its figures have no intervals")
    seen = []
    for item in family.progress(config, data, case.worker):
        if item.metrics is not None and item.held_out is not None:
            seen.append((item.metrics, item.held_out))
    for metrics, table in seen[-1:] if family.fidelity.selects == "last" else seen:
        ends = family.held_out_intervals(config, data, table())  # also long after its unit
        assert "pearson" in ends
        for name, (low, high) in ends.items():
            assert low - 1e-7 <= metrics[name] <= high + 1e-7, name


@pytest.mark.parametrize("case", BOOTSTRAPS)
def test_replicates_depend_on_their_own_seed_alone(case: Case, tmp_path: Path) -> None:
    family = case.family
    if not isinstance(family, Bootstraps):
        pytest.skip("it has no bootstrap")
    assert set(family.draws(case.data())) <= set(family.bootstraps)
    arguments = case.typed(), case.trained(), case.data(), case.worker
    for kind in family.draws(case.data()):
        rows = family.bootstrap(*arguments, [5, 2, 9], kind)
        assert rows["seed"].tolist() == [5, 2, 9]
        assert rows.drop(columns="seed").nunique().eq(3).all()
        again = family.bootstrap(*arguments, [9], kind)
        pd.testing.assert_frame_equal(
            rows.iloc[2:].reset_index(drop=True), again, check_exact=False, atol=1e-7
        )
        assert isinstance(family, WritesArtifacts)
        assert family.write_artifacts(*arguments, tmp_path, ArtifactInputs(rows))
