"""The closed form against its own stationarity, a dense Kronecker solve, and solves one by one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from distrib.models.screens.lel import (
    Factor,
    Held,
    Lel,
    principal_components,
    ridge_errors,
    two_sided_errors,
)

PENALTIES = [(0.1, 0.1), (1e-3, 20.0), (5.0, 1e-6)]


class Problem(NamedTuple):
    """genes (M, K), perturbations (N, L), changes (N, M)."""

    genes: np.ndarray
    perturbations: np.ndarray
    changes: np.ndarray

    def model(self) -> Lel:
        genes = Factor.of(self.genes)
        return Lel.of(genes, self.perturbations, genes.left.T @ self.changes.T)


def problem(m: int = 12, k: int = 5, n: int = 9, width: int = 4, seed: int = 0) -> Problem:
    rng = np.random.default_rng(seed)
    shapes = (m, k), (n, width), (n, m)
    return Problem(*(rng.standard_normal(shape) for shape in shapes))


WIDE = {"m": 6, "k": 9, "n": 5, "width": 8}
"""More dimensions than genes and perturbations: both Gram matrices are singular."""


@given(
    rows=st.integers(1, 12),
    columns=st.integers(1, 12),
    penalty=st.floats(1e-3, 1e3),
    seed=st.integers(0, 99),
)
def test_a_factor_shrinks_like_the_inverse(
    rows: int, columns: int, penalty: float, seed: int
) -> None:
    matrix = np.random.default_rng(seed).standard_normal((rows, columns))
    factor = Factor.of(matrix)
    found = factor.left / (factor.values + penalty) @ factor.right.T
    expected = matrix @ np.linalg.inv(matrix.T @ matrix + penalty * np.eye(columns))
    np.testing.assert_allclose(found, expected, atol=1e-10)


@pytest.mark.parametrize("shape", [{}, WIDE], ids=["tall", "wide"])
@pytest.mark.parametrize(("gene", "perturbation"), PENALTIES)
def test_two_sided_weights_are_stationary(
    shape: dict[str, int], gene: float, perturbation: float
) -> None:
    given = problem(**shape)
    weights = torch.from_numpy(given.model().two_sided(gene, perturbation)).requires_grad_()
    g, p, c = (torch.from_numpy(part) for part in given)
    loss = (
        (c - p @ weights.T @ g.T).square().sum()
        + gene * (p @ weights.T).square().sum()
        + perturbation * (g @ weights).square().sum()
        + gene * perturbation * weights.square().sum()
    )
    (gradient,) = torch.autograd.grad(loss, weights)
    assert gradient.abs().max() < 1e-10


@pytest.mark.parametrize("shape", [{}, WIDE], ids=["tall", "wide"])
@pytest.mark.parametrize(("gene", "perturbation"), PENALTIES)
def test_two_sided_weights_are_those_of_a_dense_solve(
    shape: dict[str, int], gene: float, perturbation: float
) -> None:
    given = problem(**shape)
    g, p, c = given
    left = g.T @ g + gene * np.eye(g.shape[1])
    right = p.T @ p + perturbation * np.eye(p.shape[1])
    expected = dense(np.kron(right, left), g.T @ c.T @ p)
    found = given.model().two_sided(gene, perturbation)
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8 * np.abs(expected).max())


@pytest.mark.parametrize("penalty", [0.1, 30.0])
def test_ridge_weights_are_stationary_and_those_of_a_dense_solve(penalty: float) -> None:
    given = problem()
    g, p, c = given
    found = given.model().ridge(penalty)
    system = np.kron(p.T @ p, g.T @ g)
    expected = dense(system + penalty * np.eye(len(system)), g.T @ c.T @ p)
    np.testing.assert_allclose(found, expected, atol=1e-10)
    gradient = g.T @ (c - p @ found.T @ g.T).T @ p - penalty * found
    assert np.abs(gradient).max() < 1e-10


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("shape", [{}, WIDE], ids=["tall", "wide"])
def test_a_grid_equals_separate_solves(shape: dict[str, int], missing: float) -> None:
    given = problem(**shape)
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((7, given.perturbations.shape[1]))
    targets = rng.standard_normal((7, len(given.genes)))
    targets[rng.random(targets.shape) < missing] = np.nan
    model, held = given.model(), held_out(given, rows, targets)
    gene, perturbation = np.array([0.01, 1.0, 40.0]), np.array([0.0, 0.3, 7.0, 100.0])
    errors = two_sided_errors(model, held, gene, perturbation)
    for i, a in enumerate(gene):
        for j, b in enumerate(perturbation):
            expected = error(given, rows, targets, model.two_sided(float(a), float(b)))
            assert errors[i, j] == pytest.approx(expected, rel=1e-10)
    ridges = ridge_errors(model, held, perturbation[1:])
    for penalty, found in zip(perturbation[1:], ridges):
        expected = error(given, rows, targets, model.ridge(float(penalty)))
        assert found == pytest.approx(expected, rel=1e-10)


def test_without_penalties_nothing_is_divided_by_zero() -> None:
    given = problem(**WIDE)
    weights = given.model().two_sided(0.0, 0.0)
    fitted = given.perturbations @ weights.T @ given.genes.T
    np.testing.assert_allclose(fitted, given.changes, atol=1e-7)  # both sides are of full rank


@pytest.mark.parametrize("shape", [(20, 6), (6, 20)])
def test_principal_components_are_those_of_a_singular_value_decomposition(
    shape: tuple[int, int],
) -> None:
    matrix = np.random.default_rng(0).standard_normal(shape) * np.arange(1, shape[1] + 1)
    directions, mean = principal_components(matrix, 3)
    expected = np.linalg.svd(matrix - matrix.mean(axis=0), full_matrices=False)[2][:3]
    np.testing.assert_allclose(mean, matrix.mean(axis=0))
    np.testing.assert_allclose(np.abs(expected @ directions), np.eye(3), atol=1e-10)


def dense(system: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """W of `system` vec(W) = vec(`wanted`), columns after each other."""
    return np.linalg.solve(system, wanted.ravel(order="F")).reshape(wanted.shape, order="F")


def held_out(given: Problem, rows: np.ndarray, targets: np.ndarray) -> Held:
    there = np.isfinite(targets)
    filled = np.where(there, targets, 0.0)
    image = Factor.of(given.genes).image
    return Held(
        perturbations=rows,
        projected=image.T @ filled.T,
        squares=float(np.square(filled).sum()),
        measured=int(there.sum()),
        missing=np.array(np.nonzero(~there)),
    )


def error(given: Problem, rows: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> float:
    return float(np.nanmean(np.square(targets - rows @ weights.T @ given.genes.T)))
