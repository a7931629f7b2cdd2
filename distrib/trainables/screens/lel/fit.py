"""Fits of the linear model on some rows of a screen: its two sides, its penalties, its predictions.

Everything is learned from the rows it is fitted to: their mean, the principal components of their
responses, the scale of their embeddings. The embeddings of genes say nothing of any row, so that
what is made of them alone serves every fold. Least squares with weights w are those of rows times
the root of w, which stand here wherever a sum over rows does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from distrib.data.screens.screen import Screen
from distrib.models.screens.lel import (
    Factor,
    Held,
    Lel,
    principal_components,
    ridge_errors,
    two_sided_errors,
)
from distrib.trainables.screens.baselines import training_mean
from distrib.trainables.screens.row_weights import normalised, row_weights, rows_that_weigh

if TYPE_CHECKING:
    from distrib.trainables.screens.lel.config import LelConfig

LEAST, MOST = -8.0, 2.0
"""Powers of ten of the penalties tried, over the largest eigenvalue of their side."""

LEAST_ROWS = 2
"""Fewer training rows whose gene is read out give no model: then the mean is predicted."""


@dataclass(frozen=True)
class Transform:
    """Embeddings made ready: (rows, d) -> (rows, k).

    Attributes:
        mean, scale: (d,). directions: (d, k), or None to leave them as they are.
    """

    mean: np.ndarray
    scale: np.ndarray
    directions: np.ndarray | None = None

    @classmethod
    def fitted(
        cls,
        inputs: np.ndarray,
        scaling: str,
        components: int,
        weights: np.ndarray | None = None,
    ) -> Transform:
        """Args:
        inputs: (rows, d). components: how many principal components; 0, or d and more: none.
        weights: (rows,) with a mean of 1; None: all alike.
        """
        x = inputs.astype(np.float64)
        mean, scale = np.zeros(x.shape[1]), np.ones(x.shape[1])
        if scaling == "standard":
            mean = _mean(x, weights)
            spread = x.std(axis=0) if weights is None else np.sqrt(_mean((x - mean) ** 2, weights))
            scale = np.where(spread > 1e-12 * np.abs(mean), spread, 1.0)
        elif scaling == "unit":
            scale = scale * (np.sqrt(_mean(np.square(x).sum(axis=1), weights)) or 1.0)
        if not 0 < components < x.shape[1]:
            return cls(mean, scale)
        directions, centre = principal_components((x - mean) / scale, components, weights)
        return cls(mean + centre * scale, scale, directions)

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """(rows, d) -> (rows, k)."""
        x = (inputs - self.mean) / self.scale
        return x if self.directions is None else x @ self.directions


class Responses:
    """The targets of a screen, as differences to the mean of whatever rows are trained on.

    Args:
        targets: (rows, M), NaN where missing.
    """

    def __init__(self, targets: np.ndarray) -> None:
        self.missing = ~np.isfinite(targets)
        self.complete = not self.missing.any()
        self.targets = np.where(self.missing, 0.0, targets).astype(np.float64)

    def mean(self, rows: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        """(M,) of the measured ones of these rows, whose weights are (n,)."""
        return training_mean(np.where(self.missing[rows], np.nan, self.targets[rows]), weights)

    def differences(self, rows: np.ndarray, mean: np.ndarray) -> np.ndarray:
        """(n, M) 0 where missing."""
        found = self.targets[rows] - mean
        return found if self.complete else np.where(self.missing[rows], 0.0, found)


class Projection:
    """Responses in the coordinates of a gene side, for any rows; without gaps, computed once."""

    def __init__(self, genes: Factor, responses: Responses) -> None:
        self.genes, self.responses = genes, responses

    def left(self, rows: np.ndarray, mean: np.ndarray) -> np.ndarray:
        """(r, n) left_G' C'."""
        if not self.responses.complete:
            return self.genes.left.T @ self.responses.differences(rows, mean).T
        return self._left[:, rows] - (self.genes.left.T @ mean)[:, None]

    def image(self, rows: np.ndarray, mean: np.ndarray) -> np.ndarray:
        """(r, n) image_G' C'."""
        if self.genes.image is self.genes.left:
            return self.left(rows, mean)
        if not self.responses.complete:
            return self.genes.image.T @ self.responses.differences(rows, mean).T
        return self._image[:, rows] - (self.genes.image.T @ mean)[:, None]

    @cached_property
    def _left(self) -> np.ndarray:
        return self.genes.left.T @ self.responses.targets.T

    @cached_property
    def _image(self) -> np.ndarray:
        return self.genes.image.T @ self.responses.targets.T


@dataclass(frozen=True)
class Sides:
    """Both sides of the model as some rows make them.

    Attributes:
        mean: (M,) of their targets. genes: (M, K) embeddings.
        perturbations: (rows of the screen, L) embeddings; those of rows that are not `usable` mean
            nothing. usable: (rows of the screen,) bool.
        centre: (L,) what was taken from every perturbation: their mean, or 0.
        roots: (rows of the screen,) roots of weights with a mean of 1 over the rows; None: all 1.
        transform: of perturbation embeddings; None where a row is that of its gene.
        read_out: (M, L) rows of the genes, where there is no transform.
    """

    mean: np.ndarray
    genes: np.ndarray
    projection: Projection
    perturbations: np.ndarray
    usable: np.ndarray
    centre: np.ndarray
    transform: Transform | None
    read_out: np.ndarray | None
    roots: np.ndarray | None


@dataclass(frozen=True)
class Fitted:
    """A model: mean + (P - centre) W' G'.

    Attributes:
        mean: (M,). genes: (M, K). weights: (K, L), all 0 where there is nothing to fit.
        centre, transform, read_out: see `Sides`.
    """

    mean: np.ndarray
    genes: np.ndarray
    weights: np.ndarray
    centre: np.ndarray
    transform: Transform | None
    read_out: np.ndarray | None

    def predict(
        self, ids: np.ndarray, inputs: np.ndarray, columns: Mapping[str, int]
    ) -> np.ndarray:
        """(rows, M); the mean for a perturbation that the model knows nothing of.

        Args:
            columns: position of each gene that is read out.
        """
        if self.transform is not None:
            rows, known = self.transform(inputs), np.ones(len(ids), dtype=bool)
        else:
            assert self.read_out is not None
            rows, known = _rows_of_genes(ids, self.read_out, columns)
        predicted = np.broadcast_to(self.mean, (len(ids), len(self.mean))).copy()
        predicted[known] += (rows[known] - self.centre) @ self.weights.T @ self.genes.T
        return predicted


class LelFits:
    """Fits of one configuration on any rows of one screen."""

    def __init__(self, config: LelConfig, data: Screen) -> None:
        assert data.targets is not None
        self.config, self.data = config, data
        self.responses = Responses(data.targets)
        self.weights = row_weights(config.row_weights, data)
        self.columns = {name: position for position, name in enumerate(data.columns.tolist())}

    def fit(
        self, rows: np.ndarray, inner: Sequence[np.ndarray]
    ) -> tuple[Fitted, pd.DataFrame | None]:
        """The model of these rows, and the curve from which its penalties were chosen.

        Args:
            inner: folds of these rows, on which penalties that are not given are chosen.

        Returns:
            the curve as columns `gene_penalty` and `perturbation_penalty` (over the largest
            eigenvalue of their side; of a ridge only the latter, over the product) and `mse`; None
            where nothing was chosen.
        """
        curve = None
        rows = rows_that_weigh(self.weights, rows)
        penalties = self._given()
        if penalties is None:
            penalties, curve = self._choose(rows, inner)
        return self._fit(self._sides(rows), rows, penalties, absolute=curve is None), curve

    def _fit(
        self, sides: Sides, rows: np.ndarray, penalties: tuple[float, float], *, absolute: bool
    ) -> Fitted:
        train = rows[sides.usable[rows]]
        shape = sides.genes.shape[1], sides.perturbations.shape[1]
        weights = np.zeros(shape)
        if len(train) >= LEAST_ROWS:
            model = self._model(sides, train)
            gene, perturbation = penalties
            if not absolute:
                largest = _largest(model)
                gene, perturbation = gene * largest[0], perturbation * largest[1]
                if self.config.penalty == "ridge":
                    perturbation *= largest[0]
            if self.config.penalty == "ridge":
                weights = model.ridge(perturbation)
            else:
                weights = model.two_sided(gene, perturbation)
        return Fitted(
            sides.mean, sides.genes, weights, sides.centre, sides.transform, sides.read_out
        )

    def _given(self) -> tuple[float, float] | None:
        gene, perturbation = self.config.gene_penalty, self.config.perturbation_penalty
        if self._one_penalty:
            gene = 0.0
        return None if gene is None or perturbation is None else (gene, perturbation)

    @property
    def _one_penalty(self) -> bool:
        """A ridge has one; where every gene stands for itself, shrinking genes means nothing."""
        return self.config.penalty == "ridge" or self.config.gene_side == "identity"

    def _choose(
        self, rows: np.ndarray, inner: Sequence[np.ndarray]
    ) -> tuple[tuple[float, float], pd.DataFrame]:
        """The pair of penalties with the least error over the inner folds, and all their errors."""
        ratios = np.logspace(LEAST, MOST, self.config.grid)
        gene_ratios = np.zeros(1) if self._one_penalty else ratios
        total, measured = np.zeros((len(gene_ratios), len(ratios))), 0.0
        for part in inner:
            rest, part = np.setdiff1d(rows, part), np.intersect1d(part, rows)
            if len(rest) < LEAST_ROWS:
                continue
            sides = self._sides(rest)
            train, held = rest[sides.usable[rest]], part[sides.usable[part]]
            if len(train) < LEAST_ROWS or not len(held):
                continue
            errors, count = self._errors(sides, train, held, gene_ratios, ratios)
            total += errors * count
            measured += count
        mse = total / (measured or 1.0)
        i, j = np.unravel_index(int(np.argmin(mse)), mse.shape)
        curve = pd.DataFrame(
            {
                "gene_penalty": np.repeat(gene_ratios, len(ratios)),
                "perturbation_penalty": np.tile(ratios, len(gene_ratios)),
                "mse": mse.ravel(),
            }
        )
        return (float(gene_ratios[i]), float(ratios[j])), curve

    def _errors(
        self,
        sides: Sides,
        train: np.ndarray,
        held: np.ndarray,
        gene_ratios: np.ndarray,
        ratios: np.ndarray,
    ) -> tuple[np.ndarray, float]:
        model = self._model(sides, train)
        differences = self.responses.differences(held, sides.mean)
        perturbations = sides.perturbations[held]
        projected = sides.projection.image(held, sides.mean)
        measured = float((~self.responses.missing[held]).sum())
        if self.weights is not None:
            # Those given, which are the same for every fold: their errors are summed up.
            weights = self.weights[held]
            roots = np.sqrt(weights)
            differences, projected = differences * roots[:, None], projected * roots
            perturbations = perturbations * roots[:, None]
            measured = float(weights @ (~self.responses.missing[held]).sum(axis=1))
        found = Held(
            perturbations=perturbations,
            projected=projected,
            squares=float(np.square(differences).sum()),
            measured=measured,
            missing=np.array(np.nonzero(self.responses.missing[held])),
        )
        largest = _largest(model)
        if self.config.penalty == "ridge":
            return ridge_errors(model, found, ratios * largest[0] * largest[1])[
                None
            ], found.measured
        return (
            two_sided_errors(model, found, gene_ratios * largest[0], ratios * largest[1]),
            found.measured,
        )

    def _model(self, sides: Sides, train: np.ndarray) -> Lel:
        projected = sides.projection.left(train, sides.mean)
        perturbations = sides.perturbations[train]
        if sides.roots is not None:
            roots = sides.roots[train]
            perturbations, projected = perturbations * roots[:, None], projected * roots
        return Lel.of(sides.projection.genes, perturbations, projected)

    def _sides(self, rows: np.ndarray) -> Sides:
        config, data = self.config, self.data
        weights = None if self.weights is None else normalised(self.weights, rows)
        own = None if weights is None else weights[rows]
        mean = self.responses.mean(rows, own)
        scores = None
        if "pca" in (config.gene_side, config.perturbation_side):
            scores = self._scores(rows, mean, own)
        if config.gene_side == "embedding":
            genes, projection = self._gene_embeddings
        else:
            by_scores = config.gene_side == "pca" and scores is not None
            genes = scores if by_scores else self._row_space(rows, mean)  # type: ignore[assignment]
            projection = Projection(Factor.of(genes), self.responses)
        if config.perturbation_side == "embedding":
            transform = Transform.fitted(data.inputs[rows], config.scaling, config.components, own)
            placed, known = transform(data.inputs), np.ones(len(data), dtype=bool)
        else:
            assert scores is not None
            transform = None
            placed, known = _rows_of_genes(data.ids, scores, self.columns)
        train = rows[known[rows]]
        centre = np.zeros(placed.shape[1])
        if config.centre and len(train):
            centre = _mean(placed[train], None if weights is None else weights[train])
        return Sides(
            mean,
            genes,
            projection,
            placed - centre,
            known,
            centre,
            transform,
            read_out=scores if transform is None else None,
            roots=None if weights is None else np.sqrt(weights),
        )

    def _scores(self, rows: np.ndarray, mean: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
        """(M, K) principal components of the genes' responses, genes being the samples."""
        responses = self.responses.differences(rows, mean).T
        if weights is not None:
            responses = responses * np.sqrt(weights)
        count = self.config.components or responses.shape[1]
        directions, centre = principal_components(responses, count)
        return (responses - centre) @ directions

    def _row_space(self, rows: np.ndarray, mean: np.ndarray) -> np.ndarray:
        """(M, K) an orthonormal basis of the responses: every gene then stands for itself."""
        factor = Factor.of(self.responses.differences(rows, mean).T)
        there = factor.values > 0
        return factor.image[:, there] / np.sqrt(factor.lengths[there])

    @cached_property
    def _gene_embeddings(self) -> tuple[np.ndarray, Projection]:
        """The same for every fold: no row has a part in them."""
        inputs = self.data.gene_inputs
        assert inputs is not None
        genes = Transform.fitted(inputs, self.config.scaling, self.config.components)(inputs)
        return genes, Projection(Factor.of(genes), self.responses)


def _mean(values: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Of (rows, ...) over the rows."""
    return values.mean(axis=0) if weights is None else np.average(values, axis=0, weights=weights)


def _largest(model: Lel) -> tuple[float, float]:
    """The largest eigenvalue of either side; 1 where there is none above 0."""
    genes, perturbations = (
        float(side.values.max(initial=0.0)) or 1.0 for side in (model.genes, model.perturbations)
    )
    return genes, perturbations


def _rows_of_genes(
    ids: np.ndarray, scores: np.ndarray, columns: Mapping[str, int]
) -> tuple[np.ndarray, np.ndarray]:
    """(rows, K) each perturbation as the gene that it perturbs; (rows,) whether that is known."""
    at = np.array([columns.get(name, -1) for name in ids.tolist()], dtype=np.int64)
    return scores[at], at >= 0
