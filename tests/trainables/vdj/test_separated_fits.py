"""Fits to data that separate choices: no error, no p value, no bar, and the card says which."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("olga")

from distrib.data.vdj.germline.olga import read_genes
from distrib.data.vdj.germline.parameter_groups import find_group
from distrib.data.vdj.ligation.junction import JunctionData
from distrib.data.vdj.ligation.junction_build import build_junctions
from distrib.data.vdj.ligation.simulate import simulate_junctions
from distrib.data.vdj.prepare.prepared import Gene, Prepared
from distrib.data.vdj.trimming.cut_features import build_features, list_features
from distrib.data.vdj.trimming.trimming import TrimmingData
from distrib.trainables.base import State, Worker
from distrib.trainables.vdj.coefficient_pictures import draw_coefficients, draw_motifs
from distrib.trainables.vdj.ligation.artifacts import write_junction_artifacts
from distrib.trainables.vdj.ligation.em import TrimmingLigationEm
from distrib.trainables.vdj.ligation.family import TrimmingLigation
from distrib.trainables.vdj.ligation.model import JunctionModel
from distrib.trainables.vdj.ligation.tables import junction_coefficients
from distrib.trainables.vdj.trimming.coefficients import coefficients
from distrib.trainables.vdj.trimming.config import TrimmingSource
from distrib.trainables.vdj.trimming.family import Trimming

WORKER = Worker(precision="float64")
MOTIF = "motif_two-side-base-count-beyond"


@cache
def d_j() -> JunctionData:
    """Three D alleles, whose 3' ends are never cut behind a T; trims at random otherwise."""
    genes = {g.name: Gene(g.name, g.segment, g.sequence, g.anchor)
             for g in read_genes("human_T_beta")}  # fmt: skip
    rng, rows = np.random.default_rng(0), []
    d_genes = ["TRBD1*01", "TRBD2*01", "TRBD2*02"]
    j_genes = [name for name in genes if name.startswith("TRBJ")][:8]
    for subject in "ab":
        for d in d_genes:
            for j in j_genes:
                for _ in range(40):
                    trim = int(rng.integers(-2, len(genes[d].sequence) - 1))
                    kept = genes[d].sequence[: len(genes[d].sequence) - max(trim, 0)]
                    if not kept.endswith("T") and trim <= 14:
                        rows.append((subject, d, j, trim, int(rng.integers(-2, 15))))
    names = ["subject", "d_gene", "j_gene", "d3_trim", "j_trim"]
    counts = pd.DataFrame(rows, columns=names).groupby(names).size().rename("count").reset_index()
    prepared = Prepared(
        chain="TRB",
        group=find_group("nonproductive_d-j_trim"),
        trims=(-2, 14),
        genes={name: genes[name] for name in [*d_genes, *j_genes]},
        counts=counts.astype(dict.fromkeys(names[:3], "str")),
        origin={},
        notes=(),
    )
    return build_junctions(prepared, "known")


def fitted(
    family: TrimmingLigation, data: JunctionData, **config: object
) -> tuple[JunctionModel, State]:
    asked = family.Config(unidentifiable="drop", **config)
    *_, last = family.refit(asked, data, WORKER, None)
    state = last.state()
    return JunctionModel.of_state(asked, state, data), state


def names_of(table: pd.DataFrame, rows: pd.Series) -> set[str]:
    return {f"{r.trim_type}_{r.side}_{r.position}_{r.base}" for r in table[rows].itertuples()}


def test_a_d_j_fit_without_an_optimum_has_no_errors_there(tmp_path: Path) -> None:
    model, state = fitted(TrimmingLigation(), d_j(), model_type=MOTIF)
    table = junction_coefficients(model, state)
    lost = table["error"].isna()
    assert names_of(table, lost) == {f"d3_trim_5end_pos1_{base}" for base in "ACGT"}
    for column in ("cluster_error", "zscore", "pvalue", "adjusted_pvalue"):
        assert (table[column].isna() == lost).all(), column
    assert table.loc[lost, "value"].abs().max() > 10
    assert table.loc[~lost, "error"].max() < 2
    notes = write_junction_artifacts(model, state, tmp_path)
    (card,) = [note for note in notes if note.startswith("no finite optimum")]
    assert "d3_trim_motif_5end_pos1_T" in card and "--set l2=1 --set l2_on=all" in card
    replicates = pd.DataFrame(
        state.arrays["b"] + np.random.default_rng(0).normal(0, 0.1, (9, len(state.arrays["b"]))),
        columns=model.design.names,
    ).clip(-9, 9)
    resampled = junction_coefficients(model, state, replicates)
    assert (resampled["bootstrap_sd"].isna() == lost).all()
    assert (resampled["pvalue"].isna() == lost).all()


