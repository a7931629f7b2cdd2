"""`distrib.prepare expression` on what labs have: long tables, guides, names, cells."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from distrib.data.screens.screen import Screen
from distrib.data.screens.screen_reader import load_screen
from distrib.prepare import main

H5AD = Path(__file__).parents[1] / "assets" / "h5ad"
NAMES = [f"G{i}" for i in range(6)]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Embeddings of six perturbations by name and by id, and a table of both."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(6, 3)).astype(np.float32)
    ids = [f"ENSG{i:011d}" for i in range(6)]
    np.savez(tmp_path / "named.npz", ids=np.array(NAMES), embeddings=values)
    np.savez(tmp_path / "ensembl.npz", ids=np.array(ids), embeddings=values)
    pd.DataFrame({"gene_name": NAMES, "gene_id": ids, "chrom": "chr1"}).to_csv(
        tmp_path / "tf_sequences.csv", index=False
    )
    return tmp_path


def prepare(home: Path, *words: object, embeddings: str = "named.npz") -> Screen:
    said = ["expression", "--embeddings", home / embeddings, "--out", home / "screen", *words]
    assert main([str(word) for word in said]) == 0
    return load_screen(home / "screen")


def refused(
    home: Path, capsys: pytest.CaptureFixture[str], *words: object, embeddings: str = "named.npz"
) -> str:
    said = ["expression", "--embeddings", home / embeddings, "--out", home / "screen", *words]
    assert main([str(word) for word in said]) == 2
    assert not (home / "screen").exists()
    return capsys.readouterr().err


def cells(file: Path, *more: object) -> list[object]:
    return ["--targets", file, "--perturbation-column", "gene", "--control", "non-targeting", *more]


# Cells.


def rewritten(home: Path, how: str) -> Path:
    """The same cells in an older or another form."""
    path = home / f"{how}.h5ad"
    with h5py.File(H5AD / "csr.h5ad") as old, h5py.File(path, "w") as new:
        for name in ("var", "layers"):
            old.copy(name, new)
        new.create_group("obs").attrs.update(old["obs"].attrs)
        old.copy("obs/_index", new["obs"])
        codes, categories = old["obs/gene/codes"][:], old["obs/gene/categories"][:]
        new["obs/__categories/gene"] = categories
        new["obs/gene"] = codes
        new["obs/gene"].attrs["categories"] = new["obs/__categories/gene"].ref
        x = old["X"]
        dense = np.zeros(x.attrs["shape"])
        ends = x["indptr"][:]
        for row, (a, b) in enumerate(pairwise(ends)):
            dense[row, x["indices"][a:b]] = x["data"][a:b]
        if how == "csc":
            group = new.create_group("X")
            group.attrs.update({"encoding-type": "csc_matrix", "shape": dense.shape})
            genes, rows = np.nonzero(dense.T)
            group["data"], group["indices"] = dense.T[genes, rows], rows
            group["indptr"] = np.searchsorted(genes, np.arange(dense.shape[1] + 1))
        else:
            new["X"] = dense.astype(np.float32)
    return path


@pytest.mark.parametrize("form", ["csr", "dense", "csc", "old"])
def test_cells_become_differences_to_control(form: str, home: Path) -> None:
    """Files of anndata itself, against the means of pandas."""
    asset = H5AD / f"{form}.h5ad"
    screen = prepare(home, *cells(asset if asset.exists() else rewritten(home, form)))
    expected = pd.read_csv(H5AD / "expected_difference.csv", index_col=0)
    assert screen.targets is not None and screen.weights is not None and screen.halves is not None
    assert screen.ids.tolist() == NAMES
    wanted = expected.loc[NAMES, screen.columns.tolist()].to_numpy()
    np.testing.assert_allclose(screen.targets, wanted, atol=1e-5)
    assert screen.weights.tolist() == [4.0, 5, 6, 7, 8, 9]
    assert np.isfinite(screen.halves).all()
    assert not np.allclose(screen.halves[0], screen.halves[1])
    n = screen.weights  # both halves beside the whole control: they come to the whole
    shares = np.stack([np.ceil(n / 2), n // 2])[:, :, None] / n[:, None]
    np.testing.assert_allclose((shares * screen.halves).sum(axis=0), screen.targets, atol=1e-4)


def test_log_fold_changes_of_counts(home: Path) -> None:
    screen = prepare(home, *cells(H5AD / "csr.h5ad", "--effect", "lfc"))
    expected = pd.read_csv(H5AD / "expected_lfc.csv", index_col=0)
    wanted = expected.loc[NAMES, screen.columns.tolist()].to_numpy()
    np.testing.assert_allclose(screen.targets, wanted, atol=1e-5)


def test_a_layer_and_what_is_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    screen = prepare(home, *cells(H5AD / "csr.h5ad", "--layer", "log"))
    told = capsys.readouterr().out
    assert "1 of 79 cells of csr.h5ad have no gene and were left out" in told
    assert "39 cells of 6 perturbations and 39 of non-targeting: 6 on the median, 4 to 9" in told
    assert screen.targets is not None and np.abs(screen.targets).max() < 1.5


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--perturbation-column", "genes", "--control", "non-targeting"],
         ["no column 'genes' in obs", "gene, guide, n", "gene"]),
        (["--perturbation-column", "gene", "--control", "nontargeting"],
         ["none has 'nontargeting'", "79 cells", "non-targeting"]),
        (["--perturbation-column", "gene"], ["no control to take differences to", "--control"]),
        (["--perturbation-column", "gene", "--control", "G2"],
         ["csr.h5ad, --control: the control 'G2' is also a perturbation", "6 ids of named.npz"]),
        (["--perturbation-column", "gene", "--control", "non-targeting", "--layer", "logs"],
         ["no layer 'logs'", "log"]),
        ([], ["which column of the cells", "--perturbation-column"]),
        (["--row", "a"], ["an .h5ad is no long table"]),
    ],
)  # fmt: skip
def test_cells_that_cannot_be_read_so(
    words: list[str], said: list[str], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = refused(home, capsys, "--targets", H5AD / "csr.h5ad", *words)
    assert all(part in told for part in said), told


def test_no_h5ad_at_all(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "text.h5ad").write_text("gene,value\n")
    assert "not a readable .h5ad file" in refused(home, capsys, *cells(home / "text.h5ad"))
    with h5py.File(home / "other.h5ad", "w") as file:
        file["X"] = np.zeros((2, 2))
    assert "no obs, var" in refused(home, capsys, *cells(home / "other.h5ad"))


def damaged(home: Path, how: str) -> Path:
    """A file whose parts are of different lengths."""
    path = home / "damaged.h5ad"
    with h5py.File(H5AD / "csr.h5ad") as old, h5py.File(path, "w") as new:
        for name in ("X", "obs", "var", "layers"):
            old.copy(name, new)
        if how in ("obs", "var"):
            index = new[how][new[how].attrs["_index"]]
            name, values = index.name, index[:-1]
            del new[name]
            new[name] = values
        elif how == "gene":
            codes = new["obs/gene/codes"][:-1]
            del new["obs/gene/codes"]
            new["obs/gene/codes"] = codes
        elif how == "indptr":
            ends = new["X/indptr"][:-1]
            del new["X/indptr"]
            new["X/indptr"] = ends
        elif how == "layer":
            del new["layers/log"]
            new["layers/log"] = np.zeros((79, 3))
        else:
            del new["X"]
            new["X"] = np.zeros(79)
    return path


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("obs", ["the index of obs: not as long as X", "78 cells", "79, as X has"]),
        ("var", ["the index of var: not as long as X", "genes"]),
        ("gene", ["column 'gene' of obs: not as long as X", "78 cells"]),
        ("indptr", ["indptr of X, less one: not as long as X", "78 lines"]),
        ("layer", ["layer 'log': not as long as X", "3 genes"]),
        ("flat", ["no matrix of cells by genes", "shape (79,)"]),
    ],
)
def test_parts_of_different_lengths(
    how: str, said: list[str], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = refused(home, capsys, *cells(damaged(home, how), "--layer", "log"))
    assert all(part in told for part in said), told


# Long tables.

LONG = ["--row", "guide", "--column", "gene", "--value", "log2fc"]


def long_table(home: Path, more: str = "", skip: int | None = None) -> Path:
    lines = ["guide,gene,log2fc,se,weight"]
    for i, name in enumerate(NAMES):
        lines += [f"{name},T{g},{i + 0.1 * g},0.5,2" for g in range(4) if (i, g) != (2, skip)]
    (home / "effects_long.csv").write_text("\n".join(lines) + "\n" + more)
    return home / "effects_long.csv"


def test_a_long_table_is_laid_out(home: Path) -> None:
    screen = prepare(home, "--targets", long_table(home, skip=3), *LONG)
    assert screen.targets is not None
    expected = np.add.outer(np.arange(6), 0.1 * np.arange(4))
    expected[2, 3] = np.nan
    np.testing.assert_allclose(screen.targets, expected, atol=1e-6)
    assert screen.columns.tolist() == ["T0", "T1", "T2", "T3"]
    assert screen.halves is None


def test_two_values_of_a_cell(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = long_table(home, "G1,T2,7.2,0.25,6\nG1,T0,3,1,1\n")
    told = refused(home, capsys, "--targets", file, *LONG)
    for part in ("2 cells have more than one value, 4 in all", "G1, T0: 2 values", "--aggregate"):
        assert part in told
    by_mean = prepare(home, "--targets", file, *LONG, "--aggregate", "mean").targets
    assert by_mean is not None
    assert by_mean[1, 2] == pytest.approx((1.2 + 7.2) / 2)


@pytest.mark.parametrize(
    ("words", "value"),
    [
        (["--aggregate", "mean", "--weights", "weight"], (2 * 1.2 + 6 * 7.2) / 8),
        (["--aggregate", "se", "--standard-errors", "se"], (4 * 1.2 + 16 * 7.2) / 20),
    ],
)
def test_values_are_weighed(words: list[str], value: float, home: Path) -> None:
    file = long_table(home, "G1,T2,7.2,0.25,6\n")
    screen = prepare(home, "--targets", file, *LONG, *words)
    assert screen.targets is not None and screen.halves is not None
    assert screen.targets[1, 2] == pytest.approx(value)
    assert screen.halves[:, 1, 2].tolist() == pytest.approx([1.2, 7.2])
    assert np.isnan(screen.halves).sum() == 2 * (24 - 1)


@pytest.mark.parametrize(
    ("words", "weight"),
    [
        (["--aggregate", "se", "--standard-errors", "se"], 4 / (3 / 4 + 1 / 20)),
        (["--aggregate", "mean", "--weights", "weight"], 4 / (3 / 2 + 1 / 8)),
        (["--aggregate", "mean"], 4 / (3 + 1 / 2)),
    ],
)
def test_weights_of_rows_are_kept_where_asked(
    words: list[str], weight: float, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One over the mean squared standard error of a row's values, or as of such weights."""
    file = long_table(home, "G1,T2,7.2,0.25,6\n", skip=3)
    assert prepare(home, "--targets", file, *LONG, *words).weights is None
    (home / "screen").rename(home / "plain")
    capsys.readouterr()
    screen = prepare(home, "--targets", file, *LONG, *words, "--keep-weights")
    assert screen.weights is not None and screen.targets is not None
    assert screen.weights[1] == pytest.approx(weight)
    assert np.isnan(screen.targets[2]).sum() == 1  # what is not there has no part in it
    alone = {"se": 4, "weight": 2}.get(words[-1], 1)
    np.testing.assert_allclose(np.delete(screen.weights, 1), alone)
    assert "a weight of each perturbation is kept" in capsys.readouterr().out


