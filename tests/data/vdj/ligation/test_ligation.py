"""Every ligation of two genes, against strings written out one at a time and published counts."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from distrib.data.vdj.germline.olga import read_model, reverse_complement
from distrib.data.vdj.ligation.ligation import (
    Joints,
    Ligations,
    enumerate_ligations,
    find_sequences,
    left_windows,
    right_windows,
)
from tests.support.junctions_by_hand import left_with_p, ligate, right_with_p

GENES = st.lists(
    st.one_of(st.text("ACGT", min_size=2, max_size=45), st.text("AT", min_size=2, max_size=20)),
    min_size=1,
    max_size=3,
)
WINDOWS = st.tuples(st.integers(-2, 3), st.integers(0, 14)).map(lambda w: range(w[0], sum(w) + 1))


class Case:
    """All pairs of some genes."""

    def __init__(self, left: list[str], right: list[str], trims: range) -> None:
        self.left, self.right, self.trims = left, right, trims
        self.left_of, self.right_of = np.divmod(np.arange(len(left) * len(right)), len(right))
        longest = trims[-1]
        self.arrays = (
            left_windows(left, longest),
            right_windows(right, longest),
            self.left_of,
            self.right_of,
            Joints.of(np.array(trims), np.array(trims), longest),
        )

    def enumerate(self) -> Ligations:
        return enumerate_ligations(*self.arrays)

    def by_hand(self) -> list[tuple[int, int, int, int, str]]:
        """Pair, trims, microhomology and sequence."""
        return [
            (pair, x.left_trim, x.right_trim, x.mh, x.sequence)
            for pair, (v, j) in enumerate(zip(self.left_of, self.right_of))
            for x in ligate(self.left[v], self.right[j], self.trims)
        ]


def check(case: Case) -> None:
    """Options, their order, and which of them give one sequence."""
    found, expected = case.enumerate(), case.by_hand()
    trims = np.array(case.trims)
    rows = list(zip(found.pair, trims[found.left], trims[found.right], found.mh))
    assert rows == [row[:4] for row in expected]

    names: dict[tuple[int, str], set[int]] = defaultdict(set)
    for (pair, *_, sequence), name in zip(expected, found.sequence):
        names[pair, sequence].add(int(name))
    assert all(len(of_one) == 1 for of_one in names.values())
    assert len(set().union(*names.values())) == len(names) == len(found.keys)

    assert (found.sequence[found.first] == np.arange(len(found.first))).all()
    bits = np.zeros(found.options.shape, np.int64)
    np.add.at(bits, (found.pair, found.left, found.right), 1 << found.mh.astype(np.int64))
    assert (bits == found.options).all()


@settings(max_examples=60)
@given(left=GENES, right=GENES, trims=WINDOWS)
def test_every_ligation_is_that_of_the_strings(
    left: list[str], right: list[str], trims: range
) -> None:
    check(Case(left, right, trims))


def test_genes_as_short_as_d_genes_are_trimmed_to_nothing() -> None:
    d_genes = ["GGGACAGGGGGC", "GGGACTAGCGGGGGGG", "GGGACTAGCGGGAGGG"]  # TRBD1*01, TRBD2*01, *02
    j_genes = ["TGAACACTGAAGCTTTCTTTGGACAAGGCACCAGACTCACAGTTGTAG", "CTCCTA"]
    case = Case(d_genes, j_genes, range(-2, 15))
    check(case)
    found = case.enumerate()
    reach = np.array([found.left[found.pair // len(j_genes) == d].max() - 2 for d in range(3)])
    assert reach.tolist() == [12, 14, 14]
    assert found.right[found.pair % 2 == 1].max() - 2 == 6


def test_real_genes() -> None:
    model = read_model("human_T_alpha")
    rng = np.random.default_rng(4)
    v = [model.v.sequences[i] for i in rng.choice(len(model.v.genes), 4, replace=False)]
    j = [model.j.sequences[i] for i in rng.choice(len(model.j.genes), 4, replace=False)]
    check(Case(v, [reverse_complement(sequence) for sequence in j], range(-2, 15)))


def test_wide_windows_keep_pairs_apart() -> None:
    rng = np.random.default_rng(0)
    genes = ["".join(rng.choice(list("ACGT"), 130)) for _ in range(2)]
    case = Case(genes, genes[:1], range(-2, 61))
    one = np.array([0]), np.array([126]), np.array([126]), np.array([0])
    assert case.arrays[-1].size == 128  # so that these trims leave nothing of either window
    assert find_sequences(case.enumerate(), *case.arrays, *one).tolist() == [-1]
    check(Case(genes, genes, range(60, 75)))


def test_pairs_beyond_the_first_block_are_numbered_on() -> None:
    model = read_model("human_T_alpha")
    v = model.v.sequences[:19]
    j = [reverse_complement(sequence) for sequence in model.j.sequences[:15]]
    whole = Case(v, j, range(2, 5)).enumerate()  # 285 pairs, in two blocks
    assert whole.pair[-1] == len(v) * len(j) - 1
    alone = Case(v[-1:], j[-1:], range(2, 5)).enumerate()
    last = whole.pair == whole.pair[-1]
    assert (whole.sequence[last] - whole.sequence[last].min() == alone.sequence).all()
    assert len(np.unique(whole.pair[whole.first])) == len(v) * len(j)


@settings(max_examples=60)
@given(left=GENES, right=GENES, trims=WINDOWS, data=st.data())
def test_observed_sequences_are_found_by_what_they_spell(
    left: list[str], right: list[str], trims: range, data: st.DataObject
) -> None:
    case = Case(left, right, trims)
    known = {
        (pair, sequence): name
        for (pair, *_, sequence), name in zip(case.by_hand(), case.enumerate().sequence)
    }
    observed, expected = [], []
    for _ in range(8):
        pair = data.draw(st.integers(0, len(case.left_of) - 1))
        v, j = left[case.left_of[pair]], right[case.right_of[pair]]
        # Also beyond the window, as far as the windows of bases reach.
        lt = data.draw(st.integers(-2, min(len(v), trims[-1] + 4)))
        rt = data.draw(st.integers(-2, min(len(j), trims[-1] + 4)))
        head, tail = left_with_p(v)[: len(v) - lt], right_with_p(j)[rt + 2 :]
        shared = [m for m in range(min(len(head), len(tail), 15) + 1) if head.endswith(tail[:m])]
        mh = data.draw(st.sampled_from(shared))
        observed.append((pair, lt, rt, mh))
        expected.append(known.get((pair, head + tail[mh:]), -1))
    columns = (np.array(column) for column in zip(*observed))
    found = find_sequences(case.enumerate(), *case.arrays, *columns)
    assert found.tolist() == expected


def test_trims_beyond_what_windows_reach_are_not_found() -> None:
    case = Case(["A" * 80], ["A" * 80], range(3))
    trims = np.array([-2, 60, 1])
    found = find_sequences(
        case.enumerate(), *case.arrays, np.zeros(3, int), trims, trims[::-1], np.zeros(3, int)
    )
    assert found.tolist() == [-1, -1, -1]


def test_genes_shorter_than_every_trim_have_no_ligation() -> None:
    case = Case(["AC"], ["GT"], range(3, 5))
    check(case)
    observed = (np.array([value]) for value in (0, -2, -2, 0))
    assert find_sequences(case.enumerate(), *case.arrays, *observed).tolist() == [-1]


def test_published_numbers_of_options(real_data: Path) -> None:
    """36 pairs of human TRA genes: 10,404 of 10,404 numbers of options."""
    published = pd.read_csv(real_data / "trimming" / "tra_all_choices_top_genes.tsv", sep="\t")
    genes = pd.read_csv(real_data / "trimming" / "combo_xcr_2024-03-05.tsv", sep="\t")
    human = genes[(genes["organism"] == "human") & (genes["chain"] == "A")]
    sequences = dict(zip(human["id"], human["nucseq"].str.upper()))
    v, j = (sorted(set(published[column])) for column in ("v_gene", "j_gene"))
    trims = range(-2, 15)
    found = Case([sequences[g] for g in v], [sequences[g] for g in j], trims).enumerate()
    numbers = np.bitwise_count(found.options).reshape(len(v), len(j), len(trims), len(trims))
    assert len(published) == numbers.size == 10_404
    places = [published["v_gene"].map(v.index), published["j_gene"].map(j.index)]
    places += [published["v_trim"] + 2, published["j_trim"] + 2]
    assert (numbers[tuple(places)] == published["N"]).all()
