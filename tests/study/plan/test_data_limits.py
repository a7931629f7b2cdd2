"""What the data do not allow is left out of a search, or refused where it was asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from distrib.data.screens.screen import Screen
from distrib.errors import InputError
from distrib.study.plan.data_limits import fit_plan, fit_space, with_budget
from distrib.study.plan.options import Options
from distrib.study.plan.plan import Plan, make_plan
from distrib.study.space.space_file import find_space, parse_parameter
from distrib.trainables.capabilities import Unfit
from distrib.trainables.screens.lel.family import LatentEmbedding
from distrib.trainables.screens.mlp.family import Mlp

NO_PROFILES = Unfit("loss", "cross_entropy", "rows do not sum to 1")
ONE_TARGET = Unfit("metric", "pearson", "one target only")


def plan(**options: object) -> Plan:
    return make_plan(find_space("mlp"), Options(**options))  # type: ignore[arg-type]


def screen(targets: np.ndarray) -> Screen:
    n = len(targets)
    return Screen(
        ids=np.array([f"r{i}" for i in range(n)]),
        inputs=np.random.default_rng(0).normal(size=(n, 4)).astype(np.float32),
        targets=targets.astype(np.float32),
        columns=np.array([f"t{i}" for i in range(targets.shape[1])]),
        groups=np.arange(n),
        folds=None,
    )


def test_a_choice_that_cannot_be_is_left_out_and_told() -> None:
    said: list[str] = []
    fitted = fit_plan(plan(), [NO_PROFILES], said.append)
    [loss] = [p for p in fitted.space.parameters if p.name == "loss"]
    assert (loss.kind, loss.values) == ("const", ("mse",))
    assert "cross_entropy" in said[0] and NO_PROFILES.reason in said[0]
    assert fit_plan(fitted, [NO_PROFILES], said.append) == fitted
    assert len(said) == 1


def test_of_three_choices_two_stay() -> None:
    space = find_space("mlp")
    [loss] = [p for p in space.parameters if p.name == "loss"]
    more = replace(loss, name="activation", values=("relu", "gelu", "tanh"))
    others = tuple(p for p in space.parameters if p.name != "activation")
    wide = make_plan(replace(space, parameters=(*others, more)), Options())
    fitted = fit_plan(wide, [Unfit("activation", "gelu", "no")], lambda line: None)
    [activation] = [p for p in fitted.space.parameters if p.name == "activation"]
    assert (activation.kind, activation.values) == ("choice", ("relu", "tanh"))


def test_what_was_fixed_is_refused() -> None:
    with pytest.raises(InputError, match="sum to 1"):
        fit_plan(plan(fixed={"loss": "cross_entropy"}), [NO_PROFILES], print)
    with pytest.raises(InputError, match="one target only"):
        fit_plan(plan(metric="pearson"), [ONE_TARGET], print)


def test_another_metric_takes_the_place_of_one_that_cannot_be() -> None:
    said: list[str] = []
    fitted = fit_plan(plan(), [ONE_TARGET], said.append)
    assert fitted.objective.name == "delta_pearson"
    assert "pearson" not in [m.name for m in fitted.metrics]
    assert said
    assert fit_plan(plan(metric="rmse"), [ONE_TARGET], said.append).objective.name == "rmse"


def test_the_mlp_knows_what_its_data_allow() -> None:
    numbers = np.random.default_rng(1).normal(size=(12, 3))
    assert refused(numbers) == {"cross_entropy", "auroc", "auprc", "given"}
    profiles = np.abs(numbers) / np.abs(numbers).sum(axis=1, keepdims=True)
    assert refused(profiles) == {"auroc", "auprc", "given"}
    weights = np.ones(12)
    assert refused(profiles, responding=profiles > 0.3, weights=weights) == set()
    single = refused(numbers[:, :1], weights=weights)
    of_rows = {"pearson", "delta_pearson", "rmse", "mae", "l2"}
    assert single == {"cross_entropy", "auroc", "auprc", *of_rows}


def refused(targets: np.ndarray, **more: np.ndarray) -> set[str]:
    return {u.value for u in Mlp().unfit(replace(screen(targets), **more))}


def test_a_space_that_begins_with_what_cannot_be_is_fitted_too() -> None:
    lel = find_space("lel")
    assert lel.corner()["gene_side"] == "embedding"
    fitted = fit_space(lel, LatentEmbedding(), LatentEmbedding().unfit(screen(np.eye(9, 3))))
    corner = fitted.corner()
    assert (corner["gene_side"], corner["perturbation_side"]) == ("pca", "embedding")


def test_too_few_groups_are_refused_before_anything_begins() -> None:
    with pytest.raises(InputError, match="fewer groups than folds"):
        Mlp().check(Mlp.Config(), screen(np.eye(2, 3)))
    Mlp().check(Mlp.Config(folds=2), screen(np.eye(2, 3)))


def test_targets_that_never_differ_are_refused() -> None:
    with pytest.raises(InputError, match="every target is constant"):
        Mlp().check(Mlp.Config(folds=2), screen(np.ones((4, 3))))


@pytest.mark.parametrize(
    ("asked", "folds"), [(None, 5), (3, 3), (20, 5)], ids=["nothing", "fewer", "more"]
)
def test_the_most_folds_make_none_that_were_not_to_be(asked: int | None, folds: int) -> None:
    """More epochs go on with a training, more folds would be another validation."""
    plan = make_plan(find_space("lel"), Options(max_budget=asked))
    (parameter,) = [p for p in plan.space.parameters if p.name == "folds"] or [None]
    assert plan.max_budget == folds
    assert parameter is None or parameter.values == (folds,)


def test_the_datas_own_folds_count() -> None:
    said: list[str] = []
    plan = make_plan(find_space("lel"), Options(max_budget=3))
    data = replace(screen(np.random.default_rng(0).normal(size=(20, 3))), folds=np.arange(20) % 4)
    budget = LatentEmbedding().budget(plan.family.Config(folds=3), data)
    fitted = with_budget(plan, budget, said.append)
    assert (budget, fitted.max_budget) == (4, 4)
    assert [p.values for p in fitted.space.parameters if p.name == "folds"] == [(4,)]
    assert said == ["note: these data make 4 folds, not 3"]
    fitted.rule()
    assert with_budget(fitted, 4, said.append) == fitted
    assert with_budget(plan, None, said.append) == plan
    assert len(said) == 1


def test_folds_that_are_searched_stay_searched() -> None:
    space = find_space("lel")
    others = tuple(p for p in space.parameters if p.name != "folds")
    folds = parse_parameter("folds", {"choice": [3, 5]}, "lel.yaml")
    plan = make_plan(replace(space, parameters=(*others, folds)), Options())
    assert with_budget(plan, 3, lambda line: None) == plan
