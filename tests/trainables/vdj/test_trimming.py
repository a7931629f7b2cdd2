"""The trimming family: published and own figures on OLGA's marginals, and its contract."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from distrib.data.vdj.germline.olga import read_model
from distrib.data.vdj.germline.parameter_groups import find_group
from distrib.data.vdj.prepare.prepared import Gene, Prepared, write_prepared
from distrib.data.vdj.trimming.trimming import TrimmingData, olga_trimming
from distrib.data.vdj.trimming.trimming_prepared import prepared_trimming
from distrib.errors import InputError
from distrib.models.vdj.choice_losses import mean_loss, null_loss, saturated_loss
from distrib.models.vdj.conditional_logit import fit, log_probabilities
from distrib.tracking.ratio_test import Fitted, ratio_test
from distrib.trainables.base import State, Worker
from distrib.trainables.vdj.trimming.coefficients import coefficients
from distrib.trainables.vdj.trimming.config import TrimmingConfig, TrimmingSource
from distrib.trainables.vdj.trimming.family import Trimming

FAMILY = Trimming()
WORKER = Worker()
PAPER = "motif_two-side-base-count-beyond"

# trimming.md 6.2: chain, species, gene end, first and last trim; loss of 12 parameters, null,
# saturated
OWN_LOSSES = [
    ("TRA", "human", "v", -2, 14, 2.5093, 2.8332, 2.2360),
    ("TRA", "human", "v", 2, 14, 2.1188, 2.5649, 1.9278),
    ("TRA", "human", "j", -2, 14, 2.5783, 2.8332, 2.3633),
    ("TRA", "human", "j", 2, 14, 2.2518, 2.5649, 2.1363),
    ("TRB", "human", "v", -2, 14, 2.4533, 2.8332, 2.1942),
    ("TRB", "human", "v", 2, 14, 2.0740, 2.5649, 1.9516),
    ("TRB", "human", "j", 2, 14, 2.1165, 2.5649, 2.0295),
    ("TRA", "mouse", "v", 2, 14, 1.9390, 2.5649, 1.8457),
]

# trimming.md 4.1: feature set, motif; loss on OLGA's human TRB; the paper's name
MODELS = [
    ("null", 1, 2, 2.5649, "null (0 params)"),
    ("length", 1, 2, 2.2853, "length (1 param)"),
    ("motif", 1, 2, 2.2312, "1x2motif (9 params)"),
    ("motif", 2, 4, 2.1655, "2x4motif (18 params)"),
    ("two-side-base-count", 1, 2, 2.1347, "two-side base-count (3 params)"),
    ("motif_length", 1, 2, 2.1088, "1x2motif + length (10 params)"),
    (PAPER, 1, 2, 2.0740, "1x2motif + two-side base-count beyond (12 params)"),
]


def train(config: TrimmingConfig, data: TrimmingData) -> State:
    (item,) = FAMILY.refit(config, data, WORKER, budget=None)
    return item.state()


@pytest.fixture(scope="module")
def trb() -> TrimmingData:
    return FAMILY.load(TrimmingSource())


@pytest.mark.parametrize(
    ("chain", "species", "end", "first", "last", "loss", "null", "saturated"),
    [OWN_LOSSES[0], *(pytest.param(*row, marks=pytest.mark.exhaustive) for row in OWN_LOSSES[1:])],
)
def test_own_losses(
    chain: str,
    species: str,
    end: str,
    first: int,
    last: int,
    loss: float,
    null: float,
    saturated: float,
) -> None:
    source = TrimmingSource.model_validate(
        {"chain": chain, "species": species, "gene_end": end, "trim_min": first, "trim_max": last}
    )
    data = FAMILY.load(source)
    state = train(TrimmingConfig(), data)
    assert state.values["gradient_norm"] < 1e-10
    found = FAMILY.evaluate(TrimmingConfig(), state, data, WORKER)
    assert found["log_loss"] == pytest.approx(loss, abs=1e-3)
    assert found["log_loss"] == pytest.approx(state.values["log_loss"], abs=1e-14)
    assert found["log_loss_above_saturated"] == pytest.approx(loss - saturated, abs=2e-3)
    assert saturated_loss(data.weights) == pytest.approx(saturated, abs=1e-3)
    assert null_loss(data.weights) == pytest.approx(null, abs=1e-3)


def published_losses(folder: Path) -> dict[str, float]:
    """Name of the model, on one line -> its loss on the paper's whole training set of V genes."""
    table = pd.read_csv(folder / "elife_training_loss.tsv", sep="\t")
    table = table[table["loss_type"].str.split().str.join(" ") == "full V-gene training dataset"]
    names = table["model_type"].str.split().str.join(" ")
    return dict(zip(names, table["log_loss"], strict=True))


