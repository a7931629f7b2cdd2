"""What is looked at in antibodies that a model draws."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from distrib.data.antibodies.alphabet import LETTERS
from distrib.data.antibodies.composition import divergence, shares
from distrib.data.antibodies.designs.tokens import END, PAD, text_of

REPEAT = re.compile(r"(.)\1{3}|(..)\2{3}")
"""Four of one residue in a row, such as GGGG, or four of a pair."""
HEAVY_LENGTHS = (90, 160)
"""Residues of a variable heavy domain, as public repertoires have them, and some leeway."""
_DOMAIN = re.compile(r"C.{60,95}C.{3,40}W[A-Z][A-Z]G")
"""The two conserved cysteines, and the WGxG behind the CDRH3 (WGQG in most)."""


def texts_of(tokens: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Texts of (rows, places) tokens without END, and (rows,) bool whether END came."""
    texts, ended = [], np.zeros(len(tokens), dtype=bool)
    for row, line in enumerate(tokens):
        at = np.flatnonzero(line == END)
        ended[row] = bool(len(at))
        end = at[0] if len(at) else int((line != PAD).sum())
        texts.append(text_of(line[:end].astype(np.uint8)))
    return texts, ended


def is_valid(text: str, light: bool) -> bool:
    """Whether it is one chain of the twenty letters, or two where there are light chains."""
    chains = text.split("|")
    allowed = len(chains) == 1 or (light and len(chains) == 2)
    return allowed and all(chain and set(chain) <= set(LETTERS) for chain in chains)


def sample_figures(
    texts: Sequence[str], ended: np.ndarray, natural: Sequence[str], *, light: bool
) -> dict[str, float]:
    """Figures of drawn antibodies beside natural ones.

    `validity`: ended, and of the twenty letters with one separator at most. `diversity`: different
    ones. `domains`: heavy chains of a domain's length with its cysteines and WGxG. `repeats_gap`:
    share with GGGG or the like, less that of natural ones (J6 has YYYY). `length_gap`: residues
    longer than the natural ones, in the mean. `composition_gap`: Jensen-Shannon divergence of
    residues, in bits.
    """
    heavy = [text.split("|")[0] for text in texts]
    good = [is_valid(text, light) and bool(end) for text, end in zip(texts, ended)]
    lengths = [len(chain) for chain in heavy]
    domain = [
        HEAVY_LENGTHS[0] <= len(chain) <= HEAVY_LENGTHS[1] and bool(_DOMAIN.search(chain))
        for chain in heavy
    ]
    own = [text.split("|")[0] for text in natural]
    found = {
        "validity": float(np.mean(good)),
        "diversity": len(set(texts)) / len(texts),
        "domains": float(np.mean(domain)),
        "repeats_gap": _repeats(texts) - _repeats(natural),
        "length_gap": float(np.mean(lengths) - np.mean([len(chain) for chain in own])),
        "composition_gap": divergence(shares(heavy), shares(own)),
    }
    if light:
        found["both_chains"] = float(np.mean(["|" in text for text in texts]))
    return found


def _repeats(texts: Sequence[str]) -> float:
    return float(np.mean([bool(REPEAT.search(text)) for text in texts]))


def advice(figures: dict[str, float]) -> list[str]:
    """Lines to act on, by the signs that users of the original watched for."""
    lines = []
    if figures["validity"] < 0.95:
        lines.append(f"only {figures['validity']:.0%} of what it draws is valid (good: 95%): train "
                     "longer (epochs), or draw with a smaller --top-p")  # fmt: skip
    if figures["diversity"] < 0.5:
        lines.append(f"only {figures['diversity']:.0%} of what it draws is different (good: above "
                     "70%): a larger --temperature or --top-p, or more dropout")  # fmt: skip
    if figures["repeats_gap"] > 0.05:
        more = f"{figures['repeats_gap']:.0%}"
        lines.append(f"{more} more of what it draws than of natural ones has repeats such as GGGG: "
                     "train longer, or a smaller learning_rate")  # fmt: skip
    return lines
