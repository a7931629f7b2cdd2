"""`distrib.prepare expression` and `embed`: from a lab's files to a screen for every family."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from distrib.data.screens.screen_reader import load_screen
from distrib.prepare import main
from tests.support.small_screens import GENES, ROWS, small_screen

DATA = small_screen()
IDS = [f"ENSG{number:011d}" for number in range(ROWS)]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """The files of a screen as a lab keeps them, one row without an embedding."""
    assert DATA.targets is not None and DATA.sequences is not None
    assert DATA.gene_inputs is not None
    targets = pd.DataFrame(DATA.targets, columns=IDS[:GENES])
    targets.insert(0, "gene_id", IDS)
    targets.insert(0, "gene_name", [f"TF{i}" for i in range(ROWS)])
    targets.to_csv(tmp_path / "targets.csv", index=False)
    np.save(tmp_path / "tf.npy", DATA.inputs[:-1])
    np.save(tmp_path / "ids.npy", np.array(IDS[:-1]))
    np.savez(tmp_path / "genes.npz", ids=np.array(IDS[:GENES]), embeddings=DATA.gene_inputs)
    letters = [word.decode() for word in DATA.sequences.tolist()]
    pd.DataFrame({"gene_id": IDS, "chrom": "chr1", "sequence": letters}).to_csv(
        tmp_path / "sequences.csv", index=False
    )
    return tmp_path


def expression(files: Path, *more: str) -> int:
    return main(
        ["expression", "--targets", str(files / "targets.csv"), "--out", str(files / "screen"),
         "--embeddings", str(files / "tf.npy"), "--embedding-ids", str(files / "ids.npy"), *more]
    )  # fmt: skip


def test_a_screen_of_everything(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = [
        "--gene-embeddings",
        str(files / "genes.npz"),
        "--sequences",
        str(files / "sequences.csv"),
    ]
    assert expression(files, *more) == 0
    told = capsys.readouterr().out
    assert (
        "1 of 40 ids of targets.csv are not in ids.npy and were left out: ENSG00000000039" in told
    )
    assert "39 perturbations, 12 genes, embeddings of 6, gene embeddings of 6" in told
    assert f"next: python -m distrib.tune --space lel --data {files / 'screen'}" in told
    screen = load_screen(files / "screen")
    assert screen.ids.tolist() == IDS[:-1]
    assert screen.columns.tolist() == IDS[:GENES]
    assert screen.targets is not None and DATA.targets is not None
    np.testing.assert_allclose(screen.targets, DATA.targets[:-1], rtol=1e-6)
    np.testing.assert_array_equal(screen.inputs, DATA.inputs[:-1])
    np.testing.assert_array_equal(screen.gene_inputs, DATA.gene_inputs)  # type: ignore[arg-type]
    np.testing.assert_array_equal(screen.sequences, DATA.sequences[:-1])  # type: ignore[arg-type,index]


def test_only_the_genes_that_respond_most(files: Path) -> None:
    assert expression(files, "--top-genes", "3") == 0
    assert DATA.targets is not None
    sizes = np.abs(DATA.targets[:-1]).mean(axis=0)
    most = np.sort(np.argsort(sizes)[::-1][:3])
    assert load_screen(files / "screen").columns.tolist() == [IDS[at] for at in most]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--top-genes", "0"], "--top-genes"),
        (["--sequences", "none.csv"], "no such file"),
        (["--splits", "targets.csv"], "targets.csv"),
    ],
)
def test_what_it_refuses(
    files: Path,
    more: list[str],
    says: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(files)
    assert expression(files, *more) == 2
    assert says in capsys.readouterr().err
    assert not (files / "screen").exists()


def test_a_folder_with_something_in_it_is_left_alone(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert expression(files) == 0
    before = {p: p.read_bytes() for p in (files / "screen").iterdir()}
    assert expression(files) == 2
    assert "there is something already" in capsys.readouterr().err
    assert {p: p.read_bytes() for p in (files / "screen").iterdir()} == before


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    pytest.importorskip("transformers")
    from distrib.models.screens.encoders import small_encoder, write_encoder

    write_encoder(small_encoder(), tmp_path / "encoder")
    return tmp_path / "encoder"


def embed(files: Path, encoder: Path, *more: str) -> int:
    return main(
        ["embed", "--sequences", str(files / "sequences.csv"), "--model", str(encoder),
         "--out", str(files / "embeddings.npz"), *more]
    )  # fmt: skip


def test_sequences_become_embeddings_that_a_screen_takes(
    files: Path, encoder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert embed(files, encoder) == 0
    assert "40 embeddings of 64 numbers" in capsys.readouterr().out
    assert (
        main(["expression", "--targets", str(files / "targets.csv"),
              "--embeddings", str(files / "embeddings.npz"), "--out", str(files / "made")]) == 0
    )  # fmt: skip
    assert load_screen(files / "made").inputs.shape == (ROWS, 64)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--out", "somewhere.csv"], "expected: .npz"),
        (["--out", "nowhere/a.npz"], "no such folder"),
        (["--batch-tokens", "0"], "--batch-tokens"),
        (["--device", "cuda"], "no GPU"),
        (["--model", "./nowhere"], "no such folder"),
        (["--model", "a/b", "--trust-remote-code"], "--revision"),
    ],
)
def test_what_embed_refuses(
    files: Path,
    encoder: Path,
    more: list[str],
    says: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.chdir(files)
    assert embed(files, encoder, *more) == 2
    assert says in capsys.readouterr().err
    assert not (files / "embeddings.npz").exists()
