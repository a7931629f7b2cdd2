"""Screens out of the files that labs keep: what they give, what is told of them, what is refused.

And that what is written of a screen is read again as the same screen.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distrib.data.screens.expression import ExpressionFiles, read_expression
from distrib.data.screens.screen import Screen
from distrib.data.screens.screen_reader import load_screen
from distrib.data.screens.screen_writer import write_screen
from distrib.errors import InputError

ROWS, GENES, WIDTH = 8, 12, 4
NAMES = [f"ENSG{number:011d}" for number in range(GENES)]
TFS = NAMES[:ROWS]  # perturbations that are read out themselves, as the original's
OTHERS = [f"ENSG{number:011d}" for number in range(90, 97)]
RNG = np.random.default_rng(0)
TARGETS = RNG.normal(size=(ROWS, GENES)).astype(np.float32)
TARGETS[1, 2] = np.nan
VECTORS = RNG.normal(size=(ROWS + 7, WIDTH)).astype(np.float32)
GENE_VECTORS = RNG.normal(size=(GENES, 3)).astype(np.float32)
WORDS = ["".join(RNG.choice(list("ACGTN"), size=9 + row)) for row in range(ROWS)]
ORDER = RNG.permutation(ROWS + 7)  # of the file of embeddings
FOLDS = np.array([2, 2, 0, 0, 1, 1, 3, 3])
RESPONDING = RNG.random((ROWS, GENES)) < 0.3


def targets_frame() -> pd.DataFrame:
    frame = pd.DataFrame(TARGETS, columns=NAMES)
    frame.insert(0, "gene_id", TFS)
    frame.insert(0, "gene_name", [f"TF{row}" for row in range(ROWS)])
    return frame


def sequences_frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "gene_name": [f"TF{row}" for row in range(ROWS)],
            "gene_id": TFS,
            "chrom": "chr1",
            "tss": np.arange(ROWS) * 1000,
            "strand": "+",
            "sequence": WORDS,
        }
    )[::-1]


@pytest.fixture
def files(tmp_path: Path) -> ExpressionFiles:
    """Those of the original, small: embeddings of more perturbations than have targets."""
    targets_frame().to_csv(tmp_path / "targets_377.csv", index=False)
    np.save(tmp_path / "tf_embeddings.npy", VECTORS[ORDER])
    np.save(tmp_path / "tf_ids.npy", np.array([*TFS, *OTHERS])[ORDER])
    return ExpressionFiles(
        targets=tmp_path / "targets_377.csv",
        embeddings=tmp_path / "tf_embeddings.npy",
        embedding_ids=tmp_path / "tf_ids.npy",
    )


def with_everything(files: ExpressionFiles) -> ExpressionFiles:
    folder = files.targets.parent
    np.save(folder / "gene_embeddings.npy", GENE_VECTORS[::-1])
    (folder / "gene_index.txt").write_text("\n".join(NAMES[::-1]) + "\n")
    sequences_frame().to_csv(folder / "tf_sequences.csv", index=False)
    folds = [tuple(np.flatnonzero((f == FOLDS) == held) for held in (0, 1)) for f in range(4)]
    splits = {"method": "5fold", "n_splits": 4, "fold_splits": folds, "total_samples": ROWS}
    (folder / "cv_splits_5fold_42.pkl").write_bytes(pickle.dumps(splits, protocol=4))
    groups = pd.DataFrame({"id": TFS, "group": list("aabbccdd")})
    groups.to_csv(folder / "groups.csv", index=False)
    responding = pd.DataFrame(RESPONDING.astype(int), index=pd.Index(TFS, name="id"), columns=NAMES)
    responding.iloc[::-1, ::-1].to_csv(folder / "responding.csv")
    return replace(
        files,
        gene_embeddings=folder / "gene_embeddings.npy",
        gene_embedding_ids=folder / "gene_index.txt",
        sequences=folder / "tf_sequences.csv",
        splits=folder / "cv_splits_5fold_42.pkl",
        groups=folder / "groups.csv",
        responding=folder / "responding.csv",
    )


def test_the_files_of_the_original_give_a_screen(files: ExpressionFiles) -> None:
    notes: list[str] = []
    screen = read_expression(with_everything(files), notes)
    assert screen.ids.tolist() == TFS
    assert screen.columns.tolist() == NAMES
    assert screen.targets is not None and screen.targets.dtype == np.float32
    np.testing.assert_array_equal(screen.targets, TARGETS)
    np.testing.assert_array_equal(screen.inputs, VECTORS[:ROWS])
    np.testing.assert_array_equal(screen.gene_inputs, GENE_VECTORS)
    assert screen.sequences is not None
    assert screen.sequences.tolist() == [word.encode() for word in WORDS]
    np.testing.assert_array_equal(screen.folds, FOLDS)
    assert screen.groups.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert screen.responding is not None and screen.responding.dtype == bool
    np.testing.assert_array_equal(screen.responding, RESPONDING)
    assert notes == [
        "7 of 15 ids of tf_ids.npy are not in targets_377.csv and were left out: "
        + ", ".join(np.array([*TFS, *OTHERS])[ORDER][ORDER >= ROWS][:5])
        + ", ...",
        "1 of 96 values of targets_377.csv (1.04%) is missing: a perturbation has 12 on the median "
        "(11 to 12 of 12), a gene 8 (7 to 8 of 8); --min-values N leaves out what has fewer",
    ]


@pytest.mark.parametrize(
    ("first", "ending"),
    [
        ("", "csv"),
        ("", "tsv"),
        ("gene_id", "csv.gz"),
        ("gene_id", "parquet"),
        ("gene", "csv"),
        ("perturbation", "tsv"),
        ("perturbation", "parquet"),
    ],
)
def test_targets_of_every_form_are_the_same(
    files: ExpressionFiles, first: str, ending: str
) -> None:
    """The closed form's file has an index without a name, and no names of genes."""
    frame = targets_frame().drop(columns="gene_name").rename(columns={"gene_id": first})
    path = files.targets.with_name(f"targets_377_overlap.{ending}")
    if ending == "parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, index=False, sep="\t" if ending == "tsv" else ",")
    screen = read_expression(replace(files, targets=path), [])
    assert screen.fingerprint() == read_expression(files, []).fingerprint()