def test_weights_of_a_table_of_perturbations_are_kept(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = pd.DataFrame({f"T{g}": np.arange(6.0) + g for g in range(3)})
    table.insert(0, "id", NAMES)
    errors = table.copy()
    errors.iloc[:, 1:] = np.random.default_rng(0).uniform(0.5, 2, size=(6, 3))
    errors.to_csv(home / "errors.csv", index=False)
    table.insert(1, "trust", [5, 4, 3, 0, 1, 0.5])
    control = pd.DataFrame([["nothing", 9, 0, 0, 0]], columns=table.columns)
    pd.concat([control, table]).to_csv(home / "wide.csv", index=False)
    words = ["--targets", home / "wide.csv"]
    told = refused(home, capsys, *words, "--weights", "trust")
    assert "--keep-weights, to train by them" in told
    told = refused(home, capsys, *words, "--keep-weights")
    assert "nothing says what a perturbation rests upon" in told
    screen = prepare(home, *words, "--weights", "trust", "--keep-weights", "--control", "nothing")
    assert screen.weights is not None
    assert screen.ids.tolist() == NAMES
    assert screen.weights.tolist() == pytest.approx([5, 4, 3, 0, 1, 0.5])
    assert screen.columns.tolist() == ["T0", "T1", "T2"]
    (home / "screen").rename(home / "first")
    table.drop(columns="trust").to_csv(home / "wide.csv", index=False)
    by_error = ["--aggregate", "se", "--standard-errors", home / "errors.csv"]
    screen = prepare(home, *words, *by_error, "--keep-weights")
    assert screen.weights is not None
    expected = 1 / np.square(errors.iloc[:, 1:].to_numpy()).mean(axis=1)
    np.testing.assert_allclose(screen.weights, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("line", "words", "said"),
    [
        ("G1,T2,7.2,0.25,-6", ["--weights", "weight"], ["negative", "row 26", "one of 1 such"]),
        ("G1,T2,7.2,0.25,", ["--weights", "weight"], ["weight that is missing", "row 26"]),
        ("G1,T2,7.2,0,6", ["--aggregate", "se", "--standard-errors", "se"], ["not above 0"]),
        ("G1,T2,7.2,0.25,6", ["--aggregate", "se"], ["no standard errors", "--standard-errors"]),
        ("G1,T2,7.2,0.25,6", ["--weights", "cells"], ["no column 'cells'"]),
        (",T2,7.2,0.25,6", [], ["a line without guide", "row 26"]),
    ],
)
def test_lines_that_cannot_be_used(
    line: str, words: list[str], said: list[str], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = [] if "--aggregate" in words else ["--aggregate", "mean"]
    file = long_table(home, line + "\n")
    told = refused(home, capsys, "--targets", file, *LONG, *more, *words)
    assert all(part in told for part in said), told


def test_half_a_long_form(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = refused(home, capsys, "--targets", long_table(home), "--row", "guide")
    assert "--row, --column and --value" in told


# Guides, gaps, ids.


def test_guides_are_made_one(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    guides = pd.DataFrame({f"T{g}": np.arange(12.0) + g for g in range(3)})
    guides.insert(0, "target", np.repeat(NAMES, 2))
    guides.insert(0, "id", [f"guide{i}" for i in range(12)])
    guides.insert(2, "n_guide_cells", [1, 3] * 6)
    guides.to_csv(home / "guides.csv", index=False)
    words = ["--targets", home / "guides.csv", "--perturbation-column", "target"]
    screen = prepare(home, *words, "--weights", "n_guide_cells", "--aggregate", "mean")
    assert screen.targets is not None and screen.halves is not None
    expected = (guides["T0"][::2].to_numpy() + 3 * guides["T0"][1::2].to_numpy()) / 4
    np.testing.assert_allclose(screen.targets[:, 0], expected)
    np.testing.assert_allclose(screen.halves[1, :, 2], guides["T2"][1::2])
    assert "12 measurements were pooled into a row for each of 6 names" in capsys.readouterr().out


def test_gaps_are_told_and_few_values_left_out(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = np.arange(30.0).reshape(6, 5)
    values[1:, 4] = np.nan  # a gene that is measured once
    values[5, 1:] = np.nan
    table = pd.DataFrame(values, columns=[f"T{g}" for g in range(5)])
    table.insert(0, "id", NAMES)
    table.to_csv(home / "sparse.csv", index=False)
    screen = prepare(home, "--targets", home / "sparse.csv", "--min-values", "2")
    told = capsys.readouterr().out
    assert "1 of 6 perturbations have fewer than 2 values and were left out: G5" in told
    assert "1 of 5 genes have fewer than 2 values and were left out: T4" in told
    assert screen.ids.tolist() == NAMES[:5] and screen.columns.tolist() == ["T0", "T1", "T2", "T3"]
    (home / "screen").rename(home / "first")
    prepare(home, "--targets", home / "sparse.csv")
    told = capsys.readouterr().out
    assert "8 of 30 values of sparse.csv (26.67%) are missing" in told
    assert "(1 to 5 of 5)" in told and "constant" not in told
    assert "1 of 5 targets is measured once, where no model can be told from another: T4" in told
    (home / "screen").rename(home / "second")
    told = refused(home, capsys, "--targets", home / "sparse.csv", "--min-values", "9")
    assert "nothing has so many values" in told


def test_one_gap_is_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = np.arange(60.0).reshape(6, 10)
    values[3, 4] = np.nan
    table = pd.DataFrame(values, columns=[f"T{g}" for g in range(10)])
    table.insert(0, "id", NAMES)
    table.to_csv(home / "gap.csv", index=False)
    prepare(home, "--targets", home / "gap.csv")
    assert "1 of 60 values of gap.csv (1.67%) is missing" in capsys.readouterr().out


def guides(home: Path, control: bool = False) -> Path:
    table = pd.DataFrame({f"T{g}": np.arange(14.0) + g for g in range(3)})
    table.insert(0, "target", np.repeat([*NAMES, "non-targeting"], 2))
    table.insert(0, "id", [f"guide{i}" for i in range(14)])
    table[: 14 if control else 12].to_csv(home / "wide.csv", index=False)
    return home / "wide.csv"


def test_several_rows_of_guides_are_refused_as_lines_are(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--targets", guides(home), "--perturbation-column", "target"]
    told = refused(home, capsys, *words)
    assert "6 perturbations have more than one row, 12 in all" in told
    assert "G0: 2 rows" in told and "--aggregate mean takes their mean" in told
    assert len(prepare(home, *words, "--aggregate", "mean")) == 6


def test_a_control_of_a_table_is_left_out(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--targets", guides(home, True), "--perturbation-column", "target"]
    words += ["--aggregate", "mean", "--control"]
    told = refused(home, capsys, *words, "nontargeting")
    assert "no row is the control" in told and "did you mean 'non-targeting'?" in told
    screen = prepare(home, *words, "non-targeting")
    told = capsys.readouterr().out
    assert "14 measurements were pooled into a row for each of 7 names" in told
    assert "6 perturbations are left; nothing is subtracted" in told
    assert screen.targets is not None and screen.targets[:, 0].tolist() == [
        0.5,
        2.5,
        4.5,
        6.5,
        8.5,
        10.5,
    ]


def named_targets(home: Path) -> Path:
    table = pd.DataFrame(np.arange(24.0).reshape(6, 4), columns=["T0", "T1", "T2", "T3"])
    table.insert(0, "gene_name", NAMES)
    table.to_csv(home / "named.csv", index=False)
    return home / "named.csv"


@pytest.mark.parametrize("embeddings", ["named.npz", "ensembl.npz"])
def test_names_are_made_ids(embeddings: str, home: Path) -> None:
    """Targets by name, embeddings by name or id: the original's files."""
    words = ["--ids", home / "tf_sequences.csv", "--id-column", "gene_name"]
    screen = prepare(home, "--targets", named_targets(home), *words, embeddings=embeddings)
    assert screen.ids.tolist() == [f"ENSG{i:011d}" for i in range(6)]
    assert screen.targets is not None and screen.targets[3, 1] == 13


def test_another_column_holds_the_ids(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = pd.DataFrame({"id": [f"row{i}" for i in range(6)], "symbol": NAMES, "T0": range(6)})
    table["T1"] = table["T0"] * 2.0
    table.to_csv(home / "odd.csv", index=False)
    told = refused(home, capsys, "--targets", home / "odd.csv")
    assert "no id in common" in told
    assert "6 would match by --id-column symbol of odd.csv" in told
    screen = prepare(home, "--targets", home / "odd.csv", "--id-column", "symbol")
    assert screen.ids.tolist() == NAMES and screen.columns.tolist() == ["T0", "T1"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("G1,ENSG00000000777,chr1", ["'G1' stands for two ids", "row 8"]),
        ("OTHER,ENSG00000000001,chr1", ["'ENSG00000000001' has two names", "row 8"]),
    ],
)
def test_a_map_that_says_two_things(
    line: str, said: list[str], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (home / "tf_sequences.csv").open("a") as file:
        file.write(line + "\n")
    words = ["--ids", home / "tf_sequences.csv", "--id-column", "gene_name"]
    told = refused(home, capsys, "--targets", named_targets(home), *words)
    assert all(part in told for part in said), told


def test_a_long_table_has_its_hint(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The option that is named is one of the form, and works."""
    lines = [
        f"{name}_g{g},{name},T{t},{t * i + g}"
        for i, name in enumerate(NAMES)
        for g in (0, 1)
        for t in range(3)
    ]
    (home / "guides.csv").write_text("\n".join(["guide,target,gene,log2fc", *lines]) + "\n")
    words = ["--targets", home / "guides.csv", "--column", "gene", "--value", "log2fc"]
    told = refused(home, capsys, *words, "--row", "guide")
    assert "6 would match by --row target of guides.csv" in told and "--id-column" not in told
    told = refused(home, capsys, *words, "--row", "guide", "--id-column", "target")
    assert "--id-column: a long table names its perturbations by --row" in told
    screen = prepare(home, *words, "--row", "target", "--aggregate", "mean")
    assert screen.ids.tolist() == NAMES


def test_cells_have_no_column_of_ids(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = refused(home, capsys, *cells(H5AD / "csr.h5ad", "--id-column", "guide"))
    assert "--id-column: cells name what was perturbed by --perturbation-column" in told


def test_a_second_column_of_words(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Names, then ids, then genes: which option takes the ids."""
    table = pd.read_csv(named_targets(home))
    table.insert(1, "ensembl", [f"ENSG{i:011d}" for i in range(6)])
    table.to_csv(home / "both.csv", index=False)
    table.to_parquet(home / "both.parquet", index=False)
    for name in ("both.csv", "both.parquet"):
        told = refused(home, capsys, "--targets", home / name, embeddings="ensembl.npz")
        assert "column 'ensembl': names or ids where numbers of a gene are expected" in told
        assert "--id-column ensembl takes the ids from it" in told
        words = ["--ids", home / "tf_sequences.csv"]
        told = refused(home, capsys, "--targets", home / name, *words, embeddings="ensembl.npz")
        assert "--id-column ensembl, without --ids, takes the ids from it" in told
    table["ensembl"] = np.repeat(NAMES[:3], 2)
    table.to_csv(home / "guides.csv", index=False)
    told = refused(home, capsys, "--targets", home / "guides.csv")
    assert "--perturbation-column ensembl makes rows of one name one" in told
    words = ["--targets", home / "both.csv", "--id-column", "ensembl"]
    screen = prepare(home, *words, embeddings="ensembl.npz")
    assert screen.targets is not None and screen.targets[3, 1] == 13


def test_marks_for_what_is_missing_are_no_words(home: Path) -> None:
    lines = [f"{name},{'NA' if i % 2 else 'N/A'},{i}" for i, name in enumerate(NAMES)]
    (home / "gaps.csv").write_text("\n".join(["id,T0,T1", *lines]) + "\n")
    screen = prepare(home, "--targets", home / "gaps.csv")
    assert screen.targets is not None and np.isnan(screen.targets[:, 0]).all()


@pytest.mark.parametrize("form", ["wide", "cells"])
def test_sequences_hold_the_map(form: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Names in the targets, ids in the embeddings, and both in the table of sequences."""
    table = pd.read_csv(home / "tf_sequences.csv").assign(sequence="ACGTACGTACGT")
    table.to_csv(home / "tf_sequences.csv", index=False)
    words = ["--targets", named_targets(home)] if form == "wide" else cells(H5AD / "csr.h5ad")
    words += ["--sequences", home / "tf_sequences.csv"]
    told = refused(home, capsys, *words, embeddings="ensembl.npz")
    said = ["--ids", home / "tf_sequences.csv", "--id-column", "gene_name"]
    assert "6 would match by " + " ".join(map(str, said)) in told
    screen = prepare(home, *words, *said, embeddings="ensembl.npz")
    assert screen.ids.tolist() == [f"ENSG{i:011d}" for i in range(6)]


def test_a_map_without_ids(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "names.csv").write_text("gene_name,chrom\nG0,chr1\n")
    words = ["--ids", home / "names.csv", "--id-column", "gene_name"]
    told = refused(home, capsys, "--targets", named_targets(home), *words)
    assert "no column of ids beside the names" in told and "did you mean" not in told


def test_a_map_without_names(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--ids", home / "tf_sequences.csv", "--id-column", "gene_nam"]
    told = refused(home, capsys, "--targets", named_targets(home), *words)
    assert "no column 'gene_nam' of names" in told and "gene_name" in told
