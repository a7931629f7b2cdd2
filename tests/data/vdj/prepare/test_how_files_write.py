"""What a file itself tells of how it is written: zeros, names, numbering, repeated rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from distrib.data.vdj.germline.parameter_groups import parameter_groups
from distrib.errors import InputError
from tests.data.vdj.prepare.test_prepare import counted, recipe, run, truth
from tests.support.repertoire_files import Rearrangement, adaptive, airr, simulate, write_table

Row = dict[str, object]
COUNTED = ("v_deletions", "d5_deletions", "d3_deletions", "j_deletions", "n1_insertions",
           "n2_insertions")  # fmt: skip
D_GROUPS = ("nonproductive_v_trim", "nonproductive_j_trim", "nonproductive_v-d_trim",
            "nonproductive_d-j_trim", "nonproductive_v-d_trim_ligation-mh",
            "nonproductive_d-j_trim_ligation-mh")  # fmt: skip


def with_indices(event: Rearrangement) -> Row:
    """Adaptive's row with the place of D, and `no data` for every count of 0."""
    row = adaptive(event)
    row["d_index"] = event.starts()[1]
    return {k: "no data" if k in COUNTED and v == 0 else v for k, v in row.items()}


def expect(path: Path, events: list[Rearrangement], group: str, program: str) -> Any:
    prepared, account = run([path], recipe("TRB", group, program))
    assert counted(prepared) == truth(events, parameter_groups()[group])
    assert account.read == account.kept + sum(account.dropped.values())
    return prepared.notes, account


@pytest.mark.parametrize("group", D_GROUPS)
def test_no_data_is_0_where_a_file_writes_no_0(tmp_path: Path, group: str) -> None:
    events = simulate("TRB", 300, seed=3)
    path = write_table(tmp_path / "export.tsv", [with_indices(event) for event in events])
    notes, account = expect(path, events, group, "adaptive")
    assert "no trims" not in account.dropped
    zeros = sum(max(event.trims[0], 0) == 0 for event in events)
    assert f"{zeros} rows: `no data` in v_deletions, where this file never writes 0, was read as " \
        "0" in notes  # fmt: skip


def test_no_data_is_unknown_where_a_file_writes_0(tmp_path: Path) -> None:
    events = simulate("TRB", 200, seed=3)
    rows = [adaptive(event) for event in events]
    for row in rows[::4]:
        row["v_deletions"] = "no data"
    path = write_table(tmp_path / "export.tsv", rows)
    kept = [event for i, event in enumerate(events) if i % 4]
    _, account = expect(path, kept, "nonproductive_v_trim", "adaptive")
    assert account.dropped["no trims"] == sum(not e.productive for e in events[::4])


@pytest.mark.parametrize("group", ["nonproductive_d-j_trim", "nonproductive_j_trim"])
def test_a_0_in_one_column_says_nothing_of_another(tmp_path: Path, group: str) -> None:
    events = simulate("TRB", 300, seed=3)
    rows = [with_indices(event) for event in events]
    untrimmed = [k for k, row in enumerate(rows) if row["v_deletions"] == "no data"]
    for k in untrimmed:
        rows[k]["v_deletions"] = 0
    expect(write_table(tmp_path / "export.tsv", rows), events, group, "adaptive")


def test_an_empty_column_is_not_0(tmp_path: Path) -> None:
    rows: list[Row] = [
        {**adaptive(event), "v_deletions": "no data"} for event in simulate("TRB", 9)
    ]
    path = write_table(tmp_path / "export.tsv", rows)
    with pytest.raises(InputError, match="no row is left") as told:
        run([path], recipe("TRB", "nonproductive_v_trim", "adaptive"))
    assert "dropped: no trims" in str(told.value)


def test_empty_cells_are_not_0_and_that_is_said(tmp_path: Path) -> None:
    events = simulate("TRB", 60)
    rows = [{k: "" if k in COUNTED and v == 0 else v for k, v in adaptive(event).items()}
            for event in events]  # fmt: skip
    path = write_table(tmp_path / "export.tsv", rows)
    prepared, _ = run([path], recipe("TRB", "nonproductive_v_trim", "adaptive"))
    assert (prepared.counts["v_trim"] > 0).all()
    empty = sum(max(e.trims[0], 0) == 0 for e in events)
    said = f"{empty} rows: v_deletions is empty, and never 0 in this file: taken as unknown"
    assert any(note.startswith(said) for note in prepared.notes)


