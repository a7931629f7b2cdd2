"""Tokenizers that know nothing of a sequence, or not all of it."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("transformers")

from distrib.errors import InputError
from distrib.models.screens.encoders import Encoder, load_encoder, small_encoder
from tests.support.bert_encoders import write_bert

SEQUENCES = np.array([b"ACGTACGTACGT", b"TTTTGGGGCCCC", b"ACGTNNACGT"])
IDS = ["n0", "n1", "n2"]


def encoder(folder: Path, words: list[str], **more: Any) -> Encoder:
    write_bert(folder, words, **more)
    return load_encoder(str(folder))


def test_letters_are_parted_where_each_is_a_word(tmp_path: Path) -> None:
    notes: list[str] = []
    found = encoder(tmp_path, list("ACGTN")).tokens(SEQUENCES, IDS, notes=notes)
    begin, end = 2, 3  # [CLS] and [SEP] of [PAD] [UNK] [CLS] [SEP] [MASK]
    expected = [[begin, *("ACGTN".index(c) + 5 for c in s.decode()), end] for s in SEQUENCES]
    assert [row.tolist() for row in found] == expected
    assert len(notes) == 1 and "each letter was read as a word (12 to 14 tokens)" in notes[0]


def test_parted_letters_count_against_the_context(tmp_path: Path) -> None:
    long = np.array([b"ACGT" * 40])  # one word, of three tokens with those around it
    with pytest.raises(InputError, match="longer than the model's context") as told:
        encoder(tmp_path, list("ACGTN")).tokens(long, ["n0"])
    assert "160 letters, 162 tokens" in str(told.value)


WORDS = {
    "3-mers": (["".join(word) for word in product("ACGT", repeat=3)], "words of 3 letters"),
    "6-mers": (["ACGTAC", "TTTTTT"], "words of 6 letters"),
    "lower case": (list("acgtn"), "lower case"),
    "amino acids": (list("DEFHIKLMPQRSVWY"), "none of A, C, G, T and N"),
}


@pytest.mark.parametrize("vocabulary", WORDS)
def test_what_no_token_is_known_of_is_refused(tmp_path: Path, vocabulary: str) -> None:
    words, told = WORDS[vocabulary]
    with pytest.raises(InputError, match=r"3 of 3 sequences are \[UNK\] alone") as caught:
        encoder(tmp_path, words).tokens(SEQUENCES, IDS, file="nuc.csv")
    text = str(caught.value)
    assert "nuc.csv, row n0" in text and told in text and str(tmp_path) in text
    assert "BertTokenizer" in text


def test_unknown_tokens_in_part_are_told_with_their_share(tmp_path: Path) -> None:
    notes: list[str] = []
    encoder(tmp_path, list("ACGT")).tokens(SEQUENCES[:2], IDS[:2], notes=notes)
    assert len(notes) == 1
    notes.clear()
    found = encoder(tmp_path / "n", ["A", "C", "G", "T"]).tokens(SEQUENCES, IDS, notes=notes)
    assert len(found) == 3
    assert notes[1].startswith("1 of 3 sequences have tokens that the tokenizer does not know")
    assert "[UNK]), 0.059 of all tokens: n2" in notes[1]  # 2 of 34


def test_different_sequences_with_equal_tokens_are_refused(tmp_path: Path) -> None:
    twins = np.array([b"ACGTNA", b"ACGTCA"])
    with pytest.raises(InputError, match="equal to the tokenizer") as caught:
        encoder(tmp_path, list("AGT")).tokens(twins, ["one", "other"], file="x.csv")
    assert "x.csv, rows one and other" in str(caught.value)


def test_equal_sequences_may_have_equal_tokens(tmp_path: Path) -> None:
    twins = np.array([b"ACGTNA", b"ACGTNA"])
    one, other = encoder(tmp_path, list("ACGTN")).tokens(twins, ["one", "other"])
    np.testing.assert_array_equal(one, other)


def test_a_tokenizer_that_knows_its_letters_is_left_alone() -> None:
    notes: list[str] = []
    small = replace(small_encoder(), name="small")
    found = small.tokens(SEQUENCES, IDS, notes=notes)
    assert [len(row) for row in found] == [5, 5, 7] and notes == []
