"""Whether the coefficients of a conditional logit model can be told apart by the data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from distrib.errors import InputError

_DEPENDENT = 1e-9  # relative residual below which a column is a combination of earlier ones


def dependent_columns(features: np.ndarray, mask: np.ndarray) -> list[int]:
    """Columns that, within the choice sets, are combinations of the columns before them.

    Only differences within a set have an effect, so a column that is constant in every set is one.

    Args:
        features: (sets, choices, features). mask: (sets, choices) bool, whether a choice exists.

    Raises:
        ValueError: a feature that is not finite, which nothing can be said of.
    """
    valid = mask[:, :, None]
    means = (features * valid).sum(axis=1, keepdims=True) / valid.sum(axis=1, keepdims=True)
    num_features = features.shape[2]
    centred = ((features - means) * valid).reshape(mask.size, num_features)
    triangle = np.asarray(np.linalg.qr(centred, mode="r"))  # the same inner products, few rows
    size = np.sqrt((features**2).sum(axis=(0, 1)))
    _require_finite(size)
    basis: list[np.ndarray] = []
    dependent = []
    for k in range(num_features):
        rest = triangle[:, k]
        for _ in range(2):  # twice, against rounding
            for direction in basis:
                rest = rest - (direction @ rest) * direction
        norm = np.linalg.norm(rest)
        if norm <= _DEPENDENT * size[k]:
            dependent.append(k)
        else:
            basis.append(rest / norm)
    return dependent


def require_identifiable(features: np.ndarray, mask: np.ndarray, names: Sequence[str]) -> None:
    """Raise InputError naming every feature (features,) that `dependent_columns` finds."""
    dependent = dependent_columns(features, mask)
    if dependent:
        raise InputError(
            # One line tells of a failed trial: the names stand in it.
            "not identifiable, being sums of others within these choice sets: "
            + ", ".join(names[k] for k in dependent),
            where="features",
            expected=f"{len(names)} independent features, in {len(features)} choice sets",
            hint="take fewer features, more choice sets, or a penalty (l2 > 0)",
        )


def dependent_in_gram(gram: np.ndarray) -> list[int]:
    """Features that combine the ones before them, by their inner products (features, features).

    Inner products hold squares: what is told apart here differs by more than 1e-5 of its size.

    Raises:
        ValueError: a feature that is not finite, which nothing can be said of.
    """
    _require_finite(np.diag(gram))
    size = np.abs(np.diag(gram)).max(initial=0.0)
    rest = gram.copy()
    dependent = []
    for k in range(len(gram)):
        pivot = rest[k, k]
        if pivot <= 1e-10 * max(gram[k, k], 1e-6 * size):
            dependent.append(k)
            continue
        rest = rest - np.outer(rest[:, k], rest[k]) / pivot
    return dependent


def _require_finite(sizes: np.ndarray) -> None:
    odd = np.flatnonzero(~np.isfinite(sizes)).tolist()
    if odd:
        raise ValueError(f"features that are not finite, at {odd}")
