"""Chains simulated by OLGA's tables, against the tables and against OLGA's own translation."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest

from distrib.data.antibodies.alphabet import LETTERS
from distrib.data.antibodies.recombine import (
    BASES,
    Recombiner,
    _cumulate,
    ragged,
    recombiner,
    translate,
)
from distrib.data.antibodies.regions import bounds_of
from distrib.data.antibodies.simulate import simulate_chains
from distrib.data.vdj.germline.olga import read_events, reverse_complement
from distrib.errors import InputError

LOCI = ["IGH", "IGK", "IGL"]


def test_codons_are_translated_by_the_standard_code() -> None:
    """Against Biopython-independent facts: the stops, the single codons, the six of leucine."""
    codes = {a + b + c: 16 * i + 4 * j + k for i, a in enumerate(BASES)
             for j, b in enumerate(BASES) for k, c in enumerate(BASES)}  # fmt: skip
    table = {
        codon: chr(translate(np.array([BASES.index(base) for base in codon], np.uint8))[0])
        for codon in codes
    }
    assert {c for c, a in table.items() if a == "*"} == {"TAA", "TAG", "TGA"}
    assert (table["ATG"], table["TGG"], table["TGT"], table["TTC"]) == ("M", "W", "C", "F")
    counts = Counter(table.values())
    assert [counts[a] for a in "LSRAGPTVIFYCHQNKDEMW"] == [
        *[6, 6, 6, 4, 4, 4, 4, 4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1]
    ]


@pytest.mark.parametrize(("locus", "share"), [("IGH", 0.19), ("IGK", 0.29), ("IGL", 0.30)])
def test_as_many_draws_are_whole_as_olga_has(locus: str, share: float) -> None:
    """In frame, with both anchors and without stop codon."""
    found = recombiner(locus).draw(20_000, np.random.default_rng(1))
    assert len(found.v) / found.drawn == pytest.approx(share, abs=0.015)
    letters = translate(found.codes).tobytes().decode()
    ends = np.cumsum(found.lengths // 3)
    assert {letters[end - 1] for end in ends} <= {"W", "F"}
    assert {letters[end] for end in (0, *ends[:-1])} == {"C"}
    assert "*" not in letters


def test_genes_and_insertions_are_drawn_as_the_tables_say() -> None:
    """Frequencies of one event, and of one that depends on others, within four standard errors."""
    events = read_events("human_B_heavy")
    rng = np.random.default_rng(2)
    from distrib.data.antibodies.recombine import _Draw

    num = 200_000
    draw = _Draw({name: _cumulate(table) for name, table in events.tables.items()}, rng, num)
    v = draw.of("v_choice")
    j = draw.of("j_choice", v)
    d = draw.of("d_gene", v, j)
    joint = (events.tables["v_choice"][:, None, None] * events.tables["j_choice"][:, :, None]
             * events.tables["d_gene"])  # fmt: skip
    expected = joint.sum(axis=(0, 1)) / joint.sum()
    seen = np.bincount(d, minlength=len(expected)) / num
    error = np.sqrt(expected * (1 - expected) / num)
    assert (np.abs(seen - expected) <= 4 * error + 1e-12).all()
    ins = draw.of("vd_ins")
    mean = (np.arange(61) * events.tables["vd_ins"]).sum() / events.tables["vd_ins"].sum()
    assert ins.mean() == pytest.approx(mean, abs=0.05)


def test_a_junction_is_made_of_its_genes() -> None:
    """Templated bases at the ends are those of V and J; what is inserted lies between."""
    model = Recombiner("IGK")
    found = model.draw(300, np.random.default_rng(3))
    at = np.cumsum(found.lengths) - found.lengths
    text = "".join(BASES[c] for c in found.codes)
    checked = 0
    for row in range(len(found.v)):
        own = text[at[row] : at[row] + found.lengths[row]]
        mask = found.templated[at[row] : at[row] + found.lengths[row]]
        v, j = model.v[found.v[row]], model.j[found.j[row]]
        if mask.all():  # where V ends and J begins cannot be told
            continue
        first, last = int(np.argmin(mask)), len(own) - int(np.argmin(mask[::-1]))
        assert v.sequence[v.anchor :].startswith(own[:first])
        assert j.sequence[: j.anchor + 3].endswith(own[last:])
        checked += 1
    assert checked > 60


@pytest.mark.parametrize("locus", LOCI)
def test_chains_are_whole_variable_domains(locus: str) -> None:
    """Of the twenty letters, with the lengths of real ones, and framework 4 at the end."""
    chains = simulate_chains(500, locus, seed=4)
    assert len(chains) == len(set(chains.frame()["sequence_id"])) == 500
    assert set("".join(chains.sequences)) <= set(LETTERS)
    lengths = np.array([len(s) for s in chains.sequences])
    assert lengths.min() >= 98
    assert lengths.max() <= 150
    bounds = chains.bounds
    anchors = [(s[b[5] - 1], s[b[6]]) for s, b in zip(chains.sequences, bounds)]
    assert {cys for cys, _ in anchors} == {"C"}
    assert {trp for _, trp in anchors} <= {"W", "F"}
    told = (bounds >= 0).all(axis=1)
    assert told.mean() > 0.85
    assert {s[b[1] - 4] for s, b in zip(np.array(chains.sequences)[told], bounds[told])} == {"C"}


def test_without_mutation_the_germline_is_the_chain() -> None:
    """But for residues of inserted bases; and the regions found in the chain are those known."""
    chains = simulate_chains(300, mutation_rate=0, seed=5)
    for sequence, germline in zip(chains.sequences, chains.germline):
        assert re.fullmatch(germline.replace("X", "."), sequence)
        assert "X" in germline
    found = bounds_of(chains.sequences, "heavy")
    told = (chains.bounds >= 0).all(axis=1)
    assert (found[told] == chains.bounds[told]).all(axis=1).mean() > 0.98


def test_the_rate_is_that_of_bases() -> None:
    """A codon changes with 1 - 0.95^3; about a quarter of changes leave the residue."""
    chains = simulate_chains(1000, mutation_rate=0.05, seed=6)
    pairs = [(a, b) for s, g in zip(chains.sequences, chains.germline) for a, b in zip(s, g)]
    changed = np.mean([a != b for a, b in pairs if b != "X"])
    assert 0.09 < changed < 0.11


def test_equal_seeds_give_equal_chains_and_a_longer_draw_is_another() -> None:
    first, again = simulate_chains(50, seed=7), simulate_chains(50, seed=7)
    assert first.sequences == again.sequences
    assert first.sequences != simulate_chains(50, seed=8).sequences


def test_light_chains_can_be_distinct() -> None:
    """Without mutation they repeat."""
    assert len(set(simulate_chains(3000, "IGL", mutation_rate=0).sequences)) < 2500
    chains = simulate_chains(3000, "IGL", mutation_rate=0, distinct=True)
    assert len(set(chains.sequences)) == 3000


@pytest.mark.parametrize(
    "wrong", [{"num": 0}, {"num": 5, "mutation_rate": 1.5}, {"num": 5, "locus": "TRB"}]
)
def test_what_cannot_be_simulated_is_refused(wrong: dict) -> None:
    with pytest.raises(InputError):
        simulate_chains(**wrong)


def test_ragged_numbers_stand_row_after_row() -> None:
    first, lengths = np.array([5, 0, 9]), np.array([2, 0, 3])
    assert ragged(first, lengths).tolist() == [5, 6, 9, 10, 11]
    assert ragged(first, lengths, backwards=True).tolist() == [6, 5, 11, 10, 9]
    assert reverse_complement("AAC") == "GTT"