def test_embeddings_of_every_form_are_the_same(files: ExpressionFiles) -> None:
    folder, names = files.targets.parent, np.array([*TFS, *OTHERS])[ORDER]
    (folder / "ids.txt").write_text("\n".join(names))
    np.savez(folder / "a.npz", ids=names, embeddings=VECTORS[ORDER])
    np.savez(folder / "b.npz", **dict(zip(names, VECTORS[ORDER])))
    pd.DataFrame(VECTORS[ORDER], index=pd.Index(names, name="gene_id")).to_csv(folder / "c.csv")
    expected = read_expression(files, []).fingerprint()
    for name in ("a.npz", "b.npz", "c.csv"):
        other = replace(files, embeddings=folder / name, embedding_ids=None)
        assert read_expression(other, []).fingerprint() == expected, name
    other = replace(files, embedding_ids=folder / "ids.txt")
    assert read_expression(other, []).fingerprint() == expected


def test_sequences_alone_are_enough(files: ExpressionFiles) -> None:
    everything = with_everything(files)
    screen = read_expression(ExpressionFiles(files.targets, sequences=everything.sequences), [])
    assert screen.inputs.shape == (ROWS, 0)
    assert screen.sequences is not None and screen.sequences[3] == WORDS[3].encode()
    assert screen.folds is None and screen.gene_inputs is None and screen.responding is None
    assert screen.groups.tolist() == list(range(ROWS))


def test_rows_without_an_embedding_are_left_out_of_everything_and_counted(
    files: ExpressionFiles,
) -> None:
    everything = with_everything(files)
    np.savez(
        files.targets.with_name("few.npz"), ids=TFS[:1:-1], embeddings=VECTORS[ROWS - 1 : 1 : -1]
    )
    few = replace(everything, embeddings=files.targets.with_name("few.npz"), embedding_ids=None)
    notes: list[str] = []
    screen = read_expression(few, notes)
    whole = read_expression(everything, [])
    kept = np.arange(2, ROWS)
    part = replace(whole.take(kept), folds=screen.folds, groups=screen.groups)
    assert screen.fingerprint() == part.fingerprint()
    assert screen.folds is not None
    np.testing.assert_array_equal(screen.folds, [0, 0, 1, 1, 2, 2])  # 2 of the 4 folds' rows left
    assert (
        f"2 of 8 ids of targets_377.csv are not in few.npz and were left out: {TFS[0]}, {TFS[1]}"
        in notes
    )


