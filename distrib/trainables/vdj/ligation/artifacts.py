"""What a trained model leaves beside its weights: the table of coefficients, and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from distrib.files import atomic_path
from distrib.trainables.base import State
from distrib.trainables.vdj.coefficients import describe_replicates, write_coefficients
from distrib.trainables.vdj.ligation.profiles import Profiles, microhomology_effect, trim_profiles
from distrib.trainables.vdj.ligation.tables import junction_coefficients

if TYPE_CHECKING:
    from distrib.trainables.vdj.ligation.model import JunctionModel

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
    draw_microhomology(microhomology_effect(model, b), folder / MICROHOMOLOGY)
    notes = [*state.values["notes"], *_tell_penalty(state, folder)]
    number = int(state.values["num_clusters"])
    errors = f"standard errors over {number} clusters, a subject's sequences of a gene pair"
    if replicates is not None:
        errors = describe_replicates(replicates, model.design.names)
    return [*notes, f"p values in {COEFFICIENTS} are by {errors}"]


def _tell_penalty(state: State, folder: Path) -> list[str]:
    """What the penalty is where there is one, and the table of what it was chosen among."""
    l2, notes = float(state.values["l2"]), []
    if curve := state.values.get("l2_curve"):
        with atomic_path(folder / PENALTIES) as path:
            table = pd.DataFrame(curve, columns=["l2", "log_loss"])
            table.to_csv(path, sep="\t", index=False)
        notes.append(f"l2 = {l2:g} was chosen from l2_grid by inner folds, see {PENALTIES}")
    if l2 > 0:
        notes.append(
            f"the fit is penalised (l2 = {l2:g}): coefficients of microhomology are shrunken, and "
            "p values are of the penalised fit"
        )
    return notes
