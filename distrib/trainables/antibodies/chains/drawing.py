"""Chains drawn token by token: what may be asked, and what is looked at in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, Field

from distrib.data.antibodies.alphabet import CLS, FIRST_LETTER, MASK, PAD, SEP, UNK, decode
from distrib.data.antibodies.composition import divergence, shares

if TYPE_CHECKING:
    from distrib.models.antibodies.search import Sampling

SPECIAL = (PAD, CLS, SEP)
"""Padding, begin and end, as `models.antibodies.search` wants them."""
FORBIDDEN = (PAD, UNK, CLS, MASK)
"""Tokens that no chain has, the mask's among them."""
SAMPLES = "samples.csv"


class DrawOptions(BaseModel):
    """How tokens are drawn."""

    temperature: float = Field(1.0, ge=0, description="temperature of sampling; 0: the likeliest")
    top_k: int = Field(0, ge=0, description="draw among the k likeliest tokens; 0: all")
    top_p: float = Field(
        1.0, gt=0, le=1, description="draw among the likeliest tokens that sum to this probability"
    )
    min_length: int = Field(0, ge=0, description="fewest residues of a chain")
    max_length: int = Field(
        0,
        ge=0,
        description="most tokens of a chain, its end among them; 0: as many as the model reads",
    )
    batch: int = Field(128, ge=1, description="chains drawn at a time")

    def sampling(self, places: int) -> Sampling:
        """The same for the search, of a model that has so many places."""
        from distrib.errors import InputError
        from distrib.models.antibodies.search import Sampling

        most = self.max_length or places - 1
        if most > places - 1:
            raise InputError(
                "longer than the model's context",
                where="--max-length",
                found=most,
                expected=f"at most {places - 1}",
            )
        if self.min_length >= most:
            raise InputError(
                "no chain is so long and so short",
                where="--min-length",
                found=self.min_length,
                expected=f"below {most}",
            )
        return Sampling(
            self.temperature,
            self.top_k,
            self.top_p,
            max_length=most,
            min_length=self.min_length,
            forbidden=FORBIDDEN,
        )


def texts_of(tokens: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Chains of (rows, places) tokens, and (rows,) bool whether each came to its end."""
    ended = (tokens == SEP).any(axis=1)
    return [decode(row[row >= FIRST_LETTER].astype(np.uint8)) for row in tokens], ended


def sample_figures(
    texts: Sequence[str], ended: np.ndarray, natural: Sequence[str]
) -> dict[str, float]:
    """Figures of drawn chains beside natural ones.

    `validity`: came to an end, with a residue at least. `diversity`: different ones. `length_gap`:
    residues longer than the natural ones, in the mean. `composition_gap`: Jensen-Shannon divergence
    of residues, in bits.
    """
    return {
        "validity": float(np.mean([bool(text) and bool(e) for text, e in zip(texts, ended)])),
        "diversity": len(set(texts)) / len(texts),
        "length_gap": float(np.mean([*map(len, texts)]) - np.mean([*map(len, natural)])),
        "composition_gap": divergence(shares(texts), shares(natural)),
    }


def advice(figures: dict[str, float]) -> list[str]:
    """Lines to act on, by what usually goes wrong."""
    lines = []
    if figures["validity"] < 0.95:
        lines.append(f"only {figures['validity']:.0%} of the chains that it draws come to an end: "
                     "train longer (epochs), or draw with a smaller --top-p")  # fmt: skip
    if figures["diversity"] < 0.5:
        lines.append(f"only {figures['diversity']:.0%} of the chains that it draws are different: "
                     "a larger --temperature or --top-p, or more dropout")  # fmt: skip
    return lines