def test_versions_of_ensembl_ids_are_understood_and_told(files: ExpressionFiles) -> None:
    assert files.embedding_ids is not None
    np.save(files.embedding_ids, np.array([f"{n}.{3}" for n in [*TFS, *OTHERS]])[ORDER])
    notes: list[str] = []
    np.testing.assert_array_equal(read_expression(files, notes).inputs, VECTORS[:ROWS])
    assert "Ensembl versions were removed: 8 ids" in notes[0]


def test_genes_without_an_embedding_are_left_out_and_counted(files: ExpressionFiles) -> None:
    path = files.targets.with_name("genes.npz")
    np.savez(path, ids=NAMES[:3:-1], embeddings=GENE_VECTORS[:3:-1])
    notes: list[str] = []
    screen = read_expression(replace(files, gene_embeddings=path), notes)
    assert screen.columns.tolist() == NAMES[4:]
    np.testing.assert_array_equal(screen.gene_inputs, GENE_VECTORS[4:])
    np.testing.assert_array_equal(screen.targets, TARGETS[:, 4:])
    assert any("4 of 12 ids of targets_377.csv are not in genes.npz" in note for note in notes)


@pytest.mark.parametrize("count", [1, 5, GENES, 99])
def test_the_genes_that_respond_most_are_kept_in_their_order(
    files: ExpressionFiles, count: int
) -> None:
    screen = read_expression(with_everything(files), [], top_genes=count)
    sizes = np.nanmean(np.abs(TARGETS), axis=0)
    kept = sorted(sorted(range(GENES), key=lambda gene: -sizes[gene])[:count])
    assert screen.columns.tolist() == [NAMES[gene] for gene in kept]
    np.testing.assert_array_equal(screen.targets, TARGETS[:, kept])
    np.testing.assert_array_equal(screen.gene_inputs, GENE_VECTORS[kept])
    np.testing.assert_array_equal(screen.responding, RESPONDING[:, kept])


def test_constant_and_empty_targets_are_told(files: ExpressionFiles) -> None:
    frame = targets_frame()
    frame[NAMES[5]] = 1.5
    frame[NAMES[6]] = np.nan
    frame.loc[4, NAMES] = np.nan
    frame.to_csv(files.targets, index=False)
    notes: list[str] = []
    read_expression(files, notes)
    told = "\n".join(notes)
    assert "1 of 8 rows of targets_377.csv has no target measured" in told
    assert f"1 of 12 targets has no value measured: {NAMES[6]}" in told
    assert (
        f"1 of 12 targets is constant: no model can be told from the mean there: {NAMES[5]}" in told
    )


def refused(files: ExpressionFiles, *says: str) -> None:
    with pytest.raises(InputError) as caught:
        read_expression(files, [])
    for text in says:
        assert text in str(caught.value), str(caught.value)


READ_OUT = [f"ENSG{number:011d}" for number in range(200, 200 + GENES)]  # and not perturbed

Change = Callable[[pd.DataFrame], pd.DataFrame]