@pytest.mark.parametrize(("features", "left", "right", "loss", "published"), MODELS)
def test_the_papers_models(
    trb: TrimmingData,
    real_data: Path,
    features: str,
    left: int,
    right: int,
    loss: float,
    published: str,
) -> None:
    config = TrimmingConfig(feature_set=features, motif_left=left, motif_right=right)
    state = train(config, trb)
    assert state.values["log_loss"] == pytest.approx(loss, abs=1e-3)
    theirs = published_losses(real_data / "trimming")[published]
    assert state.values["log_loss"] == pytest.approx(theirs, abs=0.03)


def test_coefficients_agree_with_the_papers(trb: TrimmingData, real_data: Path) -> None:
    """trimming.md 4.1: correlation 0.9913, RMS difference 0.044."""
    ours = coefficients(train(TrimmingConfig(), trb))
    path = real_data / "trimming" / "trb_v_nonproductive_coefs.tsv"
    table = pd.read_csv(path, sep="\t", keep_default_na=False)
    theirs = dict(zip(zip(table["parameter"], table["base"]), table["coefficient"], strict=True))

    def published(row: tuple[str, ...]) -> float:
        if row.coefficient == "motif":
            return theirs[f"motif_{row.side}_{row.position}", row.base]
        side = {"5end": "left", "3end": "right"}[row.side]
        return theirs[f"{side}_base_count_{row.base}", ""]

    pairs = np.array([(row.value, published(row)) for row in ours.itertuples() if row.base != "T"])
    assert len(ours) == len(theirs) == 15
    assert np.corrcoef(pairs.T)[0, 1] >= 0.99
    assert np.sqrt(np.mean((pairs[:, 0] - pairs[:, 1]) ** 2)) < 0.05
    every = np.array([(row.value, published(row)) for row in ours.itertuples()])
    assert np.corrcoef(every.T)[0, 1] >= 0.99


@pytest.mark.parametrize(("gene_end", "column"), [("v", 3), ("j", 4)])
def test_alpha_coefficients_agree_with_a_simulation(gene_end: str, column: int) -> None:
    """The authors' models of sequences drawn from the same marginals (trimming.md 4.3)."""
    theirs = {
        "v": [0.0777, -0.1437, -0.3816, 0.0437, 0.0407, 0.0265, 0.4127, -0.5402, -0.0066, 0.0227,
              -0.1132, -0.1907],
        "j": [0.2951, -0.1238, -0.3032, -0.3068, 0.3913, -0.1618, 0.2177, -0.3309, 0.0247, -0.0672,
              -0.0111, -0.1868],
    }  # fmt: skip
    source = TrimmingSource.model_validate({"chain": "TRA", "gene_end": gene_end, "trim_min": -2})
    state = train(TrimmingConfig(), FAMILY.load(source))
    assert state.arrays["coefficients"] == pytest.approx(theirs[gene_end], abs=0.06)


def test_coefficient_tables_are_complete(trb: TrimmingData) -> None:
    table = coefficients(train(TrimmingConfig(feature_set="motif_length"), trb))
    assert list(table)[:7] == [
        "coefficient", "value", "error", "base", "position", "side", "trim_type"
    ]  # fmt: skip
    assert table.loc[0, ["coefficient", "trim_type"]].tolist() == ["length", "v_trim"]
    motif = table[table["coefficient"] == "motif"]
    assert motif.groupby(["side", "position"])["base"].agg("".join).tolist() == ["ACGT"] * 3
    assert motif.groupby(["side", "position"])["value"].sum().tolist() == pytest.approx([0] * 3)


