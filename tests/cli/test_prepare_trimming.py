"""`distrib.prepare trimming`: what it prints and writes, over files, and what it refuses."""

from __future__ import annotations

import gzip
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from distrib.cli import prepare_trimming as _prepare_trimming
from distrib.data.vdj.prepare.prepared import read_prepared
from distrib.prepare import main
from tests.support.repertoire_files import (
    WRITERS,
    Rearrangement,
    simulate,
    tiny_germline,
    write_germline,
    write_table,
)

GROUP = "nonproductive_v-j_trim"


def files(folder: Path, number: int = 1, program: str = "igor", end: str = "\n") -> list[Path]:
    """Tables of 120 rearrangements in all, and their germline beside them."""
    events = simulate("TRA", 120)
    write_germline(folder / "germline.tsv", tiny_germline("TRA"))
    return [
        write_table(
            folder / f"donor_{i}.tsv", [WRITERS[program](e) for e in events[i::number]], end
        )
        for i in range(number)
    ]


def arguments(paths: list[Path], out: Path, *more: str) -> list[str]:
    germline = paths[0].parent / "germline.tsv"
    return ["trimming", "--input", *map(str, paths), "--format", "igor", "--chain", "TRA",
            "--group", GROUP, "--germline", str(germline), "--out", str(out), *more]  # fmt: skip


def test_rows_are_accounted_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main(arguments(files(tmp_path), out)) == 0
    told = capsys.readouterr().out
    rows = {what: int(n) for n, what in re.findall(r"^ *(\d+)  (.*)$", told, re.MULTILINE)}
    assert rows.pop("rows read") == 120
    assert rows.pop("kept") + sum(rows.values()) == 120
    assert all(what.startswith("dropped: ") for what in rows)
    assert f"next: python -m distrib.tune --space trimming_ligation --data {out}" in told
    prepared = read_prepared(out)
    assert f"{prepared.counts['count'].sum()} rearrangements of 3 subjects" in told
    record = yaml.safe_load((out / "vdj.yaml").read_text())
    assert record["origin"]["rows"]["read"] == 120
    assert record["origin"]["files"][0]["file"].endswith("donor_0.tsv")
    assert record["origin"]["max_insertions"] == 15  # of TRA
    assert not (out / _prepare_trimming.PARTS).exists()


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("zipped", [False, True])
def test_line_ends_and_gzip_do_not_matter(tmp_path: Path, end: str, zipped: bool) -> None:
    (path,) = files(tmp_path, end=end)
    if zipped:
        packed = path.with_name("donor_0.tsv.gz")
        packed.write_bytes(gzip.compress(path.read_bytes()))
        path = packed
    assert main(arguments([path], tmp_path / "out")) == 0
    (tmp_path / "plain").mkdir()
    assert main(arguments(files(tmp_path / "plain"), tmp_path / "expected")) == 0
    pd.testing.assert_frame_equal(
        read_prepared(tmp_path / "out").counts, read_prepared(tmp_path / "expected").counts
    )


def test_a_prepared_folder_may_be_prepared_again(tmp_path: Path) -> None:
    paths = files(tmp_path, 2)
    for inputs in ([paths[0]], paths):
        assert main(arguments(inputs, tmp_path / "out")) == 0
    assert len(yaml.safe_load((tmp_path / "out/vdj.yaml").read_text())["origin"]["files"]) == 2


@pytest.mark.parametrize("zipped", [False, True])
def test_rows_are_estimated_from_the_beginning(tmp_path: Path, zipped: bool) -> None:
    rng = np.random.default_rng(0)
    content = b"".join(b"%.17f\n" % x for x in rng.random(150_000))
    path = tmp_path / ("x.tsv.gz" if zipped else "x.tsv")
    path.write_bytes(gzip.compress(content) if zipped else content)
    assert _prepare_trimming._rows(path) == pytest.approx(150_000, rel=0.15)
    path.write_bytes(path.read_bytes()[:100])
    assert _prepare_trimming._rows(path) == (None if zipped else 5)


def test_progress_is_one_line_that_goes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert main(arguments(files(tmp_path, 2), tmp_path / "out")) == 0
    shown = capsys.readouterr().err
    assert re.search(r"60 rows of donor_0.tsv, \d+ s left\r", shown)
    assert shown.endswith("\r\033[K")
    assert "\n" not in shown