def transposed(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns are the perturbations, rows the genes that are read out."""
    return frame.drop(columns="gene_name").set_index("gene_id").T.reset_index(names="gene_id")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda f: f.assign(gene_id=[f"TF{row}" for row in range(ROWS)]),
            ["no id in common", "8 ids (TF0, TF1, TF2, TF3, TF4, ...)", "15 ids (ENSG"],
        ),
        (
            lambda f: f.assign(gene_id=f["gene_id"].str.lower()),
            ["no id in common", "upper and lower case"],
        ),
        (
            lambda f: f.assign(gene_id=[*TFS[:-1], TFS[2]]),
            [f"duplicate id {TFS[2]!r}", "rows 4 and 9"],
        ),
        (
            lambda f: f.rename(columns={NAMES[7]: NAMES[3]}),
            [f"duplicate column {NAMES[3]!r}", "columns 6 and 10"],
        ),
        (lambda f: f.assign(gene_id=[*TFS[:-1], None]), ["row 9", "a row without an id"]),
        (lambda f: f.assign(gene_id=["2-Sep", *TFS[1:]]), ["row 2", "SEPT2"]),
        (
            lambda f: f.astype({NAMES[1]: object}).replace({NAMES[1]: {f[NAMES[1]][3]: "low"}}),
            [f"row 5 ({TFS[3]}), column {NAMES[1]!r}", "'low'"],
        ),
        (
            lambda f: f.assign(**{NAMES[1]: np.inf}),
            [f"row 2 ({TFS[0]}), column {NAMES[1]!r}", "an infinite number"],
        ),
        (lambda f: f.assign(**dict.fromkeys(NAMES, None)), ["no target is measured"]),
        (lambda f: f[["gene_name", "gene_id"]], ["no column of numbers beside the ids"]),
        (lambda f: f[:0], ["a header and no rows"]),
        (
            lambda f: transposed(f.rename(columns=dict(zip(NAMES, READ_OUT)))),
            ["the targets are transposed", f"rows ({READ_OUT[0]}", "transpose"],
        ),
    ],
)  # fmt: skip
def test_bad_targets(files: ExpressionFiles, change: Change, says: list[str]) -> None:
    change(targets_frame()).to_csv(files.targets, index=False)
    refused(files, "targets_377.csv", *says)


def told(files: ExpressionFiles) -> str:
    """Everything that is said of these files, whether they are refused or read."""
    notes: list[str] = []
    try:
        read_expression(files, notes)
    except InputError as error:
        notes.append(str(error))
    return "\n".join(notes)


def test_a_table_on_its_side_is_told_where_perturbations_are_read_out(
    files: ExpressionFiles,
) -> None:
    """Rows and columns both match some embeddings then: all columns do, and not all rows."""
    everything = with_everything(files)
    path = files.targets.with_name("hyena.npz")
    np.savez(path, ids=np.array(TFS), embeddings=VECTORS[:ROWS])
    inputs = (
        files,
        replace(files, embeddings=path, embedding_ids=None),
        ExpressionFiles(files.targets, sequences=everything.sequences),
    )
    for upright in inputs:
        assert "the targets are transposed" not in told(upright)
    transposed(targets_frame()).to_csv(files.targets, index=False)
    for lying in inputs:
        assert "the targets are transposed" in told(lying), told(lying)


def arrays(values: np.ndarray, ids: object = None) -> Callable[[ExpressionFiles], None]:
    def write(files: ExpressionFiles) -> None:
        assert files.embeddings is not None and files.embedding_ids is not None
        np.save(files.embeddings, values)
        if ids is not None:
            np.save(files.embedding_ids, ids)

    return write


IDS = np.array([*TFS, *OTHERS])
HOLE = VECTORS.copy()
HOLE[2, 1] = np.nan


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (arrays(VECTORS.T), ["another number of ids than of rows", "15 ids", "4, the rows"]),
        (arrays(VECTORS[:-1]), ["tf_ids.npy", "15 ids", "14, the rows of tf_embeddings.npy"]),
        (arrays(VECTORS[0]), ["tf_embeddings.npy", "expected a matrix", "shape (4,)"]),
        (arrays(VECTORS[None]), ["tf_embeddings.npy", "expected a matrix", "shape (1, 15, 4)"]),
        (arrays(VECTORS[:, :0]), ["a matrix without content", "(15, 0)"]),
        (arrays(VECTORS.astype(str)), ["tf_embeddings.npy", "an array without numbers"]),
        (arrays(HOLE, IDS), ["tf_embeddings.npy", f"row 3 ({TFS[2]}), column 1", "nan"]),
        (arrays(np.where(np.isnan(HOLE), np.inf, HOLE), IDS), [f"row 3 ({TFS[2]})", "inf"]),
        (arrays(VECTORS, np.array([*IDS[:-1], IDS[4]])), ["tf_ids.npy", "rows 5 and 15: dup"]),
        (arrays(VECTORS, np.arange(15.0)), ["tf_ids.npy", "expected ids", "float64 of shape"]),
        (arrays(VECTORS, IDS[:, None]), ["tf_ids.npy", "expected ids", "shape (15, 1)"]),
        (
            arrays(VECTORS, np.array([f"gene{row}" for row in range(15)])),
            [
                "targets_377.csv and ",
                "tf_ids.npy: no id in common",
                f"8 ids ({', '.join(TFS[:5])}, ...)",
                "15 ids (gene0, gene1, gene2, gene3, gene4, ...)",
            ],
        ),
    ],
)  # fmt: skip
def test_bad_embeddings(
    files: ExpressionFiles, write: Callable[[ExpressionFiles], None], says: list[str]
) -> None:
    write(files)
    refused(files, *says)


def test_vectors_of_another_width(files: ExpressionFiles) -> None:
    folder = files.targets.parent
    vectors = dict(zip(TFS, VECTORS)) | {TFS[3]: VECTORS[3, :2]}
    np.savez(folder / "a.npz", **vectors)
    lists = {"id": TFS, "v": [vectors[name].tolist() for name in TFS]}
    pd.DataFrame(lists).to_parquet(folder / "b.parquet")
    rows = [f"{name}," + ",".join(map(str, vectors[name])) for name in TFS]
    (folder / "c.csv").write_text("\n".join(["id,0,1,2,3", *rows]))
    for name, says in (
        ("a.npz", ["row 4", TFS[3], "found:    2", "expected: 4 numbers"]),
        ("b.parquet", ["row 4", TFS[3], "found:    2", "expected: 4 numbers"]),
        ("c.csv", ["row 5", "found:    3 cells", "expected: 5"]),
    ):
        refused(replace(files, embeddings=folder / name, embedding_ids=None), name, *says)


def test_embeddings_with_holes_are_left_out_where_that_is_wanted(files: ExpressionFiles) -> None:
    arrays(HOLE, IDS)(files)
    notes: list[str] = []
    screen = read_expression(files, notes, skip_missing=True)
    assert screen.ids.tolist() == [name for name in TFS if name != TFS[2]]
    np.testing.assert_array_equal(screen.inputs, np.delete(VECTORS[:ROWS], 2, axis=0))
    assert notes[0] == (
        f"1 of 15 embeddings of tf_embeddings.npy are not finite and were left out: {TFS[2]}"
    )


def test_no_finite_embedding_is_said_to_be_so(files: ExpressionFiles) -> None:
    arrays(np.full_like(VECTORS, np.nan))(files)
    with pytest.raises(InputError, match=r"tf_embeddings\.npy.*\n?.*finite"):
        read_expression(files, [], skip_missing=True)


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("sequence", "ACGU", [f"({TFS[4]}), position 4", "'U'", "write T for U"]),
        ("sequence", "ACRT", [f"({TFS[4]}), position 3", "'R'", "A, C, G, T or N"]),
        ("sequence", "", [f"({TFS[4]})", "a row without sequence"]),
        ("gene_id", TFS[0], [f"duplicate id {TFS[0]!r}"]),
    ],
)
def test_bad_sequences(files: ExpressionFiles, column: str, value: str, says: list[str]) -> None:
    everything = with_everything(files)
    frame = sequences_frame()
    frame.loc[4, column] = value
    frame.to_csv(everything.sequences, index=False)
    refused(everything, "tf_sequences.csv", *says)


def labels(name: str, of_rows: str) -> str:
    """A table of one letter for each row; `-` leaves the row out."""
    lines = [f"{row},{letter}" for row, letter in zip(TFS, of_rows) if letter != "-"]
    return "\n".join([f"id,{name}", *lines, ""])


@pytest.mark.parametrize(
    ("key", "text", "says"),
    [
        ("groups", labels("group", "--aabbcc"), ["2 of 8 ids have no group", TFS[0]]),
        ("splits", labels("fold", "--121212"), ["2 of 8 ids have no fold", TFS[0]]),
        (
            "splits",
            labels("fold", "12221122"),
            ["the group a lies in two folds", "fold 1 and fold 2"],
        ),
        ("splits", labels("fold", "7" * ROWS), ["all rows lie in one fold", "fold 7"]),
        (
            "responding",
            "id," + ",".join(NAMES) + "\n" + "".join(f"{n},2{',0' * 11}\n" for n in TFS),
            ["neither 0 nor 1", f"row {TFS[0]}, column {NAMES[0]!r}", "found:    2.0"],
        ),
        (
            "responding",
            "id," + ",".join(NAMES) + "\n" + "".join(f"{n},{',0' * 11}\n" for n in TFS),
            ["neither 0 nor 1", f"row {TFS[0]}, column {NAMES[0]!r}", "found:    nan"],
        ),
        (
            "responding",
            "id," + ",".join(NAMES[1:]) + "\n" + "".join(f"{n}{',0' * 11}\n" for n in TFS),
            ["1 of 12 targets are not in this table", NAMES[0]],
        ),
    ],
)  # fmt: skip
def test_bad_tables_beside_the_targets(
    files: ExpressionFiles, key: str, text: str, says: list[str]
) -> None:
    path = files.targets.with_name("other.csv")
    path.write_text(text)
    refused(replace(with_everything(files), **{key: path}), "other.csv", *says)


def test_something_must_be_known_of_the_rows(files: ExpressionFiles) -> None:
    refused(ExpressionFiles(files.targets), "--embeddings or --sequences", "at least one")
    refused(replace(files, embedding_ids=None), "tf_embeddings.npy", "the rows have no ids")
    refused(replace(files, targets=files.targets.with_name("none.csv")), "none.csv", "no such file")
    refused(
        replace(files, targets=files.embeddings), "tf_embeddings.npy", "not text", "NumPy array"
    )


def test_files_that_were_published(tmp_path: Path, real_data: Path) -> None:
    """377 perturbations of the original, under targets made up."""
    folder = real_data / "expression" / "hs27_embeddings"
    names = (folder / "hyenadna_tf_gene_index.txt").read_text().split()
    pd.DataFrame({"id": names, "a": np.arange(377), "b": 1}).to_csv(tmp_path / "t.csv", index=False)
    for vectors, ids, width, rows in (
        ("NTv2_50m_tf_embeddings.npy", "NTv2_50m_tf_ids.npy", 512, 377),
        ("hyenadna_tf_embeddings_mean.npy", "hyenadna_tf_gene_index.txt", 256, 377),
    ):
        files = ExpressionFiles(tmp_path / "t.csv", folder / vectors, folder / ids)
        screen = read_expression(files, [])
        assert screen.inputs.shape == (rows, width), vectors
        where = {name: row for row, name in enumerate(_ids(folder / ids))}
        expected = np.load(folder / vectors)[[where[name] for name in screen.ids]]
        np.testing.assert_array_equal(screen.inputs, expected)


def _ids(path: Path) -> list[str]:
    return np.load(path).tolist() if path.suffix == ".npy" else path.read_text().split()


def again(screen: Screen, folder: Path, groups: bool) -> tuple[Screen, list[str]]:
    folder.mkdir()
    written = write_screen(folder, screen, groups=groups, origin="Made up.")
    assert sorted(written) == sorted(folder.iterdir())
    return load_screen(folder), [path.name for path in written]


def test_what_is_written_is_read_again(files: ExpressionFiles, tmp_path: Path) -> None:
    screen = read_expression(with_everything(files), [])
    found, names = again(screen, tmp_path / "out", groups=True)
    assert found.fingerprint() == screen.fingerprint()
    for name in ("ids", "inputs", "targets", "columns", "groups", "folds", "gene_inputs"):
        np.testing.assert_array_equal(getattr(found, name), getattr(screen, name), err_msg=name)
    np.testing.assert_array_equal(found.sequences, screen.sequences)
    np.testing.assert_array_equal(found.responding, screen.responding)
    assert found.notes == ()
    assert names == [
        "embeddings.npz",
        "gene_embeddings.npz",
        "targets.parquet",
        "sequences.parquet",
        "responding.parquet",
        "groups.parquet",
        "folds.parquet",
        "screen.yaml",
    ]
    assert (tmp_path / "out" / "screen.yaml").read_text().startswith("# Made up.\n")


@given(
    st.integers(0, 2**16),
    st.integers(1, 14),
    st.sets(st.sampled_from(["inputs", "gene_inputs", "sequences", "responding", "folds"])),
    st.booleans(),
)
@settings(max_examples=25)
def test_any_screen_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, seed: int, genes: int, known: set[str], groups: bool
) -> None:
    rng = np.random.default_rng(seed)
    rows, columns = int(rng.integers(12, 30)), np.array([f"é {number}" for number in range(genes)])
    group_of = np.arange(rows) if not groups else rng.permutation(np.arange(rows) % 12)
    targets = rng.normal(size=(rows, genes)).astype(np.float32)
    targets[rng.random(targets.shape) < 0.2] = np.nan
    targets[0] = 1e-38
    words = np.array(["ACGTN"[: 1 + row % 5].encode() for row in range(rows)])
    screen = Screen(
        ids=np.array([f"{number:05d}" for number in rng.permutation(rows)]),
        inputs=rng.normal(size=(rows, 3 if "inputs" in known else 0)).astype(np.float32),
        targets=targets,
        columns=columns,
        groups=group_of,
        folds=group_of % 11 if "folds" in known else None,
        gene_inputs=rng.normal(size=(genes, 2)).astype(np.float32)
        if "gene_inputs" in known
        else None,
        sequences=words if "sequences" in known or "inputs" not in known else None,
        responding=rng.random(targets.shape) < 0.5 if "responding" in known else None,
    )
    found, _ = again(screen, tmp_path_factory.mktemp("any") / "out", groups)
    assert found.fingerprint() == screen.fingerprint()