def test_a_minus_1_is_told_as_what_it_is(tmp_path: Path) -> None:
    events = simulate("TRB", 60)
    rows = [{k: "-1" if k in COUNTED and v == 0 else v for k, v in adaptive(event).items()}
            for event in events]  # fmt: skip
    path = write_table(tmp_path / "export.tsv", rows)
    prepared, _ = run([path], recipe("TRB", "nonproductive_v_trim", "adaptive"))
    lost = sum(max(e.trims[0], 0) == 0 for e in events)
    said = f"{lost} rows: v_deletions has `-1`, and never 0 in this file: taken as unknown"
    assert any(note.startswith(said) for note in prepared.notes)
    assert not any("is empty" in note for note in prepared.notes)
    assert (prepared.counts["v_trim"] > 0).all()


def shifted(event: Rearrangement) -> Row:
    row = with_indices(event)
    return {**row, **{k: int(str(row[k])) + 2 for k in ("d_index", "j_index")}}


def test_places_that_agree_with_neither_naming_are_told(tmp_path: Path) -> None:
    path = write_table(tmp_path / "export.tsv", [shifted(e) for e in simulate("TRB", 90)])
    prepared, _ = run([path], recipe("TRB", "nonproductive_v_trim", "adaptive"))
    (note,) = [note for note in prepared.notes if "contradict each other" in note]
    assert note.startswith("90 rows: ") and "row 2 of export.tsv" in note


@pytest.mark.parametrize("group", ["nonproductive_v_trim", "nonproductive_v-d_trim"])
def test_v_behind_j_is_refused(tmp_path: Path, group: str) -> None:
    rows = [{**with_indices(e), "v_index": e.starts()[0] + 9} for e in simulate("TRB", 60)]
    path = write_table(tmp_path / "export.tsv", rows)
    run([path], recipe("TRB", group, "adaptive"))
    for row in rows:
        row["v_index"], row["j_index"] = row["j_index"], row["v_index"]
    with pytest.raises(InputError, match="V begins behind J") as told:
        run([write_table(path, rows)], recipe("TRB", group, "adaptive"))
    for text in (str(path), "row 2", "'v_index' and 'j_index'", "60 of 60", "exchange"):
        assert text in str(told.value)


def test_one_row_is_one_row(tmp_path: Path) -> None:
    rows = [adaptive(event) for event in simulate("TRB", 40)]
    path = write_table(tmp_path / "export.tsv", [*rows, rows[0]])
    prepared, _ = run([path], recipe("TRB", "nonproductive_v_trim", "adaptive"))
    assert any(note.startswith("1 row: equal an earlier row") for note in prepared.notes)


def test_a_0_below_words_for_0_is_refused(tmp_path: Path) -> None:
    from distrib.data.vdj.prepare.programs import find_program
    from distrib.data.vdj.prepare.rearrangements import read_blocks

    events = simulate("TRB", 60)
    rows = [with_indices(e) for e in events[:40]]
    rows += [{**adaptive(e), "d_index": 5} for e in events[40:]]
    path = write_table(tmp_path / "export.tsv", rows)
    with pytest.raises(InputError, match="a 0 in a file that wrote a word") as told:
        list(read_blocks(path, find_program("adaptive"), rows_at_once=40))
    assert "row 4" in str(told.value) and "two exports in one file" in str(told.value)


@pytest.mark.parametrize("group", D_GROUPS)
@pytest.mark.parametrize(("places", "d_index"), [(False, True), (True, True), (False, False)])
def test_exchanged_junctions_are_read_by_their_places(
    tmp_path: Path, group: str, places: bool, d_index: bool
) -> None:
    events = simulate("TRB", 300, seed=8)
    rows = [with_indices(event) for event in events]
    for row in rows:
        row["n1_insertions"], row["n2_insertions"] = row["n2_insertions"], row["n1_insertions"]
        if places:  # the index columns are exchanged as well
            row["n1_index"], row["n2_index"] = row["n2_index"], row["n1_index"]
        if not d_index:
            del row["d_index"]
    path = write_table(tmp_path / "export.tsv", rows)
    notes, _ = expect(path, events, group, "adaptive")
    assert any("stand under the names of those between D and J" in note for note in notes)


