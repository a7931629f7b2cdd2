"""One junction model on one set of data: fitted on some gene pairs, scored on others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from distrib.data.splits import fold_ids
from distrib.data.vdj.ligation.junction import JunctionData
from distrib.data.vdj.ligation.model_types import parse_model_type
from distrib.errors import InputError
from distrib.models.vdj.identifiability import dependent_in_gram
from distrib.models.vdj.junction_fit import Iteration, Method, Objective, fit
from distrib.models.vdj.junction_likelihood import JunctionLikelihood
from distrib.trainables.base import State
from distrib.trainables.vdj.design import (
    Column,
    list_columns,
    make_design,
    standard_deviations,
)

if TYPE_CHECKING:
    from distrib.trainables.vdj.ligation.config import TrimmingLigationConfig


class JunctionModel:
    """A configuration's model on junction data.

    Args:
        columns: those to keep, in the order of a fitted model; all that are identifiable otherwise.

    Raises:
        InputError: features that others determine, where the configuration does not drop them.
    """

    def __init__(
        self,
        config: TrimmingLigationConfig,
        data: JunctionData,
        columns: list[Column] | None = None,
    ) -> None:
        self.config = config
        self.data = data
        model = parse_model_type(config.model_type)
        self.standardised = model.standardised
        self.design = make_design(data, model, config.motif_left, config.motif_right)
        self.columns = list_columns(model, data.trim_types, config.motif_left, config.motif_right)
        self.dropped: list[str] = []
        if columns is None:
            self._drop_dependent()
        else:
            self._keep(np.isin(self.design.names, [column.name for column in columns]))
        self.weights = data.weights()

    @classmethod
    def of_state(
        cls, config: TrimmingLigationConfig, state: State, data: JunctionData
    ) -> JunctionModel:
        """The model that a state was fitted with, on other data perhaps.

        Raises:
            InputError: the data are of another kind of junction.
        """
        columns = [Column(**column) for column in state.values["columns"]]
        types = {column.trim_type for column in columns if column.trim_type}
        if types - set(data.trim_types):
            raise InputError(
                "the model is of another kind of junction than the data",
                file=data.origin,
                found=" and ".join(data.trim_types),
                expected=" and ".join(state.values["trim_types"]),
            )
        return cls(config, data, columns)

    @cached_property
    def likelihood(self) -> JunctionLikelihood:
        return JunctionLikelihood(self.design)

    def fit(
        self, method: Method, pairs: np.ndarray, folds: np.ndarray, start: np.ndarray | None = None
    ) -> Iterator[Iteration]:
        """A fit to some pairs; its coefficients are per unit of every feature, as it stands.

        Args:
            pairs: (pairs,) bool, those to fit. folds: (pairs,) parts for the choice of l2, where
                the configuration has a grid of it. start: where a fit that was cut short stood.
        """
        weights = np.where(pairs[self.design.observation_pair], self.weights, 0.0)
        penalty = self.penalty(self._choose_l2(method, pairs, folds), pairs)
        objective = Objective(self.likelihood, weights / weights.sum(), penalty)
        yield from self._iterate(objective, method, start)

    def everything(self) -> np.ndarray:
        """(pairs,) bool: all of them."""
        return np.ones(len(self.data.left_of), bool)

    def _iterate(
        self, objective: Objective, method: Method, start: np.ndarray | None
    ) -> Iterator[Iteration]:
        yield from fit(
            objective,
            np.zeros(len(self.columns)) if start is None else start,
            method,
            tolerance=self.config.tolerance,
            max_iterations=self.config.max_iterations,
        )

    def score(self, where: Iteration, pairs: np.ndarray) -> dict[str, float]:
        """Every metric on these pairs (bool), whose weights are scaled to 1."""
        return self._score(self.likelihood.log_likelihoods(where.b), pairs)

    def score_all(self, b: np.ndarray) -> dict[str, float]:
        """Every metric on all pairs, and `q_loss`, what Russell et al. report as the loss."""
        _, shares = self.likelihood.observed(b, self.weights)
        return {
            **self._score(self.likelihood.log_likelihoods(b), self.everything()),
            "q_loss": self.likelihood.complete_value(b, shares),
        }

    def baseline(self, name: str, pairs: np.ndarray) -> dict[str, float]:
        """Metrics of a model that looks at nothing, or of each pair's own frequencies."""
        if name == "null":
            return self._score(self.likelihood.log_likelihoods(np.zeros(0)), pairs)
        with np.errstate(divide="ignore"):
            return self._score(np.log(self._frequencies()), pairs)

    def _frequencies(self) -> np.ndarray:
        """(observations,) observed P(observation | pair)."""
        pair = self.design.observation_pair
        return self.weights / np.bincount(pair, self.weights)[pair]

    def _score(self, log_p: np.ndarray, pairs: np.ndarray) -> dict[str, float]:
        held = pairs[self.design.observation_pair]
        weights = self.weights[held] / self.weights[held].sum()
        own = self._frequencies()[held]
        loss = float(-(weights * log_p[held]).sum())
        pair = self.design.observation_pair[held]
        error = np.bincount(pair, np.abs(np.exp(log_p[held]) - own)) / np.maximum(
            np.bincount(pair), 1
        )
        return {
            "log_loss": loss,
            "mae": float(error[np.unique(pair)].mean()),
            "log_loss_above_saturated": loss + float((weights * np.log(own)).sum()),
        }

    def _choose_l2(self, method: Method, pairs: np.ndarray, folds: np.ndarray) -> float:
        """The configuration's penalty, or that of its grid which predicts inner folds best."""
        self.chosen_l2 = self.config.l2
        self.l2_curve: dict[float, float] = {}
        if not self.config.l2_grid:
            return self.chosen_l2
        grid = sorted(self.config.l2_grid, reverse=True)  # the simplest first: warm starts
        inner = self._inner_folds(pairs)
        losses = np.zeros(len(grid))
        for fold in range(inner.max() + 1):
            train = pairs & (inner != fold)
            weights = np.where(train[self.design.observation_pair], self.weights, 0.0)
            b = None
            for k, l2 in enumerate(grid):
                objective = Objective(
                    self.likelihood, weights / weights.sum(), self.penalty(l2, train)
                )
                *_, last = self._iterate(objective, method, b)
                b = last.b
                losses[k] += self.score(last, pairs & (inner == fold))["log_loss"]
        losses /= inner.max() + 1
        self.l2_curve = dict(zip(grid, losses.tolist()))
        self.chosen_l2 = grid[int(np.argmin(losses))]
        return self.chosen_l2

    def _inner_folds(self, pairs: np.ndarray) -> np.ndarray:
        """(pairs,) folds within those to fit, by group; -1 elsewhere."""
        groups = self.data.groups
        inner = np.full(len(pairs), -1)
        k = min(self.config.folds, len(np.unique(groups[pairs])))
        inner[pairs] = fold_ids(groups[pairs], k, self.config.fold_seed + 1)
        return inner

    def penalty(self, l2: float, pairs: np.ndarray) -> np.ndarray:
        """(features,) what half the square of each coefficient costs (trimming.md 3.1)."""
        options = self.likelihood.num_modelled[pairs].sum()
        on_all = self.config.l2_on == "all"
        penalised = np.array([on_all or column.penalised for column in self.columns], bool)
        penalty = np.where(penalised, l2 / options, 0.0)
        # Of a standardised feature the coefficient is sd times as large.
        return penalty * self.scales(pairs) ** 2 if self.standardised and l2 else penalty

    def scales(self, pairs: np.ndarray) -> np.ndarray:
        """(features,) standard deviations over these pairs (bool)."""
        return standard_deviations(self.design, pairs)

    def _drop_dependent(self) -> None:
        """Leave out, or refuse, what the pairs cannot tell apart."""
        if not self.columns or self.config.l2 > 0:
            return
        model = JunctionLikelihood(self.design)
        of = np.bincount(self.design.observation)
        shares = (1 / of)[self.design.observation] / len(of)
        gram = model.complete(np.zeros(len(self.columns)), shares).hessian
        dependent = dependent_in_gram(gram)
        if not dependent:
            self.__dict__["likelihood"] = model
            return
        names = [self.design.names[k] for k in dependent]
        if self.config.unidentifiable == "error":
            raise InputError(
                # One line tells of a failed trial: the remedy and the names stand in it.
                "not identifiable in these data (unidentifiable=drop leaves them out): "
                + ", ".join(names),
                where="model_type",
                expected=f"{len(self.columns)} independent features",
                hint="--set unidentifiable=drop, or a simpler model_type",
            )
        self.dropped = names
        self._keep(~np.isin(np.arange(len(self.columns)), dependent))

    def _keep(self, kept: np.ndarray) -> None:
        """Only these columns (features,) bool."""
        if kept.all():
            return
        d = self.design
        sizes = np.cumsum(
            [d.left_features.shape[2], d.right_features.shape[2], d.cell_features.shape[3]]
        )
        left, right, cells, rest = np.split(kept, sizes)
        of_rest = dict(zip(d.names[sizes[2] :], rest.tolist()))
        self.design = replace(
            d,
            left_features=d.left_features[..., left],
            right_features=d.right_features[..., right],
            cell_features=d.cell_features[..., cells],
            weighted=of_rest.get("weighted_avg_mh", False),
            free_ligation=of_rest.get("ligation_mh", False),
            names=[n for n, k in zip(d.names, kept) if k],
        )
        self.columns = [c for c, k in zip(self.columns, kept) if k]
