"""Screens: every form of file gives the same one, and joins are reported."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrib.data.screens.screen import Screen
from distrib.data.screens.screen_reader import load_screen

IDS = ["TP53", "IRF4", "MYC", "GATA1", "FOXP3", "PAX5"]
INPUTS = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
TARGETS = pd.DataFrame(
    {"up": [0.5, 1.25, -3.0, 0.0, 2.0, np.nan], "down": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]},
    index=pd.Index(IDS, name="id"),
)


def write_npz(folder: Path, ids: list[str] = IDS) -> None:
    np.savez(folder / "embeddings.npz", ids=np.array(ids), embeddings=INPUTS[: len(ids)])


def write_named_npz(folder: Path) -> None:
    np.savez(folder / "embeddings.npz", genes=np.array(IDS), X=INPUTS, version=np.array(2))


def write_vectors_npz(folder: Path) -> None:
    np.savez(folder / "embeddings.npz", **dict(zip(IDS, INPUTS)))  # type: ignore[arg-type]


def write_npy(folder: Path) -> None:
    np.save(folder / "embeddings.npy", INPUTS.astype(np.float64))
    (folder / "ids.txt").write_bytes("\r\n".join(IDS).encode())


def write_npy_ids(folder: Path) -> None:
    np.save(folder / "embeddings.npy", INPUTS)
    np.save(folder / "ids.npy", np.array(IDS))


def write_columns(folder: Path) -> None:
    frame = pd.DataFrame(INPUTS, columns=["x", "y", "z"])
    frame.insert(1, "id", IDS)
    frame.to_parquet(folder / "embeddings.parquet")


def write_index(folder: Path) -> None:
    frame = pd.DataFrame(INPUTS, columns=[0, 1, 2], index=pd.Index(IDS, name="gene"))
    frame.columns = frame.columns.astype(str)
    frame.to_parquet(folder / "embeddings.parquet")


def write_lists(folder: Path) -> None:
    frame = pd.DataFrame({"embedding": list(INPUTS), "id": IDS})
    frame.to_parquet(folder / "embeddings.parquet")


def write_lists_by_index(folder: Path) -> None:
    pd.DataFrame({"embedding": list(INPUTS)}, index=IDS).to_parquet(folder / "embeddings.parquet")


def write_csv(folder: Path) -> None:
    pd.DataFrame(INPUTS, index=IDS).to_csv(folder / "embeddings.csv")


def targets_csv(folder: Path) -> None:
    TARGETS.iloc[::-1].to_csv(folder / "targets.csv")


def targets_tsv(folder: Path) -> None:
    TARGETS.to_csv(folder / "targets.tsv", sep="\t", na_rep="NA", lineterminator="\r\n")


def targets_parquet(folder: Path) -> None:
    TARGETS.to_parquet(folder / "targets.parquet")


@pytest.mark.parametrize("targets", [targets_csv, targets_tsv, targets_parquet])
@pytest.mark.parametrize(
    "embeddings",
    [
        write_npz,
        write_named_npz,
        write_vectors_npz,
        write_npy,
        write_npy_ids,
        write_columns,
        write_index,
        write_lists,
        write_lists_by_index,
        write_csv,
    ],
)
def test_every_form_gives_the_same_screen(
    tmp_path: Path, embeddings: Callable[[Path], None], targets: Callable[[Path], None]
) -> None:
    embeddings(tmp_path)
    targets(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    screen = load_screen(tmp_path)
    assert screen.ids.tolist() == IDS
    assert screen.columns.tolist() == ["up", "down"]
    assert screen.inputs.dtype == np.float32
    np.testing.assert_array_equal(screen.inputs, INPUTS)
    np.testing.assert_array_equal(screen.targets, TARGETS.to_numpy(dtype=np.float32))  # type: ignore[arg-type]
    np.testing.assert_array_equal(screen.groups, np.arange(6))
    assert screen.folds is None and screen.notes == ()
    assert before == {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    bare = load_screen(tmp_path, targets=False)
    assert bare.targets is None and bare.columns.shape == (0,)
    np.testing.assert_array_equal(bare.inputs, INPUTS)
    assert bare.describe()["missing_targets"] is None


def test_groups_and_folds_from_files_of_another_order(tmp_path: Path) -> None:
    write_npz(tmp_path)
    targets_csv(tmp_path)
    (tmp_path / "groups.csv").write_text(
        "id,family\nMYC,b\nTP53,a\nGATA1,c\nFOXP3,c\nIRF4,a\nPAX5,d\nextra,e\n"
    )
    (tmp_path / "folds.tsv").write_text(
        "fold\tid\n10\tTP53\n10\tIRF4\n9\tMYC\n2\tGATA1\n2\tFOXP3\n9\tPAX5\n"
    )
    screen = load_screen(tmp_path)
    assert screen.groups.tolist() == [0, 0, 1, 2, 2, 3]
    assert screen.folds is not None and screen.folds.tolist() == [2, 2, 1, 0, 0, 1]
    description = screen.describe()
    assert (description["groups"], description["folds"]) == (4, 3)
    assert description["missing_targets"] == pytest.approx(1 / 12)


def test_yaml_names_files_and_columns(tmp_path: Path) -> None:
    folder = tmp_path / "raw"
    folder.mkdir()
    np.save(folder / "esm.npy", INPUTS)
    (folder / "names.txt").write_text("\n".join(IDS))
    table = TARGETS.assign(donor=list("aabbcc"), split=["x", "x", "y", "y", "x", "x"])
    table.to_csv(folder / "effects.csv", sep=";", decimal=",")
    path = tmp_path / "mine.yaml"
    path.write_text(
        "embeddings: raw/esm.npy\nids: raw/names.txt\ntargets: raw/effects.csv\n"
        "groups: donor\nfolds: split\n"
    )
    screen = load_screen(path)
    assert screen.columns.tolist() == ["up", "down"]
    assert screen.groups.tolist() == [0, 0, 1, 1, 2, 2]
    assert screen.folds is not None and screen.folds.tolist() == [0, 0, 1, 1, 0, 0]
    np.testing.assert_array_equal(screen.targets, TARGETS.to_numpy(dtype=np.float32))  # type: ignore[arg-type]
    assert len(screen.notes) == 1 and "decimal commas" in screen.notes[0]


def test_ids_without_partner_are_counted(tmp_path: Path) -> None:
    write_npz(tmp_path)
    TARGETS.drop(["TP53", "MYC"]).rename({"PAX5": "PAX6"}).to_csv(tmp_path / "targets.csv")
    screen = load_screen(tmp_path)
    assert screen.ids.tolist() == ["IRF4", "GATA1", "FOXP3"]
    np.testing.assert_array_equal(screen.inputs, INPUTS[[1, 3, 4]])
    assert screen.notes == (
        "3 of 6 ids of embeddings.npz are not in targets.csv and were left out: TP53, MYC, PAX5",
        "1 of 4 ids of targets.csv are not in embeddings.npz and were left out: PAX6",
    )


def test_a_first_column_that_was_taken_for_the_ids_is_told(tmp_path: Path) -> None:
    frame = pd.DataFrame(INPUTS, columns=["x", "y", "z"])
    frame.insert(0, "symbol", IDS)
    frame.to_parquet(tmp_path / "embeddings.parquet")
    TARGETS.rename_axis("gene").to_csv(tmp_path / "targets.csv")
    (tmp_path / "groups.csv").write_text("gene,group\n" + "".join(f"{i},{i}\n" for i in IDS))
    (tmp_path / "folds.csv").write_text(",fold\n" + "".join(f"{i},{i[0]}\n" for i in IDS))
    screen = load_screen(tmp_path)
    np.testing.assert_array_equal(screen.inputs, INPUTS)
    told = "has no column called `id`: its first,"
    assert screen.notes == (
        f"embeddings.parquet {told} 'symbol', was taken for the ids",
        f"targets.csv {told} 'gene', was taken for the ids",
        f"groups.csv {told} 'gene', was taken for the ids",
    )
    assert load_screen(tmp_path, targets=False).notes == screen.notes[:1]
    pd.DataFrame({"symbol": IDS, "vector": list(INPUTS)}).to_parquet(
        tmp_path / "embeddings.parquet"
    )
    assert load_screen(tmp_path, targets=False).notes == screen.notes[:1]


def test_ensembl_versions_are_removed_where_it_helps(tmp_path: Path) -> None:
    genes = [f"ENSG0000000000{i}" for i in range(6)]
    write_npz(tmp_path, [f"{gene}.{i + 3}" for i, gene in enumerate(genes)])
    frame = TARGETS.set_axis([genes[0] + ".3", genes[1] + ".9", *genes[2:]]).rename_axis("id")
    frame.to_csv(tmp_path / "targets.csv")
    screen = load_screen(tmp_path)
    assert screen.ids.tolist() == genes
    assert screen.notes[0] == (
        "Ensembl versions were removed: 6 ids of embeddings.npz and targets.csv match without "
        "them, 1 with them"
    )
    # Where they match as they are, they stay.
    write_npz(tmp_path, frame.index.tolist())
    assert load_screen(tmp_path).ids.tolist() == frame.index.tolist()


def test_what_cannot_be_learned_is_noted(tmp_path: Path) -> None:
    np.savez(tmp_path / "embeddings.npz", ids=np.array(IDS), X=INPUTS[[0, 1, 2, 3, 4, 0]])
    table = TARGETS.assign(flat=1.0, empty=np.nan)
    table.loc["MYC"] = np.nan
    table.to_csv(tmp_path / "targets.csv")
    assert load_screen(tmp_path).notes == (
        "1 of 6 rows of targets.csv has no target measured",
        "1 of 4 targets has no value measured: empty",
        "1 of 4 targets is constant: no model can be told from the mean there: flat",
        "1 row has the inputs of another row in another group: training and test may share "
        "them; name groups to keep them together",
    )


def make(rows: int, seed: int = 0) -> Screen:
    rng = np.random.default_rng(seed)
    return Screen(
        ids=np.array([f"row{i}" for i in range(rows)]),
        inputs=rng.normal(size=(rows, 4)).astype(np.float32),
        targets=rng.normal(size=(rows, 2)).astype(np.float32),
        columns=np.array(["a", "b"]),
        groups=np.arange(rows) // 2,
        folds=np.arange(rows) // 2 % 2,
    )


@given(st.lists(st.integers(0, 19), min_size=1, max_size=30))
def test_take_keeps_rows_together(positions: list[int]) -> None:
    screen = make(20)
    part = screen.take(np.array(positions))
    assert part.ids.tolist() == [f"row{i}" for i in positions]
    assert part.targets is not None and screen.targets is not None
    assert part.folds is not None and screen.folds is not None
    for mine, whole in (
        (part.inputs, screen.inputs),
        (part.targets, screen.targets),
        (part.groups, screen.groups),
        (part.folds, screen.folds),
    ):
        np.testing.assert_array_equal(mine, whole[positions])
    same = positions == list(range(20))
    assert (part.fingerprint() == screen.fingerprint()) == same


def test_fingerprint_tells_content_apart() -> None:
    screen = make(20)
    assert screen.fingerprint() == make(20).fingerprint()
    assert screen.take(np.arange(20)).fingerprint() == screen.fingerprint()
    assert len(screen.fingerprint()) == 64
    others = [make(20, seed=1), make(22)]
    for name in ("ids", "inputs", "targets", "columns", "groups", "folds"):
        array = getattr(screen, name).copy()
        array.flat[-1] = "z" if array.dtype.kind == "U" else array.flat[-1] + 1
        others.append(Screen(**{**vars(screen), name: array}))
    others += [Screen(**{**vars(screen), name: None}) for name in ("folds", "targets")]
    prints = {other.fingerprint() for other in others}
    assert len(prints) == len(others) and screen.fingerprint() not in prints


def test_pickles_without_copying_its_arrays() -> None:
    screen = make(1000)
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(screen, protocol=5, buffer_callback=buffers.append)
    assert len(head) < 2000
    again = pickle.loads(head, buffers=buffers)
    assert again.fingerprint() == screen.fingerprint()
    assert np.shares_memory(again.inputs, screen.inputs)


def test_real_embeddings_join_real_effects(tmp_path: Path, real_data: Path) -> None:
    folder = real_data / "expression"
    path = tmp_path / "screen.yaml"
    effects = pd.read_csv(
        folder / "human_crispra" / "hs27_element_level_results_guide_summary.tsv", sep="\t"
    )
    genes = effects.groupby("intended_target_name")[["n_upregulated", "n_downregulated"]].mean()
    genes.to_csv(tmp_path / "effects.csv")
    embeddings = folder / "hs27_embeddings"
    path.write_text(
        f"embeddings: {embeddings}/NTv2_50m_tf_embeddings.npy\n"
        f"ids: {embeddings}/NTv2_50m_tf_ids.npy\ntargets: effects.csv\n"
    )
    screen = load_screen(tmp_path)
    known = set(np.load(embeddings / "NTv2_50m_tf_ids.npy").tolist())
    assert set(screen.ids.tolist()) == known & set(genes.index)
    assert screen.inputs.shape == (len(screen), 512) and len(screen) > 200
    vectors = dict(
        zip(
            np.load(embeddings / "NTv2_50m_tf_ids.npy"),
            np.load(embeddings / "NTv2_50m_tf_embeddings.npy"),
        )
    )
    assert screen.targets is not None
    for row in (0, len(screen) - 1):
        np.testing.assert_array_equal(screen.inputs[row], vectors[screen.ids[row]])
        np.testing.assert_allclose(screen.targets[row], genes.loc[screen.ids[row]], rtol=1e-6)
