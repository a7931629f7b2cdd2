"""Samplers, one fresh for every trial, seeded by the study's seed and the trial's number.

A sampler that lives on would repeat its first draws after a resume; one that depends on the number
and on the ledger alone draws the same whether the study was interrupted or not.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from distrib.study.space.points import FiniteSpace

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

    from distrib.study.space.space import Space

NAMES = ("tpe", "gp", "random", "grid")
GONE = {
    "cmaes": "use gp, which learns from stopped trials too; a new study takes over the best "
    "configurations of an earlier one with --warm-start STUDY"
}
"""Samplers that earlier versions had, and the way on."""


def seed_of(study_seed: int, number: int, purpose: int = 0) -> int:
    """A seed for one purpose of one trial, independent of every other."""
    return int(np.random.SeedSequence([study_seed, number, purpose]).generate_state(1)[0])


def build_sampler(
    name: str,
    study_seed: int,
    number: int,
    fixed: dict[str, Any],
    selects: str = "best",
    every: FiniteSpace | None = None,
    space: Space | None = None,
    pauses: bool = False,
) -> BaseSampler:
    """The sampler that draws trial `number`.

    Args:
        fixed: its point of the grid.
        selects: which of a trial's reports is its value, the best or the last.
        every: a finite space, of which no configuration comes twice before all came once.
        space: whose conditions say which dimensions a configuration has.
        pauses: whether trials may wait at a rung.
    """
    import optuna

    seed = seed_of(study_seed, number)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler: BaseSampler
        if name == "tpe":
            # Each dimension by itself: together they are worse (experiments/search_quality).
            sampler = optuna.samplers.TPESampler(seed=seed, multivariate=False)
        elif name == "gp":
            from distrib.study.search.gaussian_process_sampler import FIRST, Gp
            from distrib.study.search.shared_columns import shared_columns

            needs = space.conditions(fixed) if space else {}
            columns = shared_columns(space, needs) if space else {}
            dimensions = len(set(columns.values())) if space else FIRST[1]
            sampler = Gp(seed, study_seed, dimensions, selects == "last", needs, columns)
        else:
            sampler = optuna.samplers.RandomSampler(seed=seed)
        if every is not None:
            from distrib.study.search.each_once import EachOnce

            sampler = EachOnce(sampler, every, fixed, seed)
        elif fixed:
            sampler = optuna.samplers.PartialFixedSampler(fixed, sampler)
    if pauses:
        from distrib.study.search.paused import LearnsFromPaused

        return LearnsFromPaused(sampler)
    return sampler
