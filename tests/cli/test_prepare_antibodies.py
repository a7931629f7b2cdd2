"""`distrib.prepare oas` and `cluster`: what they print, write and refuse."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pandas as pd
import pytest

from distrib.data.antibodies.chains import read_chains
from distrib.data.antibodies.pairs.pair_rows import pair_rows
from distrib.data.antibodies.pairs.reading import SEPARATOR, read_pairs
from distrib.data.antibodies.pairs.simulate import simulate_pairs
from distrib.data.antibodies.simulate import simulate_chains
from distrib.data.streams.parquet_set import open_set
from distrib.prepare import main
from tests.support.oas_units import unit

CATALOG = ["collection", "url", "n_unique_sequences", "Species", "Chain", "Disease", "Vaccine",
           "BType", "BSource"]  # fmt: skip


def catalog(folder: Path) -> Path:
    rows = [
        ["unpaired", "https://x/1.csv.gz", 100, "human", "Heavy", "None", "None", "Memory", "PBMC"],
        ["unpaired", "https://x/2.csv.gz", 20, "human", "Heavy", "HIV", "None", "Memory", "PBMC"],
        ["unpaired", "https://x/3.csv.gz", 3, "mouse", "Heavy", "None", "None", "Memory", "PBMC"],
        ["paired", "https://x/4.csv.gz", 7, "human", "Paired", "None", "None", "Memory", "PBMC"],
    ]
    pd.DataFrame(rows, columns=CATALOG).to_csv(folder / "c.tsv", sep="\t", index=False)
    return folder / "c.tsv"


def test_a_catalogue_gives_the_list_of_units(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`None` is a word; what is left out is told by the filter that did it."""
    words = ["oas", "--catalogue", str(catalog(tmp_path)), "--list", str(tmp_path / "urls.txt")]
    assert main([*words, "--chain", "heavy"]) == 0
    told = capsys.readouterr().out
    assert (tmp_path / "urls.txt").read_text() == "https://x/1.csv.gz\n"
    assert "left out by Disease: 1 units, 20 sequences" in told
    assert "left out by Species: 1 units, 3 sequences" in told
    assert "1 of 3 units, 100 sequences" in told
    assert main([*words, "--paired"]) == 0
    assert (tmp_path / "urls.txt").read_text() == "https://x/4.csv.gz\n"
    assert main([*words, "--chain", "heavy", "--species", "any", "--disease", "any"]) == 0
    assert "3 of 3 units, 123 sequences" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--list", "u.txt"], "which chain?"),
        (["--chain", "heavy"], "where shall the list go?"),
        (["--chain", "heavy", "--list", "u.txt", "--btype", "Naive"], "no unit is left"),
        (["--chain", "heavy", "--paired", "--list", "u.txt"], "both chains"),
    ],
)
def test_what_cannot_be_listed_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    assert main(["oas", "--catalogue", str(catalog(tmp_path)), *words]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "u.txt").exists()