@pytest.mark.ray
def test_many_files_are_read_by_ray_and_an_interrupted_call_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = files(tmp_path, 4)
    assert main(arguments(paths, tmp_path / "here")) == 0
    expected = capsys.readouterr().out.replace("here", "out")
    monkeypatch.setattr(_prepare_trimming, "LITTLE", 0)
    whole = paths[3].read_text()
    paths[3].write_text(whole.replace("FALSE", "perhaps", 1))  # stops the first call
    assert main(arguments(paths, tmp_path / "out")) == 2
    told = capsys.readouterr().err
    assert "donor_3.tsv" in told
    assert "perhaps" in told
    assert (tmp_path / "out" / _prepare_trimming.PARTS).is_dir()
    paths[3].write_text(whole)
    assert main(arguments(paths, tmp_path / "out")) == 0
    assert capsys.readouterr().out == expected
    assert not (tmp_path / "out" / _prepare_trimming.PARTS).exists()
    pd.testing.assert_frame_equal(
        read_prepared(tmp_path / "out").counts, read_prepared(tmp_path / "here").counts
    )


def cell(column: str, value: object, row: int = 5) -> Callable[[Path], None]:
    """Changes one cell of the first table; rows count from 1, the header is row 1."""

    def spoil(folder: Path) -> None:
        path = folder / "donor_0.tsv"
        lines = [line.split("\t") for line in path.read_text().splitlines()]
        lines[row - 1][lines[0].index(column)] = str(value)
        path.write_text("\n".join(map("\t".join, lines)) + "\n")

    return spoil


def every(change: Callable[[Rearrangement], dict[str, object]]) -> Callable[[Path], None]:
    """Writes the first table anew."""

    def spoil(folder: Path) -> None:
        rows = [{**WRITERS["igor"](event), **change(event)} for event in simulate("TRA", 120)]
        write_table(folder / "donor_0.tsv", rows)

    return spoil


def germline(old: str, new: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        path = folder / "germline.tsv"
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new, 1))

    return spoil


