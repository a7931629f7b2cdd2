"""Trimming data: OLGA's marginals, groups of equal ends, parts, the fingerprint."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from distrib.data.vdj.germline.olga import read_model
from distrib.data.vdj.trimming.trimming import TrimmingData, encode_ends, olga_trimming
from distrib.errors import InputError

# trimming.md 6.2: chain, species, gene end, first and last trim; gene ends; mass kept
WINDOWS = [
    ("TRA", "human", "v", -2, 14, 90, 0.9929),
    ("TRA", "human", "v", 2, 14, 87, 0.6362),
    ("TRA", "human", "j", -2, 14, 58, 0.9765),
    ("TRA", "human", "j", 2, 14, 58, 0.7809),
    ("TRB", "human", "v", -2, 14, 81, 0.9975),
    ("TRB", "human", "v", 2, 14, 80, 0.8283),
    ("TRB", "human", "j", 2, 14, 14, 0.7973),
    ("TRA", "mouse", "v", 2, 14, 107, 0.5702),
]


@pytest.mark.parametrize(("chain", "species", "end", "first", "last", "genes", "mass"), WINDOWS)
def test_marginals_in_a_window(
    chain: str, species: str, end: str, first: int, last: int, genes: int, mass: float
) -> None:
    data = olga_trimming(chain, species, end, first, last)
    assert data.weights is not None
    assert data.weights.shape == (genes, last - first + 1)
    assert data.weights.sum() == pytest.approx(1, abs=1e-12)
    whole = read_model(data.origin.removeprefix("OLGA ")).gene_end(end)
    rows = [whole.genes.index(gene) for gene in data.genes]
    window = (whole.trims >= first) & (whole.trims <= last)
    joint = whole.usage[rows, None] * whole.probabilities[np.ix_(rows, window)]
    assert joint.sum() == pytest.approx(mass, abs=6e-5)
    assert data.weights == pytest.approx(joint / joint.sum(), abs=1e-15)


def test_the_window_must_lie_within_the_model() -> None:
    with pytest.raises(InputError, match=r"trim_max.*\n.*17\n.*at most 16"):
        olga_trimming("TRB", trim_max=17)
    with pytest.raises(InputError, match="unknown chain"):
        olga_trimming("TRBV")


def small() -> TrimmingData:
    ends = ["ACGTACGTACGT", "TCGTACGTACGT", "ACGTACGTACGT", "ACGTACGTACGA"]
    return TrimmingData(
        genes=np.array(["a", "b", "c", "d"]),
        ends=encode_ends(["GGG" + end for end in ends], 2),
        trims=np.array([1, 2]),
        weights=np.arange(8.0).reshape(4, 2),
        gene_end="v",
        origin="here",
    )


def test_genes_with_equal_ends_share_a_group() -> None:
    assert small().ends.shape == (4, 12)
    assert small().groups.tolist() == [0, 1, 0, 2]
    groups = olga_trimming().groups
    ends = olga_trimming().ends
    same = (ends[:, None] == ends[None]).all(axis=2)
    assert np.array_equal(same, groups[:, None] == groups[None])


def test_parts_keep_rows_together() -> None:
    part = small().take(np.array([3, 1]))
    assert part.genes.tolist() == ["d", "b"]
    assert part.weights is not None
    assert part.weights.tolist() == [[6, 7], [2, 3]]
    assert part.groups.tolist() == [0, 1]
    assert replace(small(), weights=None).take(np.array([0])).weights is None


def test_the_fingerprint_follows_the_content_alone() -> None:
    data = small()
    first = data.describe()["fingerprint"]
    assert first == small().describe()["fingerprint"]
    assert first == replace(data, origin="there").describe()["fingerprint"]
    changed = [
        replace(data, weights=data.weights + 1),
        replace(data, trims=data.trims + 1),
        replace(data, gene_end="j"),
        replace(data, genes=np.array(["a", "b", "c", "e"])),
        replace(data, ends=(data.ends + 1) % 4),
        data.take(np.array([1, 0, 2, 3])),
    ]
    assert len({first, *(d.describe()["fingerprint"] for d in changed)}) == 7
    assert data.describe()["groups"] == 3
