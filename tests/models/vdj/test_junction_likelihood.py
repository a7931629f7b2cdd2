"""The likelihood of junctions: against a direct formula, differences, and the identities of EM."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distrib.models.vdj.junction_fit import Objective, fit
from distrib.models.vdj.junction_likelihood import Design, JunctionLikelihood

MOST = 16


def random_design(
    seed: int,
    *,
    ligation: bool = True,
    free_ligation: bool = True,
    weighted: bool = False,
    pairs: int = 4,
) -> Design:
    """A small design of random features, options and candidates."""
    rng = np.random.default_rng(seed)
    num_left, num_right = 3, 4
    kinds = 6
    options = np.zeros((kinds, MOST), bool)
    options[:, 0] = True
    options[:, 1:5] = rng.random((kinds, 4)) < 0.5
    modelled = options & (rng.random((kinds, MOST)) < 0.7)
    modelled[0, 0] = True
    modelled[-1] = False  # a cell that none of the class can come from
    kind = rng.integers(kinds, size=(pairs, num_left, num_right)).astype(np.int32)
    kind[:, 0, 0] = 0
    rows = [
        (p, cell, m)
        for p in range(pairs)
        for cell, k in enumerate(kind[p].ravel())
        for m in np.flatnonzero(modelled[k] if ligation else modelled[k].any(keepdims=True))
    ]
    pair, cell, mh = np.array(rows).T
    within = np.concatenate([rng.integers(1 + (pair == p).sum() // 2, size=(pair == p).sum())
                             for p in range(pairs)])  # fmt: skip
    _, observation = np.unique(pair * 1000 + within, return_inverse=True)
    order = np.argsort(observation, kind="stable")
    _, first = np.unique(observation[order], return_index=True)
    cells = 0 if weighted else 2
    names = [f"l{i}" for i in range(3)] + [f"r{i}" for i in range(2)]
    names += [f"c{i}" for i in range(cells)] + ["w"] * weighted + ["g"] * free_ligation
    return Design(
        left=rng.integers(3, size=pairs).astype(np.int32),
        right=rng.integers(2, size=pairs).astype(np.int32),
        left_features=rng.normal(size=(3, num_left, 3)),
        right_features=rng.normal(size=(2, num_right, 2)),
        cell_features=rng.normal(size=(pairs, num_left, num_right, cells)),
        kind=kind,
        options=options,
        modelled=modelled,
        ligation=ligation,
        free_ligation=free_ligation,
        weighted=weighted,
        cell=(pair * num_left * num_right + cell)[order].astype(np.int32),
        mh=mh[order].astype(np.int8),
        observation=observation[order].astype(np.int32),
        observation_pair=pair[order][first].astype(np.int32),
        names=names,
    )


@cache
def likelihood_of(seed: int) -> JunctionLikelihood:
    """Of a random design; what is compiled for its shapes serves all tests that ask."""
    return JunctionLikelihood(random_design(seed))


def weights_of(design: Design, seed: int = 0) -> np.ndarray:
    drawn = np.random.default_rng(seed).random(len(design.observation_pair))
    return drawn / drawn.sum()


def direct_log_likelihoods(design: Design, b: np.ndarray) -> np.ndarray:
    """The definition, one option after the other."""
    pairs, num_left, num_right = design.kind.shape
    g = b[-1] if design.free_ligation else 0.0
    on_left, on_right, rest = b[:3], b[3:5], b[5:]
    probability: dict[tuple[int, int], float] = {}
    for p in range(pairs):
        joint: dict[tuple[int, int], float] = {}
        for i in range(num_left):
            for j in range(num_right):
                kind = design.kind[p, i, j]
                z = {m: np.exp(g * m) for m in np.flatnonzero(design.options[kind])}
                of_class = [m for m in z if design.modelled[kind, m]]
                if not of_class:
                    continue
                a = on_left @ design.left_features[design.left[p], i]
                a += on_right @ design.right_features[design.right[p], j]
                if design.weighted:
                    share = sum(z[m] for m in of_class)
                    a += rest[0] * sum(z[m] * m for m in of_class) / share
                else:
                    a += rest[:2] @ design.cell_features[p, i, j]
                cell = (p * num_left + i) * num_right + j
                if design.ligation:
                    for m in of_class:
                        joint[cell, m] = np.exp(a) * z[m] / sum(z.values())
                else:
                    joint[cell, 0] = np.exp(a)
        total = sum(joint.values())
        probability |= {key: value / total for key, value in joint.items()}
    result = np.zeros(len(design.observation_pair))
    for cell, m, o in zip(design.cell.tolist(), design.mh.tolist(), design.observation.tolist()):
        result[o] += probability[cell, m]
    return np.log(result)


KINDS = [
    {},
    {"weighted": True},
    {"free_ligation": False},
    {"ligation": False, "free_ligation": False},
    {"free_ligation": False, "weighted": True},
]


@pytest.mark.parametrize("kind", KINDS)
def test_the_definition(kind: dict[str, bool]) -> None:
    for seed in range(2):
        design = random_design(seed, **kind)
        b = np.random.default_rng(seed).normal(size=len(design.names))
        found = JunctionLikelihood(design).log_likelihoods(b)
        np.testing.assert_allclose(found, direct_log_likelihoods(design, b), atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_derivatives(kind: dict[str, bool]) -> None:
    design = random_design(7, **kind)
    likelihood = JunctionLikelihood(design)
    size = len(design.names)
    b = np.random.default_rng(1).normal(size=size) * 0.5
    penalty = np.linspace(0, 0.1, size)
    objective = Objective(likelihood, weights_of(design), penalty)
    steps = 1e-5 * np.eye(size)
    slopes = [(objective.value(b + s) - objective.value(b - s)) / 2e-5 for s in steps]
    np.testing.assert_allclose(objective.gradient(b), slopes, atol=1e-8)
    curves = [(objective.gradient(b + s) - objective.gradient(b - s)) / 2e-5 for s in steps]
    np.testing.assert_allclose(objective.hessian(b), curves, atol=1e-7)


def test_fishers_identity_and_the_entropy_of_shares() -> None:
    likelihood = likelihood_of(11)
    design = likelihood.design
    weights = weights_of(design)
    b = np.random.default_rng(2).normal(size=len(design.names))
    loss, shares = likelihood.observed(b, weights)
    full = likelihood.complete(b, shares)
    np.testing.assert_allclose(full.gradient, likelihood.gradient(b, weights)[1], atol=1e-14)
    within = shares / weights[design.observation]
    entropy = -(shares * np.log(within)).sum()
    assert full.value == pytest.approx(loss + entropy, abs=1e-13)
    np.testing.assert_allclose(np.bincount(design.observation, shares), weights, atol=1e-15)


def test_scores_are_gradients_of_single_observations() -> None:
    likelihood = likelihood_of(11)
    design = likelihood.design
    b = np.random.default_rng(2).normal(size=len(design.names))
    scores = likelihood.scores(b)
    for o in range(0, len(scores), 5):
        one = np.zeros(len(scores))
        one[o] = 1.0
        np.testing.assert_allclose(-likelihood.gradient(b, one)[1], scores[o], atol=1e-12)


@settings(max_examples=10)
@given(seed=st.integers(0, 10_000), squarem=st.booleans())
def test_em_never_raises_the_loss(seed: int, squarem: bool) -> None:
    likelihood = likelihood_of(11)
    design = likelihood.design
    objective = Objective(likelihood, weights_of(design, seed), np.full(len(design.names), 1e-3))
    start = np.random.default_rng(seed).normal(size=len(design.names))
    values = []
    for where in fit(objective, start, "squarem" if squarem else "em", max_iterations=25):
        values.append(where.loss + 0.5e-3 * (where.b**2).sum())
        assert where.q >= where.loss
    assert all(np.diff(values) <= 1e-12)


@pytest.mark.parametrize("method", ["em", "squarem"])
def test_all_ways_lead_to_one_optimum(method: str) -> None:
    likelihood = likelihood_of(11)
    design = likelihood.design
    objective = Objective(likelihood, weights_of(design), np.full(len(design.names), 1e-3))
    start = np.zeros(len(design.names))
    *_, slow = fit(objective, start, method, max_iterations=5000)  # type: ignore[arg-type]
    *_, newton = fit(objective, start, "direct")
    assert max(slow.gradient_norm, newton.gradient_norm) <= 1e-9
    assert slow.loss == pytest.approx(newton.loss, abs=1e-10)
    np.testing.assert_allclose(slow.b, newton.b, atol=1e-6)


@pytest.mark.parametrize("method", ["em", "squarem", "direct"])
def test_a_fit_goes_on_from_any_iteration_to_the_bit(method: str) -> None:
    likelihood = likelihood_of(11)
    design = likelihood.design
    objective = Objective(likelihood, weights_of(design), np.full(len(design.names), 1e-3))
    whole = list(fit(objective, np.zeros(len(design.names)), method))  # type: ignore[arg-type]
    rest = list(fit(objective, whole[2].b, method))  # type: ignore[arg-type]
    assert len(rest) == len(whole) - 2
    assert (rest[-1].b == whole[-1].b).all()


def test_zero_weights_leave_pairs_out() -> None:
    """As if they were not there: a fold keeps the shapes, and with them the compiled code."""
    design = random_design(2, pairs=6)
    kept = design.observation_pair < 4
    weights = np.where(kept, weights_of(design), 0.0)
    rows = kept[design.observation]
    smaller = replace(
        design,
        left=design.left[:4],
        right=design.right[:4],
        cell_features=design.cell_features[:4],
        kind=design.kind[:4],
        cell=design.cell[rows],
        mh=design.mh[rows],
        observation=design.observation[rows],
        observation_pair=design.observation_pair[kept],
    )
    b = np.random.default_rng(0).normal(size=len(design.names))
    penalty = np.zeros(len(design.names))
    one = Objective(JunctionLikelihood(design), weights, penalty)
    other = Objective(JunctionLikelihood(smaller), weights[kept], penalty)
    assert one.value(b) == pytest.approx(other.value(b), abs=1e-14)
    np.testing.assert_allclose(one.hessian(b), other.hessian(b), atol=1e-13)
