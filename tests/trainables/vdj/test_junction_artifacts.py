"""What junction and trimming models leave beside their weights, and what pictures show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from distrib.data.vdj.ligation.microhomology import mean_mh
from distrib.trainables.base import State, Worker
from distrib.trainables.capabilities import ArtifactInputs
from distrib.trainables.vdj.coefficient_pictures import draw_coefficients, draw_motifs
from distrib.trainables.vdj.ligation import pictures as junction_pictures
from distrib.trainables.vdj.ligation.artifacts import write_junction_artifacts
from distrib.trainables.vdj.ligation.config import TrimmingLigationConfig
from distrib.trainables.vdj.ligation.family import TrimmingLigation
from distrib.trainables.vdj.ligation.profiles import (
    Microhomology,
    Profiles,
    microhomology_effect,
    trim_profiles,
)
from distrib.trainables.vdj.ligation.tables import junction_coefficients, prediction_table
from distrib.trainables.vdj.trimming.config import TrimmingConfig, TrimmingSource
from distrib.trainables.vdj.trimming.family import Trimming
from tests.support.junction_fits import WORKER, fitted
from tests.support.junction_fits import data as junctions

FULL = "motif_two-side-base-count-beyond_average-mh_ligation-mh"
SMALL = "average-mh_ligation-mh"
BOTH = "both_v-j_trim_ligation-mh"
BLUE = (31, 95, 168)  # predictions and estimates


def pixels(path: Path) -> np.ndarray:
    """(height, width, 3)"""
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def shows(path: Path, colour: tuple[int, int, int] = BLUE) -> bool:
    """Whether the picture is more than a frame: something is drawn in this colour."""
    near = np.abs(pixels(path) - colour).sum(axis=2) < 12
    return 20 < near.sum() < 0.5 * near.size


def test_a_junction_model_leaves_its_table_and_pictures(tmp_path: Path) -> None:
    model, state = fitted(FULL, annotations="all")
    notes = write_junction_artifacts(model, state, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "coefficients.tsv", "coefficients.png", "motif.png", "profiles.png", "microhomology.png"
    }  # fmt: skip
    for name in ("coefficients.png", "profiles.png", "microhomology.png"):
        assert shows(tmp_path / name), name
    assert len(np.unique(pixels(tmp_path / "motif.png").reshape(-1, 3), axis=0)) > 20
    table = pd.read_csv(tmp_path / "coefficients.tsv", sep="\t")
    assert len(table) == 32
    assert table["error"].notna().all()
    assert notes == [
        "p values in coefficients.tsv are by standard errors over 128 clusters, "
        "a subject's sequences of a gene pair"
    ]


def test_the_penalty_that_was_chosen_is_told(tmp_path: Path) -> None:
    found = junctions()
    family = TrimmingLigation()
    for grid, chosen in (((0.0, 1e7), 0.0), ((1e6, 1e7), 1e6)):
        config = TrimmingLigationConfig(model_type=SMALL, l2_grid=grid, folds=2)
        *_, last = family.refit(config, found, WORKER, None)
        notes = family.write_artifacts(
            config, last.state(), found, WORKER, tmp_path, ArtifactInputs()
        )
        curve = pd.read_csv(tmp_path / "l2.tsv", sep="\t")
        assert curve["l2"].tolist() == list(grid)
        assert curve["l2"][curve["log_loss"].idxmin()] == chosen
        assert notes[0].startswith(f"l2 = {chosen:g} was chosen")
        assert any("p values are of the penalised fit" in note for note in notes) == (chosen > 0)


@pytest.mark.parametrize("most", [1.4, 1.7, 40.0])
def test_an_axis_of_ratios_has_ticks_enough(most: float, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    monkeypatch.setattr(junction_pictures, "save_figure", lambda figure, path: drawn.append(figure))
    trims = np.array([[0.3, 0.3 * most], [0.3, 0.3 * most], [0.3, 0.3]])
    found = Microhomology(None, np.array([0.0, 1.0]), trims, fitted=True, dealt=False)
    junction_pictures.draw_microhomology(found, Path("unwritten"))
    axis = drawn[0].axes[0].yaxis
    low, high = sorted(axis.get_view_interval())
    labels = [label for label, at in zip(axis.get_ticklabels(), axis.get_ticklocs(), strict=True)
              if label.get_text() and low <= at <= high]  # fmt: skip
    assert 2 <= len(labels) <= 12


def test_the_heat_map_shows_the_coefficients(tmp_path: Path) -> None:
    """The largest is the darkest: other values make another picture."""
    model, state = fitted(FULL)
    table = junction_coefficients(model, state)
    assert draw_motifs(table, tmp_path / "a.png")
    assert draw_motifs(table.assign(value=table["value"] ** 3), tmp_path / "b.png")
    assert not np.array_equal(pixels(tmp_path / "a.png"), pixels(tmp_path / "b.png"))


def test_nothing_is_drawn_of_what_a_model_lacks(tmp_path: Path) -> None:
    model, state = fitted("null")
    table = junction_coefficients(model, state)
    assert not draw_motifs(table, tmp_path / "motif.png")
    assert not draw_coefficients(table, tmp_path / "coefficients.png")
    write_junction_artifacts(model, state, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "coefficients.tsv", "profiles.png", "microhomology.png"
    }  # fmt: skip


def test_profiles_are_the_marginals_of_predictions() -> None:
    """Where every class is observed: P(trim | gene), its pairs as often as they were seen."""
    model, state = fitted(SMALL, group=BOTH)
    b, data = state.arrays["b"], model.data
    table = prediction_table(model, b)
    names = data.pair_names()
    used = np.bincount(model.design.observation_pair, model.weights, len(data.left_of))
    of_pair = pd.Series(used, index=pd.MultiIndex.from_arrays(names, names=["v_gene", "j_gene"]))
    table["weight"] = (
        table["predicted_prob"]
        * of_pair.loc[pd.MultiIndex.from_frame(table[["v_gene", "j_gene"]])].to_numpy()
    )
    counts = pd.DataFrame(
        {
            "v_gene": names[0][data.observation_pair[data.entry_observation]],
            "j_gene": names[1][data.observation_pair[data.entry_observation]],
            "count": data.entry_count,
        }
    )
    for gene, trim, profile in zip(
        ("v_gene", "j_gene"), ("v_trim", "j_trim"), trim_profiles(model, b), strict=True
    ):
        assert profile.trim_type == trim
        expected = table.pivot_table("weight", gene, trim, "sum").loc[profile.genes]
        expected = expected.div(expected.sum(axis=1), axis=0)
        assert profile.predicted == pytest.approx(expected.to_numpy(), abs=1e-12)
        seen = counts.groupby(gene)["count"].sum() / counts["count"].sum()
        assert profile.share == pytest.approx(seen.loc[profile.genes].to_numpy())
        assert profile.observed.sum(axis=1) == pytest.approx(1)


@pytest.mark.parametrize("annotations", ["known", "all"])
def test_at_the_optimum_microhomology_is_as_observed(annotations: str) -> None:
    """A fitted feature's mean is the observed one: the condition of the optimum."""
    model, state = fitted(SMALL, annotations=annotations)
    found = microhomology_effect(model, state.arrays["b"])
    assert found.ligation is not None
    assert found.ligation.sum(axis=1) == pytest.approx(1)
    assert found.trims.sum(axis=1) == pytest.approx(1, abs=1e-6)
    bases = np.arange(found.ligation.shape[1])
    observed, predicted, without = found.ligation @ bases
    assert without < 0.7 * predicted
    average = found.trims @ found.average
    assert average[1] == pytest.approx(average[0], abs=2e-3)
    assert predicted == pytest.approx(observed, abs=0.02)
    values = np.unique(mean_mh(model.data.options).round(3))
    assert set(found.average) <= set(values)


