"""Columns of a table of responses that are no genes: cell counts, p values, other scales."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from distrib.data.screens.expression import ExpressionFiles, read_expression
from distrib.data.screens.screen_checks import metadata_columns
from distrib.data.screens.screen_reader import load_screen
from distrib.errors import InputError

ROWS, GENES = 30, [f"ENSG{i:011d}" for i in range(8)]
RNG = np.random.default_rng(0)


def table(**more: object) -> pd.DataFrame:
    values = pd.DataFrame(RNG.normal(size=(ROWS, len(GENES))), columns=GENES)
    ids = pd.DataFrame({"gene_id": [f"T{i}" for i in range(ROWS)]})
    return pd.concat([ids, pd.DataFrame(more, index=ids.index), values], axis=1)


def files(folder: Path, frame: pd.DataFrame) -> ExpressionFiles:
    frame.to_csv(folder / "targets.csv", index=False)
    np.savez(folder / "embeddings.npz", ids=frame["gene_id"].to_numpy(str),
             embeddings=RNG.normal(size=(ROWS, 4)).astype(np.float32))  # fmt: skip
    return ExpressionFiles(folder / "targets.csv", folder / "embeddings.npz")


CELLS = RNG.integers(50, 500, ROWS)


@pytest.mark.parametrize("top", [None, 3])
def test_a_count_of_cells_is_no_gene(tmp_path: Path, top: int | None) -> None:
    notes: list[str] = []
    asked = files(tmp_path, table(n_cells=CELLS, padj=RNG.uniform(size=ROWS)))
    screen = read_expression(asked, notes, top_genes=top)
    assert set(screen.columns.tolist()) <= set(GENES)
    assert len(screen.columns) == (top or len(GENES))
    assert any("2 of 10 columns of targets.csv are no genes by their names and were left out: "
               "n_cells, padj" in note for note in notes)  # fmt: skip


@pytest.mark.parametrize("top", [None, 1])
def test_a_column_of_another_scale_is_told(tmp_path: Path, top: int | None) -> None:
    notes: list[str] = []
    screen = read_expression(files(tmp_path, table(cellularity=CELLS)), notes, top_genes=top)
    assert "cellularity" in screen.columns
    (note,) = [n for n in notes if "times as large" in n]
    low, high = CELLS.min(), CELLS.max()
    assert note.startswith("cellularity of targets.csv is ")
    assert f"(whole numbers from {low} to {high})" in note


def test_a_folder_for_any_model_is_told_and_kept(tmp_path: Path) -> None:
    files(tmp_path, table(n_cells=CELLS))
    screen = load_screen(tmp_path)
    assert "n_cells" in screen.columns
    assert any("no genes by their names: n_cells" in note for note in screen.notes)
    assert any(note.startswith("n_cells of targets.csv is ") for note in screen.notes)


def test_responses_of_like_scale_are_not_told(tmp_path: Path) -> None:
    frame = table()
    frame[GENES[0]] *= 30
    frame[GENES[1]] = 0.0
    frame.loc[3:9, GENES[2]] = np.nan
    notes: list[str] = []
    read_expression(files(tmp_path, frame), notes)
    assert not any("times as large" in note for note in notes)


def test_a_table_without_genes_is_refused(tmp_path: Path) -> None:
    frame = table(n_cells=CELLS)[["gene_id", "n_cells"]]
    with pytest.raises(InputError, match="no column of genes") as told:
        read_expression(files(tmp_path, frame), [])
    assert "n_cells" in str(told.value) and "targets.csv" in str(told.value)


@pytest.mark.parametrize(
    "word",
    ["Unnamed: 9", "S_score", "G2M_score", "S.Score", "leiden", "louvain_r1", "UMI", "dose",
     "mt_frac", "percent_mito", "seurat_clusters", "phase", "predicted_doublets", "UMAP_1"],
)  # fmt: skip
def test_words_of_cells_are_no_genes(word: str) -> None:
    assert metadata_columns(np.array([word])).all()


@pytest.mark.parametrize("gene", ["PC", "PHAX", "UMOD", "DOCK1", "MOB1A", "S100A8", "MTRF1", "CLU"])
def test_genes_that_begin_like_them_are_genes(gene: str) -> None:
    assert not metadata_columns(np.array([gene])).any()


def test_names_of_genes_are_genes() -> None:
    words = ["n_cells", "nCount_RNA", "pct_counts_mt", "total_counts", "baseMean", "padj", "pvalue",
             "p_val_adj", "log2FoldChange", "lfcSE", "FDR", "stat_z"]  # fmt: skip
    assert metadata_columns(np.array(words)).tolist() == [True] * 11 + [False]
    genes = ["TP53", "STAT1", "PADI4", "FDXR", "BATF", "NCOUNT", "MT-ND1", "ENSG00000141510", "DES"]
    assert not metadata_columns(np.array(genes)).any()
