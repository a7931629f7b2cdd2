"""Junction data of prepared counts: candidates as the strings have them, and what is left out."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from distrib.data.vdj.ligation.junction import JunctionData
from distrib.data.vdj.ligation.junction_build import Annotations, build_junctions
from distrib.data.vdj.ligation.simulate import simulate_junctions
from distrib.data.vdj.prepare.prepared import Prepared
from distrib.errors import InputError
from tests.support.junctions_by_hand import Ligation, ligate, productive_by_anchors

CLASSES = ("both", "productive", "nonproductive")
TRIMS = (-2, 8)
Annotation = tuple[str, str, int, int, int]


def simulated(name: str = "nonproductive", **options: object) -> Prepared:
    group = f"{name}_v-j_trim_ligation-mh"
    return simulate_junctions(
        3_000, trims=TRIMS, int_mh=1.0, lig_mh=1.0, num_v=3, num_j=2, group=group, **options
    )


def by_hand(prepared: Prepared) -> dict[Annotation, tuple[Ligation, bool]]:
    """Every ligation of every pair of genes, and whether it is productive."""
    genes = prepared.genes.values()
    result = {}
    for v in (gene for gene in genes if gene.segment == "V"):
        for j in (gene for gene in genes if gene.segment == "J"):
            for x in ligate(v.sequence, j.sequence, range(TRIMS[0], TRIMS[1] + 1)):
                productive = productive_by_anchors(x, j.sequence, v.anchor, j.anchor)
                result[v.name, j.name, x.left_trim, x.right_trim, x.mh] = x, productive
    return result


def annotations_of(data: JunctionData) -> list[Annotation]:
    """(candidates,) each written out."""
    pair, left, right = np.unravel_index(data.row_cell, data.options.shape)
    v, j = data.pair_names()
    trims = data.left_trims[left].tolist(), data.right_trims[right].tolist()
    return list(zip(v[pair].tolist(), j[pair].tolist(), *trims, data.row_mh.tolist()))


def observed(data: JunctionData) -> dict[frozenset[Annotation], float]:
    """The candidates of each observation, and its count over all subjects."""
    candidates = defaultdict(set)
    for annotation, observation in zip(annotations_of(data), data.row_observation.tolist()):
        candidates[observation].add(annotation)
    size = len(data.observation_pair)
    counts = np.bincount(data.entry_observation, data.entry_count, size)
    return {frozenset(candidates[i]): float(counts[i]) for i in range(size)}


@pytest.mark.parametrize("annotations", ["known", "all"])
@pytest.mark.parametrize("name", CLASSES)
def test_candidates_are_all_that_spell_the_sequence(name: str, annotations: Annotations) -> None:
    prepared = simulated(name, subjects=2)
    every = by_hand(prepared)
    spelled = defaultdict(set)
    for key, (x, productive) in every.items():
        if name == "both" or productive == (name == "productive"):
            spelled[(*key[:2], x.sequence)].add(key)
    expected: dict[frozenset[Annotation], float] = defaultdict(float)
    for _, *key, count in prepared.counts.itertuples(index=False, name=None):
        one = tuple(key)
        same = {one} if annotations == "known" else spelled[(*one[:2], every[one][0].sequence)]
        expected[frozenset(same)] += count
    data = build_junctions(prepared, annotations)
    assert observed(data) == expected
    assert data.observation_pair.tolist() == [
        data.row_cell[data.row_observation == i][0] // data.options[0].size
        for i in range(len(data.observation_pair))
    ]


def test_one_subject_is_that_subject_alone() -> None:
    prepared = simulated(subjects=3)
    alone = build_junctions(prepared, subject="subject_2")
    counts = prepared.counts.query("subject == 'subject_2'")
    assert alone.num_sequences == counts["count"].sum()
    assert observed(alone) == observed(build_junctions(replace(prepared, counts=counts)))
    with pytest.raises(InputError, match="no such subject"):
        build_junctions(prepared, subject="subject_4")


def test_another_annotation_of_a_sequence_may_lie_inside_the_window() -> None:
    """Known annotations count where they stand; hidden ones by what they spell."""
    prepared = simulated("both")
    every = by_hand(prepared)
    spelled = {(*key[:2], x.sequence) for key, (x, _) in every.items()}
    v = next(gene for gene in prepared.genes.values() if gene.segment == "V")
    j = next(gene for gene in prepared.genes.values() if gene.segment == "J")
    wider = [
        x
        for x in ligate(v.sequence, j.sequence, range(TRIMS[0], TRIMS[1] + 3))
        if max(x.left_trim, x.right_trim) > TRIMS[1]
    ]
    table = pd.DataFrame(
        {
            "subject": "s",
            "v_gene": v.name,
            "j_gene": j.name,
            "v_trim": [x.left_trim for x in wider],
            "j_trim": [x.right_trim for x in wider],
            "ligation_mh": [x.mh for x in wider],
            "count": 1,
        }
    )
    inside = sum((v.name, j.name, x.sequence) in spelled for x in wider)
    assert 0 < inside < len(table)
    data = build_junctions(replace(prepared, counts=table))
    assert data.num_sequences == inside
    assert any(f"{len(table) - inside} of {len(table)} sequences" in note for note in data.notes)


def test_what_is_left_out_is_told_and_adds_up() -> None:
    prepared = simulated("both")
    productive = replace(prepared, group=simulated("productive").group)
    data = build_junctions(productive, "known")
    total = prepared.counts["count"].sum()
    dropped = total - data.num_sequences
    assert 0 < dropped < total
    note = next(note for note in data.notes if "not productive" in note)
    assert note.startswith(f"{dropped:g} of {total:g} sequences")


@pytest.mark.parametrize("annotations", ["known", "all"])
def test_nothing_to_learn_from_is_refused(annotations: Annotations) -> None:
    prepared = simulated()
    for counts in (prepared.counts.iloc[:0], prepared.counts.assign(v_trim=20)):
        with pytest.raises(InputError):
            build_junctions(replace(prepared, counts=counts), annotations)


def test_annotations_that_are_not_told_cannot_be_known() -> None:
    prepared = simulated()
    untold = replace(prepared, counts=prepared.counts.drop(columns="ligation_mh"))
    with pytest.raises(InputError, match="ligation_mh"):
        build_junctions(untold, "known")


def test_genes_without_a_codon_have_no_class() -> None:
    prepared = simulated()
    name = prepared.counts["v_gene"][0]
    genes = {**prepared.genes, name: replace(prepared.genes[name], anchor=None)}
    with pytest.raises(InputError) as error:
        build_junctions(replace(prepared, genes=genes))
    assert name in str(error.value)
    both = replace(prepared, genes=genes, group=simulated("both").group)
    assert build_junctions(both).num_sequences == prepared.counts["count"].sum()
