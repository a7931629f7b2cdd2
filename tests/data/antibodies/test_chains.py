"""One chain a row: the forms that people have, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from distrib.data.antibodies.chains import read_chains
from distrib.errors import InputError

H, L = "EVQLVESGG", "DIQMTQSPS"


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_every_form_gives_the_same_chains(tmp_path: Path) -> None:
    """FASTA, CSV, parquet, a folder of parquet, and one sequence a line."""
    table = pd.DataFrame({"id": ["a", "b"], "sequence": [H, L], "pkd": [7.5, 8.0]})
    table.to_parquet(tmp_path / "t.parquet")
    folder = tmp_path / "folder"
    folder.mkdir()
    table[:1].to_parquet(folder / "0.parquet")
    table[1:].to_parquet(folder / "1.parquet")
    files = [
        write(tmp_path / "t.fasta", f">a first\n{H}\n>b\n{L[:4]}\n{L[4:]}\n"),
        write(tmp_path / "t.csv", table.to_csv(index=False)),
        tmp_path / "t.parquet",
        folder,
    ]
    for file in files:
        chains = read_chains(file, "heavy")
        assert (chains.sequences, chains.ids.values.tolist()) == ([H, L], ["a", "b"])
        assert [float(x) for x in chains.columns.get("pkd", [7.5, 8.0])] == [7.5, 8.0]
    lines = read_chains(write(tmp_path / "t.txt", f"{H}\n\n{L}\n"), "heavy")
    assert (lines.sequences, lines.ids.values.tolist()) == ([H, L], ["1", "3"])


def test_the_column_of_the_chain_is_found(tmp_path: Path) -> None:
    """Of pairs by the chain, never the nucleotides of AIRR where amino acids are there."""
    pairs = write(
        tmp_path / "p.csv",
        f"sequence_alignment_aa_heavy,sequence_alignment_aa_light\n{H},{L}\n",
    )
    assert read_chains(pairs, "heavy").sequences == [H]
    assert read_chains(pairs, "light").sequences == [L]
    assert read_chains(pairs, "light", column="sequence_alignment_aa_heavy").sequences == [H]
    airr = write(
        tmp_path / "a.tsv", f"sequence_id\tsequence\tsequence_alignment_aa\nr\tACGT\t{H}\n"
    )
    chains = read_chains(airr, "heavy")
    assert (chains.sequences, chains.column) == ([H], "sequence_alignment_aa")
    assert list(chains.columns) == ["sequence"]


def test_rows_left_out_are_counted_and_the_others_keep_their_columns(tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", f"id,sequence,note\na,{H},x\nb,EVB,y\nc,{L},z\n")
    left = read_chains(file, "heavy", on_unknown="skip")
    assert (left.ids.values.tolist(), left.columns["note"].tolist()) == (["a", "c"], ["x", "z"])
    assert left.notes() == ["1 sequences have letters outside the twenty: left out"]
    assert read_chains(file, "heavy", on_unknown="x").sequences == [H, "EVX", L]
    assert left.take(left.ids.rows[1:] - 3).sequences == [L]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("t.csv", "id,sequence\na,EVB\n", r"row 2 \(a\), position 3"),
        ("t.csv", "id,sequence\na,\n", "a row without sequence"),
        ("t.csv", "id,sequence\na,EV\na,EV\n", "duplicate id 'a'"),
        ("t.csv", "id,cdr3\na,CAR\n", "no column of heavy chains"),
        ("t.fasta", "", "empty"),
        ("t.txt", "EVQ\nACGTU\n", "row 2"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, name: str, text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        read_chains(write(tmp_path / name, text), "heavy")


def test_an_empty_folder_says_what_writes_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="prepare oas"):
        read_chains(tmp_path, "heavy")
    with pytest.raises(InputError, match="no sequence is left"):
        read_chains(write(tmp_path / "t.csv", "id,sequence\na,EVB\n"), "heavy", on_unknown="skip")
