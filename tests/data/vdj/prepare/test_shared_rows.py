"""Rows that stand in two files count once, or are refused, or are told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from distrib.data.vdj.prepare.shared_rows import in_runs, shared_rows
from distrib.errors import InputError
from distrib.prepare import main
from tests.data.vdj.prepare.test_prepare import counted, recipe, run
from tests.support.repertoire_files import adaptive, airr, simulate, tiny_germline, write_germline
from tests.support.repertoire_files import write_table as table

EVENTS = simulate("TRB", 120)
ROWS = [{**airr(event), "subject_id": f"donor_{i % 2}"} for i, event in enumerate(EVENTS)]
ASKED = recipe("TRB", "nonproductive_v_trim", "airr")


def test_a_row_of_an_earlier_file_counts_once(tmp_path: Path) -> None:
    alone = table(tmp_path / "all.tsv", ROWS)
    one = table(tmp_path / "one.tsv", ROWS[:80])
    two = table(tmp_path / "two.tsv", [*ROWS[100:], *ROWS[20:60], *ROWS[80:100], ROWS[3], ROWS[3]])
    shared = shared_rows([one, two], ASKED)
    assert shared.runs == {str(two): [[22, 61], [82, 83]]}
    assert shared.notes == ("42 rows of two.tsv: equal rows of one.tsv, under the same id: "
                            "counted once",)  # fmt: skip
    prepared, account = run([one, two], replace(ASKED, shared=shared.runs))
    assert counted(prepared) == counted(run([alone], ASKED)[0])
    assert account.dropped["the same row as one of an earlier file"] == 42
    with pytest.raises(InputError, match="a sequence that is in two files") as told:
        shared_rows([one, two], replace(ASKED, on_duplicate="error"))
    for text in (str(two), "row 22", f"row 22 of {one}", "rows that are equal", "sequence_id"):
        assert text in str(told.value)


def test_another_row_under_one_id_is_told(tmp_path: Path) -> None:
    one, two = table(tmp_path / "one.tsv", ROWS[:40]), tmp_path / "two.tsv"
    table(two, [{**ROWS[5], "j_call": ROWS[6]["j_call"], "v_germline_end": 7}, *ROWS[40:]])
    shared = shared_rows([one, two], ASKED)
    assert not shared.runs
    assert shared.notes == ("1 row of two.tsv: have the id of a row of one.tsv, and yet they "
                            "differ: all are counted",)  # fmt: skip
    with pytest.raises(InputError, match=r"row 7 of .*in rows that differ"):
        shared_rows([one, two], replace(ASKED, on_duplicate="error"))


def test_ids_of_two_people_are_no_repetition(tmp_path: Path) -> None:
    one = table(tmp_path / "one.tsv", ROWS)
    two = table(tmp_path / "two.tsv", [{**row, "subject_id": "another"} for row in ROWS])
    assert shared_rows([one, two], replace(ASKED, on_duplicate="error")).notes == ()
    bare = [{k: v for k, v in row.items() if k != "subject_id"} for row in ROWS]
    files = [table(tmp_path / name, bare) for name in ("ann.tsv", "bob.tsv")]
    assert shared_rows(files, ASKED).runs == {}  # the file's name is the person's


def test_equal_rows_without_ids_are_told(tmp_path: Path) -> None:
    rows = [{**adaptive(event), "sample_name": "ann"} for event in EVENTS]
    files = [table(tmp_path / "one.tsv", rows), table(tmp_path / "two.tsv", rows[:30])]
    asked = recipe("TRB", "nonproductive_v_trim", "adaptive", on_duplicate="error")
    shared = shared_rows(files, asked)
    assert not shared.runs
    (note,) = shared.notes
    assert note.startswith("30 rows of two.tsv: equal rows of one.tsv in every column; no column")


def test_the_command_counts_them_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_germline(tmp_path / "germline.tsv", tiny_germline("TRB"))
    table(tmp_path / "one.tsv", ROWS)
    table(tmp_path / "two.tsv", [*ROWS[:40], {**ROWS[1], "sequence_id": "new"}])
    inputs = [str(tmp_path / name) for name in ("one.tsv", "two.tsv")]
    argv = ["trimming", "--input", *inputs,
            "--format", "airr", "--chain", "TRB", "--group", "nonproductive_v_trim",
            "--out", str(tmp_path / "out"),
            "--germline", str(tmp_path / "germline.tsv")]  # fmt: skip
    assert main([*argv, "--on-duplicate", "error"]) == 2
    assert "a sequence that is in two files" in capsys.readouterr().err
    assert main(argv) == 0
    told = capsys.readouterr().out
    assert "40  dropped: the same row as one of an earlier file" in told
    assert "40 rows of two.tsv: equal rows of one.tsv" in told


def test_runs_hold_their_numbers() -> None:
    numbers = np.arange(12)
    runs = [[2, 2], [4, 6], [11, 11]]
    assert np.flatnonzero(in_runs(numbers, runs)).tolist() == [2, 4, 5, 6, 11]
    assert not in_runs(numbers, []).any()
