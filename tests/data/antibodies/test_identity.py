"""Edit distances against the textbook's, and the nearest of many."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from distrib.data.antibodies.identity import (
    edit_distances,
    near_identities,
    nearest_identities,
    padded,
)
from distrib.data.antibodies.simulate import simulate_chains

WORDS = st.text("ACDE", max_size=9)


def levenshtein(a: str, b: str) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row = row, [i]
        for j, y in enumerate(b, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (x != y)))
    return row[-1]


@given(text=WORDS, known=st.lists(WORDS, min_size=1, max_size=4))
def test_edit_distances(text: str, known: list[str]) -> None:
    found = edit_distances(text, *padded(known))
    assert found.tolist() == [levenshtein(text, other) for other in known]


def test_the_nearest() -> None:
    assert nearest_identities(["ACDE", "WW"], ["ACDF", "ACD", "KK"]).tolist() == [0.75, 0]
    assert nearest_identities(["ACDE"], []).tolist() == [0]
    assert near_identities(["ACDE"], []).tolist() == [0]
    assert near_identities(["AC", ""], ["AC", "DE"]).tolist() == [1, 0]


def test_the_nearest_by_triples_are_those_of_all() -> None:
    chains = list(simulate_chains(220, "IGH", seed=3).sequences)
    texts, known = chains[:20], chains[20:]
    changed = [text[:30] + "WWW" + text[33:] for text in known[:5]]
    exact = nearest_identities([*texts, *changed], known)
    found = near_identities([*texts, *changed], known)
    assert (found <= exact).all()
    assert np.abs(found - exact).max() < 0.03
    assert (found[-5:] == exact[-5:]).all()
