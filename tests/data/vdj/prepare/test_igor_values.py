"""IGoR's own tables: indices become the values of the model that they are of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from distrib.data.vdj.germline.olga import read_model
from distrib.data.vdj.prepare.igor_values import event_of, igor_events
from distrib.data.vdj.prepare.prepared import read_prepared
from distrib.errors import InputError
from distrib.prepare import main

HEADER = (
    "seq_index;scenario_rank;scenario_proba_cond_seq;GeneChoice_V_gene_Undefined_side_prio7_size103;"
    "GeneChoice_J_gene_Undefined_side_prio6_size68;Deletion_V_gene_Three_prime_prio5_size21;"
    "Deletion_J_gene_Five_prime_prio5_size23;Insertion_VJ_gene_Undefined_side_prio4_size41;"
    "DinucMarkov_VJ_gene_Undefined_side_prio3_size16;Mismatches"
)
PARAMS = """\
@Event_list
#GeneChoice;V_gene;Undefined_side;7;v_choice
%TRAV2*01;ACGTACGTACGTACGTTTTT;1
%TRAV1*01;ACGTACGTACGTACGTACGT;0
#GeneChoice;J_gene;Undefined_side;6;j_choice
%TRAJ1*01;ACGTACGTACGTACGTACGT;0
#Deletion;V_gene;Three_prime;5;v_3_del
%1;1
%-2;2
%4;0
#Deletion;J_gene;Five_prime;5;j_5_del
%0;1
%3;0
#Insertion;VJ_gene;Undefined_side;4;vj_ins
%0;0
%1;1
#DinucMarkov;VJ_gene;Undefined_side;3;vj_dinucl
%A;0
@Edges
%x;y
"""


def arguments(table: Path, out: Path, *more: str) -> list[str]:
    return ["trimming", "--input", str(table), "--format", "igor", "--chain", "TRA",
            "--group", "both_v-j_trim_ligation-mh", "--out", str(out), *more]  # fmt: skip


def test_events_are_found_in_columns() -> None:
    names = [event_of(column) for column in HEADER.split(";")]
    assert names[3:8] == [
        "GeneChoice_V_gene_Undefined_side", "GeneChoice_J_gene_Undefined_side",
        "Deletion_V_gene_Three_prime", "Deletion_J_gene_Five_prime",
        "Insertion_VJ_gene_Undefined_side",
    ]  # fmt: skip
    assert [names[i] for i in (0, 1, 2, 8, 9)] == [None] * 5


def test_values_are_those_of_the_model(tmp_path: Path) -> None:
    (tmp_path / "parms.txt").write_text(PARAMS)
    events = igor_events(tmp_path / "parms.txt", "")
    assert events["GeneChoice_V_gene_Undefined_side"] == ("v_choice", ["TRAV1*01", "TRAV2*01"])
    assert events["Deletion_V_gene_Three_prime"] == ("v_3_del", ["4", "1", "-2"])
    assert len(events) == 5
    olga = igor_events(None, "human_T_alpha")
    assert olga["GeneChoice_V_gene_Undefined_side"][1] == read_model("human_T_alpha").v.genes


def test_a_table_of_indices_is_counted(tmp_path: Path) -> None:
    """The rows spelled out by hand: V 1 is TRAV2*01, deletions 2 and 1 are -2 and 0."""
    (tmp_path / "parms.txt").write_text(PARAMS)
    rows = ["7;1;0.9;(1);(0);(2);(1);(0);();()", "8;1;0.6;(0);(0);(0);(0);(0);();(5)",
            "8;2;0;(0);(0);(1);(0);(0);();()", "9;1;1;(0);(0);(0);(0);(1);(2);()"]  # fmt: skip
    table = tmp_path / "best_scenarios_counts.csv"
    table.write_text("\n".join([HEADER, *rows]) + "\n")
    germline = tmp_path / "genes.tsv"
    germline.write_text("gene\tsequence\n" + "".join(
        f"{gene}\t{'ACGT' * 6}\n" for gene in ("TRAV1*01", "TRAV2*01", "TRAJ1*01")))  # fmt: skip
    more = ["--germline", str(germline), "--igor-model", str(tmp_path / "parms.txt")]
    assert main(arguments(table, tmp_path / "out", *more)) == 0
    counts = read_prepared(tmp_path / "out").counts
    subject = "best_scenarios_counts"
    assert counts.to_numpy().tolist() == [
        [subject, "TRAV1*01", "TRAJ1*01", 4, 3, 1],
        [subject, "TRAV2*01", "TRAJ1*01", -2, 0, 1],
    ]


def test_olgas_model_is_igors_default(tmp_path: Path) -> None:
    model, rng = read_model("human_T_alpha"), np.random.default_rng(0)
    v = rng.choice(np.flatnonzero(model.v.usage > 0), 50)
    table = tmp_path / "generated_realizations_werr.csv"
    rows = [f"{i};1;1;({gene});(0);(4);(4);(0);();()" for i, gene in enumerate(v)]
    table.write_text("\n".join([HEADER, *rows]) + "\n")
    assert main(arguments(table, tmp_path / "out")) == 0
    counts = read_prepared(tmp_path / "out").counts
    expected = pd.Series([model.v.genes[i] for i in v]).value_counts()
    assert counts.set_index("v_gene")["count"].to_dict() == expected.to_dict()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("hello\n", ["no events of a model"]),
        (PARAMS.replace("%1;1", "%1;x"), ["row 8", "without an index"]),
        (PARAMS.replace("%1;1", "%1;5", 1), ["0, 1, 2", "Deletion_V_gene"]),
    ],
)
def test_a_model_that_is_none_is_named(tmp_path: Path, content: str, words: list[str]) -> None:
    (tmp_path / "parms.txt").write_text(content)
    with pytest.raises(InputError) as told:
        igor_events(tmp_path / "parms.txt", "")
    for word in ["parms.txt", *words]:
        assert word in str(told.value)


def test_an_index_beyond_the_model_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "x.csv"
    table.write_text(f"{HEADER}\n1;1;1;(103);(0);(0);(0);(0);();()\n")
    assert main(arguments(table, tmp_path / "out")) == 2
    told = capsys.readouterr().err
    for word in ("x.csv", "row 2, column 'v_choice'", "(103)", "(0) to (102)", "--igor-model"):
        assert word in told


def test_productivity_may_be_told_for_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "x.csv"
    table.write_text(f"{HEADER}\n1;1;1;(3);(0);(4);(4);(1);(2);()\n")
    group = ["--group", "nonproductive_v_trim"]
    assert main([*arguments(table, tmp_path / "out"), *group]) == 2
    assert "no column with productivity" in capsys.readouterr().err
    more = ["--all-are", "nonproductive"]
    assert main([*arguments(table, tmp_path / "out"), *group, *more]) == 0
    assert len(read_prepared(tmp_path / "out").counts) == 1
    more = ["--all-are", "productive"]
    assert main([*arguments(table, tmp_path / "other"), *group, *more]) == 2
    assert "no nonproductive rearrangement" in capsys.readouterr().err
