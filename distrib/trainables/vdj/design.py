"""A junction model on junction data: which columns it has, and the arrays of its likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from distrib.data.vdj.ligation.junction import JunctionData
from distrib.data.vdj.ligation.ligation import MOST_MH
from distrib.data.vdj.ligation.microhomology import (
    OVERLAPS,
    count_options,
    count_overlaps,
    mean_mh,
    overlap_lengths,
)
from distrib.data.vdj.ligation.model_types import LIGATION, WEIGHTED, ModelType
from distrib.data.vdj.trimming.cut_features import (
    P_NUCLEOTIDES,
    Feature,
    build_features,
    list_features,
)
from distrib.data.vdj.trimming.trimming import KEPT_BASES
from distrib.models.vdj.junction_likelihood import Design

_ABSENT = 4  # a base that a gene does not have, as `cut_features` takes it


@dataclass(frozen=True)
class Column:
    """One coefficient, as in the tables of Russell et al. (2025).

    Attributes:
        coefficient: motif, base_count, length, average_mh, ligation_mh, ...
        trim_type: `v_trim`, `j_trim`, ... of a feature of one cut; empty otherwise.
        side, position, base: as of `cut_features.Feature`.
    """

    coefficient: str
    trim_type: str = ""
    side: str = ""
    position: int = 0
    base: str = ""

    @property
    def name(self) -> str:
        """Such as `v_trim_motif_5end_pos1_A` or `average_mh`."""
        feature = Feature(self.coefficient, self.side, self.position, self.base)
        return f"{self.trim_type}_{feature.name}" if self.trim_type else self.coefficient

    @property
    def penalised(self) -> bool:
        """Whether an L2 penalty is on it: on what concerns microhomology alone."""
        return not self.trim_type


def list_columns(
    model: ModelType, trim_types: Sequence[str], motif_left: int, motif_right: int
) -> list[Column]:
    """The coefficients of a model in order: left cut, right cut, both, ligation."""
    features = list_features(model.cut, motif_left, motif_right)
    columns = [
        Column(f.coefficient, trim, f.side, f.position, f.base)
        for trim in trim_types
        for f in features
    ]
    names = [name for name in model.cells if name != WEIGHTED]
    names += [WEIGHTED] * (WEIGHTED in model.cells) + [LIGATION] * model.ligation
    return columns + [Column(name) for name in names]


def columns_to_values(columns: Sequence[Column]) -> list[dict[str, Any]]:
    """Plain values, for a state."""
    return [asdict(column) for column in columns]


def make_design(data: JunctionData, model: ModelType, motif_left: int, motif_right: int) -> Design:
    """The arrays of a model, not standardised; features are computed, not read."""
    longest = data.joints.longest_trim
    left = _ends(data.left_windows[:, :-P_NUCLEOTIDES], longest)
    # The other strand, so that the trimmed end is the right one.
    turned = np.where(data.right_windows >= 0, 3 - data.right_windows, -1)[:, ::-1]
    right = _ends(turned[:, :-P_NUCLEOTIDES], longest)
    codes = data.options.astype(np.int64) << (MOST_MH + 1) | data.modelled
    distinct, kind = np.unique(codes, return_inverse=True)
    bits = np.arange(MOST_MH + 1)
    columns = list_columns(model, data.trim_types, motif_left, motif_right)
    return Design(
        left=data.left_of,
        right=data.right_of,
        left_features=build_features(left, data.left_trims, model.cut, motif_left, motif_right),
        right_features=build_features(right, data.right_trims, model.cut, motif_left, motif_right),
        cell_features=cell_features(data, [n for n in model.cells if n != WEIGHTED]),
        kind=kind.reshape(data.options.shape).astype(np.int32),
        options=(distinct[:, None] >> (MOST_MH + 1) >> bits & 1).astype(bool),
        modelled=(distinct[:, None] >> bits & 1).astype(bool),
        ligation=data.ligation,
        free_ligation=model.ligation,
        weighted=WEIGHTED in model.cells,
        cell=data.row_cell,
        mh=data.row_mh,
        observation=data.row_observation,
        observation_pair=data.observation_pair,
        names=[column.name for column in columns],
    )


def cell_features(data: JunctionData, names: Sequence[str]) -> np.ndarray:
    """(pairs, left trims, right trims, names) float64 features of both trims together."""
    columns = []
    overlaps = None
    for name in names:
        if name == "average_mh":
            columns.append(mean_mh(data.options))
        elif name == "mh_config_count":
            columns.append(np.maximum(count_options(data.options) - 1, 0))
        else:
            if overlaps is None:
                overlaps = count_overlaps(
                    data.left_windows, data.right_windows, data.left_of, data.right_of, data.joints
                )
            columns.append(_of_overlaps(name, overlaps, data))
    empty = np.zeros((*data.options.shape, 0))
    return np.concatenate([empty, *[column[..., None] for column in columns]], axis=3)


def _of_overlaps(name: str, overlaps: np.ndarray, data: JunctionData) -> np.ndarray:
    if name == "average_interior_mh":
        mid = [i for i, (place, _) in enumerate(OVERLAPS) if place == "mid"]
        return overlaps[..., mid].mean(axis=-1)
    kind, place, bases = name.removeprefix("mh_").replace("_overlap", "").split("_")
    index = OVERLAPS.index((place, int(bases)))
    if kind == "count":
        return overlaps[..., index].astype(float)
    # Where there is nothing to compare nothing pairs, and the proportion is 0.
    return overlaps[..., index] / np.maximum(overlap_lengths(data.joints)[..., index], 1)


def _ends(windows: np.ndarray, longest_trim: int) -> np.ndarray:
    """(genes, bases) int8, the last bases as `build_features` takes them."""
    ends = windows[:, -(longest_trim + KEPT_BASES) :]
    return np.where(ends >= 0, ends, _ABSENT).astype(np.int8)


def standard_deviations(design: Design, pairs: np.ndarray) -> np.ndarray:
    """(features,) of each column over the cells that exist in these pairs (bool), all alike.

    Of the microhomology of ligation over the options modelled; `weighted_avg_mh` as with all
    options alike.
    """
    kind = design.kind[pairs]
    exists = np.asarray(design.modelled.any(axis=1))[kind]
    of_left = exists.sum(axis=2)[..., None]
    of_right = exists.sum(axis=1)[..., None]
    bits = np.arange(design.modelled.shape[1])
    sizes = np.maximum(design.modelled.sum(axis=1), 1)
    columns = [
        _spread(design.left_features[design.left[pairs]], of_left),
        _spread(design.right_features[design.right[pairs]], of_right),
        _spread(design.cell_features[pairs], exists[..., None]),
    ]
    if design.weighted:
        mean = (design.modelled @ bits / sizes)[kind]
        columns.append(_spread(mean[..., None], exists[..., None]))
    if design.free_ligation:
        options = np.bincount(kind.ravel(), minlength=len(design.modelled)) @ design.modelled
        columns.append(_spread(bits[:, None], options[:, None]))
    return np.concatenate(columns)


def _spread(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(columns,) weighted standard deviations over all but the last axis."""
    axes = tuple(range(values.ndim - 1))
    total = weights.sum()
    mean = (values * weights).sum(axis=axes) / total
    return np.sqrt(((values - mean) ** 2 * weights).sum(axis=axes) / total)
