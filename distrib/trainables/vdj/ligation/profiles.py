"""What a junction model predicts of trims and microhomology, beside what was observed.

Everything is given the class of sequences that was observed (such as nonproductive ones). Where
several annotations give a sequence, it is dealt to them by their probability under the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from distrib.data.vdj.ligation.microhomology import mean_mh
from distrib.trainables.vdj.ligation.tables import option_probabilities

if TYPE_CHECKING:
    from distrib.trainables.vdj.ligation.model import JunctionModel


@dataclass(frozen=True)
class Profiles:
    """P(trim | gene) of one kind of gene end.

    Attributes:
        trim_type: such as `v_trim`. genes: (genes,) names. trims: (trims,).
        share: (genes,) of the sequences. observed, predicted: (genes, trims), rows sum to 1.
        dealt: whether what was observed is dealt to several annotations.
    """

    trim_type: str
    genes: np.ndarray
    trims: np.ndarray
    share: np.ndarray
    observed: np.ndarray
    predicted: np.ndarray
    dealt: bool = False

    def most_used(self, number: int) -> Profiles:
        """The genes with the largest shares, largest first."""
        top = np.argsort(-self.share, kind="stable")[:number]
        return Profiles(
            self.trim_type,
            self.genes[top],
            self.trims,
            self.share[top],
            self.observed[top],
            self.predicted[top],
            self.dealt,
        )


@dataclass(frozen=True)
class Microhomology:
    """Shares of the sequences by microhomology: as observed, as predicted, and without its effects.

    Attributes:
        ligation: (3, m) by the bases used in ligation; None where the data do not tell.
        average: (bins,) values of `average_mh` of the trims. trims: (3, bins).
        fitted: whether the model has coefficients of microhomology, so that the third row differs.
        dealt: whether what was observed is dealt to several annotations.
    """

    ligation: np.ndarray | None
    average: np.ndarray
    trims: np.ndarray
    fitted: bool
    dealt: bool


def trim_profiles(model: JunctionModel, b: np.ndarray) -> list[Profiles]:
    """Profiles of both gene ends, left first."""
    seen, predicted = _seen(model, b), _predicted(model, b)
    data = model.data
    found = []
    for side, genes, of, trims in (
        (0, data.left_genes, data.left_of, data.left_trims),
        (1, data.right_genes, data.right_of, data.right_trims),
    ):
        sums = [np.zeros((len(genes), len(trims))) for _ in range(2)]
        for total, cells in zip(sums, (seen, predicted)):
            np.add.at(total, of, cells.sum(axis=2 - side))
        share = sums[0].sum(axis=1)
        used = np.flatnonzero(share)
        observed, expected = (t[used] / t[used].sum(axis=1, keepdims=True) for t in sums)
        name, dealt = data.trim_types[side], _dealt(model)
        found.append(Profiles(name, genes[used], trims, share[used], observed, expected, dealt))
    return found


def microhomology_effect(model: JunctionModel, b: np.ndarray) -> Microhomology:
    """How often microhomology is used, and how trims prefer it."""
    concerned = np.array([not column.trim_type for column in model.columns], bool)
    without = np.where(concerned, 0.0, b)
    cells = [_seen(model, b), _predicted(model, b), _predicted(model, without)]
    data, design = model.data, model.design
    values, bins = np.unique(mean_mh(data.options).round(3), return_inverse=True)
    trims = np.array([np.bincount(bins.ravel(), c.ravel(), len(values)) for c in cells])
    held = trims[0] + trims[1] > 0
    ligation = None
    if data.ligation:
        shares = _shares(model, b)
        size = design.options.shape[1]
        rows = [np.bincount(design.mh, shares, size)]
        for expected, at in zip(cells[1:], (b, without)):
            of_kind = np.bincount(design.kind.ravel(), expected.ravel(), len(design.options))
            rows.append(of_kind @ option_probabilities(model, at, of_class=True))
        ligation = np.array(rows)
    fitted = bool(concerned.any())
    return Microhomology(ligation, values[held], trims[:, held], fitted, _dealt(model))


def _dealt(model: JunctionModel) -> bool:
    return len(model.design.cell) > len(model.design.observation_pair)


def _shares(model: JunctionModel, b: np.ndarray) -> np.ndarray:
    """(candidates,) the weights dealt to annotations."""
    return model.likelihood.observed(b, model.weights)[1]


def _seen(model: JunctionModel, b: np.ndarray) -> np.ndarray:
    """(pairs, left trims, right trims) the weight that was observed of each."""
    kind = model.design.kind
    return np.bincount(model.design.cell, _shares(model, b), kind.size).reshape(kind.shape)


def _predicted(model: JunctionModel, b: np.ndarray) -> np.ndarray:
    """(pairs, left trims, right trims) the same as predicted, pairs as often as they were seen."""
    of_pair = np.bincount(model.design.observation_pair, model.weights, len(model.data.left_of))
    return of_pair[:, None, None] * np.exp(model.likelihood.cell_log_probabilities(b))
