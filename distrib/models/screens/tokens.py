"""Sequences as an encoder's tokenizer reads them, and whether it knows what it reads.

A tokenizer that parts words at blanks takes a sequence for one word that it does not know: every
row is then the same token, and gets the same embedding. Where each letter is a word of its
vocabulary, letters are parted for it; anything else is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from distrib.data.files.ids import examples
from distrib.errors import InputError


def read_tokens(
    tokenizer: Any,
    sequences: np.ndarray,
    ids: Sequence[str],
    *,
    name: str,
    file: object = None,
    notes: list[str] | None = None,
) -> list[np.ndarray]:
    """(rows,) bytes -> the numbers of each row's tokens, those that the tokenizer adds included.

    Args:
        name: of the encoder, for errors. file: where the sequences come from.
        notes: gets a line where letters were parted, and where some tokens are unknown.

    Raises:
        InputError: a row of unknown tokens alone; two different sequences with equal tokens.
    """
    texts = [sequence.decode() for sequence in sequences.tolist()]
    rows, notes = _numbers(tokenizer, texts), [] if notes is None else notes
    unknown = _unknown(tokenizer, rows)
    if (unknown == 1).any():
        parted = _numbers(tokenizer, [" ".join(text) for text in texts])
        by_letter = _unknown(tokenizer, parted)
        lengths = [len(row) for row in parted]
        if (by_letter == 1).any() or not _one_token_a_letter(tokenizer, parted, texts):
            raise _nothing_known(tokenizer, name, file, texts, ids, unknown)
        notes.append(
            f"{name or 'the encoder'}: its tokenizer parts words at blanks and knows letters, so "
            f"each letter was read as a word ({min(lengths):,} to {max(lengths):,} tokens)"
        )
        rows, unknown = parted, by_letter
    _require_different(rows, texts, ids, name, file, tokenizer)
    if (unknown > 0).any():
        some = [ids[i] for i in np.flatnonzero(unknown > 0).tolist()]
        share = _share(tokenizer, rows)
        notes.append(
            f"{len(some):,} of {len(rows):,} sequences have tokens that the tokenizer does not "
            f"know ({tokenizer.unk_token}), {share:.2g} of all tokens: {examples(some)}"
        )
    return rows


def _numbers(tokenizer: Any, texts: Sequence[str]) -> list[np.ndarray]:
    found = tokenizer(list(texts), add_special_tokens=True, truncation=False)["input_ids"]
    return [np.asarray(numbers, dtype=np.int64) for numbers in found]


def _own(tokenizer: Any, row: np.ndarray) -> np.ndarray:
    """The tokens of a row that stand for its letters."""
    added = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
    return row[~np.isin(row, list(added))]


def _unknown(tokenizer: Any, rows: Sequence[np.ndarray]) -> np.ndarray:
    """(rows,) which part of a row's own tokens is unknown; 1 where it has none of its own."""
    shares = []
    for row in rows:
        own = _own(tokenizer, row)
        shares.append(float((own == tokenizer.unk_token_id).mean()) if len(own) else 1.0)
    return np.array(shares)


def _share(tokenizer: Any, rows: Sequence[np.ndarray]) -> float:
    own = np.concatenate([_own(tokenizer, row) for row in rows])
    return float((own == tokenizer.unk_token_id).mean())


def _one_token_a_letter(tokenizer: Any, rows: Sequence[np.ndarray], texts: Sequence[str]) -> bool:
    """Whether every letter became one token."""
    return all(len(_own(tokenizer, row)) == len(text) for row, text in zip(rows, texts))


def _nothing_known(
    tokenizer: Any,
    name: str,
    file: object,
    texts: Sequence[str],
    ids: Sequence[str],
    unknown: np.ndarray,
) -> InputError:
    lost = np.flatnonzero(unknown == 1).tolist()
    sizes = Counter(len(w) for w in tokenizer.get_vocab() if set(w.upper()) <= set("ACGTN"))
    words, hint = "none of A, C, G, T and N", None
    if sizes:
        size = sizes.most_common(1)[0][0]
        some = sorted(w for w in tokenizer.get_vocab() if set(w.upper()) <= set("ACGTN"))
        words = f"words of {size} letters such as {examples([w for w in some if len(w) == size])}"
        hint = (
            "take a checkpoint whose tokenizer reads sequences without blanks: whether its words "
            "follow or overlap each other, this one does not tell"
        )
        if any(word.islower() for word in some):
            hint = "the vocabulary is in lower case: a tokenizer with do_lower_case reads ours"
    told = f"{type(tokenizer).__name__} of {name}" if name else type(tokenizer).__name__
    return InputError(
        f"{len(lost):,} of {len(texts):,} sequences are {tokenizer.unk_token} alone: this "
        "tokenizer parts words at blanks, and knows none of them",
        file=file,
        where=f"row {ids[lost[0]]}",
        found=f"{texts[lost[0]][:30]!r}, for {told} with {words}",
        expected="a tokenizer that knows these letters",
        hint=hint,
    )


def _require_different(
    rows: Sequence[np.ndarray],
    texts: Sequence[str],
    ids: Sequence[str],
    name: str,
    file: object,
    tokenizer: Any,
) -> None:
    seen: dict[bytes, int] = {}
    for i, row in enumerate(rows):
        first = seen.setdefault(row.tobytes(), i)
        if texts[first] != texts[i]:
            raise InputError(
                "two different sequences that are equal to the tokenizer",
                file=file,
                where=f"rows {ids[first]} and {ids[i]}",
                found=f"{len(row)} tokens of both: "
                f"{' '.join(tokenizer.convert_ids_to_tokens(row.tolist()[:8]))}",
                expected="different tokens",
                hint=f"is {name or 'this encoder'} made for such sequences?",
            )