def test_names_that_agree_with_places_are_left_alone(tmp_path: Path) -> None:
    events = simulate("TRB", 200, seed=8)
    path = write_table(tmp_path / "export.tsv", [with_indices(event) for event in events])
    notes, account = expect(path, events, "nonproductive_v-d_trim", "adaptive")
    assert not any("names of those" in note for note in notes)
    assert "inserted bases against the places of genes" not in account.dropped


def test_a_file_of_both_namings_is_refused(tmp_path: Path) -> None:
    events = simulate("TRB", 200, seed=8)
    rows = [with_indices(event) for event in events]
    for row in rows[:100]:
        row["n1_insertions"], row["n2_insertions"] = row["n2_insertions"], row["n1_insertions"]
    path = write_table(tmp_path / "export.tsv", rows)
    with pytest.raises(InputError, match="stand under either name") as told:
        run([path], recipe("TRB", "nonproductive_v-d_trim", "adaptive"))
    assert "column 'n1_insertions'" in str(told.value) and "row " in str(told.value)


def test_exchanged_junctions_of_an_airr_table_are_read_by_their_places(tmp_path: Path) -> None:
    events = simulate("TRB", 200, seed=9)
    rows = [airr(event, p_columns=False) for event in events]
    for row in rows:
        for one, other in (("np1", "np2"), ("np1_length", "np2_length")):
            row[one], row[other] = row[other], row[one]
    path = write_table(tmp_path / "airr.tsv", rows)
    expect(path, events, "nonproductive_v-d_trim", "airr")


@pytest.mark.parametrize("column", ["v_germline_start", "j_sequence_start"])
def test_positions_from_0_are_refused(tmp_path: Path, column: str) -> None:
    rows = [airr(event) for event in simulate("TRB", 80)]
    kind = column[2:]
    for row in rows:
        for gene in "vdj":
            row[f"{gene}_{kind}"] = int(str(row[f"{gene}_{kind}"])) - 1
    rows[7][column] = 0
    path = write_table(tmp_path / "airr.tsv", rows)
    with pytest.raises(InputError, match="positions that count from 0") as told:
        run([path], recipe("TRB", "nonproductive_j_trim", "airr"))
    assert f"_{kind}'" in str(told.value) and "add 1 to every *_start" in str(told.value)


def test_positions_from_0_without_ends_are_refused(tmp_path: Path) -> None:
    """A start of 0 gives them away though nothing says where the alignment ends."""
    rows = [airr(event) for event in simulate("TRB", 80)]
    for row in rows:
        row["j_germline_start"] = int(str(row["j_germline_start"])) - 1
        del row["j_germline_end"]
    path = write_table(tmp_path / "airr.tsv", rows)
    with pytest.raises(InputError, match=r"'j_germline_start': positions that count from 0"):
        run([path], recipe("TRB", "nonproductive_j_trim", "airr"))


def test_no_alignment_written_as_0_is_no_numbering(tmp_path: Path) -> None:
    events = simulate("TRB", 80)
    rows = [airr(event) for event in events]
    rows[0].update(d_call="", d_germline_start=0, d_germline_end=0, d_sequence_start=0,
                   d_sequence_end=0)  # fmt: skip
    expect(write_table(tmp_path / "airr.tsv", rows), events, "nonproductive_v_trim", "airr")


def without_skipped(row: Row, gene: str, where: str) -> Row:
    """The row with a CIGAR as Cell Ranger writes it: M and S alone, at an end or both."""
    import re

    text = str(row[f"{gene}_cigar"])
    text = re.sub(r"\d+N$" if where == "end" else r"\d+N", "", text)
    return {**row, f"{gene}_cigar": text.replace("=", "M")}


@pytest.mark.parametrize("gene", ["v", "j"])
@pytest.mark.parametrize("program", ["vdjserver", "airr"])
def test_cigars_that_never_skip_tell_no_trims(tmp_path: Path, gene: str, program: str) -> None:
    group = f"nonproductive_{gene}_trim"
    rows = [without_skipped(airr(event), gene, "both") for event in simulate("TRB", 80)]
    bare = [{k: v for k, v in row.items() if "germline" not in k} for row in rows]
    path = write_table(tmp_path / "airr_rearrangement.tsv", bare)
    with pytest.raises(InputError, match="no CIGAR of the file has an N above 0") as told:
        run([path], recipe("TRB", group, program))
    assert f"column '{gene}_cigar'" in str(told.value)
    assert "did you mean" not in str(told.value)