def cut(folder: Path) -> None:
    packed = gzip.compress((folder / "donor_0.tsv").read_bytes())
    (folder / "donor_0.tsv.gz").write_bytes(packed[: len(packed) // 2])


def nothing(folder: Path) -> None:
    pass


# What is spoiled, more arguments, and words that the message must hold.
MISTAKES: dict[str, tuple[Callable[[Path], None], list[str], list[str]]] = {
    "unknown format": (nothing, ["--format", "igr"], ["--format", "'igor'?"]),
    "unknown chain": (nothing, ["--chain", "TRX"], ["--chain", "TRA, TRB"]),
    "unknown group": (nothing, ["--group", "v_trim"], ["--group", "nonproductive_v_trim"]),
    "junction of another chain": (
        nothing, ["--group", "nonproductive_v-d_trim"], ["no D genes", "TRB, TRD, IGH"]),
    "window backwards": (nothing, ["--trim-min", "3", "--trim-max", "2"], ["--trim-min", "3 to 2"]),
    "three P-nucleotides": (nothing, ["--trim-min", "-3"], ["--trim-min", "from -2"]),
    "insertions below 0": (nothing, ["--max-insertions", "-1"], ["--max-insertions"]),
    "seed below 0": (nothing, ["--seed", "-1"], ["--seed"]),
    "unknown option": (nothing, ["--subjects", "x"], ["--subjects"]),
    "no file": (nothing, ["--input", "none.tsv"], ["none.tsv", "no such file"]),
    "a file twice": (nothing, ["--input", "donor_0.tsv", "./donor_0.tsv"], ["given twice"]),
    "a copy of a file": (
        lambda f: shutil.copy(f / "donor_0.tsv", f / "copy.tsv") and None,
        ["--input", "donor_0.tsv", "copy.tsv"], ["same content", "donor_0.tsv and copy.tsv"]),
    "a source of genes twice": (
        nothing, ["--germline", "olga", "olga"], ["--germline", "named twice"]),
    "genes of one segment alone": (
        lambda f: (f / "v.fa").write_text(">TRAV5-9*01\n" + "ACGT" * 30) and None,
        ["--germline", "v.fa"], ["no J gene of TRA", "--germline olga v.fa"]),
    "gzip cut short": (cut, ["--input", "donor_0.tsv.gz"], ["donor_0.tsv.gz", "cannot be read"]),
    "empty file": (lambda f: (f / "donor_0.tsv").write_text(""), [], ["donor_0.tsv", "empty"]),
    "no subject column": (nothing, ["--subject-column", "who"], ["no column", "who"]),
    "no germline": (nothing, ["--germline", "none.fa"], ["none.fa", "no such file"]),
    "germline of another chain": (
        nothing, ["--chain", "TRG", "--germline", "germline.tsv"], ["no V gene of TRG"]),
    "olga lacks the chain": (
        nothing, ["--chain", "TRG"], ["OLGA", "--germline FILE"]),
    "letter that is none": (germline("\tV\tG", "\tV\t!"), [], ["germline.tsv", "position 1"]),
    "anchor outside": (germline("\t27", "\t400"), [], ["germline.tsv", "row 2", "0 to 37"]),
    "text for a trim": (cell("v_trim", "x"), [], ["donor_0.tsv", "row 5, column 'v_trim'", "'x'"]),
    "half a trim": (cell("v_trim", 1.5), [], ["row 5, column 'v_trim'", "1.5", "whole"]),
    "unknown word": (
        cell("productive", "perhaps"), [], ["row 5, column 'productive'", "perhaps", "FALSE"]),
    "negative count": (cell("count", -3), ["--weigh", "counts"], ["row 5, column 'count'", "-3"]),
    "negative count that does not weigh": (cell("count", -3), [], ["row 5, column 'count'", "-3"]),
    "fractional count": (
        cell("count", 0.5), ["--weigh", "counts"], ["row 5, column 'count'", "0.5"]),
    "text for a count": (cell("count", "many"), ["--weigh", "counts"], ["row 5", "'many'"]),
    "unknown gene, strictly": (
        every(lambda e: {"v_gene": "TRAV5-2*01"}), ["--on-unknown", "error"],
        ["donor_0.tsv", "column 'v_gene'", "TRAV5-2*01", "--germline olga FILE"]),
    "ambiguous gene, strictly": (
        every(lambda e: {"v_gene": "TRAV12-3*01,TRAV12-4*01"}), ["--on-unknown", "error"],
        ["ambiguous V gene", "TRAV12-3*01,TRAV12-4*01"]),
    "only unknown genes": (
        every(lambda e: {"v_gene": "TRAV99*01"}), [], ["no row is left", "unknown V gene"]),
    "only genes of other letters": (
        lambda f: [spoil(f) for spoil in (
            germline("TRAV5-1*01\tV\tG", "TRAV5-1*01\tV\tN"),
            every(lambda e: {"v_gene": "TRAV5-1*01"}))] and None,
        [], ["no row is left", "note: germline.tsv: 1 genes with letters other than A, C, G"]),
    "another chain": (
        every(lambda e: {"v_gene": "TRBV2*01"}), [], ["no row is left", "another chain"]),
    "no nonproductive rows": (
        every(lambda e: {"productive": "TRUE"}), [], ["no nonproductive rearrangement"]),
    "no insertions at all": (
        every(lambda e: {"vj_insert": 0}), [], ["no row is left", "no insertions"]),
    "all beyond the genes": (
        every(lambda e: {"v_trim": 41}), [], ["no row is left", "outside the germline"]),
    "no V column": (
        every(lambda e: {"v_gene": ""}), ["--format", "airr"], ["V genes", "v_call"]),
    "no anchors": (
        lambda f: [germline("\t27", "\t")(f) for _ in range(3)] and None,
        ["--group", "nonproductive_v-j_trim_ligation-mh"],
        ["no row is left", "reading frame is unknown", "hint", "anchor"]),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_named_and_leave_nothing(
    tmp_path: Path,
    mistake: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    files(tmp_path)
    spoil, more, words = MISTAKES[mistake]
    spoil(tmp_path)
    given = ["trimming", "--input", "donor_0.tsv", "--format", "igor", "--chain", "TRA",
             "--group", GROUP, "--out", "out"]  # fmt: skip
    if mistake != "olga lacks the chain":
        given += ["--germline", "germline.tsv"]
    assert main([*given, *more]) == 2
    told = capsys.readouterr()
    for word in ["error: ", *words]:
        assert word in told.err
    assert "Traceback" not in told.err
    assert not Path("out").exists()


# What is spoiled, and the row of the account that tells it.
DROPPED: dict[str, tuple[Callable[[Path], None], str]] = {
    "unknown gene": (cell("v_gene", "TRAV99*01"), "unknown V gene"),
    "ambiguous gene": (cell("v_gene", "TRAV12-3*01,TRAV12-4*01"), "ambiguous V gene"),
    "no gene": (cell("j_gene", "NA"), "no J gene"),
    "another chain": (cell("v_gene", "TRBV2*01"), "another chain"),
    "trim outside the gene": (cell("v_trim", 41), "trims outside the germline gene"),
    "no trim": (cell("j_trim", ""), "no trims"),
    "no productivity": (cell("productive", ""), "productivity unknown"),
    "no insertions told": (cell("vj_insert", "NA"), "insertions unknown"),
    "many insertions": (cell("vj_insert", 16), "more than 15 insertions"),
    "letters": (germline("TRAV5-1*01\tV\tG", "TRAV5-1*01\tV\tN"), "unknown V gene"),
}


@pytest.mark.parametrize("case", DROPPED)
def test_rows_that_can_be_left_out_are_counted(
    tmp_path: Path, case: str, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = files(tmp_path)
    cell("productive", "FALSE")(tmp_path)
    spoil, reason = DROPPED[case]
    spoil(tmp_path)
    assert main(arguments(paths, tmp_path / "out")) == 0
    told = capsys.readouterr().out
    dropped = {what: int(n) for n, what in re.findall(r"^ *(\d+)  dropped: (.*)$", told, re.M)}
    assert dropped[reason] >= 1
    kept = int(re.findall(r"^ *(\d+)  kept$", told, re.M)[0])
    assert kept + sum(dropped.values()) == 120
    if "gene" in case and case != "no gene" and "trim" not in case:
        assert re.search(r"note: 1 row left out for an \w+ V gene: TRAV", told)
    if case == "letters":
        assert "1 genes with letters other than A, C, G and T" in told


def test_a_folder_with_other_things_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = files(tmp_path)
    assert main(arguments(paths, tmp_path)) == 2
    assert "there is something already" in capsys.readouterr().err


def test_genes_that_olga_lacks_stand_beside_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """TRBV21-1 is a gene that OLGA's model of TRB does not have."""
    row = {"d_gene": "TRBD1*01", "j_gene": "TRBJ1-1*01", "productive": "F", "v_trim": 3}
    names = ["TCRBV21-01*01", "TRBV20", "TRBV21-1", "TRBV7-2*01", "TRBV12-3,TRBV12-4"]
    table = write_table(tmp_path / "x.tsv", [{"v_gene": name, **row} for name in names])
    fasta = tmp_path / "more.fasta"
    # TRBV20/OR9-2 would make the family name TRBV20 mean two genes; TRBV7-2*01 is another's.
    fasta.write_text(
        "".join(
            f">{gene}\n{'ACGGTT' * 50}\n"
            for gene in ("TRBV21-1*01", "TRBV20/OR9-2*01", "TRBV7-2*01", "TRAV1-1*01")
        )
    )
    asked = ["trimming", "--input", str(table), "--format", "igor", "--chain", "TRB", "--group",
             "nonproductive_v_trim"]  # fmt: skip
    assert main([*asked, "--out", str(tmp_path / "olga")]) == 0
    alone = read_prepared(tmp_path / "olga")
    assert main([*asked, "--germline", "olga", str(fasta), "--out", str(tmp_path / "out")]) == 0
    beside = read_prepared(tmp_path / "out")
    counts = dict(zip(beside.counts["v_gene"], beside.counts["count"]))
    assert counts == {"TRBV20-1*01": 1, "TRBV21-1*01": 2, "TRBV7-2*01": 1}
    assert sorted(alone.counts["v_gene"]) == ["TRBV20-1*01", "TRBV7-2*01"]
    assert beside.genes["TRBV21-1*01"].sequence == "ACGGTT" * 50
    assert beside.genes["TRBV7-2*01"] == alone.genes["TRBV7-2*01"]
    told = capsys.readouterr().out
    assert "2 genes were added to those of OLGA human_T_beta: TRBV21-1*01, TRBV20/OR9-2*01" in told
    assert "1 genes have another sequence than those of OLGA human_T_beta, which count" in told
