"""`distrib.prepare embed --proteins`: amino acids through a network and a tokenizer of ESM."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("transformers")

from distrib.prepare import main

VOCABULARY = (
    "<cls> <pad> <eos> <unk> L A G V S E R T I D P K Q N F Y M H W C X B U Z O . - <null_1> <mask>"
)
PROTEINS = {"TP53": "MEEPQSDPSVEPPLSQETFSDLWKLLPENN", "short": "MKX", "lower": "mvlspadktnvkaawg"}


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    """A network in the form of ESM-2, with random weights and the vocabulary of ESM-2."""
    import torch
    from transformers import EsmConfig, EsmForMaskedLM, EsmTokenizer

    folder = tmp_path / "esm"
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY.split()) + "\n")
    EsmTokenizer(str(folder / "vocab.txt"), model_max_length=64).save_pretrained(folder)
    config = EsmConfig(
        vocab_size=33, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=64, max_position_embeddings=66, position_embedding_type="rotary",
        pad_token_id=1, mask_token_id=32, token_dropout=True, emb_layer_norm_before=False,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        EsmForMaskedLM(config).save_pretrained(folder)
    return folder


def embed(folder: Path, encoder: Path, *more: str) -> int:
    text = "".join(f">{name}\n{letters}\n" for name, letters in PROTEINS.items())
    (folder / "proteins.fasta").write_text(text)
    return main(
        ["embed", "--sequences", str(folder / "proteins.fasta"), "--model", str(encoder),
         "--out", str(folder / "proteins.npz"), *more]
    )  # fmt: skip


def test_proteins_are_embedded_as_transformers_alone_does(
    tmp_path: Path, encoder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each by itself, without padding, its last hidden states averaged."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    assert embed(tmp_path, encoder, "--proteins") == 0
    told = capsys.readouterr().out
    assert "3 embeddings of 32 numbers" in told and "--sequences" not in told
    found = np.load(tmp_path / "proteins.npz")
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    network = AutoModel.from_pretrained(encoder).eval()
    assert found["ids"].tolist() == list(PROTEINS)
    for vector, letters in zip(found["embeddings"], PROTEINS.values()):
        tokens = tokenizer(letters.upper(), return_tensors="pt")
        assert tokens["input_ids"].shape[1] == len(letters) + 2
        with torch.inference_mode():
            alone = network(**tokens).last_hidden_state[0].mean(dim=0)
        np.testing.assert_allclose(vector, alone.numpy(), atol=1e-5)


def test_proteins_are_no_nucleotides(
    tmp_path: Path, encoder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert embed(tmp_path, encoder) == 2
    assert "a letter that is no nucleotide" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("letters", "said"),
    [("MEEPQ*", "leave out stops"), ("MEE-PQ", "leave out gaps"), ("MEE1", "position 4")],
)
def test_what_is_no_amino_acid(
    letters: str, said: str, tmp_path: Path, encoder: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setitem(PROTEINS, "short", letters)
    assert embed(tmp_path, encoder, "--proteins") == 2
    told = capsys.readouterr().err
    assert "a letter that is no amino acid" in told and said in told and "(short)" in told
