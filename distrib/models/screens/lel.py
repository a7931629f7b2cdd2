"""Latent-embedding linear models of a response matrix, Y = b + P W' G' (Ahlmann-Eltze et al. 2025).

G embeds the genes, P the perturbations; W, the only thing that is fitted, has a closed form. Both
sides are factorised once, and every penalty, or pair of penalties, is a rescaling of one core.

Axes in the shapes: N perturbations, M genes, K dimensions of a gene, L of a perturbation, r and q
the ranks of the two factorisations (r <= min(K, M), q <= min(L, N)), n perturbations held out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

RANK_TOLERANCE = 1e-13
"""Part of the largest eigenvalue below which there is no direction."""

MISSING_AT_ONCE = 2**24
"""Numbers that are gathered in one go for the targets that are missing (128 MiB)."""


@dataclass(frozen=True)
class Factor:
    """A matrix A (rows, columns) in the form that shrinkage needs, for every penalty g at once:

    A (A'A + g)^-1 = left diag(1 / (values + g)) right'.

    Attributes:
        values: (r,) eigenvalues of A'A, none below 0.
        left: (rows, r). right: (columns, r).
        image: (rows, r) A right, its columns orthogonal.
    """

    values: np.ndarray
    left: np.ndarray
    right: np.ndarray
    image: np.ndarray

    @classmethod
    def of(cls, matrix: np.ndarray) -> Factor:
        """By the eigenvectors of the smaller Gram matrix; float64."""
        matrix = np.asarray(matrix, dtype=np.float64)
        rows, columns = matrix.shape
        values, vectors = np.linalg.eigh(
            matrix.T @ matrix if columns <= rows else matrix @ matrix.T
        )
        # What rounding makes of a 0 is no eigenvalue.
        values = np.where(values > RANK_TOLERANCE * values.max(initial=0.0), values, 0.0)
        if columns <= rows:
            image = matrix @ vectors
            return cls(values, image, vectors, image)
        return cls(values, vectors, matrix.T @ vectors, vectors * values)

    @cached_property
    def lengths(self) -> np.ndarray:
        """(r,) squared lengths of the image's columns."""
        return np.square(self.image).sum(axis=0)


@dataclass(frozen=True)
class Lel:
    """One factorised training set.

    Attributes:
        genes: of G (M, K). perturbations: of P (N, L).
        core: (r, q) left_G' C' left_P, of the targets' differences C (N, M) to their mean.
    """

    genes: Factor
    perturbations: Factor
    core: np.ndarray

    @classmethod
    def of(cls, genes: Factor, perturbations: np.ndarray, projected: np.ndarray) -> Lel:
        """Args:
        perturbations: (N, L).
        projected: (r, N) left_G' C', where C is 0 for a target that is missing.
        """
        factor = Factor.of(perturbations)
        return cls(genes, factor, projected @ factor.left)

    def two_sided(self, gene_penalty: float, perturbation_penalty: float) -> np.ndarray:
        """(K, L) W = (G'G + g)^-1 G'C'P (P'P + p)^-1.

        It minimises |C - P W' G'|^2 + g |P W'|^2 + p |G W|^2 + g p |W|^2.
        """
        s, t = self.genes.values[:, None], self.perturbations.values
        return self._unfold(self.core / _divisor(s + gene_penalty, t + perturbation_penalty))

    def ridge(self, penalty: float) -> np.ndarray:
        """(K, L) W that minimises |C - P W' G'|^2 + penalty |W|^2."""
        s, t = self.genes.values[:, None], self.perturbations.values
        return self._unfold(self.core / _divisor(s * t + penalty))

    def _unfold(self, inner: np.ndarray) -> np.ndarray:
        return self.genes.right @ inner @ self.perturbations.right.T


@dataclass(frozen=True)
class Held:
    """Rows that were held out, as their errors are computed from.

    Attributes:
        perturbations: (n, L).
        projected: (r, n) image_G' C' of their differences C to the training mean, 0 where missing.
        squares: sum of the squares of C. measured: how many targets there are.
        missing: (2, entries) row and gene of every target that is missing.

    Rows of weight w come with perturbations and C times the root of w, and `measured` counts each
    of their targets w times.
    """

    perturbations: np.ndarray
    projected: np.ndarray
    squares: float
    measured: float
    missing: np.ndarray


def two_sided_errors(
    model: Lel, held: Held, gene_penalties: np.ndarray, perturbation_penalties: np.ndarray
) -> np.ndarray:
    """(gene penalties, perturbation penalties) mean squared errors of the measured targets.

    No prediction is ever made: with an orthogonal basis H of the genes and coordinates z of a row,
    |c - H z|^2 = |c|^2 - 2 (H'c)'z + sum_i |h_i|^2 z_i^2, and a gene penalty only rescales z.
    """
    s, t = model.genes.values, model.perturbations.values
    shrink = 1.0 / _divisor(s + gene_penalties[:, None])
    row = model.perturbations.right.T @ held.perturbations.T
    errors = np.empty((len(gene_penalties), len(perturbation_penalties)))
    for j, penalty in enumerate(perturbation_penalties):
        z = model.core @ (row / _divisor(t + penalty)[:, None])
        linear, square = np.einsum("rn,rn->r", held.projected, z), np.einsum("rn,rn->r", z, z)
        errors[:, j] = np.square(shrink) @ (model.genes.lengths * square) - 2 * shrink @ linear
        errors[:, j] -= _missing_squares(model, held, z, shrink)
    return (errors + held.squares) / held.measured


def ridge_errors(model: Lel, held: Held, penalties: np.ndarray) -> np.ndarray:
    """(penalties,) mean squared errors of the measured targets, of the plain ridge."""
    s, t = model.genes.values[:, None], model.perturbations.values
    row = model.perturbations.right.T @ held.perturbations.T
    whole = np.ones((1, len(s)))
    errors = np.empty(len(penalties))
    for j, penalty in enumerate(penalties):
        z = (model.core / _divisor(s * t + penalty)) @ row
        linear, square = np.einsum("rn,rn->", held.projected, z), np.einsum("rn,rn->r", z, z)
        errors[j] = model.genes.lengths @ square - 2 * linear
        errors[j] -= _missing_squares(model, held, z, whole)[0]
    return (errors + held.squares) / held.measured


def _missing_squares(model: Lel, held: Held, z: np.ndarray, shrink: np.ndarray) -> np.ndarray:
    """(gene penalties,) squared predictions where there is no target: they are no error."""
    total = np.zeros(len(shrink))
    size = max(1, MISSING_AT_ONCE // len(z))
    for start in range(0, held.missing.shape[1], size):
        rows, genes = held.missing[:, start : start + size]
        parts = model.genes.image[genes] * z[:, rows].T
        total += np.square(parts @ shrink.T).sum(axis=0)
    return total


def _divisor(*parts: np.ndarray) -> np.ndarray:
    """Their product; what neither an eigenvalue nor a penalty lifts above 0 divides to 0."""
    product = parts[0] if len(parts) == 1 else parts[0] * parts[1]
    return np.where(product > 0, product, np.inf)


def principal_components(
    matrix: np.ndarray, count: int, weights: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The directions of most variance, and the columns' mean.

    Args:
        matrix: (rows, columns). weights: (rows,) of the rows; None: all alike.

    Returns:
        (columns, k) directions of unit length, k = min(count, rows, columns); (columns,) mean.
    """
    mean = np.average(matrix, axis=0, weights=weights)
    centred = matrix - mean
    factor = Factor.of(centred if weights is None else centred * np.sqrt(weights)[:, None])
    most = np.argsort(factor.values)[::-1][: min(count, *matrix.shape)]
    directions = factor.right[:, most]
    lengths = np.linalg.norm(directions, axis=0)
    return directions / np.where(lengths > 0, lengths, 1.0), mean