def test_scores_are_the_mean_of_held_out_folds(trb: TrimmingData) -> None:
    """Redone fold by fold on the training genes alone, with weights scaled apart."""
    from distrib.data.splits import fold_ids

    config = TrimmingConfig(feature_set="length", folds=4, fold_seed=3)
    items = list(FAMILY.progress(config, trb, WORKER))
    assert [item.fidelity for item in items] == [1, 2, 3, 4]
    folds = fold_ids(trb.groups, 4, 3)
    lengths = np.broadcast_to(trb.trims[None, :, None], (*trb.weights.shape, 1)).astype(float)
    losses, train_losses = [], []
    for fold, item in enumerate(items):
        held = folds == fold
        model = fit(lengths[~held], trb.weights[~held])
        log_p = log_probabilities(lengths[held], model.coefficients)
        losses.append(mean_loss(log_p, trb.weights[held]))
        train_losses.append(model.loss)
        assert item.metrics["log_loss"] == pytest.approx(np.mean(losses), abs=1e-10)
        assert item.train["log_loss"] == pytest.approx(np.mean(train_losses), abs=1e-10)
        assert set(item.metrics) == {metric.name for metric in FAMILY.metrics}


def test_training_repeats_and_resumes_to_the_bit(trb: TrimmingData) -> None:
    config = TrimmingConfig(motif_left=2, motif_right=3, l2=10.0)
    whole = list(FAMILY.progress(config, trb, WORKER))
    again = list(FAMILY.progress(config, trb, WORKER))
    states = [item.state() for item in whole]
    assert [item.metrics for item in whole] == [item.metrics for item in again]
    assert len(whole) == config.folds
    for done, state in enumerate(states, 1):
        rest = list(FAMILY.progress(config, trb, WORKER, state))
        assert [item.fidelity for item in rest] == list(range(done + 1, 11))
        assert [item.metrics for item in rest] == [item.metrics for item in whole[done:]]
        assert [item.train for item in rest] == [item.train for item in whole[done:]]
        for item, full in zip(rest, states[done:], strict=True):
            assert np.array_equal(item.state().arrays["folds"], full.arrays["folds"])


def test_a_finished_refit_gives_its_model_again(trb: TrimmingData) -> None:
    state = train(TrimmingConfig(), trb)
    (item,) = FAMILY.refit(TrimmingConfig(), trb, WORKER, 10, state)
    assert np.array_equal(item.state().arrays["coefficients"], state.arrays["coefficients"])
    assert item.metrics is None


def test_predictions_are_profiles(trb: TrimmingData) -> None:
    state = train(TrimmingConfig(), trb)
    table = FAMILY.predict(TrimmingConfig(), state, trb, WORKER)
    assert list(table) == ["gene", "trim", "predicted_prob", "observed_prob"]
    assert len(table) == 80 * 13
    sums = table.groupby("gene")[["predicted_prob", "observed_prob"]].sum()
    assert sums.to_numpy() == pytest.approx(1, abs=1e-12)
    row = table.iloc[13 * 5 + 4]
    assert row["gene"] == trb.genes[5]
    assert row["trim"] == 6
    assert row["observed_prob"] == trb.weights[5, 4] / trb.weights[5].sum()


def test_rows_add_up_to_the_whole(trb: TrimmingData) -> None:
    state = train(TrimmingConfig(), trb)
    whole = FAMILY.evaluate(TrimmingConfig(), state, trb, WORKER)
    rows = FAMILY.evaluate_rows(TrimmingConfig(), state, trb, WORKER)
    assert rows["share"].sum() == pytest.approx(1)
    for name in ("log_loss", "log_loss_above_saturated"):
        assert rows["share"] @ rows[name] == pytest.approx(whole[name], abs=1e-12)
    for name in ("rmse", "mae"):
        assert rows[name].mean() == pytest.approx(whole[name], abs=1e-12)


