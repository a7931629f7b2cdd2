"""One gene end out of a prepared folder, and what its counts weigh."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from distrib.data.vdj.germline.parameter_groups import find_group
from distrib.data.vdj.prepare.prepared import Gene, Prepared, write_prepared
from distrib.data.vdj.trimming.trimming_prepared import prepared_trimming
from distrib.data.vdj.trimming.weights import weigh
from distrib.errors import InputError
from distrib.trainables.vdj.trimming.config import TrimmingSource
from distrib.trainables.vdj.trimming.family import Trimming

SEQUENCE = "ACGTTGCAACGTACGGATCCATGCAATGCC"


def prepared(group: str = "nonproductive_v_trim") -> Prepared:
    rows = [("a", "V1", -2, 3), ("a", "V1", 5, 1), ("a", "V2", 0, 4), ("b", "V2", 14, 8)]
    counts = pd.DataFrame(rows, columns=["subject", "v_gene", "v_trim", "count"])
    genes = {n: Gene(n, "V", SEQUENCE[i:] + SEQUENCE[:i], None) for i, n in enumerate(("V1", "V2"))}
    return Prepared("TRA", find_group(group), (-2, 14), genes, counts)


def test_counts_by_gene_and_trim(tmp_path: Path) -> None:
    write_prepared(tmp_path, prepared())
    data = Trimming().load(TrimmingSource(path=str(tmp_path)))
    assert data.genes.tolist() == ["V1", "V2"]
    assert (data.gene_end, data.trims[0], data.trims[-1]) == ("v", -2, 14)
    assert data.weights is not None
    assert data.weights.sum() == pytest.approx(16)
    np.testing.assert_allclose(data.weights[0, [0, 7]], [3, 1])
    np.testing.assert_allclose(data.weights[1, [2, 16]], [4, 8])
    assert "as prepared" in data.describe()["notes"][-1]


def test_sequences_stay_counted_whatever_they_weigh() -> None:
    """Ninety-seven sequences are so many, although 1 / 97 is no binary fraction."""
    ours = prepared()
    ours.counts["count"] = [3, 33, 47, 14]
    for weighting in ("pooled", "subject", "gene_marginal"):
        data = prepared_trimming(ours, weighting)  # type: ignore[arg-type]
        assert data.num_sequences == 97
        assert data.take(np.array([0])).num_sequences == 36
    assert data.counts is not None
    assert data.counts.sum(axis=2).tolist() == [[36, 47], [0, 14]]


def test_two_ends_are_another_familys() -> None:
    with pytest.raises(InputError, match="two gene ends"):
        prepared_trimming(prepared("nonproductive_v-j_trim"))


@pytest.mark.parametrize(
    ("weighting", "expected"),
    [
        ("pooled", [3 / 16, 1 / 16, 4 / 16, 8 / 16]),
        ("subject", [3 / 16, 1 / 16, 4 / 16, 1 / 2]),
        # Shares: V1 (1/2, 0), V2 (1/2, 1); within a subject and gene sequences count alike.
        ("gene_marginal", np.array([3 / 16, 1 / 16, 3 / 4, 3 / 4]) / 1.75),
    ],
)
def test_weights(weighting: str, expected: list[float]) -> None:
    counts, subjects, genes = (
        np.array([3.0, 1, 4, 8]),
        np.array([0, 0, 0, 1]),
        np.array([0, 0, 1, 1]),
    )
    found = weigh(counts, subjects, genes, weighting)  # type: ignore[arg-type]
    np.testing.assert_allclose(found, expected)