@pytest.mark.parametrize("program", ["vdjserver", "airr"])
def test_an_n_of_no_base_in_every_row_tells_no_trims(tmp_path: Path, program: str) -> None:
    events = simulate("TRB", 200, seed=4)
    rows = [without_skipped(airr(event), "v", "end") for event in events]
    rows = [{**row, "v_cigar": f"{row['v_cigar']}0N"} for row in rows]
    path = write_table(tmp_path / "db-pass.tsv", rows)
    expect(path, events, "nonproductive_v_trim", program)  # by v_germline_end
    bare = [{k: v for k, v in row.items() if "germline" not in k} for row in rows]
    with pytest.raises(InputError, match="no CIGAR of the file has an N above 0"):
        run([write_table(path, bare)], recipe("TRB", "nonproductive_v_trim", program))


@pytest.mark.parametrize("program", ["vdjserver", "airr"])
def test_change_os_gapped_numbering_is_undone(tmp_path: Path, program: str) -> None:
    events = simulate("TRB", 300, seed=4)
    rows = [without_skipped(airr(event), "v", "end") for event in events]
    for row in rows:
        row["v_germline_end"] = int(str(row["v_germline_end"])) + 21
    path = write_table(tmp_path / "db-pass.tsv", rows)
    notes, _ = expect(path, events, "nonproductive_v_trim", program)
    assert "300 rows: V positions count IMGT's gaps, which were undone" in notes
    expect(path, events, "nonproductive_j_trim", program)
    bare = [{k: v for k, v in row.items() if k != "v_cigar"} for row in rows]
    with pytest.raises(InputError, match="count IMGT's gaps, and no CIGAR") as told:
        run([write_table(path, bare)], recipe("TRB", "nonproductive_v_trim", program))
    assert "column 'v_germline_end'" in str(told.value)


def test_alignments_behind_the_first_base_are_not_told_by_gapped_numbering(tmp_path: Path) -> None:
    events = simulate("TRB", 100, seed=4)
    rows = [without_skipped(airr(event), "v", "end") for event in events]
    for row in rows:
        row["v_germline_end"] = int(str(row["v_germline_end"])) + 21
    rows[0]["v_germline_start"] = 4
    rows[0]["productive"] = "F"
    path = write_table(tmp_path / "db-pass.tsv", rows)
    _, account = run([path], recipe("TRB", "nonproductive_v_trim", "airr"))
    assert account.dropped["no trims"] == 1


def test_gapped_positions_alone_are_refused(tmp_path: Path) -> None:
    rows = [airr(event) for event in simulate("TRB", 80)]
    kept = [{k: v for k, v in row.items() if k not in ("v_germline_start", "v_cigar")}
            for row in rows]  # fmt: skip
    for row in kept:
        row["v_germline_end"] = int(str(row["v_germline_end"])) + 21
    path = write_table(tmp_path / "airr.tsv", kept)
    with pytest.raises(InputError, match="end beyond the germline genes") as told:
        run([path], recipe("TRB", "nonproductive_v_trim", "airr"))
    assert "column 'v_germline_end'" in str(told.value) and "--germline" in str(told.value)


def test_an_equal_row_of_one_id_counts_once(tmp_path: Path) -> None:
    events = simulate("TRB", 120)
    rows = [airr(event) for event in events]
    path = write_table(tmp_path / "airr.tsv", [*rows, *rows[:50]])
    _, account = expect(path, events, "nonproductive_v_trim", "airr")
    assert account.dropped["the same row as an earlier one"] == 50
    with pytest.raises(InputError, match="a sequence that is there twice") as told:
        run([path], recipe("TRB", "nonproductive_v_trim", "airr", on_duplicate="error"))
    assert "rows 2 and 122, column 'sequence_id'" in str(told.value)


def test_different_rows_of_one_id_are_named(tmp_path: Path) -> None:
    events = simulate("TRB", 60)
    rows = [airr(event) for event in events]
    rows[9] = {**rows[9], "sequence_id": rows[3]["sequence_id"], "subject_id": "donor_1"}
    rows[3]["subject_id"] = "donor_1"
    path = write_table(tmp_path / "airr.tsv", rows)
    prepared, account = run([path], recipe("TRB", "nonproductive_v_trim", "airr"))
    assert "the same row as an earlier one" not in account.dropped
    (note,) = [note for note in prepared.notes if "another row has" in note]
    assert str(rows[3]["sequence_id"]) in note and "rows 5 and 11" in note
    with pytest.raises(InputError, match="in rows that differ"):
        run([path], recipe("TRB", "nonproductive_v_trim", "airr", on_duplicate="error"))