def test_baselines_bound_the_model(trb: TrimmingData) -> None:
    config = TrimmingConfig()
    found = FAMILY.baselines(config, trb, None, WORKER)
    model = list(FAMILY.progress(config, trb, WORKER))[-1].metrics
    assert found["null"]["log_loss"] == pytest.approx(np.log(13), abs=1e-12)
    order = [found["saturated (bound)"], model, found["mean profile"], found["null"]]
    losses = [row["log_loss"] for row in order]
    assert losses == sorted(losses)
    assert found["saturated (bound)"]["log_loss_above_saturated"] == pytest.approx(0, abs=1e-12)
    assert found["saturated (bound)"]["rmse"] == pytest.approx(0, abs=1e-12)
    assert set(found["null"]) == {metric.name for metric in FAMILY.metrics}


def test_baselines_on_the_test_part(trb: TrimmingData) -> None:
    rows = np.arange(80)
    inner, test = trb.take(rows[:60]), trb.take(rows[60:])
    found = FAMILY.baselines(TrimmingConfig(), inner, test, WORKER)
    profile = np.log(inner.weights.sum(axis=0) / inner.weights.sum())
    expected = mean_loss(np.broadcast_to(profile, (20, 13)), test.weights)
    assert found["mean profile"]["test/log_loss"] == pytest.approx(expected, abs=1e-12)
    assert found["saturated (bound)"]["test/log_loss"] == pytest.approx(
        saturated_loss(test.weights)
    )
    state = train(TrimmingConfig(), inner)
    ours = FAMILY.evaluate(TrimmingConfig(), state, test, WORKER)["log_loss"]
    assert found["saturated (bound)"]["test/log_loss"] < ours < expected


def test_fewer_groups_than_folds_give_a_fold_each(trb: TrimmingData) -> None:
    few = trb.take(np.unique(trb.groups, return_index=True)[1][:5])
    assert len(list(FAMILY.progress(TrimmingConfig(feature_set="length"), few, WORKER))) == 5
    with pytest.raises(InputError, match=r"none can be held out\n.*TRBV"):
        next(FAMILY.progress(TrimmingConfig(), trb.take(np.array([0, 0])), WORKER))


def test_features_that_the_genes_cannot_tell_apart_are_refused_by_name(trb: TrimmingData) -> None:
    one = trb.take(np.array([0, 0]))
    with pytest.raises(InputError, match=r"^features: not identifiable.*motif_3end_pos6_G"):
        train(TrimmingConfig(motif_left=6, motif_right=6), one)
    assert train(TrimmingConfig(motif_left=6, motif_right=6, l2=1.0), one).values["num_steps"] > 0


def test_a_window_needs_choices() -> None:
    with pytest.raises(InputError, match="trim_max: a window without choices"):
        FAMILY.load(TrimmingSource(trim_min=5, trim_max=5))


def test_own_counts_from_load_to_prediction(tmp_path: Path) -> None:
    """25,000 sequences of each of two donors give nearly the model's own coefficients."""
    FAMILY.example(tmp_path)
    source = TrimmingSource(path=str(tmp_path))
    data = FAMILY.load(source)
    state = train(TrimmingConfig(), data)
    exact = train(TrimmingConfig(), olga_trimming())
    assert state.arrays["coefficients"] == pytest.approx(exact.arrays["coefficients"], abs=0.05)
    bare = FAMILY.load(source, targets=False)
    table = FAMILY.predict(TrimmingConfig(), state, bare, WORKER)
    assert list(table) == ["gene", "trim", "predicted_prob"]
    assert len(table) == len(bare.genes) * 13
    with pytest.raises(InputError, match="no counts"):
        FAMILY.evaluate(TrimmingConfig(), state, bare, WORKER)


