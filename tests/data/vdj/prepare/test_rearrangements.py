"""Pieces of preparation: scenarios drawn, P-nucleotides shared, forms of programs."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrib.data.vdj.germline.loci import find_locus
from distrib.data.vdj.prepare.prepare import count_rearrangements
from distrib.data.vdj.prepare.prepare_recipe import Recipe
from distrib.data.vdj.prepare.prepare_result import finish
from distrib.data.vdj.prepare.programs import Program, find_program, program_names
from distrib.data.vdj.prepare.rearrangements import read_blocks
from distrib.data.vdj.prepare.rearrangements_ends import share
from distrib.data.vdj.prepare.rearrangements_scenarios import file_generator, scenario_weights
from distrib.errors import InputError
from tests.support.repertoire_files import tiny_germline, write_table

PROBABILITIES = (0.5, 0.25, 0.05, 0.0)


def scenarios(path: Path, sequences: int) -> Path:
    """Four scenarios for each sequence, told apart by the V trim; they sum to 0.8."""
    rows: list[dict[str, object]] = [
        {"seq_index": i, "scenario_rank": rank, "scenario_proba_cond_seq": p,
         "v_gene": "TRAV5-1*01", "j_gene": "TRAJ1-1*01", "v_trim": rank, "j_trim": 0,
         "vj_insert": 1, "productive": "FALSE"}
        for i in range(sequences)
        for rank, p in enumerate(PROBABILITIES)
    ]  # fmt: skip
    return write_table(path, rows)


def weights(path: Path, how: str, seed: int = 0, at_once: int = 1000) -> np.ndarray:
    program, generator = find_program("igor"), file_generator("x", seed)
    blocks = read_blocks(path, program, rows_at_once=at_once)
    parts = [scenario_weights(b, program, how, generator) for b in blocks]  # type: ignore[arg-type]
    return np.concatenate(parts).reshape(-1, len(PROBABILITIES))


def test_one_scenario_is_drawn_by_its_probability(tmp_path: Path) -> None:
    path = scenarios(tmp_path / "igor.tsv", 4000)
    drawn = weights(path, "sample")
    assert (drawn.sum(axis=1) == 1).all()
    assert set(np.unique(drawn)) == {0, 1}
    expected = np.array(PROBABILITIES) / sum(PROBABILITIES)
    error = np.sqrt(expected * (1 - expected) / len(drawn))
    assert (np.abs(drawn.mean(axis=0) - expected) <= 4 * error).all()


@pytest.mark.parametrize("at_once", [1, 2, 7, 64])
def test_a_draw_depends_on_seed_and_file_alone(tmp_path: Path, at_once: int) -> None:
    path = scenarios(tmp_path / "igor.tsv", 40)
    drawn = weights(path, "sample")
    assert np.array_equal(weights(path, "sample", at_once=at_once), drawn)
    assert not np.array_equal(weights(path, "sample", seed=1), drawn)
    assert file_generator("x", 0).random() != file_generator("y", 0).random()


def test_all_scenarios_share_a_sequence(tmp_path: Path) -> None:
    path = scenarios(tmp_path / "igor.tsv", 3)
    assert np.allclose(weights(path, "all"), np.array(PROBABILITIES) / sum(PROBABILITIES))
    locus, program, genes = find_locus("TRA"), find_program("igor"), tiny_germline("TRA")
    for how in ("all", "sample"):
        recipe = Recipe(locus, "nonproductive_v_trim", program, genes, scenarios=how)  # type: ignore[arg-type]
        items = list(count_rearrangements(str(path), **recipe.options()))
        tables, counts = items[::2], items[1]
        prepared, account = finish(recipe, tables, counts, {}, [])  # type: ignore[arg-type]
        assert prepared.counts["count"].sum() == pytest.approx(3)
        assert account.read == 12 == account.kept + sum(account.dropped.values())
        assert account.kept == (9 if how == "all" else 3)
        assert prepared.counts["count"].dtype == ("float64" if how == "all" else "int64")


def test_scenarios_stand_together(tmp_path: Path) -> None:
    path = scenarios(tmp_path / "igor.tsv", 3)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:3], *lines[5:8], lines[3]]))
    with pytest.raises(InputError, match="rows of sequence 0 lie apart") as told:
        list(read_blocks(path, find_program("igor")))
    assert "row 7, column 'seq_index'" in str(told.value)


def longest_first(left: int, right: int, length: int) -> tuple[int, int]:
    """The five corrections of Russell et al., case by case."""
    corrected = {(2, 1, 2): (1, 1), (1, 2, 2): (1, 1), (1, 1, 1): (1, 0), (2, 2, 2): (1, 1),
                 (2, 2, 3): (2, 1)}  # fmt: skip
    return corrected.get((left, right, length), (left, right))


@given(st.integers(0, 2), st.integers(0, 2), st.integers(0, 9))
def test_p_nucleotides_share_a_short_insert(left: int, right: int, length: int) -> None:
    left, right = min(left, length), min(right, length)
    assert share(left, right, length) == longest_first(left, right, length)


def test_forms_travel_as_plain_values() -> None:
    import json

    assert program_names() == ["adaptive", "airr", "igor", "mixcr", "vdjserver"]
    for name in program_names():
        program = find_program(name)
        assert Program.model_validate(json.loads(json.dumps(program.model_dump()))) == program
        assert set(program.ends) == {"v", "d5", "d3", "j"}
        assert set(program.junctions) == {"vj", "vd", "dj"}


GOOD = "columns: {v_gene: V, j_gene: J}\nends: {v: {trim: dv}}\n"
FORMS = {
    "not yaml": ("columns: [", ["not YAML", "line"]),
    "no keys": ("hello", ["mine.yaml", "not the form"]),
    "unknown key": (GOOD + "junction: {}", ["'junction'"]),
    "no ends": ("columns: {v_gene: V, j_gene: J}", ["'ends'", "required"]),
    "no v gene": (GOOD.replace("v_gene: V, ", ""), ["'columns.v_gene'"]),
    "unknown end": (GOOD.replace("v: {trim", "x: {trim"), ["ends.x"]),
    "two ways": (GOOD.replace("dv", "dv, germline_end: e"), ["'ends.v'", "exactly one"]),
    "no way": (GOOD.replace("trim: dv", "p: x"), ["'ends.v'", "exactly one"]),
    "a number": (GOOD.replace("V,", "[1],"), ["'columns.v_gene.0'", "string"]),
}


@pytest.mark.parametrize("mistake", FORMS)
def test_mistakes_in_a_form_are_named(tmp_path: Path, mistake: str) -> None:
    content, words = FORMS[mistake]
    path = tmp_path / "mine.yaml"
    path.write_text(content)
    with pytest.raises(InputError) as told:
        find_program(str(path))
    for word in words:
        assert word in str(told.value), re.escape(str(told.value))


def test_an_unknown_form_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'adaptive'"):
        find_program("adaptiv")


def test_assumed_alleles_are_told(tmp_path: Path) -> None:
    genes = tiny_germline("TRA")
    genes["TRAV5-1*02"] = genes["TRAV12-3*01"].__class__("TRAV5-1*02", "V", "ACGT" * 10, 27)
    names = ["TRAV5-1", "TRAV5-1*02,TRAV5-1*01", "TRAV12-3", "TRAV12-4*01"]
    rows: list[dict[str, object]] = [
        {"v_gene": name, "j_gene": "TRAJ1-1*01", "productive": "F", "v_trim": 1} for name in names
    ]
    path = write_table(tmp_path / "x.tsv", rows)
    recipe = Recipe(find_locus("TRA"), "nonproductive_v_trim", find_program("igor"), genes)
    tables, counts = [], Counter[str]()
    for item in count_rearrangements(str(path), **recipe.options()):
        if isinstance(item, dict):
            counts.update(item)
        else:
            tables.append(item)
    prepared, account = finish(recipe, tables, counts, {}, [])
    assert account.assumed == {"V gene: no allele named": 1, "V gene: tie of alleles": 1}
    assert sorted(prepared.counts["v_gene"]) == [
        "TRAV12-3*01", "TRAV12-4*01", "TRAV5-1*01", "TRAV5-1*02"]  # fmt: skip
    assert sum("was taken" in note for note in prepared.notes) == 2
