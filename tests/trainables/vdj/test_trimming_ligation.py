"""The junction families: truths found again, what invariances promise, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from distrib.data.vdj.germline.olga import read_genes
from distrib.data.vdj.germline.parameter_groups import find_group
from distrib.data.vdj.ligation.junction_build import build_junctions
from distrib.data.vdj.ligation.model_types import PUBLISHED, parse_model_type
from distrib.data.vdj.ligation.simulate import simulate_junctions
from distrib.data.vdj.prepare.prepared import Gene, Prepared
from distrib.errors import InputError
from distrib.study.worker.trial import reason
from distrib.trainables.base import State, Worker
from distrib.trainables.vdj.design import list_columns
from distrib.trainables.vdj.ligation.config import PAPER, TrimmingLigationConfig
from distrib.trainables.vdj.ligation.em import TrimmingLigationEm, TrimmingLigationEmConfig
from distrib.trainables.vdj.ligation.family import TrimmingLigation
from distrib.trainables.vdj.ligation.model import JunctionModel

KNOWN, EM = TrimmingLigation(), TrimmingLigationEm()
WORKER = Worker()
NULL = "null"


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    return simulate_junctions(
        60_000, int_mh=1.0, lig_mh=0.7, ligation="exponential", num_v=10, num_j=8, subjects=3
    )


def train(family: TrimmingLigation, data, **config) -> State:
    typed = family.Config(**config)
    *_, last = family.refit(typed, data, WORKER, budget=None)
    return last.state()


def named(state: State) -> dict[str, float]:
    names = [
        "_".join(str(x) for x in (c["trim_type"], c["coefficient"], c["side"], c["position"],
                                  c["base"]) if x)
        for c in state.values["columns"]
    ]  # fmt: skip
    return dict(zip(names, state.arrays["b"].tolist()))


@pytest.mark.parametrize("family", [KNOWN, EM], ids=["known", "em"])
def test_the_truth_is_found_again(family: TrimmingLigation, prepared: Prepared) -> None:
    state = train(family, build_junctions(prepared, family.annotations))
    found = named(state)
    errors = np.sqrt(np.diag(state.arrays["covariance"]))
    assert state.values["gradient_norm"] < 1e-9
    assert abs(found["ligation_mh"] - 0.7) < 4 * errors[-1]
    # OLGA's histograms are not of the model's form, so the trims' coefficient is a projection.
    assert abs(found["average_mh"] - 1.0) < 0.2
    assert not state.values["notes"]


def test_hidden_annotations_cost_information(prepared: Prepared) -> None:
    known, hidden = (train(f, build_junctions(prepared, f.annotations)) for f in (KNOWN, EM))
    for name in ("covariance", "cluster_covariance"):
        assert hidden.arrays[name][-1, -1] > 1.05 * known.arrays[name][-1, -1]
    assert known.values["q_loss"] == pytest.approx(known.values["log_loss"], abs=1e-12)
    assert hidden.values["q_loss"] > hidden.values["log_loss"] + 0.1


def test_every_way_gives_the_same_model(prepared: Prepared) -> None:
    data = build_junctions(prepared, "all")
    ways = [train(EM, data, method=m, tolerance=1e-8) for m in ("em", "squarem", "direct")]
    for state in ways[:2]:
        np.testing.assert_allclose(state.arrays["b"], ways[2].arrays["b"], atol=1e-6)
        losses = state.arrays["trace"][:, 0]
        assert (np.diff(losses) <= 1e-13).all()


def test_row_order_copies_of_subjects_and_names_change_nothing(prepared: Prepared) -> None:
    base = train(EM, build_junctions(prepared, "all")).arrays["b"]
    counts = prepared.counts
    shuffled = counts.sample(frac=1.0, random_state=0).reset_index(drop=True)
    twice = pd.concat([counts, counts.assign(subject="again_" + counts["subject"])])
    renamed = {name: f"Z{999 - i}_{name}" for i, name in enumerate(prepared.genes)}
    other = counts.assign(**{c: counts[c].map(renamed) for c in ("v_gene", "j_gene")})
    genes = {renamed[n]: replace(g, name=renamed[n]) for n, g in prepared.genes.items()}
    for changed in (
        replace(prepared, counts=shuffled),
        replace(prepared, counts=twice),
        replace(prepared, counts=other, genes=genes),
    ):
        found = train(EM, build_junctions(changed, "all")).arrays["b"]
        np.testing.assert_allclose(found, base, atol=1e-8)


def test_subjects_apart_and_pooled(prepared: Prepared) -> None:
    one = build_junctions(prepared, "all", subject="subject_2")
    assert one.subjects.tolist() == ["subject_2"]
    share = prepared.counts.query("subject == 'subject_2'")["count"].sum()
    assert one.num_sequences == share
    with pytest.raises(InputError, match="no such subject"):
        build_junctions(prepared, "all", subject="subject_9")


def test_weights_of_subjects_and_genes(prepared: Prepared) -> None:
    pooled, subject, marginal = (
        build_junctions(prepared, "known", weighting=w)
        for w in ("pooled", "subject", "gene_marginal")
    )
    for data in (pooled, subject, marginal):
        assert data.weights().sum() == pytest.approx(1.0)
    of_subject = np.bincount(subject.entry_subject, subject.entry_weights())
    np.testing.assert_allclose(of_subject, 1 / 3)
    # Each pair counts as much as the mean of its shares over the subjects.
    pair = marginal.observation_pair[marginal.entry_observation]
    table = pd.DataFrame(
        {"s": marginal.entry_subject, "p": pair, "n": marginal.entry_count}
    ).pivot_table(index="s", columns="p", values="n", aggfunc="sum", fill_value=0)
    shares = (table.T / table.sum(axis=1)).T.mean(axis=0)
    np.testing.assert_allclose(np.bincount(pair, marginal.entry_weights()), shares, rtol=1e-6)


def test_the_penalty_chosen_along_a_path(prepared: Prepared) -> None:
    data = build_junctions(prepared, "all")
    grid = (0.0, 1.0, 1e7)
    state = train(EM, data, l2_grid=grid, folds=3)
    assert state.values["l2"] in grid[:2]  # the truth is not zero: the strongest predicts worst
    strong = named(train(EM, data, l2=1e7))
    assert abs(strong["average_mh"]) < 0.1
    again = train(EM, data, l2=state.values["l2"])
    np.testing.assert_allclose(state.arrays["b"], again.arrays["b"], atol=1e-8)


def test_standardising_changes_the_penalty_alone(prepared: Prepared) -> None:
    data = build_junctions(prepared, "known")
    plain, standard = (train(KNOWN, data, model_type=p + PAPER) for p in ("", "standardized_"))
    np.testing.assert_allclose(plain.arrays["b"], standard.arrays["b"], atol=1e-10)
    model = JunctionModel(TrimmingLigationConfig(model_type="standardized_" + PAPER), data)
    everything = np.ones(len(data.left_of), bool)
    scale = model.scales(everything)[-2]
    column = model.design.cell_features[..., 0]
    exists = data.options > 0
    assert scale == pytest.approx(column[exists].std(), rel=0.2)
    l2 = 1e4
    ratio = model.penalty(l2, everything)[-2] / (l2 / model.likelihood.num_modelled.sum())
    assert ratio == pytest.approx(scale**2)


def test_features_that_others_determine(prepared: Prepared) -> None:
    one_pair = prepared.counts[
        (prepared.counts["v_gene"] == prepared.counts["v_gene"].iloc[0])
        & (prepared.counts["j_gene"] == prepared.counts["j_gene"].iloc[0])
    ]
    data = build_junctions(replace(prepared, counts=one_pair), "all")
    config = {"model_type": PAPER, "motif_left": 6, "motif_right": 6}
    with pytest.raises(InputError, match="not identifiable") as caught:
        JunctionModel(TrimmingLigationEmConfig(**config), data)
    shown = reason(caught.value)[:200]  # what the terminal shows of a trial that failed
    assert "unidentifiable=drop" in shown
    assert "v_trim_motif_" in shown
    model = JunctionModel(TrimmingLigationEmConfig(**config, unidentifiable="drop"), data)
    assert model.dropped
    assert len(model.columns) + len(model.dropped) == 12 * 3 * 2 + 6 + 2
    assert not set(model.dropped) & set(model.design.names)


def test_a_state_predicts_other_data_and_refuses_other_junctions(prepared: Prepared) -> None:
    state = train(EM, build_junctions(prepared, "all"))
    other = build_junctions(simulate_junctions(5_000, chain="IGK", num_v=4, num_j=3, seed=3), "all")
    config = TrimmingLigationEmConfig()
    figures = EM.evaluate(config, state, other, WORKER)
    assert figures["log_loss"] < EM.baselines(config, other, other, WORKER)["null"]["test/log_loss"]
    with pytest.raises(InputError, match="another kind of junction"):
        EM.evaluate(config, state, replace(other, trim_types=("v_trim", "d5_trim")), WORKER)


def test_no_ligation_in_the_data(prepared: Prepared) -> None:
    trims = simulate_junctions(20_000, int_mh=1.0, group="nonproductive_v-j_trim", num_v=6, num_j=5)
    data = build_junctions(trims, "known")
    with pytest.raises(InputError, match="do not tell of ligations"):
        KNOWN.check(TrimmingLigationConfig(), data)
    both = "motif_two-side-base-count-beyond_average-mh"
    KNOWN.check(TrimmingLigationConfig(model_type=both), data)
    state = train(KNOWN, data, model_type=both)
    assert len(state.arrays["b"]) == 25
    assert abs(named(state)["average_mh"] - 1.0) < 0.3


def test_annotations_that_are_not_known(prepared: Prepared) -> None:
    counts = prepared.counts.drop(columns="ligation_mh")
    keys = [c for c in counts.columns if c != "count"]
    hidden = replace(prepared, counts=counts.groupby(keys, as_index=False)["count"].sum())
    with pytest.raises(InputError, match="do not tell how sequences were ligated"):
        build_junctions(hidden, "known")
    assert build_junctions(hidden, "all").num_sequences > 0


def test_the_published_model_types() -> None:
    counts = {}
    for name in PUBLISHED:
        columns = list_columns(parse_model_type(name), ("v_trim", "j_trim"), 1, 2)
        counts[name] = len(columns)
        assert len({column.name for column in columns}) == len(columns)
    assert counts[PAPER] == 26
    assert counts[NULL] == 0
    assert counts["motif_two-side-base-count-beyond"] == 24
    assert counts["motif_two-side-base-count-beyond_interior-mh-count"] == 28
    assert counts["two-side-base-count-beyond_average-mh_ligation-mh"] == 8
    assert parse_model_type("twostep_" + PAPER) == parse_model_type(PAPER)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("motif_twoside", "unknown part"),
        ("motif_motif", "twice"),
        ("motif_two-side-base-count_left-base-count-beyond", "twice"),
        ("", "unknown part"),
    ],
)
def test_model_types_that_are_none(name: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        parse_model_type(name)


@pytest.mark.parametrize(
    ("group", "left", "right"),
    [("v-d", "V", "D"), pytest.param("d-j", "D", "J", marks=pytest.mark.exhaustive)],
)
def test_junctions_with_d_genes(group: str, left: str, right: str) -> None:
    """D genes are shorter than the longest trim; their join alone does not decide the frame."""
    genes = {gene.name: Gene(gene.name, gene.segment, gene.sequence, gene.anchor)
             for gene in read_genes("human_T_beta")}  # fmt: skip
    of = {segment: [n for n, g in genes.items() if g.segment == segment] for segment in "VDJ"}
    rng = np.random.default_rng(0)
    kind = find_group(f"nonproductive_{group}_trim_ligation-mh")
    trims = np.minimum(rng.poisson(3, size=(4000, 2)) - 1, 12)
    counts = pd.DataFrame(trims, columns=list(kind.trims))
    counts[kind.genes[0]] = rng.choice(of[left][:8], 4000)
    counts[kind.genes[1]] = rng.choice(of[right][:8], 4000)
    counts["subject"] = "a"
    keys = list(counts.columns)
    counts = counts.groupby(keys, as_index=False).size().rename(columns={"size": "count"})
    data = build_junctions(Prepared("TRB", kind, (-2, 14), genes, counts), "all")
    assert (data.modelled == data.options).all()
    d = [len(genes[name].sequence) for name in of["D"]]
    short = data.options[:, :, -1] if right == "D" else data.options[:, -1]
    assert min(d) < 14
    assert (short == 0).any()
    config = TrimmingLigationEmConfig(unidentifiable="drop", l2=1.0)
    *_, last = EM.refit(config, data, WORKER, budget=None)
    table = EM.predict(config, last.state(), data, WORKER)
    sums = table.groupby(list(kind.genes))["predicted_prob"].sum()
    np.testing.assert_allclose(sums, 1.0, atol=1e-12)
    assert len(table) == np.bitwise_count(data.options).sum()
