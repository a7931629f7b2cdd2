"""The table of coefficients, against states made by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from distrib.trainables.vdj.coefficients import (
    COLUMNS,
    Estimates,
    coefficient_table,
    describe_replicates,
    write_coefficients,
)
from distrib.trainables.vdj.design import Column

MOTIF = [Column("motif", "v_trim", "3end", 2, base) for base in "ACG"]
BY_HAND = [Column("base_count", "v_trim", "5end", base="GC"), *MOTIF, Column("ligation_mh")]
VALUES = np.array([0.5, 0.1, -0.4, 0.2, 0.3])


def estimates(**more: object) -> Estimates:
    found = {"columns": BY_HAND, "values": VALUES, "gradient_norm": 1e-11, "log_loss": 4.5}
    return Estimates(**(found | more))  # type: ignore[arg-type]


def test_the_rows_are_the_originals() -> None:
    """trimming.md 1.7, T emitted as minus the sum, in a fixed order."""
    table = coefficient_table(estimates())
    assert tuple(table) == COLUMNS
    named = table[["coefficient", "base", "position", "side", "trim_type"]].values.tolist()
    assert named == [
        ["base_count", "GC", "", "5end", "v_trim"],
        *[["motif", base, "pos2", "3end", "v_trim"] for base in "ACGT"],
        ["ligation_mh", "", "", "", ""],
    ]
    assert table["value"].tolist() == pytest.approx([0.5, 0.1, -0.4, 0.2, 0.1, 0.3])
    assert table["training_error"].eq(1e-11).all()
    assert table["training_loss"].eq(4.5).all()
    assert (
        table[["error", "cluster_error", "zscore", "pvalue", "adjusted_pvalue"]]
        .isna()
        .all(axis=None)
    )


def test_errors_of_a_sum_know_of_covariances() -> None:
    """Var(A + C + G) = the sum over its 3 x 3 block, here 1 + 4 + 9 + 2 (0.5 - 1 + 2) = 17."""
    covariance = np.diag([16.0, 1, 4, 9, 25])
    covariance[1:4, 1:4] += np.array([[0, 0.5, -1], [0.5, 0, 2], [-1, 2, 0]])
    table = coefficient_table(estimates(covariance=covariance, cluster_covariance=4 * covariance))
    expected = np.array([4, 1, 2, 3, np.sqrt(17), 5])
    assert table["error"].to_numpy() == pytest.approx(expected)
    assert table["cluster_error"].to_numpy() == pytest.approx(2 * expected)
    z = table["value"] / (2 * expected)
    assert table["zscore"].to_numpy() == pytest.approx(z.to_numpy())
    assert table["pvalue"].to_numpy() == pytest.approx(2 * (1 - norm.cdf(np.abs(z))))
    adjusted = np.minimum(6 * table["pvalue"], 1)
    assert table["adjusted_pvalue"].to_numpy() == pytest.approx(adjusted.to_numpy())


def test_with_replicates_z_is_over_their_spread() -> None:
    rng = np.random.default_rng(0)
    replicates = VALUES + rng.normal(size=(50, 5))
    table = coefficient_table(estimates(replicates=replicates, cluster_covariance=np.eye(5)))
    at = list(table).index("bootstrap_sd")
    assert list(table)[at - 1] == "cluster_error"
    assert list(table)[at + 1] == "zscore"
    spread = replicates.std(axis=0, ddof=1)
    of_t = replicates[:, 1:4].sum(axis=1).std(ddof=1)
    expected = [*spread[:4], of_t, spread[4]]
    assert table["bootstrap_sd"].tolist() == pytest.approx(expected)
    assert table["zscore"].tolist() == pytest.approx((table["value"] / expected).tolist())


def test_replicates_without_an_optimum_do_not_spread() -> None:
    """A fit that runs off ends anywhere: it is counted and left out."""
    sound = VALUES + np.random.default_rng(0).normal(size=(50, 5))
    ran_off = np.array([[0.5, 0.1, -0.4, 0.2, -19.0], [0.5, 0.1, np.nan, 0.2, 0.3]])
    replicates = np.concatenate([ran_off[:1], sound, ran_off[1:]])
    table, expected = (coefficient_table(estimates(replicates=r)) for r in (replicates, sound))
    pd.testing.assert_frame_equal(table, expected)
    names = [column.name for column in BY_HAND]
    for rows, told in (
        (sound, "the spread of 50 replicates"),
        (replicates, "the spread of 50 replicates; 2 more have no finite optimum and are left out"),
    ):
        assert describe_replicates(pd.DataFrame(rows, columns=names), names).startswith(told)
    lost = coefficient_table(estimates(replicates=ran_off, cluster_covariance=np.eye(5)))
    assert lost[["bootstrap_sd", "zscore", "pvalue"]].isna().all(axis=None)


def test_values_per_standard_deviation() -> None:
    scales = np.array([3.0, 1.0, 2.0, 2.0, 0.5])
    table = coefficient_table(estimates(scales=scales, covariance=np.eye(5)))
    motif = np.sqrt((1 + 4 + 4) / 3)
    assert table["scale"].tolist() == pytest.approx([3, *[motif] * 4, 0.5])
    plain = coefficient_table(estimates(covariance=np.eye(5)))
    for column in ("value", "error"):
        assert table[column].tolist() == pytest.approx((plain[column] * table["scale"]).tolist())
    assert table.loc[table["coefficient"] == "motif", "value"].sum() == pytest.approx(0)


def test_a_model_without_features_has_an_empty_table() -> None:
    empty = np.zeros(0)
    table = coefficient_table(
        Estimates([], empty, 0.0, 5.6, np.zeros((0, 0)), np.zeros((0, 0)), np.zeros((9, 0)))
    )
    assert table.empty
    assert "bootstrap_sd" in table


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["v_trim", "j_trim"]),
            st.sampled_from(["5end", "3end"]),
            st.integers(1, 3),
            st.sampled_from("ACG"),
        ),
        unique=True,
        max_size=20,
    )
)
def test_every_position_sums_to_zero(spots: list[tuple[str, str, int, str]]) -> None:
    """Also where columns were left out, and whatever their order."""
    columns = [Column("motif", *spot) for spot in spots]
    values = np.random.default_rng(len(spots)).normal(size=len(columns))
    table = coefficient_table(Estimates(columns, values, 0.0, 1.0))
    sums = table.groupby(["trim_type", "side", "position"])["value"].sum()
    assert sums.to_numpy() == pytest.approx(np.zeros(len({s[:3] for s in spots})))
    assert sorted(table["value"][table["base"] != "T"]) == sorted(values)


def test_the_file_reads_back(tmp_path: Path) -> None:
    table = coefficient_table(estimates(covariance=np.eye(5)))
    write_coefficients(table, tmp_path / "coefficients.tsv")
    found = pd.read_csv(tmp_path / "coefficients.tsv", sep="\t", keep_default_na=False)
    assert list(found) == list(table)
    assert found["value"].tolist() == table["value"].tolist()
    assert set(found["cluster_error"]) == {""}
    assert [p.name for p in tmp_path.iterdir()] == ["coefficients.tsv"]
