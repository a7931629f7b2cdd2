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
BIN = 5
"""Residues of a bin of lengths."""
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


def is_domain(heavy: str) -> bool:
    """Whether a heavy chain is of a variable domain's length, with its cysteines and WGxG."""
    least, most = HEAVY_LENGTHS
    return least <= len(heavy) <= most and bool(_DOMAIN.search(heavy))


def sample_figures(
    texts: Sequence[str], ended: np.ndarray, natural: Sequence[str], *, light: bool
) -> dict[str, float]:
    """Figures of drawn antibodies beside natural ones.

    `validity`: ended, and of the twenty letters with one separator at most. `diversity`: different
    ones. `domains`: heavy chains of a domain's length with its cysteines and WGxG. `repeats_gap`:
    share with GGGG or the like, less that of natural ones (J6 has YYYY). `length_gap`: residues
    longer than the natural ones, in the mean; `length_mean`, `length_min` and `length_max` are of
    the drawn. `length_divergence` and `composition_gap`: Jensen-Shannon divergences of lengths (in
    bins of five) and of residues, in bits. `both_chains`: share with one separator.
    """
    heavy = [text.split("|")[0] for text in texts]
    good = [is_valid(text, light) and bool(end) for text, end in zip(texts, ended)]
    lengths = [len(chain) for chain in heavy]
    domain = [is_domain(chain) for chain in heavy]
    own = [text.split("|")[0] for text in natural]
    natural_lengths = [len(chain) for chain in own]
    found = {
        "validity": float(np.mean(good)),
        "diversity": len(set(texts)) / len(texts),
        "domains": float(np.mean(domain)),
        "repeats_gap": _repeats(texts) - _repeats(natural),
        "length_gap": float(np.mean(lengths) - np.mean(natural_lengths)),
        "length_mean": float(np.mean(lengths)),
        "length_min": float(np.min(lengths)),
        "length_max": float(np.max(lengths)),
        "length_divergence": divergence(*_histograms(lengths, natural_lengths)),
        "composition_gap": divergence(shares(heavy), shares(own)),
    }
    if light:
        found["both_chains"] = float(np.mean([text.count("|") == 1 for text in texts]))
    return found


def _repeats(texts: Sequence[str]) -> float:
    return float(np.mean([bool(REPEAT.search(text)) for text in texts]))


def _histograms(one: Sequence[int], other: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    places = max(*one, *other) // BIN + 1
    counts = [np.bincount(np.array(part) // BIN, minlength=places) for part in (one, other)]
    return counts[0] / len(one), counts[1] / len(other)
