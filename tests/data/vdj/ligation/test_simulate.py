"""Simulated junctions: exact probabilities, drawn counts, and what is kept of them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import stats

from distrib.data.vdj.germline.olga import read_model
from distrib.data.vdj.ligation.junction_build import build_junctions
from distrib.data.vdj.ligation.simulate import simulate_junctions
from distrib.data.vdj.ligation.simulate_model import BASE_FEATURES, Recombination, recombine
from distrib.data.vdj.prepare.prepared import Prepared, read_prepared, write_prepared
from distrib.data.vdj.trimming.cut_features import build_features
from distrib.data.vdj.trimming.trimming import encode_ends
from distrib.errors import InputError
from tests.support.junctions_by_hand import (
    Ligation,
    ligate,
    other_strand,
    overlap,
    productive_by_anchors,
    productive_by_residue,
)

TRIMS = range(-2, 15)
KEY = ["v_gene", "j_gene", "v_trim", "j_trim", "ligation_mh"]
BOTH = "both_v-j_trim_ligation-mh"
SMALL = {"num_v": 3, "num_j": 2, "int_mh": 0.7, "lig_mh": 0.5}
COEFFICIENTS = (np.linspace(-0.5, 0.6, 12).tolist(), np.linspace(0.4, -0.3, 12).tolist())


def base_by_hand(base: object, side: int, gene: str) -> dict[int, float]:
    """P(trim | gene), up to a constant."""
    end = read_model("human_T_alpha").gene_end("vj"[side])
    row = end.genes.index(gene)
    if base == "olga":
        return dict(zip(end.trims.tolist(), end.probabilities[row].tolist()))
    if base == "uniform":
        return dict.fromkeys(TRIMS, 1.0)
    features = build_features(
        encode_ends([end.sequences[row]], 14), np.array(TRIMS), BASE_FEATURES, 1, 2
    )
    return dict(zip(TRIMS, np.exp(features[0] @ base[side]).tolist()))


def probabilities_by_hand(
    model: Recombination, *, int_mh: float, lig_mh: float, interior: float, linear: bool, base
) -> dict[tuple[str, str, int, int, int], float]:
    """P(V, J, trims, microhomology), from the strings."""
    olga = read_model("human_T_alpha")
    usage = [dict(zip(end.genes, end.usage.tolist())) for end in (olga.v, olga.j)]
    totals = [
        sum(of_side[gene.name] for gene in genes)
        for of_side, genes in zip(usage, (model.pairs.left, model.pairs.right))
    ]
    result = {}
    for v in model.pairs.left:
        for j in model.pairs.right:
            cells: dict[tuple[int, int], list[int]] = {}
            for x in ligate(v.sequence, j.sequence, TRIMS):
                cells.setdefault((x.left_trim, x.right_trim), []).append(x.mh)
            bases = base_by_hand(base, 0, v.name), base_by_hand(base, 1, j.name)
            weights = {}
            for cut, options in cells.items():
                utility = int_mh * sum(options) / len(options)
                pairing = [overlap(v.sequence, j.sequence, cut, "mid", o) for o in range(1, 5)]
                utility += interior * sum(pairing) / 4
                weights[cut] = bases[0][cut[0]] * bases[1][cut[1]] * math.exp(utility)
            share = usage[0][v.name] * usage[1][j.name] / totals[0] / totals[1]
            for cut, options in cells.items():
                forms = [1 + lig_mh * m if linear else math.exp(lig_mh * m) for m in options]
                of_cell = share * weights[cut] / sum(weights.values())
                for m, form in zip(options, forms):
                    result[v.name, j.name, *cut, m] = of_cell * form / sum(forms)
    return result


def keys(model: Recombination, rows: slice | np.ndarray = slice(None)) -> pd.DataFrame:
    pairs, at = model.pairs, model.ligations
    v, j = (np.array([g.name for g in side]) for side in (pairs.left, pairs.right))
    columns = (
        v[pairs.left_of[at.pair[rows]]],
        j[pairs.right_of[at.pair[rows]]],
        pairs.trims[at.left[rows]],
        pairs.trims[at.right[rows]],
        at.mh[rows].astype(int),
    )
    return pd.DataFrame(dict(zip(KEY, columns)))


@pytest.mark.parametrize(
    ("base", "interior", "ligation"),
    [("olga", 0.0, "linear"), ("uniform", 0.4, "exponential"), (COEFFICIENTS, 0.0, "linear")],
)
def test_probabilities_are_those_of_the_strings(base, interior: float, ligation) -> None:
    model = recombine(**SMALL, base=base, interior=interior, ligation=ligation)
    expected = probabilities_by_hand(
        model, int_mh=0.7, lig_mh=0.5, interior=interior, linear=ligation == "linear", base=base
    )
    found = dict(zip(keys(model).itertuples(index=False, name=None), model.probability))
    assert found.keys() == expected.keys()
    assert sum(expected.values()) == pytest.approx(1, abs=1e-12)
    assert max(abs(found[key] - expected[key]) for key in expected) < 1e-15


def test_counts_follow_the_probabilities() -> None:
    model = recombine(**SMALL)
    counts = simulate_junctions(300_000, **SMALL, group=BOTH, seed=1).counts
    table = keys(model).assign(p=model.probability).merge(counts, how="left", on=KEY)
    assert table["count"].sum() == 300_000  # nothing is counted under another key
    often = table[table["p"] > 1e-4].fillna({"count": 0})
    rest = 1 - often["p"].sum(), 300_000 - often["count"].sum()
    expected = np.append(often["p"], rest[0]) * 300_000
    assert stats.chisquare(np.append(often["count"], rest[1]), expected).pvalue > 0.001


@pytest.mark.parametrize(
    ("rule", "by_hand"), [("anchors", productive_by_anchors), ("residue", productive_by_residue)]
)
def test_a_class_is_what_translates(rule, by_hand) -> None:
    drawn = {
        name: simulate_junctions(
            20_000, **SMALL, group=f"{name}_v-j_trim_ligation-mh", frame_rule=rule
        )
        for name in ("both", "productive", "nonproductive")
    }
    genes = drawn["both"].genes

    def is_productive(row: tuple) -> bool:
        v, j, left_trim, right_trim, mh = row
        head = len(genes[v].sequence) - left_trim
        tail = right_trim + 2 + mh
        whole = (genes[v].sequence + other_strand(genes[v].sequence)[:2])[:head] + (
            other_strand(genes[j].sequence)[-2:] + genes[j].sequence
        )[tail:]
        ligation = Ligation(left_trim, right_trim, mh, whole, head, tail)
        return by_hand(ligation, genes[j].sequence, genes[v].anchor, genes[j].anchor)

    both = drawn["both"].counts
    judged = np.array([is_productive(row) for row in both[KEY].itertuples(index=False, name=None)])
    assert 0.05 < judged.mean() < 0.5
    for name, rows in (("productive", judged), ("nonproductive", ~judged)):
        pd.testing.assert_frame_equal(drawn[name].counts, both[rows].reset_index(drop=True))
        assert drawn[name].origin["kept"] == both["count"][rows].sum()
        data = build_junctions(drawn[name], "known", frame_rule=rule)
        assert data.num_sequences == drawn[name].origin["kept"]  # the reader judges alike


def test_groups_of_trims_alone_count_cells() -> None:
    """Their counts are those of all ligations together."""
    ligations = simulate_junctions(20_000, **SMALL, group=BOTH, subjects=2).counts
    cells = simulate_junctions(20_000, **SMALL, group="nonproductive_v-j_trim", subjects=2)
    keys = ["subject", *KEY[:-1]]
    summed = ligations.groupby(keys, sort=False)["count"].sum().reset_index()
    pd.testing.assert_frame_equal(cells.counts, summed)
    assert build_junctions(cells).num_sequences == 20_000


def test_sequences_are_dealt_evenly_to_subjects() -> None:
    prepared = simulate_junctions(10_001, **SMALL, group=BOTH, subjects=4)
    of_subject = prepared.counts.groupby("subject")["count"].sum()
    assert of_subject.to_dict() == {
        "subject_1": 2501, "subject_2": 2500, "subject_3": 2500, "subject_4": 2500
    }  # fmt: skip
    first, second = (prepared.counts.query("subject == @s") for s in ("subject_1", "subject_2"))
    assert first["count"].tolist() != second["count"].tolist()


def test_equal_seeds_draw_alike() -> None:
    tables = [simulate_junctions(5_000, **SMALL, seed=seed).counts for seed in (7, 7, 8)]
    pd.testing.assert_frame_equal(tables[0], tables[1])
    assert not tables[0].equals(tables[2])


def test_the_most_used_genes_are_taken() -> None:
    model = recombine(num_v=5, num_j=1000)
    end = read_model("human_T_alpha").v
    most = sorted(zip(end.usage, end.genes), reverse=True)[:5]
    assert {gene.name for gene in model.pairs.left} == {name for _, name in most}
    assert len(model.pairs.right) == 58  # of 68 J genes, those used and trimmed by -2 to 14


def test_all_genes_can_be_used_alike() -> None:
    model = recombine(usage="uniform", base="uniform", trims=(0, 1))
    assert len(model.pairs.left_of) == (103 - 7) * 68  # 7 V alleles end before their Cys
    of_pair = np.bincount(model.ligations.pair, model.probability)
    assert np.abs(of_pair * len(of_pair) - 1).max() < 1e-12


def test_a_prepared_folder_says_what_the_truth_is(tmp_path: Path) -> None:
    prepared = simulate_junctions(2_000, **SMALL, base=COEFFICIENTS, seed=3)
    write_prepared(tmp_path, prepared)
    again: Prepared = read_prepared(tmp_path)
    pd.testing.assert_frame_equal(again.counts, prepared.counts)
    assert again.genes == prepared.genes
    assert again.notes == ("simulated from OLGA's human_T_alpha, no real data",)
    origin = yaml.safe_load((tmp_path / "vdj.yaml").read_text())["origin"]
    assert origin == prepared.origin
    assert origin["simulated"] is True
    assert origin["truth"] == {
        "average_mh": 0.7,
        "average_interior_mh": 0.0,
        "ligation": "linear",
        "ligation_mh": 0.5,
        "usage": "olga",
        "base": [list(side) for side in COEFFICIENTS],
    }


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"chain": "TRB"}, ["D genes", "TRB", "TRA, IGK, IGL"]),
        ({"chain": "TRX"}, ["unknown chain", "TRX"]),
        ({"group": "nonproductive_v_trim"}, ["V and J", "nonproductive_v_trim"]),
        ({"group": "nonproductive_v-d_trim"}, ["V and J"]),
        ({"lig_mh": -0.5}, ["lig_mh", "-0.5", "exponential"]),
        ({"trims": (-3, 14)}, ["trims", "-3 to 14"]),
        ({"trims": (-2, 17)}, ["trims", "at most 16"]),
        ({"usage": "uniform"}, ["never chooses", "base"]),
        ({"base": ([0.0] * 11, [0.0] * 12)}, ["base of V", "11 numbers", "12"]),
    ],
)
def test_what_cannot_be_simulated_is_refused(options: dict, words: list[str]) -> None:
    with pytest.raises(InputError) as error:
        simulate_junctions(100, **options)
    assert all(word in str(error.value) for word in words), error.value


def test_other_chains_and_species() -> None:
    for chain, species in (("IGK", "human"), ("T_alpha", "mouse")):
        prepared = simulate_junctions(5_000, chain=chain, species=species, num_v=4, num_j=3)
        assert build_junctions(prepared).num_sequences == prepared.origin["kept"] > 2_000
    assert prepared.chain == "TRA"
