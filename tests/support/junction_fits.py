"""Fitted junction models on small simulated data, for the tests of what is made of them."""

from __future__ import annotations

from functools import cache

import numpy as np

from distrib.data.vdj.ligation.junction import JunctionData
from distrib.data.vdj.ligation.junction_build import Annotations, build_junctions
from distrib.data.vdj.ligation.simulate import simulate_junctions
from distrib.trainables.base import State, Worker
from distrib.trainables.vdj.ligation.config import TrimmingLigationConfig
from distrib.trainables.vdj.ligation.family import TrimmingLigation
from distrib.trainables.vdj.ligation.model import JunctionModel

WORKER = Worker(precision="float64")


@cache
def data(
    annotations: Annotations = "known",
    group: str = "nonproductive_v-j_trim_ligation-mh",
    int_mh: float = 1.0,
    seed: int = 0,
) -> JunctionData:
    """Of 8 V and 8 J genes and two subjects; without effects of sequence on the trims."""
    prepared = simulate_junctions(
        20_000, int_mh=int_mh, lig_mh=int_mh, ligation="exponential", base="uniform",
        group=group, num_v=8, num_j=8, subjects=2, seed=seed,
    )  # fmt: skip
    return build_junctions(prepared, annotations)


@cache
def fitted(model_type: str, **of_data: object) -> tuple[JunctionModel, State]:
    """A model of these data (see `data`) at its optimum."""
    found = data(**of_data)  # type: ignore[arg-type]
    config = TrimmingLigationConfig(model_type=model_type)
    *_, last = TrimmingLigation().refit(config, found, WORKER, None)
    state = last.state()
    return JunctionModel.of_state(config, state, found), state


def everything(found: JunctionData) -> np.ndarray:
    """(pairs,) bool, all of them."""
    return np.ones(len(found.left_of), bool)
