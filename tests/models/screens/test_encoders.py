"""Encoders and their tokenisers: the small one, those read from a folder, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("transformers")

from distrib.errors import InputError
from distrib.models.screens.encoders import (
    Encoder,
    k_mer_tokenizer,
    load_encoder,
    pool,
    small_encoder,
    write_encoder,
)


@pytest.fixture(scope="module")
def small() -> Encoder:
    return small_encoder()


@pytest.fixture
def folder(small: Encoder, tmp_path: Path) -> Path:
    write_encoder(small, tmp_path / "encoder")
    return tmp_path / "encoder"


def words(text: str, k: int) -> list[str]:
    tokenizer = k_mer_tokenizer(k)
    return tokenizer.convert_ids_to_tokens(tokenizer(text)["input_ids"])  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ACGTAC", ["ACG", "TAC"]),
        ("ACGTA", ["ACG", "T", "A"]),
        ("ACNGTACG", ["A", "C", "N", "GTA", "C", "G"]),
        ("N", ["N"]),
        ("", []),
    ],
)
def test_reads_k_letters_at_a_time_and_the_rest_one_by_one(text: str, expected: list[str]) -> None:
    assert words(text, 3) == ["<cls>", *expected]


def test_six_letters_make_the_vocabulary_of_nucleotide_transformers() -> None:
    assert len(k_mer_tokenizer(6)) == 4 + 4**6 + 5


def test_the_small_encoder_depends_on_its_seed_alone(small: Encoder) -> None:
    before = torch.get_rng_state()
    assert small_encoder().fingerprint() == small.fingerprint()
    assert small_encoder(seed=1).fingerprint() != small.fingerprint()
    assert torch.equal(torch.get_rng_state(), before)


def test_what_is_written_is_read_again(small: Encoder, folder: Path) -> None:
    again = load_encoder(str(folder))
    assert again.fingerprint() == small.fingerprint()
    assert (again.context, again.width) == (small.context, small.width)
    sequences = np.array([b"ACGTNACGT", b"A"])
    for one, other in zip(small.tokens(sequences, ["a", "b"]), again.tokens(sequences, ["a", "b"])):
        np.testing.assert_array_equal(one, other)


def test_padding_does_not_change_an_embedding(small: Encoder) -> None:
    sequences = np.array([b"ACGTACGTACGTACG", b"ACG"])
    rows = small.tokens(sequences, ["long", "short"])
    small.network.eval()

    def embedded(*tokens: np.ndarray) -> torch.Tensor:
        numbers, there = (torch.from_numpy(part) for part in small.pad(tokens))
        with torch.inference_mode():
            return pool(small.hidden(numbers, there), there, "mean")

    together = embedded(*rows)
    for row, tokens in enumerate(rows):
        torch.testing.assert_close(together[row], embedded(tokens)[0], atol=1e-5, rtol=1e-5)


def test_pooling() -> None:
    hidden = torch.tensor([[[1.0], [3.0], [100.0]]])
    there = torch.tensor([[True, True, False]])
    assert pool(hidden, there, "mean").item() == 2.0
    assert pool(hidden, there, "cls").item() == 1.0


def test_a_sequence_longer_than_the_context_is_named(small: Encoder) -> None:
    long = b"ACG" * small.context
    with pytest.raises(InputError, match="longer than the model's context") as caught:
        small.tokens(np.array([b"ACG", long]), ["short", "long"])
    assert "row long" in str(caught.value)
    assert f"{len(long)} letters" in str(caught.value)
    assert f"at most {small.context} tokens" in str(caught.value)


@pytest.mark.parametrize("family", ["esm", "roberta", "bert"])
def test_places_that_begin_after_the_padding_are_not_for_tokens(
    family: str, tmp_path: Path
) -> None:
    """Of 30 places ESM and RoBERTa leave two to the padding's number 1 and what is before it."""
    from transformers import AutoConfig, AutoModel

    tokenizer = k_mer_tokenizer(1, context=10_000)
    more = {"position_embedding_type": "absolute"} if family == "esm" else {}
    config = AutoConfig.for_model(
        family, vocab_size=len(tokenizer), hidden_size=8, num_hidden_layers=1, pad_token_id=1,
        num_attention_heads=1, intermediate_size=8, max_position_embeddings=30, **more,
    )  # fmt: skip
    tokenizer.save_pretrained(tmp_path)
    AutoModel.from_config(config).save_pretrained(tmp_path)
    encoder = load_encoder(str(tmp_path))
    assert encoder.context == (30 if family == "bert" else 28)
    letters = encoder.context - len(tokenizer("")["input_ids"])
    fits, over = b"A" * letters, b"A" * (letters + 1)
    (tokens,) = encoder.tokens(np.array([fits]), ["fits"])
    assert len(tokens) == encoder.context
    numbers, there = map(torch.from_numpy, encoder.pad([np.where(tokens == 1, 2, tokens)]))
    assert encoder.hidden(numbers, there).shape == (1, encoder.context, 8)
    with pytest.raises(InputError, match="longer than the model's context"):
        encoder.tokens(np.array([over]), ["over"])


def test_a_folder_without_a_tokeniser(folder: Path) -> None:
    for file in folder.glob("*token*"):
        file.unlink()
    with pytest.raises(InputError, match="no tokenizer in this folder") as caught:
        load_encoder(str(folder))
    assert str(folder) in str(caught.value)


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no model in this folder.*\n?.*config\.json"):
        load_encoder(str(tmp_path))


def test_a_folder_whose_weights_are_cut_short(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(InputError, match="no model can be loaded"):
        load_encoder(str(folder))


def test_a_folder_whose_weights_are_not_all_there(small: Encoder, folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    removed = next(name for name in weights if name.endswith("key.weight"))
    del weights[removed]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match="not all there") as caught:
        load_encoder(str(folder))
    assert removed in str(caught.value)


def test_code_from_a_hub_runs_only_at_a_pinned_revision() -> None:
    for revision in (None, "main", "abc123"):
        with pytest.raises(InputError, match="revision that you have looked at"):
            load_encoder("someone/model", revision=revision, trust_remote_code=True)
