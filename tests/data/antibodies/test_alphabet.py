"""Tokens of amino acids, and letters that are none."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrib.data.antibodies.alphabet import (
    FIRST_LETTER,
    LETTERS,
    UNK,
    VOCABULARY,
    OnUnknown,
    clean,
    decode,
    encode,
)
from distrib.errors import InputError

SEQUENCES = st.lists(st.text(LETTERS + "X", max_size=30), max_size=6)


def test_the_vocabulary_is_that_of_the_published_models() -> None:
    """Special tokens 0 to 4, letters in alphabetical order from 5 on, 25 in all."""
    assert VOCABULARY[:5] == ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    assert VOCABULARY[FIRST_LETTER:] == tuple("ACDEFGHIKLMNPQRSTVWY")
    assert encode(["AYX"])[0].tolist() == [5, 24, UNK]


@given(SEQUENCES)
def test_tokens_turn_back_into_the_sequences(sequences: list[str]) -> None:
    """X is the letter of the unknown token."""
    tokens, at = encode(sequences)
    assert [decode(tokens[a:b]) for a, b in pairwise(at)] == sequences


def test_other_letters_are_refused_read_as_x_or_left_out() -> None:
    """The row and the place are named; rows that stay keep their place."""
    texts = ["evql", "EVBL", "EVé", "EV*"]
    with pytest.raises(InputError, match=r"t.csv, row 2, position 3.*\n.*'B'"):
        clean(texts, file="t.csv")
    read = clean(texts, "x")
    assert (read.sequences, read.unknown) == (["EVQL", "EVXL", "EVX", "EV"], 2)
    left = clean(texts, "skip")
    assert (left.sequences, left.kept.tolist(), left.unknown) == (["EVQL", "EV"], [0, 3], 2)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("ACGU", "nucleotides"),
        ("EV*QL", "stop codon"),
        ("EV-QL", "gaps"),
        ("EVB*-QL", "reads other letters as X"),
        ("EV-*QL", "gaps"),
    ],
)
def test_the_error_says_what_the_letter_may_be(text: str, hint: str) -> None:
    with pytest.raises(InputError, match=hint):
        clean([text])


def test_an_empty_sequence_is_refused_where_it_is_not_allowed() -> None:
    with pytest.raises(InputError, match="row 2: a row without sequence"):
        clean(["EV", " "])
    assert clean(["EV", ""], empty=True).sequences == ["EV", ""]
    with pytest.raises(InputError, match="no such policy"):
        clean(["EV"], "ignore")  # type: ignore[arg-type]


def test_tokens_are_small() -> None:
    """A byte each: a million chains are 120 MB at most."""
    assert encode(["EVQL"])[0].dtype == np.uint8


@pytest.mark.parametrize("policy", ["error", "x", "skip"])
def test_nucleotides_are_refused_though_their_letters_are_residues_too(policy: OnUnknown) -> None:
    """The first few decide, by those that are long enough to tell; an N is read as X before."""
    with pytest.raises(InputError, match=r"row 2(.|\n)*nucleotides"):
        clean(["ACGT", "GATTACA" * 10, "CCGTAAGC" * 10], policy)
    if policy == "x":
        with pytest.raises(InputError, match="nucleotides"):
            clean(["GATNACA" * 10], policy)
    assert clean(["ACGT", "GATTACA" * 10, "EVQLVESGGG" * 7], policy).unknown == 0
    assert len(clean(["ACGT", "CAT"], policy).sequences) == 2
