"""The published simulations of Russell et al. (Nucleic Acids Research 2025): truths found again."""

from __future__ import annotations

import numpy as np
import pytest

from distrib.data.vdj.ligation.junction_build import build_junctions
from distrib.data.vdj.ligation.simulate import simulate_junctions
from distrib.data.vdj.ligation.simulate_model import PUBLISHED_BASE
from distrib.trainables.base import Worker
from distrib.trainables.vdj.ligation.config import TrimmingLigationConfig
from distrib.trainables.vdj.ligation.em import TrimmingLigationEm, TrimmingLigationEmConfig
from distrib.trainables.vdj.ligation.family import TrimmingLigation

pytestmark = [pytest.mark.exhaustive, pytest.mark.timeout(600)]

SEQUENCES = 500_000  # a fifth of theirs: standard errors of 0.005


@pytest.mark.parametrize("productivity", ["both", "nonproductive"])
@pytest.mark.parametrize(
    ("lig", "interaction", "published"),
    [(0, 0, -0.004), (0, 1, 0.001), (1, 0, 0.574), (1, 1, 0.504)],
)
def test_published_settings(
    productivity: str, lig: int, interaction: int, published: float
) -> None:
    prepared = simulate_junctions(
        SEQUENCES,
        base="published",
        int_mh=interaction,
        lig_mh=lig,
        group=f"{productivity}_v-j_trim_ligation-mh",
        frame_rule="residue",
    )
    known = build_junctions(prepared, "known", frame_rule="residue")
    *_, last = TrimmingLigation().refit(TrimmingLigationConfig(), known, Worker(), None)
    b = last.state().arrays["b"]
    assert abs(b[-2] - interaction) < 0.02
    # The generator ligates as 1 + lig m, the model as exp(g m): a projection unless lig is 0.
    assert abs(b[-1] - published) < 0.05
    np.testing.assert_allclose(b[:24], np.concatenate(PUBLISHED_BASE), atol=0.05)


def test_hidden_annotations_find_it_too() -> None:
    prepared = simulate_junctions(
        SEQUENCES, base="published", int_mh=1, lig_mh=0.5, ligation="exponential"
    )
    hidden = build_junctions(prepared, "all")
    *_, last = TrimmingLigationEm().refit(TrimmingLigationEmConfig(), hidden, Worker(), None)
    b = last.state().arrays["b"]
    assert abs(b[-2] - 1) < 0.02
    assert abs(b[-1] - 0.5) < 0.02


def test_the_settings_of_a_simulation_are_options_of_its_data() -> None:
    """Where trims start from what the model can express, the truth comes back."""
    family = TrimmingLigation()
    options = {"sequences": 150_000, "base": "uniform", "int_mh": 1.0, "lig_mh": 0.5}
    source = family.Source.model_validate({**options, "ligation": "exponential", "num_v": 8})
    data = family.load(source)
    assert not any("no model here can express" in note for note in data.notes)
    assert any("no model here can express" in note for note in family.load(family.Source()).notes)
    *_, last = family.refit(TrimmingLigationConfig(), data, Worker(), None)
    b = last.state().arrays["b"]
    assert abs(b[-2] - 1) < 0.05
    assert abs(b[-1] - 0.5) < 0.05
