"""Data units and the catalogue of OAS: made by hand, and real ones where they are at hand."""

from __future__ import annotations

import gzip
import os
import random
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

from distrib.data.antibodies.oas.catalog import read_catalog, select
from distrib.data.antibodies.oas.filters import parse_wanted, unwanted
from distrib.data.antibodies.oas.unit import KEPT, READ, read_head, unit_rows
from distrib.errors import InputError
from tests.support.oas_units import HEADER, METADATA, ROWS, lines, unit

REAL = Path(os.environ.get("DISTRIB_REAL_DATA", Path(__file__).parents[5] / "shared" / "data"))
real = pytest.mark.skipif(
    not (REAL / "encoder").exists(), reason="no real data here (DISTRIB_REAL_DATA)"
)


def read(path: Path, **options: object) -> tuple[list[dict], Counter[str]]:
    rows: list[dict] = []
    counts: Counter[str] = Counter()
    for item in unit_rows(str(path), **{"wanted": {}, **options}):  # type: ignore[arg-type]
        if isinstance(item, pa.Table):
            rows += item.to_pylist()
        else:
            counts.update(item)
    assert counts[READ] == sum(n for reason, n in counts.items() if reason != READ)
    return rows, counts


@pytest.mark.parametrize("members", [1, 2])
def test_rows_are_kept_or_dropped_by_their_first_reason(tmp_path: Path, members: int) -> None:
    """Whether the metadata are a member of the gzip file by themselves or not."""
    rows, counts = read(unit(tmp_path / "R1_Heavy.csv.gz", members))
    assert {k: v for k, v in counts.items() if v} == {
        READ: 6, KEPT: 1, "not productive": 1, "stop codon": 1, "not complete": 1,
        "letters outside the twenty": 1, "no sequence": 1,
    }  # fmt: skip
    assert rows[0]["sequence_id"] == "R1_Heavy:1"
    assert rows[0]["sequence_alignment_aa"] == "EVQL"
    assert (rows[0]["disease"], rows[0]["run"]) == ("None", "R1")
    assert len(read(tmp_path / "R1_Heavy.csv.gz", complete=False)[0]) == 2


@pytest.mark.parametrize("members", [1, 2])
def test_many_rows_are_judged_as_each_by_itself(tmp_path: Path, members: int) -> None:
    """Of several pieces and blocks, with odd letters at the ends of rows: against a plain loop."""
    rng = random.Random(0)
    amino = ["".join(rng.choice("EVQLSGW" + "X*" * (rng.random() < 0.02)) for _ in range(n % 9))
             for n in range(6000)]  # fmt: skip
    rows = [["ACGT" * 60, "F", "T", "T", text, text, f"C{n}", "|" * 300]
            for n, text in enumerate(amino)]  # fmt: skip
    kept, counts = read(unit(tmp_path / "u_Heavy.csv.gz", members, rows=rows))
    good = [n for n, text in enumerate(amino) if text and not set(text) & set("X*")]
    assert [row["sequence_id"] for row in kept] == [f"u_Heavy:{n + 1}" for n in good]
    assert [row["sequence_alignment_aa"] for row in kept] == [amino[n] for n in good]
    assert [row["cdr3_aa"] for row in kept] == [f"C{n}" for n in good]
    stop = sum("*" in text for text in amino)
    assert (counts[READ], counts["no sequence"], counts["stop codon"]) == (6000, 667, stop)
    assert counts["letters outside the twenty"] == 6000 - 667 - stop - len(good) > 0


def test_a_unit_that_is_not_wanted_is_counted_by_what_it_says(tmp_path: Path) -> None:
    path = unit(tmp_path / "u.csv.gz")
    rows, counts = read(path, wanted={"Species": ["human"], "Disease": ["Dengue"]})
    assert rows == []
    assert counts == {READ: 6, "unit not wanted: Disease is None": 6}


