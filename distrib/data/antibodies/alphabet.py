"""The twenty amino acids as tokens, and what becomes of other letters.

The vocabulary is that of BERT: the special tokens first, then the letters in alphabetical order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from distrib.errors import InputError

LETTERS = "ACDEFGHIKLMNPQRSTVWY"
SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PAD, UNK, CLS, SEP, MASK = range(len(SPECIALS))
FIRST_LETTER = len(SPECIALS)
VOCABULARY: tuple[str, ...] = (*SPECIALS, *LETTERS)

UNKNOWN = "X"
"""Stands for a residue that is not known."""

OnUnknown = Literal["error", "x", "skip"]
"""What becomes of letters outside the twenty: refused, read as X, or their row is left out."""

_NUCLEOTIDES = frozenset("ACGTUN")
_LOOKS, _LONG = 100, 60

_TOKEN = np.full(256, UNK, dtype=np.uint8)
_TOKEN[np.frombuffer(LETTERS.encode(), np.uint8)] = np.arange(FIRST_LETTER, len(VOCABULARY))
_LETTER = np.frombuffer(f"?X???{LETTERS}".encode(), np.uint8)
_LETTERS = LETTERS.encode()
_TO_X = bytes(value if chr(value) in LETTERS else ord(UNKNOWN) for value in range(256))


def encode(sequences: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Tokens of all sequences in a row, without special ones; letters outside the twenty are UNK.

    Returns:
        (residues,) uint8 tokens, and (rows + 1,) int64: sequence i is `tokens[at[i]:at[i + 1]]`.
    """
    lengths = np.fromiter(map(len, sequences), np.int64, len(sequences))
    letters = np.frombuffer("".join(sequences).encode("latin-1", "replace"), np.uint8)
    return _TOKEN[letters], np.r_[0, np.cumsum(lengths)]


def decode(tokens: np.ndarray) -> str:
    """The letters of (residues,) tokens; UNK is X, other special tokens are question marks."""
    return _LETTER[tokens].tobytes().decode()


@dataclass(frozen=True)
class Cleaned:
    """Sequences of the twenty letters, and of X where that was asked for.

    Attributes:
        sequences: upper-case. kept: (rows,) int64, which of those given they are.
        unknown: how many of those given have a letter outside the twenty.
    """

    sequences: list[str]
    kept: np.ndarray
    unknown: int


def clean(
    texts: Sequence[str],
    on_unknown: OnUnknown = "error",
    *,
    file: object = None,
    place: Callable[[int], str] = lambda i: f"row {i + 1}",
    empty: bool = False,
) -> Cleaned:
    """Upper-case sequences with every letter checked; white space and a stop at the end are cut.

    Args:
        on_unknown: what becomes of letters outside the twenty.
        file, place: of a row, named in errors. empty: whether a sequence may be empty.

    Raises:
        InputError: naming the row of a sequence that is missing, or of a letter that is refused; or
            they are nucleotides, whose letters are all among the twenty.
    """
    if on_unknown not in get_args(OnUnknown):
        raise InputError("no such policy", where="on_unknown", found=on_unknown,
                         expected="error, x or skip")  # fmt: skip
    sequences, kept, unknown = [], [], 0
    for i, text in enumerate(texts):
        sequence = text.strip().upper().removesuffix("*")
        if not sequence and not empty:
            raise InputError("a row without sequence", file=file, where=place(i))
        letters = sequence.encode("latin-1", "replace")
        if odd := letters.translate(None, _LETTERS):
            unknown += 1
            if on_unknown == "error":
                at = letters.index(odd[:1])
                raise InputError(
                    "a letter that is none of the twenty amino acids",
                    file=file,
                    where=f"{place(i)}, position {at + 1}",
                    found=repr(sequence[at]),
                    expected=LETTERS,
                    hint=_why(sequence, sequence[at]),
                )
            if on_unknown == "skip":
                continue
            sequence = letters.translate(_TO_X).decode()
        sequences.append(sequence)
        kept.append(i)
    _refuse_nucleotides(sequences, kept, file, place)
    return Cleaned(sequences, np.array(kept, dtype=np.int64), unknown)


def _refuse_nucleotides(
    sequences: Sequence[str], kept: Sequence[int], file: object, place: Callable[[int], str]
) -> None:
    """Look at the first few long ones: no antibody has but four of the twenty residues."""
    looked = [i for i, sequence in enumerate(sequences[:_LOOKS]) if len(sequence) >= _LONG]
    if looked and all(set(sequences[i]) <= {*_NUCLEOTIDES, UNKNOWN} for i in looked):
        raise InputError(
            "nucleotides, where amino acids belong",
            file=file,
            where=place(kept[looked[0]]),
            found=f"{sequences[looked[0]][:30]}...",
            expected=f"letters of {LETTERS}",
            hint="translate them first, or name the column of amino acids",
        )


def _why(sequence: str, letter: str) -> str:
    """What to do about this letter of it, which is none of the twenty."""
    if set(sequence) <= _NUCLEOTIDES:
        return "these are nucleotides: translate them first"
    if letter == "*":
        return "a stop codon: leave out what is not productive"
    if letter in "-.":
        return "gaps of an alignment: take them out"
    return "on_unknown=x reads other letters as X, on_unknown=skip leaves their rows out"