@pytest.mark.ray
def test_units_become_a_set_and_a_broken_one_is_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The counts add up; the set is read whole and as a stream; a second call does what is new."""
    unit(tmp_path / "a_Heavy.csv.gz")
    unit(tmp_path / "b_Heavy.csv.gz", 2)
    whole = gzip.compress(b"x")
    (tmp_path / "c_Heavy.csv.gz").write_bytes(whole[: len(whole) // 2])
    out = tmp_path / "out"
    words = ["oas", "--units", str(tmp_path / "*_Heavy.csv.gz"), "--chain", "heavy",
             "--out", str(out)]  # fmt: skip
    assert main(words) == 0
    told = capsys.readouterr().out
    assert "2 of 3 units read, 12 rows" in told
    assert f"left out, unreadable: {tmp_path / 'c_Heavy.csv.gz'}: not a gzip file, or one" in told
    assert "  kept: 2" in told
    counts = pd.read_csv(out / "counts.csv")
    assert counts["rows"].sum() == 12
    assert (counts["what"] == "unreadable").sum() == 1
    chains = read_chains(out, "heavy")
    assert chains.ids.values.tolist() == ["a_Heavy:1", "b_Heavy:1"]
    assert open_set(out).rows == 2
    assert main([*words, "--disease", "HIV", "--out", str(tmp_path / "none")]) == 2
    said = capsys.readouterr()
    assert "nothing is left" in said.err
    assert "unit not wanted: Disease is None" in said.err
    assert not (tmp_path / "none").exists()


def test_chains_are_clustered_and_split(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every level's size is told, and the record says how it came about."""
    simulate_chains(60).frame().to_csv(tmp_path / "chains.csv", index=False)
    words = ["cluster", "--data", str(tmp_path / "chains.csv"), "--identity", "0.7",
             "--split-identity", "0.5", "--split", "60/20/20", "--order", "greedy",
             "--out", str(tmp_path / "out")]  # fmt: skip
    assert main(words) == 0
    told = capsys.readouterr().out
    assert "one of each cluster at 0.7: 60 -> " in told
    assert "clusters for the split: " in told
    chains = read_chains(tmp_path / "out", "heavy")
    parts = chains.columns[["cluster", "split"]].drop_duplicates()
    assert len(parts) == chains.columns["cluster"].nunique()
    record = json.loads((tmp_path / "out" / "clusters.json").read_text())
    assert record["levels"][-1]["chains"] == len(chains)
    assert record["split"]["order"] == "greedy"
    assert "mmseqs linclust" in record["clusters"]["method"]
    assert main(words) == 2
    assert "there is something already" in capsys.readouterr().err


@pytest.mark.parametrize("chain", ["light", "heavy"])
def test_pairs_are_clustered_by_either_chain(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], chain: str
) -> None:
    """Of lines: one of each pair is kept, both chains stay together, no cluster crosses parts."""
    frame = simulate_pairs(60, seed=2)
    both = list(zip(frame["sequence_alignment_aa_heavy"], frame["sequence_alignment_aa_light"]))
    pairs = [*both, both[0], (both[1][0], both[0][1])]  # a pair twice, and two equal light chains
    lines = tmp_path / "pairs.txt"
    lines.write_text("".join(f"{h}{SEPARATOR}{v}\n" for h, v in pairs))
    out = tmp_path / "out"
    assert main(["cluster", "--data", str(lines), "--paired", "--chain", chain, "--out", str(out),
                 "--split-identity", "0.6", "--split", "60/20/20"]) == 0  # fmt: skip
    told = capsys.readouterr().out
    assert "one of each pair: 62 -> 61" in told
    assert f"61 pairs by their {chain} chains" in told
    assert f"--space heavy2light --data {out}" in told
    found = read_pairs(out)
    kept = set(zip(found.heavy.sequences, found.light.sequences))
    assert kept == set(pairs)
    rows = pair_rows(found)
    assert rows.split is not None
    parts = pd.DataFrame({"group": rows.groups, "split": rows.split}).drop_duplicates()
    assert parts["group"].is_unique
    assert len(parts) < 61
    assert set(parts["split"]) == {"train", "validation", "test"}
    equal = pd.Series(getattr(found, chain).sequences).groupby(rows.groups).nunique()
    assert len(set(getattr(found, chain).sequences)) == equal.sum()  # equal chains: one cluster


def test_exchanged_pairs_are_not_clustered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = simulate_pairs(3, seed=2)
    table = pd.DataFrame({"heavy": frame["sequence_alignment_aa_light"],
                          "light": frame["sequence_alignment_aa_heavy"]})  # fmt: skip
    table.to_csv(tmp_path / "t.csv", index=False)
    words = ["cluster", "--data", str(tmp_path / "t.csv"), "--paired", "--split-identity", "0.9",
             "--out", str(tmp_path / "out")]  # fmt: skip
    assert main(words) == 2
    assert "exchanged" in capsys.readouterr().err
    assert main([*words, "--column", "heavy"]) == 2
    assert "found by their names" in capsys.readouterr().err
