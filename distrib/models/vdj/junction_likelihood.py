"""The likelihood of sequences that arise by trimming two gene ends and ligating them.

A pair of genes p offers cells c (a trim of each end) and in each of them options of ligation, with
m bases of microhomology. With the utility a[c] = x_left . b + x_right . b' + x_cell . b'' of a cell
and the coefficient g of microhomology (Russell et al., Nucleic Acids Research 2025):

    P(option | c) = exp(g m) / Z(c),  Z over all options, ZR over those of the class R observed
    P(c, option | p, R) = exp(a[c] + g m) / Z(c)  /  sum_c' exp(a[c']) ZR(c') / Z(c')

An observation has candidates (cells with options) that give the same sequence; its probability is
their sum. Everything is in log space and float64. Derivatives are exact: sums over cells are taken
by gene, so that nothing of size (cells, features) is ever made for what depends on one gene alone.

Shapes: pairs p, left trims l, right trims r, kinds (of sets of options) k, candidates n,
observations o. Parameters (features,) are in the order left, right, cell, weighted_avg_mh, g.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np

_ROWS_AT_ONCE = 1 << 17
_PAIRS_AT_ONCE = 512  # the arrays of a block stay in the processor's cache


@dataclass(frozen=True, eq=False)
class Design:
    """One model on one set of data, as arrays.

    Attributes:
        left, right: (p,) int32 genes. left_features: (left genes, l, features),
        right_features: (right genes, r, features), cell_features: (p, l, r, features) float64.
        kind: (p, l, r) int32 the set of options of a cell.
        options, modelled: (k, 16) bool, which m can be, and are of the class observed; a cell
            without any that is modelled does not exist.
        ligation: whether observations tell of ligations. free_ligation: whether g is a parameter
            (0 otherwise). weighted: whether the mean m under P(option | c, R) is a feature of c.
        cell: (n,) int32 positions in flat (p, l, r). mh: (n,). observation: (n,) ascending.
        observation_pair: (o,) int32.
        names: (features,) of the parameters.
    """

    left: np.ndarray
    right: np.ndarray
    left_features: np.ndarray
    right_features: np.ndarray
    cell_features: np.ndarray
    kind: np.ndarray
    options: np.ndarray
    modelled: np.ndarray
    ligation: bool
    free_ligation: bool
    weighted: bool
    cell: np.ndarray
    mh: np.ndarray
    observation: np.ndarray
    observation_pair: np.ndarray
    names: Sequence[str]


@dataclass(frozen=True)
class Derivatives:
    """Value, gradient (features,) and Hessian (features, features) at some coefficients."""

    value: float
    gradient: np.ndarray
    hessian: np.ndarray


class JunctionLikelihood:
    """Values and derivatives of one design under any weights of its observations.

    Weights are (o,), at least 0; their sum is 1 where means per sequence are meant.
    """

    def __init__(self, design: Design) -> None:
        import jax

        self.design = design
        _, num_left, num_right = design.kind.shape
        pair, within = np.divmod(design.cell, num_left * num_right)
        left_trim, right_trim = np.divmod(within, num_right)
        cell_features = design.cell_features.reshape(
            design.kind.size, design.cell_features.shape[3]
        )
        with jax.enable_x64(True):
            self._arrays = jax.device_put(
                {
                    "left": _in_blocks(design.left),
                    "right": _in_blocks(design.right),
                    "left_features": design.left_features,
                    "right_features": design.right_features,
                    "cells": np.moveaxis(_in_blocks(design.cell_features), 4, 1),
                    "kind": _in_blocks(design.kind),
                    "exists": design.modelled.any(axis=1),
                    "options": design.options,
                    "modelled": design.modelled,
                    "row_pair": pair,
                    "row_left": design.left[pair] * num_left + left_trim,
                    "row_right": design.right[pair] * num_right + right_trim,
                    "row_cells": cell_features[design.cell],
                    "row_kind": design.kind.ravel()[design.cell],
                    "row_mh": design.mh.astype(float),
                    "observation": design.observation,
                    "observation_pair": design.observation_pair,
                }
            )
        self._flags = (design.ligation, design.free_ligation, design.weighted)
        self._several = _rows_of_several(design.observation)

    @property
    def num_modelled(self) -> np.ndarray:
        """(p,) the options of each pair, over all cells, that belong to the class observed."""
        sizes = self.design.modelled.sum(axis=1)
        if not self.design.ligation:
            sizes = np.minimum(sizes, 1)
        return sizes[self.design.kind].sum(axis=(1, 2))

    def observed(self, b: np.ndarray, weights: np.ndarray) -> tuple[float, np.ndarray]:
        """The negative log likelihood, and (n,) weights dealt to the candidates by probability."""
        value, shares = self._call("observed", b, weights)
        return float(value), np.asarray(shares)

    def log_likelihoods(self, b: np.ndarray) -> np.ndarray:
        """(o,) ln P(observation | pair, class)."""
        return np.asarray(self._call("log_likelihoods", b))

    def complete(self, b: np.ndarray, shares: np.ndarray) -> Derivatives:
        """- sum_n shares[n] ln P(candidate n), with derivatives: what an M step minimises.

        At the shares that `observed` deals, its gradient is that of the observed likelihood too
        (Fisher's identity).
        """
        value, gradient, hessian = self._call("complete", b, shares)
        return Derivatives(float(value), np.asarray(gradient), np.asarray(hessian))

    def complete_value(self, b: np.ndarray, shares: np.ndarray) -> float:
        """The value of `complete` alone."""
        return float(self._call("complete_value", b, shares))

    def gradient(self, b: np.ndarray, weights: np.ndarray) -> tuple[float, np.ndarray]:
        """The observed negative log likelihood and its gradient (features,)."""
        value, gradient = self._call("gradient", b, weights)
        return float(value), np.asarray(gradient)

    def missing_information(self, b: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """(features, features) what not knowing the candidates takes from `complete`'s Hessian.

        The sum over observations of the covariance of the candidates' scores (Louis 1982).
        """
        size = len(self.design.names)
        result = np.zeros((size, size))
        for rows, starts in self._several:
            scores = np.asarray(self._call("row_scores", b, rows))
            share = shares[rows]
            total = np.add.reduceat(share, starts)
            means = np.add.reduceat(scores * share[:, None], starts)
            result += (scores * share[:, None]).T @ scores
            result -= (means / np.where(total > 0, total, 1.0)[:, None]).T @ means
        return result

    def scores(self, b: np.ndarray) -> np.ndarray:
        """(o, features) the gradient of each observation's ln P."""
        return np.asarray(self._call("scores", b))

    def cell_log_probabilities(self, b: np.ndarray) -> np.ndarray:
        """(p, l, r) ln P(cell | pair, class)."""
        return np.asarray(self._call("cells", b))[: len(self.design.left)]

    def _call(self, name: str, b: np.ndarray, *rest: np.ndarray) -> Any:
        import jax

        with jax.enable_x64(True):
            return _compiled(name, self._flags)(self._arrays, np.asarray(b, float), *rest)


def _in_blocks(of_pairs: np.ndarray) -> np.ndarray:
    """(blocks, pairs of a block, ...) of (p, ...), filled up with copies of the last pair."""
    pairs = len(of_pairs)
    blocks = -(-pairs // _PAIRS_AT_ONCE)
    size = -(-pairs // blocks)
    rows = np.minimum(np.arange(blocks * size), pairs - 1)
    return of_pairs[rows].reshape(blocks, size, *of_pairs.shape[1:])


def _rows_of_several(observation: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Candidates of observations that have more than one: blocks of rows, and starts in them."""
    sizes = np.bincount(observation)
    rows = np.flatnonzero(sizes[observation] > 1)
    starts = np.flatnonzero(np.diff(observation[rows], prepend=-1))
    blocks = []
    while len(starts):
        over = np.searchsorted(starts, starts[0] + _ROWS_AT_ONCE)
        end = starts[over] if over < len(starts) else len(rows)
        blocks.append((rows[starts[0] : end], starts[:over] - starts[0]))
        starts = starts[over:]
    return blocks


@cache
def _compiled(name: str, flags: tuple[bool, bool, bool]) -> Any:
    import jax

    from distrib.models.vdj import junction_terms

    return jax.jit(partial(getattr(junction_terms, name), junction_terms.Flags(*flags)))
