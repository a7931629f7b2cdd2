"""From many chains to a training set."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from distrib.data.antibodies.chains import Chains, from_table
from distrib.data.antibodies.protocol import Steps, cluster_chains
from distrib.data.antibodies.simulate import simulate_chains
from distrib.errors import InputError


def chains(num: int = 120, **more: list[str]) -> Chains:
    frame = pd.concat([simulate_chains(num).frame()] * 2, ignore_index=True)
    frame["sequence_id"] = [f"c{i}" for i in range(len(frame))]
    frame = frame.assign(**more)
    return from_table(frame, Path("t.csv"), "heavy")


def test_every_level_is_told_and_like_chains_are_left_out() -> None:
    """Each chain is there twice: once remains, and nothing crosses the split."""
    said: list[str] = []
    steps = Steps(cdr3_identity=1.0, identity=0.7, split_identity=0.5, shares=(0.8, 0.1, 0.1))
    done = cluster_chains(chains(), "heavy", steps, said.append)
    levels = done.record["levels"]
    assert levels[0] == {"level": "read", "chains": 240}
    assert [level["chains"] for level in levels] == sorted(
        (level["chains"] for level in levels), reverse=True
    )
    assert levels[-1]["chains"] == len(done.chains) <= 120
    assert len(set(done.chains.sequences)) == len(done.chains)
    table = done.chains.columns
    assert len(table[["cluster", "split"]].drop_duplicates()) == table["cluster"].nunique()
    assert set(table["split"]) == {"train", "validation", "test"}
    assert table["v_call"].str.startswith("IGHV").all()
    assert sum(done.record["split"]["chains"].values()) == len(done.chains)
    assert "linclust" in done.record["clusters"]["method"]
    assert any(line.startswith("one of each CDR3 cluster at 1: 240") for line in said)


def test_clusters_of_a_column_need_no_program() -> None:
    of = ["x", "y", "z"] * 80
    done = cluster_chains(chains(donor=of), "heavy", Steps(column="donor", shares=(0.4, 0.3, 0.3)))
    assert len(done.chains) == 120
    assert len(done.chains.columns[["donor", "split"]].drop_duplicates()) == 3


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        (Steps(), "an identity or of a column"),
        (Steps(column="donor"), "no column 'donor'"),
        (Steps(split_identity=70), "no such identity"),
    ],
)
def test_what_cannot_be_done_is_refused(steps: Steps, told: str) -> None:
    with pytest.raises(InputError, match=told):
        cluster_chains(chains(20), "heavy", steps)


def test_chains_without_cdr3_are_named() -> None:
    frame = pd.DataFrame({"id": ["a"], "sequence": ["EVQLVESGGG"]}, index=[2])
    given = from_table(frame, Path("t.csv"), "heavy")
    with pytest.raises(InputError, match="no CDR3 can be told"):
        cluster_chains(given, "heavy", Steps(cdr3_identity=1.0, split_identity=0.5))
