"""What a first hour brings: an error that names the file, the row or key, and what was found."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distrib.data.screens.screen_reader import load_screen
from distrib.errors import InputError

IDS = [f"gene{i}" for i in range(6)]
INPUTS = np.arange(18, dtype=np.float32).reshape(6, 3) ** 2
TARGETS = "id,up,down\n" + "".join(f"{name},{i}.5,{-i}\n" for i, name in enumerate(IDS))


@pytest.fixture
def screen(tmp_path: Path) -> Path:
    return write_screen(tmp_path / "screen")


def write_screen(folder: Path) -> Path:
    """A screen in which nothing is wrong."""
    folder.mkdir()
    np.savez(folder / "embeddings.npz", ids=np.array(IDS), embeddings=INPUTS)
    (folder / "targets.csv").write_text(TARGETS)
    return folder


def refused(path: Path, *says: str, targets: bool = True) -> None:
    with pytest.raises(InputError) as caught:
        load_screen(path, targets=targets)
    for text in says:
        assert text in str(caught.value), str(caught.value)


BAD_TARGETS: list[tuple[str, list[str]]] = [
    ("", ["the file is empty"]),
    ("id,up\n", ["a header and no rows"]),
    ("id\ngene0\n", ["no column of numbers beside the ids"]),
    (TARGETS.replace("gene2", "gene4"), ["duplicate id 'gene4'", "rows 4 and 6"]),
    (TARGETS.replace("gene2", ""), ["row 4", "a row without an id"]),
    (TARGETS.replace("gene2", "2-Sep"), ["row 4", "'2-Sep'", "SEPT2 (now SEPTIN2)"]),
    (TARGETS.replace("down", "Mar-01"), ["header, column 3", "MARCH1"]),
    (TARGETS.replace("gene3", "2.31E+13"), ["row 5", "'2.31E+13'", "2310009E13"]),
    (TARGETS.replace("2.5", "high"), ["row 4 (gene2)", "column 'up'", "'high'"]),
    (TARGETS.replace("2.5", '"2,5"'), ["row 2 (gene0)", "'0.5'", "decimal commas"]),
    (TARGETS.replace("2.5", "2,5"), ["row 4", "4 cells", "decimal commas"]),
    (TARGETS.replace("2.5", "inf"), ["row 4", "column 'up'", "infinite", "'inf'"]),
    (TARGETS.replace("2.5", "1e39"), ["row 4", "column 'up'", "float32"]),
    (TARGETS.replace("gene", "locus"), ["no id in common", "gene0", "locus0"]),
    (TARGETS.replace("gene", "GENE"), ["no id in common", "upper and lower case"]),
    ("id," + ",".join(IDS) + "\nup,1,2,3,4,5,6\n", ["the targets are transposed", "transpose"]),
    ("up,down\n0.5,1\n0.25,3\n", ["no id in common", "0.5, 0.25", "'up', was taken for"]),
    ("up,down\n3,1\n4,2\n3,3\n", ["duplicate id '3'", "no column called `id`", "'up'"]),
    ("up,down\n3,1\nNA,2\n,3\n", ["row 4", "a row without an id", "no column called `id`"]),
    ("id,up\ngene0,NA\ngene1,\n", ["no target is measured"]),
]


@pytest.mark.parametrize(("content", "says"), BAD_TARGETS)
def test_targets(screen: Path, content: str, says: list[str]) -> None:
    (screen / "targets.csv").write_text(content)
    refused(screen, "targets.csv", *says)


def test_targets_in_latin_1(screen: Path) -> None:
    (screen / "targets.csv").write_bytes(TARGETS.replace("gene3", "ni\u00f1o").encode("latin-1"))
    refused(screen, "targets.csv", "byte 51 (row 5)", "0xF1", "Latin-1", "UTF-8")


def save(**arrays: object) -> Callable[[Path], None]:
    return lambda folder: np.savez(folder / "embeddings.npz", **arrays)  # type: ignore[arg-type]


def frame(content: dict[str, object]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "embeddings.npz").unlink()
        pd.DataFrame(content).to_parquet(folder / "embeddings.parquet")

    return write


def array(values: np.ndarray, ids: str | None = None) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "embeddings.npz").unlink()
        np.save(folder / "embeddings.npy", values)
        if ids is not None:
            (folder / "ids.txt").write_text(ids)

    return write


def content(name: str, data: bytes) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "embeddings.npz").unlink()
        (folder / name).write_bytes(data)

    return write


HOLE = np.where(INPUTS == 49, np.nan, INPUTS)  # row 3, column 1
LINES = "\n".join(IDS)


BAD_EMBEDDINGS: list[tuple[Callable[[Path], None], list[str]]] = [
    (save(embeddings=np.array([{"a": 1}], dtype=object)), ["other than text", "np.savez"]),
    (save(ids=np.array([*IDS[:5], 6], dtype=object), X=INPUTS), ["other than text", "(6,)"]),
    (save(ids=np.array(IDS), embeddings=HOLE), ["row 3 (gene2), column 1", "nan"]),
    (save(ids=np.array(IDS), embeddings=INPUTS * np.float64(1e38)), ["row 1", "inf"]),
    (save(ids=np.array(IDS[:5]), embeddings=INPUTS), ["5 in 'ids'", "expected: 6"]),
    (save(a=np.array(IDS), b=np.array(IDS), c=INPUTS), ["no ids and embeddings"]),
    (save(gene0=INPUTS[0], gene1=INPUTS[1, :2]), ["row 2 (gene1)", "another length"]),
    (save(ids=np.array(IDS), embeddings=INPUTS[:, :0]), ["without content", "(6, 0)"]),
    (save(), ["no arrays"]),
    (array(INPUTS), ["the rows have no ids", "ids.txt"]),
    (array(INPUTS, ""), ["ids.txt", "the file is empty"]),
    (array(INPUTS, LINES + "\ngene6"), ["ids.txt", "7 ids", "expected: 6"]),
    (array(INPUTS, LINES.replace("gene3", "gene1")), ["ids.txt", "rows 2 and 4"]),
    (array(INPUTS, LINES.replace("gene3", "1-Mar")), ["ids.txt", "row 4", "MARCH1"]),
    (array(INPUTS[:, 0], LINES), ["expected a matrix", "(6,)"]),
    (array(INPUTS.astype(str), LINES), ["an array without numbers", "<U"]),
    (
        array(np.array([[name] for name in IDS], dtype=object), LINES),
        ["embeddings.npy", "without numbers"],
    ),
    (frame({"id": IDS, "x": [1, 2, 3, None, 5, 6]}), ["row 4 (gene3), column x", "nan"]),
    (frame({"id": IDS, "x": list("123a56")}), ["row 4, column 'x'", "'a'"]),
    (frame({"id": [*IDS[:5], None], "x": range(6)}), ["row 6", "without an id"]),
    (frame({"id": IDS, "v": [[1, 2]] * 5 + [[1]]}), ["row 6 (gene5)", "another length"]),
    (frame({"v": [[1, 2]] * 6}), ["the rows have no ids"]),
    (frame({"id": IDS, "v": [[1.0]] * 6, "w": [[1.0]] * 6}), ["more than one", "v, w"]),
    (content("embeddings.npy", b""), ["the file is empty"]),
    (content("embeddings.npy", b"\x93NUMPY\x01\x00v\x00{'descr"), ["not a readable array"]),
    (content("embeddings.npz", b"PK\x03\x04 cut short"), ["not a readable array"]),
    (content("embeddings.npy", b"\x80\x04K\x01."), ["embeddings.npy", "np.savez"]),
    (content("embeddings.parquet", b"PAR1 cut short"), ["not a readable parquet"]),
]


@pytest.mark.parametrize(("write", "says"), BAD_EMBEDDINGS)
def test_embeddings(screen: Path, write: Callable[[Path], None], says: list[str]) -> None:
    write(screen)
    refused(screen, str(screen), *says)
    refused(screen, str(screen), *says, targets=False)


class _Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (os.environ["DISTRIB_TEST_BOMB"],)


def test_nothing_pickled_is_run(
    screen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = tmp_path / "bomb"
    monkeypatch.setenv("DISTRIB_TEST_BOMB", str(bomb))
    np.savez(screen / "embeddings.npz", ids=np.array([_Bomb()], dtype=object), X=INPUTS)
    refused(screen, "mkdir")
    assert not bomb.exists()


def test_two_versions_of_one_gene(screen: Path) -> None:
    bare = [f"ENSG0000000000{i}" for i in range(6)]
    np.savez(
        screen / "embeddings.npz", ids=np.array([*(f"{g}.1" for g in bare[:5]), bare[0] + ".2"]),
        embeddings=INPUTS,
    )  # fmt: skip
    (screen / "targets.csv").write_text("id,up\n" + "".join(f"{g},1\n" for g in bare))
    refused(screen, "embeddings.npz", "version only", bare[0], "rows 1 and 6")


GROUPS = "id,group\n" + "".join(f"{name},{g}\n" for name, g in zip(IDS, "aabbcc"))
FOLDS = "id,fold\n" + "".join(f"{name},{f}\n" for name, f in zip(IDS, "112233"))


BAD_PARTS: list[tuple[str, str, list[str]]] = [
    ("groups.csv", GROUPS.replace("gene3,b\n", ""), ["1 of 6 ids have no group", "gene3"]),
    ("groups.csv", GROUPS.replace("gene3,b", "gene3,"), ["row 5 (gene3)", "without group"]),
    ("groups.csv", "id,a,b\ngene0,1,2\n", ["no column 'group'", "id, a, b"]),
    ("folds.csv", FOLDS.replace("gene3,2", "gene3,3"), ["group b", "fold 2 and fold 3"]),
    ("folds.csv", FOLDS.replace(",2", ",1").replace(",3", ",1"), ["one fold"]),
    ("folds.csv", FOLDS.replace("gene", "locus"), ["no id in common"]),
]


@pytest.mark.parametrize(("name", "text", "says"), BAD_PARTS)
def test_groups_and_folds(screen: Path, name: str, text: str, says: list[str]) -> None:
    (screen / "groups.csv").write_text(GROUPS)
    (screen / "folds.csv").write_text(FOLDS)
    load_screen(screen)
    (screen / name).write_text(text)
    refused(screen, name, *says)


BAD_YAML: list[tuple[str, list[str]]] = [
    ("", ["the file is empty"]),
    ("embeddings: [", ["not YAML", "line 1"]),
    (
        "embeddings: embeddings.npz\ntargets: a.csv\n# mine\ntargets: targets.csv",
        ["line 4", "duplicate key 'targets'", "line 2 already"],
    ),
    ("embeddings: 'ni\udcf1o.npz'", ["not UTF-8", "byte 15"]),
    ("- embeddings.npz", ["expected a mapping of keys to values"]),
    ("embedings: embeddings.npz", ["'embedings'", "did you mean 'embeddings'?"]),
    ("targets: targets.csv", ["'embeddings' is missing"]),
    ("embeddings: 3", ["key 'embeddings'", "3"]),
    ("embeddings: no.npz", ["key 'embeddings'", "no such file", "no.npz"]),
    ("embeddings: screen.yaml", ["unsupported file extension"]),
    ("embeddings: embeddings.npz", ["no targets"]),
    ("embeddings: embeddings.npz\nids: ids.txt", ["key 'ids'", "no such file"]),
    ("embeddings: embeddings.npz\ntargets: targets.csv\ngroups: upp", ["'upp'", "'up'?"]),
    ("embeddings: embeddings.npz\ntargets: targets.csv\ngroups: g.csv", ["no such file"]),
]


@pytest.mark.parametrize(("text", "says"), BAD_YAML)
def test_yaml(screen: Path, text: str, says: list[str]) -> None:
    (screen / "screen.yaml").write_text(text, encoding="utf-8", errors="surrogateescape")
    refused(screen, str(screen), *says)


def test_folders(screen: Path, tmp_path: Path) -> None:
    refused(tmp_path / "none", "no such folder or file", "embeddings.npy|npz|parquet")
    refused(screen / "targets.csv", "expected a folder or a YAML file")
    empty = tmp_path / "empty"
    empty.mkdir()
    refused(empty, "neither embeddings nor sequences in this folder", "nothing")
    (screen / "targets.tsv").write_text(TARGETS)
    refused(screen, "the targets are there twice", "targets.csv, targets.tsv")
    (screen / "targets.tsv").unlink()
    (screen / "ids.txt").write_text(LINES)
    refused(screen, "ids.txt", "belong to a .npy only")
    (screen / "ids.txt").unlink()
    (screen / "targets.csv").unlink()
    refused(screen, "no targets")
    assert len(load_screen(screen, targets=False)) == 6


@given(
    st.sampled_from(["targets.csv", "embeddings.npz", "embeddings.npy", "embeddings.parquet"]),
    st.floats(0, 1),
    st.integers(0, 8),
    st.binary(max_size=8)
    | st.sampled_from([b",", b";", b'"', b"\n", b"\r", b"\0", b"\xff", b"1-"]),
)
@settings(max_examples=300)
def test_damaged_files_raise_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, name: str, where: float, cut: int, put: bytes
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    np.savez(folder / "embeddings.npz", ids=np.array(IDS), embeddings=INPUTS)
    (folder / "targets.csv").write_text(TARGETS)
    if name.endswith(".npy"):
        array(INPUTS, LINES)(folder)
    elif name.endswith(".parquet"):
        frame({"id": IDS, "x": range(6)})(folder)
    data = (folder / name).read_bytes()
    at = round(where * len(data))
    (folder / name).write_bytes(data[:at] + put + data[at + cut :])
    with contextlib.suppress(InputError):
        screen = load_screen(folder)
        assert len(screen) and np.isfinite(screen.inputs).all()


@pytest.mark.parametrize(
    "write",
    [
        save(ids=np.array(IDS, dtype=object), embeddings=INPUTS),
        save(data=INPUTS, index=np.array(IDS, dtype=object), columns=np.array(["x", "y"])),
    ],
)
def test_ids_that_are_saved_as_objects_are_read(
    screen: Path, write: Callable[[Path], None]
) -> None:
    write(screen)
    found = load_screen(screen, targets=False)
    assert found.ids.tolist() == IDS
    np.testing.assert_array_equal(found.inputs, INPUTS)


def test_a_real_file_of_ids_that_are_objects(tmp_path: Path, real_data: Path) -> None:
    """A published `.npz` of a data frame; four of its rows hold no numbers, which is told."""
    path = real_data / "expression" / "hs27_embeddings" / "tf_embeddings.npz"
    (tmp_path / "screen.yaml").write_text(f"embeddings: {path}\n")
    refused(tmp_path, "tf_embeddings.npz", "not finite", targets=False)


def test_a_hole_far_down_is_named_by_its_own_row(tmp_path: Path) -> None:
    values = np.ones((3000, 2))
    values[2500, 1] = np.nan
    ids = np.array([f"gene{i}" for i in range(3000)])
    np.savez(tmp_path / "embeddings.npz", ids=ids, embeddings=values)
    refused(tmp_path, "row 2501 (gene2500), column 1", targets=False)
