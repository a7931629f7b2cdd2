"""Features of trims: the published predictions exactly, and every definition letter by letter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax

from distrib.data.vdj.germline.olga import read_model, reverse_complement
from distrib.data.vdj.trimming.cut_features import (
    FEATURE_SETS,
    Feature,
    FeatureSet,
    build_features,
    list_features,
)
from distrib.data.vdj.trimming.trimming import encode_ends

PAPER: FeatureSet = "motif_two-side-base-count-beyond"
PUBLISHED_TRIMS = np.arange(2, 15)


def published_name(feature: Feature) -> tuple[str, str]:
    """Parameter and base of a feature as in the published table of coefficients."""
    if feature.coefficient == "motif":
        return f"motif_{feature.side}_pos{feature.position}", feature.base
    side = {"5end": "left", "3end": "right"}[feature.side]
    return f"{side}_base_count_{feature.base}", ""


def published_coefficients(folder: Path) -> np.ndarray:
    """(12,) in the order of our columns."""
    table = pd.read_csv(folder / "trb_v_nonproductive_coefs.tsv", sep="\t", keep_default_na=False)
    by_name = dict(zip(zip(table["parameter"], table["base"]), table["coefficient"], strict=True))
    return np.array([by_name[published_name(f)] for f in list_features(PAPER, 1, 2)])


def published_profiles(folder: Path) -> tuple[list[str], np.ndarray]:
    """The six alleles, and (6, 13) predicted_prob, which is the same for every subject."""
    table = pd.read_csv(folder / "trb_v_nonproductive_dists.tsv", sep="\t")
    least, most = (
        table.pivot_table("predicted_prob", "gene", "trim_length", how) for how in ("min", "max")
    )
    assert least.equals(most)
    assert least.columns.tolist() == PUBLISHED_TRIMS.tolist()
    return [gene if "*" in gene else f"{gene}*01" for gene in least.index], least.to_numpy()


def trb_v_features(genes: list[str]) -> np.ndarray:
    v = read_model("human_T_beta").v
    sequences = dict(zip(v.genes, v.sequences, strict=True))
    ends = encode_ends([sequences[gene] for gene in genes], 14)
    return build_features(ends, PUBLISHED_TRIMS, PAPER, 1, 2)


def test_published_coefficients_give_published_probabilities(real_data: Path) -> None:
    genes, expected = published_profiles(real_data / "trimming")
    x = trb_v_features(genes)
    log_p = log_softmax(x @ published_coefficients(real_data / "trimming"), axis=1)
    assert np.abs(np.exp(log_p) - expected).max() < 1e-12


def test_published_probabilities_give_published_coefficients(real_data: Path) -> None:
    genes, profiles = published_profiles(real_data / "trimming")
    x = trb_v_features(genes)
    log_p = np.log(profiles)
    centred_x = (x - x.mean(axis=1, keepdims=True)).reshape(-1, x.shape[2])
    centred_y = (log_p - log_p.mean(axis=1, keepdims=True)).ravel()
    found, _, rank, _ = np.linalg.lstsq(centred_x, centred_y)
    assert rank == 12
    assert found == pytest.approx(published_coefficients(real_data / "trimming"), abs=1e-11)


# An independent reference: the definitions as they are written, one string at a time.
def reference(sequence: str, trim: int, feature: Feature, left: int, right: int) -> float:
    n = len(sequence)
    full = sequence + reverse_complement(sequence)[:2]
    kept, lost = full[: n - trim], full[n - trim :].ljust(20, "-")
    if feature.coefficient == "length":
        return trim
    if feature.coefficient == "motif":
        i = feature.position
        letter = kept[-i] if feature.side == "5end" else lost[i - 1]
        return {feature.base: 1.0, "T": -1.0}.get(letter, 0.0)
    if feature.side == "5end":
        counted = kept[-10 : len(kept) - left]
    else:
        counted = sequence[n - trim + right : n - 2]
    return float(sum(letter in feature.base for letter in counted))


@settings(max_examples=60)
@given(
    sequences=st.lists(st.text("ACGT", min_size=24, max_size=40), min_size=1, max_size=4),
    feature_set=st.sampled_from(FEATURE_SETS),
    left=st.integers(0, 6),
    right=st.integers(0, 6),
)
def test_features_are_as_defined(
    sequences: list[str], feature_set: FeatureSet, left: int, right: int
) -> None:
    trims = np.arange(-2, 15)
    columns = list_features(feature_set, left, right)
    x = build_features(encode_ends(sequences, 14), trims, feature_set, left, right)
    inner, outer = (left, right) if "beyond" in feature_set else (0, 0)
    expected = [
        [[reference(s, t, column, inner, outer) for column in columns] for t in trims.tolist()]
        for s in sequences
    ]
    assert x.shape == (len(sequences), len(trims), len(columns))
    assert x.tolist() == expected


def test_names_are_stable_and_parameters_as_many_as_published() -> None:
    assert [feature.name for feature in list_features(PAPER, 1, 2)] == [
        "base_count_5end_GC",
        "base_count_3end_AT",
        "base_count_3end_GC",
        *(f"motif_5end_pos1_{base}" for base in "ACG"),
        *(f"motif_3end_pos1_{base}" for base in "ACG"),
        *(f"motif_3end_pos2_{base}" for base in "ACG"),
    ]
    counts = {
        ("null", 1, 2): 0,
        ("length", 1, 2): 1,
        ("motif", 1, 2): 9,
        ("motif", 2, 4): 18,
        ("two-side-base-count", 1, 2): 3,
        ("motif_length", 1, 2): 10,
        (PAPER, 1, 2): 12,
    }
    for (feature_set, left, right), count in counts.items():
        assert len(list_features(feature_set, left, right)) == count
