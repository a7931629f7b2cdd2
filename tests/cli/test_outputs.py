"""`distrib.train --bootstrap`, what stands in `best/` then, and `distrib.compare --lrt`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.support.command import command

pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]

SMALL = ["data.sequences=8000", "data.num_v=6", "data.num_j=6"]


def train(folder: Path, name: str, model_type: str, *more: str) -> str:
    settings = [word for key in (*SMALL, f"model_type={model_type}") for word in ("--set", key)]
    return command(
        folder, "train", "--space", "trimming_ligation_em", "--name", name, *settings, *more
    )


@pytest.fixture(scope="module")
def place(one_ray: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("outputs")
    train(folder, "full", "average-mh_ligation-mh", "--bootstrap", "8")
    train(folder, "nested", "ligation-mh")
    return folder


def test_replicates_make_the_errors_of_the_table(place: Path) -> None:
    best = place / "runs" / "full" / "best"
    replicates = pd.read_parquet(best / "bootstrap.parquet")
    assert len(replicates) == 8
    assert replicates["seed"].is_unique
    table = pd.read_csv(best / "coefficients.tsv", sep="\t").set_index("coefficient")
    for name in ("average_mh", "ligation_mh"):
        assert table.loc[name, "bootstrap_sd"] == pytest.approx(replicates[name].std())
        assert np.isfinite(table.loc[name, "error"])
    card = (best / "README.md").read_text()
    for word in ("`bootstrap.parquet`", "`microhomology.png`", "the spread of 8 replicates"):
        assert word in card


@pytest.mark.exhaustive
def test_replicates_follow_from_the_studys_seed(place: Path) -> None:
    """One after the other: more of them begin with the same."""
    train(place, "again", "average-mh_ligation-mh", "--bootstrap", "3", "--bootstrap-of",
          "sequences")  # fmt: skip
    first, second = (
        pd.read_parquet(place / "runs" / name / "best" / "bootstrap.parquet")
        for name in ("full", "again")
    )
    pd.testing.assert_frame_equal(first[:3], second, check_exact=False, atol=1e-9)


def test_a_finished_training_can_be_bootstrapped_later(place: Path) -> None:
    """And nothing of an end that was interrupted before gets into its folder."""
    study = place / "runs" / "nested"
    (study / ".best.part").mkdir()
    (study / ".best.part" / "motif.png").write_text("of another winner")
    options = ("--bootstrap", "3", "--bootstrap-of", "clusters")
    command(place, "train", "--resume", "nested", *options)
    assert len(pd.read_parquet(study / "best" / "bootstrap.parquet")) == 3
    assert "bootstrap_sd" in pd.read_csv(study / "best" / "coefficients.tsv", sep="\t")
    assert not (study / "best" / "motif.png").exists()


def test_two_models_are_tested(place: Path) -> None:
    said = command(place, "compare", "--lrt", "runs/full", "runs/nested/best", "--out", "lrt.tsv")
    assert "degrees of freedom 1" in said
    row = pd.read_csv(place / "lrt.tsv", sep="\t").iloc[0]
    assert row["LRT_pval"] < 1e-10
    assert row["sub_model"] == "ligation-mh"
    assert "not nested" in command(place, "compare", "--lrt", "runs/nested", "runs/full", code=2)
    assert "exactly one of them" in command(place, "compare", code=2)
    assert "found:    runs/fulll" in command(place, "compare", "runs/full", "runs/fulll", code=2)


def test_an_evaluation_is_added_to_a_table(place: Path) -> None:
    for count in (1, 2):
        said = command(place, "evaluate", "runs/full/best", "--append", "table.tsv")
        assert f"{count} rows in table.tsv" in said
    row = pd.read_csv(place / "table.tsv", sep="\t").iloc[1]
    assert row["model_parameter_count"] == 2
    assert row["training_data"] == "default data (sequences=8000, num_v=6, num_j=6)"
