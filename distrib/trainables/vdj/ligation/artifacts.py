"""What a trained model leaves beside its weights: the table of coefficients, and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from distrib.data.vdj.ligation.model_types import LIGATION
from distrib.files import atomic_path
from distrib.trainables.base import State
from distrib.trainables.vdj.coefficients import (
    describe_replicates,
    unbounded_names,
    write_coefficients,
)
from distrib.trainables.vdj.ligation.profiles import (
    Microhomology,
    Profiles,
    microhomology_effect,
    trim_profiles,
)
from distrib.trainables.vdj.ligation.tables import junction_coefficients

if TYPE_CHECKING:
    from distrib.trainables.vdj.ligation.model import JunctionModel

_ROUNDING = 1e-6  # of a share, where one is dealt to several annotations
COEFFICIENTS, PENALTIES = "coefficients.tsv", "l2.tsv"
MOTIFS, INTERVALS, PROFILES, MICROHOMOLOGY = (
    "motif.png",
    "coefficients.png",
    "profiles.png",
    "microhomology.png",
)


def write_coefficients_and_profiles(
    table: pd.DataFrame, profiles: Sequence[Profiles], folder: Path
) -> None:
    """What models of one gene end and of two have in common."""
    from distrib.trainables.vdj.coefficient_pictures import draw_coefficients, draw_motifs
    from distrib.trainables.vdj.ligation.pictures import draw_profiles

    write_coefficients(table, folder / COEFFICIENTS)
    draw_motifs(table, folder / MOTIFS)
    draw_coefficients(table, folder / INTERVALS)
    draw_profiles(profiles, folder / PROFILES)


def write_junction_artifacts(
    model: JunctionModel, state: State, folder: Path, replicates: pd.DataFrame | None = None
) -> list[str]:
    """Everything of a fitted junction model, and what is to be said of the fit."""
    from distrib.trainables.vdj.ligation.pictures import draw_microhomology

    b = state.arrays["b"]
    table = junction_coefficients(model, state, replicates)
    write_coefficients_and_profiles(table, trim_profiles(model, b), folder)
    effect = microhomology_effect(model, b)
    draw_microhomology(effect, folder / MICROHOMOLOGY)
    notes = [*state.values["notes"], *_tell_ligation(model, state, effect)]
    notes += _tell_penalty(model, state, folder)
    number = int(state.values["num_clusters"])
    errors = f"standard errors over {number} clusters, a subject's sequences of a gene pair"
    if replicates is not None:
        errors = describe_replicates(replicates, model.design.names)
    return [*notes, f"p values in {COEFFICIENTS} are by {errors}"]


def _tell_ligation(model: JunctionModel, state: State, effect: Microhomology) -> list[str]:
    """How often microhomology was used, where the data leave its effect without a bound."""
    directions = state.arrays.get("separated")
    names = [] if directions is None else unbounded_names(model.columns, directions)
    if LIGATION not in names or effect.ligation is None:
        return []
    used, _, offered = (row / row.sum() for row in effect.ligation)
    last = int(np.flatnonzero(used + offered).max())
    shown = "; ".join(
        f"{m} bases: {used[m]:.1%} of the sequences, {offered[m]:.1%} without preference"
        for m in range(last + 1)
    )
    why = (
        "the data hold no microhomology"
        if used[1:].sum() < _ROUNDING
        else "its use is all or nothing"
    )
    return [f"{LIGATION} has no finite optimum, since {why} ({shown})"]


def _tell_penalty(model: JunctionModel, state: State, folder: Path) -> list[str]:
    """What the penalty is where there is one, and the table of what it was chosen among."""
    l2, notes = float(state.values["l2"]), []
    if curve := state.values.get("l2_curve"):
        with atomic_path(folder / PENALTIES) as path:
            table = pd.DataFrame(curve, columns=["l2", "log_loss"])
            table.to_csv(path, sep="\t", index=False)
        notes.append(f"l2 = {l2:g} was chosen from l2_grid by inner folds, see {PENALTIES}")
    if l2 > 0:
        of = "all coefficients" if model.config.l2_on == "all" else "coefficients of microhomology"
        notes.append(
            f"the fit is penalised (l2 = {l2:g}): {of} are shrunken, and p values are of the "
            "penalised fit"
        )
    return notes