def test_pairs_are_kept_where_both_chains_are_good(tmp_path: Path) -> None:
    header = [f"{name}_{chain}" for chain in ("heavy", "light") for name in HEADER]
    rows = [[*ROWS[0], *ROWS[0]], [*ROWS[0], *ROWS[1]], [*ROWS[1], *ROWS[0]]]
    path = unit(tmp_path / "p.csv.gz", rows=rows, header=header)
    kept, counts = read(path, paired=True)
    assert counts["not productive (light)"] == counts["not productive (heavy)"] == 1
    assert kept[0]["sequence_alignment_aa_light"] == "EVQL"
    with pytest.raises(InputError, match="--paired"):
        read(path)


def test_what_is_no_unit_is_refused(tmp_path: Path) -> None:
    """Without metadata, without its columns, cut off amid its rows, or no gzip file at all."""
    path = tmp_path / "u.csv.gz"
    path.write_bytes(gzip.compress(b"sequence,productive\nACGT,T\n"))
    with pytest.raises(InputError, match="no line of metadata"):
        read(path)
    with pytest.raises(InputError, match="no column 'productive'"):
        read(unit(path, header=["a", "sequence_alignment_aa"], rows=[["x", "EV"]]))
    whole = unit(path, rows=[[*ROWS[0][:-1], f"{n}|{n * n}"] for n in range(60_000)]).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="cut off or damaged"):
        read(path)
    path.write_bytes(gzip.compress(lines([])[0]))
    with pytest.raises(InputError, match="no row of column names"):
        read(path)
    path.write_bytes(b"sequence,productive\n")
    with pytest.raises(InputError, match="not a gzip file"):
        read(path)


def test_filters_know_commas_and_none() -> None:
    wanted = parse_wanted({"disease": "None", "btype": "Plasmablasts\\, activated,Memory-B-Cells"})
    assert wanted == {"Disease": ["None"], "BType": ["Plasmablasts, activated", "Memory-B-Cells"]}
    assert unwanted(METADATA, wanted) is None
    assert unwanted({**METADATA, "Disease": "HIV"}, wanted) == "Disease"
    with pytest.raises(InputError, match="unknown key"):
        parse_wanted({"tissue": "x"})
    with pytest.raises(InputError, match="empty value"):
        parse_wanted({"btype": "a,,b"})


@real
def test_the_real_units_are_all_of_dengue_patients() -> None:
    """The default filters keep nothing, and say why; without them 10,300 of 10,312 rows stay."""
    units = sorted((REAL / "encoder" / "oas_units").glob("*.csv.gz"))
    total: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    for path in units:
        assert read_head(str(path))[0]["Disease"] == "Dengue"
        total += read(path, wanted={"Species": ["human"], "Disease": ["None"]})[1]
        whole += read(path, complete=False)[1]
    assert total == {READ: 10312, "unit not wanted: Disease is Dengue": 10312}
    assert (whole[READ], whole[KEPT], whole["letters outside the twenty"]) == (10312, 10300, 12)


@real
def test_the_catalogue_gives_the_author_s_numbers() -> None:
    """Of pairs exactly his extraction; of unpaired units those that are still there."""
    folder = REAL / "encoder" / "oas_catalog"
    healthy = {"species": "human", "disease": "None", "vaccine": "None"}
    pairs = select(read_catalog(folder, "paired"), parse_wanted(healthy))
    assert (len(pairs.entries), pairs.sequences) == (91, 568_139)
    wanted = parse_wanted({**healthy, "chain": "heavy", "bsource": "PBMC",
        "btype": "Unsorted-B-Cells,Plasma-B-Cells,Memory-B-Cells"})  # fmt: skip
    heavy = select(read_catalog(folder, "unpaired"), wanted)
    assert {values[0]: count for values, _, count in heavy.by("BType")} == {
        "Unsorted-B-Cells": 619_921_141, "Memory-B-Cells": 2_763_308, "Plasma-B-Cells": 43_985,
    }  # fmt: skip
    left_out = sum(units for units, _ in heavy.left_out.values())
    assert left_out + len(heavy.entries) == 15_631


def test_a_catalogue_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no table"):
        read_catalog(tmp_path, "paired")
    (tmp_path / "c.tsv").write_text("url\tSpecies\nx\thuman\n")
    with pytest.raises(InputError, match="no column 'collection'"):
        read_catalog(tmp_path, "paired")
