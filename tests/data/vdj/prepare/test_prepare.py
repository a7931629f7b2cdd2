"""Preparation against rearrangements whose truth is known, in every program's form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distrib.data.vdj.germline.loci import find_locus
from distrib.data.vdj.germline.parameter_groups import Group, parameter_groups
from distrib.data.vdj.ligation.classes import tell_classes
from distrib.data.vdj.prepare.prepare import count_rearrangements
from distrib.data.vdj.prepare.prepare_recipe import Recipe
from distrib.data.vdj.prepare.prepare_result import Account, finish
from distrib.data.vdj.prepare.prepared import Prepared
from distrib.data.vdj.prepare.programs import find_program
from distrib.data.vdj.prepare.rearrangements import read_blocks
from tests.support.repertoire_files import (
    WRITERS,
    Rearrangement,
    simulate,
    tiny_germline,
    write_table,
)

ENDS = {"v_trim": 0, "d5_trim": 1, "d3_trim": 2, "j_trim": -1}


def recipe(chain: str, group: str, program: str, **options: Any) -> Recipe:
    form = find_program(program.split()[0])
    return Recipe(find_locus(chain), group, form, tiny_germline(chain), **options)


def run(paths: list[Path], asked: Recipe) -> tuple[Prepared, Account]:
    tables, counts = [], Counter[str]()
    for path in paths:
        for item in count_rearrangements(str(path), **asked.options()):
            if isinstance(item, dict):
                counts.update(item)
            else:
                tables.append(item)
    return finish(asked, tables, counts, {}, [])


def truth(events: list[Rearrangement], group: Group, weigh: str = "rows") -> dict[tuple, int]:
    """What should be counted, spelled out event by event."""
    counts = Counter[tuple]()
    for event in events:
        genes = dict(zip(("v_gene", "d_gene", "j_gene") if event.has_d else ("v_gene", "j_gene"),
                         (gene.name for gene in event.genes)))  # fmt: skip
        trims = [event.trims[ENDS[column]] for column in group.trims]
        any_frame = group.productivity == "both" or (group.ligation and group.junction == "vj")
        if not any_frame and event.productive != (group.productivity == "productive"):
            continue
        if group.junction is not None:
            inserted = len(event.n[1 if group.junction == "dj" else 0])
            if (group.insertions == "zero") != (inserted == 0):
                continue
        if not group.ligation and not all(-2 <= trim <= 14 for trim in trims):
            continue
        key = (event.subject, *(genes[column] for column in group.genes), *trims)
        counts[key] += event.count if weigh == "counts" else 1
    return dict(counts)


def counted(prepared: Prepared) -> dict[tuple, int]:
    rows = prepared.counts.itertuples(index=False)
    return {tuple(row)[:-1]: row[-1] for row in rows}


def chains_of(group: Group) -> list[str]:
    if group.junction is None:
        return ["TRA", "TRB"]
    return ["TRB", "IGH"] if group.has_d else ["TRA"]


CASES = [
    (group, chain, program)
    for group in parameter_groups()
    for chain in chains_of(parameter_groups()[group])
    for program in WRITERS
]


@pytest.mark.parametrize(("group", "chain", "program"), CASES)
def test_every_group_is_counted_from_every_program(
    tmp_path: Path, group: str, chain: str, program: str
) -> None:
    events = simulate(chain, 400, seed=len(group))
    path = write_table(tmp_path / "repertoire.tsv", [WRITERS[program](event) for event in events])
    prepared, account = run([path], recipe(chain, group, program))
    expected = truth(events, parameter_groups()[group])
    assert counted(prepared) == expected
    assert len(expected) > 20
    assert account.read == 400 == account.kept + sum(account.dropped.values())
    assert account.kept == sum(expected.values())
    assert str(prepared.counts["count"].dtype) == "int64"


def test_rows_may_weigh_as_their_counts(tmp_path: Path) -> None:
    events = simulate("TRA", 300)
    for program in ("airr", "igor", "adaptive"):
        path = write_table(tmp_path / f"{program}.tsv", [WRITERS[program](e) for e in events])
        prepared, _ = run([path], recipe("TRA", "nonproductive_v_trim", program, weigh="counts"))
        group = parameter_groups()["nonproductive_v_trim"]
        assert counted(prepared) == truth(events, group, "counts")


@settings(max_examples=8)
@given(st.randoms(use_true_random=False), st.integers(1, 4), st.integers(30, 200))
def test_neither_order_nor_files_nor_blocks_matter(
    tmp_path_factory: pytest.TempPathFactory, random: Any, files: int, at_once: int
) -> None:
    folder = tmp_path_factory.mktemp("files")
    events = simulate("TRB", 150)
    random.shuffle(events)
    paths = [
        write_table(folder / f"{i}.tsv", [WRITERS["airr"](event) for event in events[i::files]])
        for i in range(files)
    ]
    asked = recipe("TRB", "nonproductive_d-j_trim", "airr")
    with pytest.MonkeyPatch.context() as patch:
        small = partial(read_blocks, rows_at_once=at_once)
        patch.setattr("distrib.data.vdj.prepare.prepare.read_blocks", small)
        prepared, account = run(paths, asked)
    assert counted(prepared) == truth(events, parameter_groups()[asked.group])
    assert account.read == 150 == account.kept + sum(account.dropped.values())


def test_an_overlap_of_alignments_is_trimmed_off_the_right_gene(tmp_path: Path) -> None:
    """IgBLAST may give bases that V and J share to both: the sequence has them once."""
    event = next(e for e in simulate("TRA", 200) if e.n == ("",) and min(e.trims) > 3)
    row = WRITERS["airr"](event)
    row["j_germline_start"] -= 2  # type: ignore[operator]
    row["j_sequence_start"] -= 2  # type: ignore[operator]
    row["np1_length"] = ""
    path = write_table(tmp_path / "overlap.tsv", [row])
    prepared, _ = run([path], recipe("TRA", "both_v-j_trim_ligation-mh", "airr"))
    assert counted(prepared) == truth([event], parameter_groups()["both_v-j_trim_ligation-mh"])


def test_a_form_of_ones_own_needs_no_python(tmp_path: Path) -> None:
    form = tmp_path / "mine.yaml"
    form.write_text(
        "columns: {v_gene: V, j_gene: J, productive: ok}\n"
        "productive: [ja]\nnonproductive: [nein]\n"
        "ends: {v: {trim: dv}, j: {trim: dj}}\n"
        "junctions: {vj: {length: [[n, m]]}}\n"
    )
    rows: list[dict[str, object]] = [
        {"V": "TRAV5-1*01", "J": "TRAJ1-1*01", "ok": "nein", "dv": 1, "dj": -1, "n": 1, "m": 2},
        {"V": "TRAV5-1*01", "J": "TRAJ1-1*01", "ok": "Nein", "dv": 1, "dj": -1, "n": 0, "m": 2},
        {"V": "TRAV5-1*01", "J": "TRAJ1-1*01", "ok": "ja", "dv": 1, "dj": -1, "n": 0, "m": 2},
        {"V": "TRAV5-1*01", "J": "TRAJ1-1*01", "ok": "nein", "dv": 1, "dj": -1, "n": 0, "m": 0},
    ]
    asked = Recipe(
        find_locus("TRA"), "nonproductive_v-j_trim", find_program(str(form)), tiny_germline("TRA")
    )
    prepared, account = run([write_table(tmp_path / "anna.tsv", rows)], asked)
    assert counted(prepared) == {("anna", "TRAV5-1*01", "TRAJ1-1*01", 1, -1): 2}
    assert account.dropped == {"no insertions": 1, "productive": 1}


def test_a_locus_of_ones_own_needs_no_python(tmp_path: Path) -> None:
    (tmp_path / "locus.yaml").write_text("IGI: {d: true}\n")
    events = simulate("IGI", 200)
    path = write_table(tmp_path / "shark.tsv", [WRITERS["airr"](event) for event in events])
    locus, genes = find_locus(str(tmp_path / "locus.yaml")), tiny_germline("IGI")
    asked = Recipe(locus, "nonproductive_v-d_trim", find_program("airr"), genes)
    prepared, _ = run([path], asked)
    assert counted(prepared) == truth(events, parameter_groups()[asked.group])
    assert prepared.chain == "IGI"


def test_subjects_come_from_a_column_or_the_file(tmp_path: Path) -> None:
    events = simulate("TRA", 60)
    rows = [{**WRITERS["airr"](event), "who": "a b"} for event in events]
    named = write_table(tmp_path / "named.tsv", rows)
    bare: list[dict[str, object]] = [
        {key: value for key, value in row.items() if key != "subject_id"} for row in rows
    ]
    without = write_table(tmp_path / "donor.x.tsv", bare)
    find: Callable[..., set[str]] = lambda path, **options: set(  # noqa: E731
        run([path], recipe("TRA", "nonproductive_j_trim", "airr", **options))[0].counts["subject"]
    )
    assert find(named) == {event.subject for event in events if not event.productive}
    assert find(without) == {"donor.x"}
    assert find(named, subject_column="who") == {"a b"}


def test_one_subject_is_noted(tmp_path: Path) -> None:
    events = [event for event in simulate("TRA", 200) if event.subject == "donor_1"]
    path = write_table(tmp_path / "one.tsv", [WRITERS["igor"](event) for event in events])
    prepared, _ = run([path], recipe("TRA", "nonproductive_v_trim", "igor"))
    assert any(note.startswith("one subject only (donor_1)") for note in prepared.notes)
    assert isinstance(prepared.counts, pd.DataFrame)


@pytest.mark.parametrize("kind", ["productive", "nonproductive", "both"])
def test_ligation_groups_say_how_many_of_each_class_there_are(tmp_path: Path, kind: str) -> None:
    """By the frame of each join, spelled out event by event."""
    events = simulate("TRA", 400, seed=2)
    path = write_table(tmp_path / "x.tsv", [WRITERS["igor"](event) for event in events])
    prepared, account = run([path], recipe("TRA", f"{kind}_v-j_trim_ligation-mh", "igor"))
    codons = {"TAA", "TAG", "TGA"}
    productive = total = 0
    for event in events:
        if event.n[0] or not -4 <= sum(event.trims) <= 43:
            continue
        total += 1
        v, j = event.genes
        sequence = event.sequence
        start = v.anchor or 0
        end = len(sequence) - len(j.sequence) + (j.anchor or 0)
        inside = [sequence[i : i + 3] for i in range(start, end + 3, 3)]
        whole = (end - start) % 3 == 0 and max(event.trims[1], 0) <= (j.anchor or 0)
        productive += whole and not codons & set(inside)
    assert total == account.kept > 50 and 3 <= productive < total
    (note,) = tell_classes(prepared)
    assert note.startswith(f"of {total} rearrangements {productive} productive, "
                           f"{total - productive} nonproductive, by the frame")  # fmt: skip
    used = "all of them" if kind == "both" else f"the {kind} ones"
    assert note.endswith(f"{kind}_v-j_trim_ligation-mh is about {used}")