def test_no_bar_is_drawn_where_there_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from matplotlib.axes import Axes

    model, state = fitted(TrimmingLigation(), d_j(), model_type=MOTIF)
    table = junction_coefficients(model, state)
    drawn: list[np.ndarray] = []
    whole = Axes.errorbar

    def errorbar(self: Axes, x: pd.Series, y: np.ndarray, **more: object) -> object:
        drawn.append(np.stack([np.asarray(x, float), np.asarray(more["xerr"], float)]))
        return whole(self, x, y, **more)

    monkeypatch.setattr(Axes, "errorbar", errorbar)
    assert draw_coefficients(table, tmp_path / "coefficients.png")
    assert draw_motifs(table, tmp_path / "motif.png")
    values, errors = np.concatenate(drawn, axis=1)
    assert np.isnan(values).sum() == np.isnan(errors).sum() == 4
    assert np.nanmin(errors) > 0
    assert np.nanmax(np.abs(values)) < 10


def test_a_penalty_on_all_mends_it() -> None:
    model, state = fitted(TrimmingLigation(), d_j(), model_type=MOTIF, l2=1.0, l2_on="all")
    table = junction_coefficients(model, state)
    assert table["error"].notna().all() and table["value"].abs().max() < 10
    assert not any(note.startswith("no finite optimum") for note in state.values["notes"])
    on_mh, other = fitted(TrimmingLigation(), d_j(), model_type=MOTIF, l2=1.0)
    assert junction_coefficients(on_mh, other)["error"].isna().sum() == 4


@pytest.mark.parametrize("family", [TrimmingLigation(), TrimmingLigationEm()])
def test_data_without_microhomology_say_so(family: TrimmingLigation, tmp_path: Path) -> None:
    prepared = simulate_junctions(20_000, int_mh=0.0, lig_mh=-60.0, ligation="exponential",
                                  base="uniform", group="nonproductive_v-j_trim_ligation-mh",
                                  num_v=6, num_j=6, subjects=2, seed=0)  # fmt: skip
    data = build_junctions(prepared, family.annotations)
    model, state = fitted(family, data, model_type="ligation-mh")
    table = junction_coefficients(model, state).set_index("coefficient")
    assert table.loc["ligation_mh", "value"] < -10
    assert table.loc["ligation_mh", ["error", "cluster_error", "pvalue"]].isna().all()
    notes = write_junction_artifacts(model, state, tmp_path)
    (said,) = [note for note in notes if note.startswith("ligation_mh has no finite optimum")]
    assert "the data hold no microhomology (0 bases: 100.0% of the sequences" in said
    assert "1 bases: 0.0% of the sequences, 1" in said  # and what is offered


def test_a_trimming_model_without_an_optimum_names_its_coefficients() -> None:
    family = Trimming()
    data = family.load(TrimmingSource())
    assert data.weights is not None
    features = build_features(data.ends, data.trims, MOTIF, 1, 2)
    a = [f.name for f in list_features(MOTIF, 1, 2)].index("motif_5end_pos1_A")
    behind_t = (features[:, :, a : a + 3] == -1).all(axis=2)  # T, in sum coding
    assert 0.1 < behind_t.mean() < 0.5
    kept: TrimmingData = replace(data, weights=np.where(behind_t, 0.0, data.weights))
    *_, last = family.refit(family.Config(), kept, WORKER, None)
    table = coefficients(last.state())
    lost = table["cluster_error"].isna()
    assert lost.sum() == 4 and set(table.loc[lost, "base"]) == set("ACGT")
    assert set(table.loc[lost, "position"]) == {"pos1"}
    assert any("no finite optimum" in note and "--set l2=1" in note
               for note in last.state().values["notes"])  # fmt: skip
    *_, mended = family.refit(family.Config(l2=1.0), kept, WORKER, None)
    assert coefficients(mended.state())["cluster_error"].notna().all()