@pytest.fixture(scope="module")
def donors() -> Prepared:
    """V ends of two donors, drawn from OLGA's human TRB, as `distrib.prepare` counts them."""
    model = read_model("human_T_beta").v
    joint = (model.usage[:, None] * model.probabilities)[
        :, (model.trims >= 2) & (model.trims <= 14)
    ]
    rng = np.random.default_rng(4)
    rows = []
    for subject in ("ann", "bob"):
        drawn = rng.multinomial(20_000, (joint / joint.sum()).ravel()).reshape(joint.shape)
        rows += [(subject, model.genes[g], t + 2, drawn[g, t]) for g, t in np.argwhere(drawn)]
    counts = pd.DataFrame(rows, columns=["subject", "v_gene", "v_trim", "count"])
    genes = {n: Gene(n, "V", s, None) for n, s in zip(model.genes, model.sequences, strict=True)}
    return Prepared("TRB", find_group("nonproductive_v_trim"), (2, 14), genes, counts)


def test_counts_of_a_prepared_folder_are_tested_as_counts(donors: Prepared, tmp_path: Path) -> None:
    write_prepared(tmp_path, donors)
    data = FAMILY.load(TrimmingSource(path=str(tmp_path)))
    fitted = []
    for features in ("motif_two-side-base-count-beyond", "motif"):
        config = TrimmingConfig(feature_set=features)  # type: ignore[arg-type]
        state = train(config, data)
        assert coefficients(state).query("base != 'T'")["error"].notna().all()
        assert state.values["num_sequences"] == 40_000
        values = config.model_dump(mode="json")
        fitted.append(Fitted(features, "trimming", values, "here", "pooled", state.values))
    assert ratio_test(*fitted).degrees == 3


def test_bootstraps_over_sequences_and_subjects_spread_as_the_errors_say(donors: Prepared) -> None:
    """Sequences are drawn alone; clusters are a donor's sequences of a gene."""
    data = prepared_trimming(donors)
    config = TrimmingConfig(feature_set="two-side-base-count")
    state = train(config, data)
    for of, name in (("sequences", "covariance"), ("clusters", "cluster_covariance")):
        rows = FAMILY.bootstrap(config, state, data, WORKER, list(range(100)), of)
        errors = np.sqrt(np.diag(state.arrays[name]))
        assert rows.drop(columns="seed").std().to_numpy() / errors == pytest.approx(1, abs=0.35)
    # Two donors who trim a gene alike are no more news than one, of as many sequences.
    genes = train(config, replace(data, counts=None)).arrays["cluster_covariance"]
    ratio = np.diag(state.arrays["cluster_covariance"]) / np.diag(genes)
    assert ((ratio > 0.3) & (ratio < 0.8)).all()


def test_one_subject_alone(donors: Prepared, tmp_path: Path) -> None:
    write_prepared(tmp_path, donors)
    data = FAMILY.load(TrimmingSource(path=str(tmp_path), subject="bob"))
    assert data.num_sequences == 20_000
    with pytest.raises(InputError, match=r"no such subject\n.*eve\n.*ann, bob"):
        FAMILY.load(TrimmingSource(path=str(tmp_path), subject="eve"))
    with pytest.raises(InputError, match="do not tell subjects apart"):
        FAMILY.load(TrimmingSource(subject="bob"))


def test_the_space_names_what_the_family_has() -> None:
    import distrib.search_spaces

    path = Path(distrib.search_spaces.__path__[0]) / "trimming.yaml"
    space = yaml.safe_load(path.read_text())
    assert space["trainable"] == "trimming"
    assert set(space["parameters"]) <= set(TrimmingConfig.model_fields)
    assert TrimmingSource(**space["data"]) == TrimmingSource()
    for value in space["parameters"]["feature_set"]["choice"]:
        TrimmingConfig(feature_set=value)
    TrimmingConfig(
        motif_left=space["parameters"]["motif_left"]["randint"][1],
        motif_right=space["parameters"]["motif_right"]["randint"][1],
    )


def test_the_module_is_light() -> None:
    """The driver imports it for its Config: JAX must not come with it."""
    import subprocess
    import sys

    code = (
        "import sys, distrib.trainables.vdj.trimming.family;"
        "sys.exit(bool({'jax', 'torch', 'ray'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