def test_the_bootstrap_spreads_as_the_standard_errors_say() -> None:
    """On sequences that are independent, of a model that holds."""
    from distrib.trainables.vdj.ligation.family import TrimmingLigation

    model, state = fitted(SMALL, annotations="all")
    for of, name in (("sequences", "covariance"), ("clusters", "cluster_covariance")):
        rows = TrimmingLigation().bootstrap(
            model.config, state, model.data, WORKER, list(range(60)), of
        )
        errors = np.sqrt(np.diag(state.arrays[name]))
        spread = rows[["average_mh", "ligation_mh"]].std().to_numpy()
        assert spread / errors == pytest.approx([1, 1], abs=0.35), of
        assert rows["seed"].tolist() == list(range(60))
    again = TrimmingLigation().bootstrap(model.config, state, model.data, WORKER, [7], "clusters")
    assert again.iloc[0].to_dict() == pytest.approx(rows.iloc[7].to_dict(), abs=1e-8)


def test_a_profile_gives_its_most_used_genes() -> None:
    trims = np.arange(3)
    rows = np.eye(3)
    genes = np.array(["a", "b", "c"])
    top = Profiles("v_trim", genes, trims, np.array([0.2, 0.5, 0.3]), rows, rows).most_used(2)
    assert top.genes.tolist() == ["b", "c"]
    assert top.observed.tolist() == rows[[1, 2]].tolist()


def trimmed(**config: object) -> tuple[TrimmingConfig, State]:
    family = Trimming()
    made = TrimmingConfig.model_validate(config)
    *_, last = family.refit(made, family.load(TrimmingSource()), Worker(), None)
    return made, last.state()


def test_a_trimming_model_leaves_the_first_three(tmp_path: Path) -> None:
    family = Trimming()
    config, state = trimmed()
    notes = family.write_artifacts(
        config, state, family.load(TrimmingSource()), Worker(), tmp_path, ArtifactInputs()
    )
    assert {path.name for path in tmp_path.iterdir()} == {
        "coefficients.tsv", "coefficients.png", "motif.png", "profiles.png"
    }  # fmt: skip
    assert shows(tmp_path / "coefficients.png")
    assert shows(tmp_path / "profiles.png")
    assert "frequencies" in " ".join(notes)


def test_a_trimming_bootstrap_spreads_as_its_sandwich_says() -> None:
    family = Trimming()
    config, state = trimmed(feature_set="two-side-base-count")
    rows = family.bootstrap(
        config, state, family.load(TrimmingSource()), Worker(), list(range(100)), "clusters"
    )
    errors = np.sqrt(np.diag(state.arrays["cluster_covariance"]))
    ratio = rows.drop(columns="seed").std().to_numpy() / errors
    assert ratio == pytest.approx(np.ones(3), abs=0.3)


def test_data_of_trims_alone_have_no_ligation_to_show(tmp_path: Path) -> None:
    model, state = fitted("average-mh", group="nonproductive_v-j_trim")
    assert microhomology_effect(model, state.arrays["b"]).ligation is None
    write_junction_artifacts(model, state, tmp_path)
    assert shows(tmp_path / "microhomology.png")
    assert not junctions("known", "nonproductive_v-j_trim").ligation