def test_ids_are_those_of_a_subject(tmp_path: Path) -> None:
    row = airr(simulate("TRB", 1)[0])
    rows = [{**row, "subject_id": name, "productive": "F"} for name in ("a", "b")]
    path = write_table(tmp_path / "airr.tsv", rows)
    _, account = run([path], recipe("TRB", "nonproductive_v_trim", "airr", trims=(-2, 17)))
    assert account.kept == 2


def test_equal_rows_without_ids_are_counted_and_told(tmp_path: Path) -> None:
    events = simulate("TRB", 40)
    rows = [adaptive(event) for event in events]
    path = write_table(tmp_path / "export.tsv", [*rows, *rows[:7]])
    notes, _ = expect(path, [*events, *events[:7]], "nonproductive_v_trim", "adaptive")
    assert any(note.startswith("7 rows: equal an earlier row") for note in notes)


def mixcr(event: Rearrangement, number: int) -> Row:
    """A row of exportClones: `refPoints` counts lost bases below 0, P-nucleotides above."""
    starts = event.starts()
    points = [""] * 22
    points[10] = str(-event.trims[0])
    points[11] = str(len(event.kept(0)))
    if event.has_d:
        points[12], points[13] = str(starts[1]), str(-event.trims[1])
        points[14], points[15] = str(-event.trims[2]), str(starts[1] + len(event.kept(1)))
    points[16], points[17] = str(starts[-1]), str(-event.trims[-1])
    d = f"{event.genes[1].name.split('*')[0]}*00(45)" if event.has_d else ""
    return {
        "cloneId": number, "sample": event.subject, "readCount": float(event.count),
        "bestVHit": event.genes[0].name.replace("*01", "*00"), "bestDHit": d,
        "bestJHit": event.genes[-1].name, "aaSeqCDR3": "CAF" if event.productive else "CA_*F",
        "refPoints": ":".join(points),
    }  # fmt: skip


@pytest.mark.parametrize("group", D_GROUPS)
def test_mixcrs_reference_points_tell_trims(tmp_path: Path, group: str) -> None:
    events = simulate("TRB", 200, seed=6)
    path = write_table(tmp_path / "clones.tsv", [mixcr(e, i) for i, e in enumerate(events)])
    expect(path, events, group, "mixcr")
    alpha = simulate("TRA", 200, seed=6)
    path = write_table(tmp_path / "alpha.tsv", [mixcr(e, i) for i, e in enumerate(alpha)])
    prepared, _ = run([path], recipe("TRA", "nonproductive_v-j_trim", "mixcr"))
    assert counted(prepared) == truth(alpha, parameter_groups()["nonproductive_v-j_trim"])


def test_reference_points_cut_short_are_named(tmp_path: Path) -> None:
    rows = [mixcr(event, i) for i, event in enumerate(simulate("TRB", 20))]
    rows[3]["refPoints"] = ":::5"
    path = write_table(tmp_path / "clones.tsv", rows)
    with pytest.raises(InputError, match="too few parts") as told:
        run([path], recipe("TRB", "nonproductive_v_trim", "mixcr"))
    assert "row 5, column 'refPoints'" in str(told.value)


def test_a_column_with_another_meaning_is_no_hint(tmp_path: Path) -> None:
    rows = [{k: v for k, v in airr(event).items() if k not in ("v_germline_end", "v_cigar")}
            for event in simulate("TRB", 20)]  # fmt: skip
    path = write_table(tmp_path / "airr.tsv", rows)
    with pytest.raises(InputError, match="no column with the trims of v") as told:
        run([path], recipe("TRB", "nonproductive_v_trim", "airr"))
    assert "did you mean" not in str(told.value)
    misspelt = [{**row, "v_germline_ende": 30} for row in rows]
    with pytest.raises(InputError, match="did you mean 'v_germline_ende'"):
        run([write_table(path, misspelt)], recipe("TRB", "nonproductive_v_trim", "airr"))
