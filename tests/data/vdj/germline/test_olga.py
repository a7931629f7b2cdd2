"""OLGA's models: their sizes, known entries, and what is said when they are absent."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import PackageNotFoundError

import numpy as np
import pytest

from distrib.data.vdj.germline import olga
from distrib.data.vdj.germline.olga import MODELS, model_name, read_model, reverse_complement
from distrib.errors import InputError

# model: genes, trims, first and last trim of V; the same of J
SHAPES = {
    "human_T_alpha": ((103, 21, -4, 16), (68, 23, -4, 18)),
    "human_T_beta": ((89, 21, -4, 16), (15, 23, -4, 18)),
    "human_B_heavy": ((89, 27, -6, 20), (7, 27, -6, 20)),
    "human_B_kappa": ((64, 21, -4, 16), (7, 23, -4, 18)),
    "human_B_lambda": ((79, 21, -4, 16), (9, 23, -4, 18)),
    "mouse_T_alpha": ((107, 21, -4, 16), (51, 23, -4, 18)),
    "mouse_T_beta": ((35, 21, -4, 16), (14, 23, -4, 18)),
    "mouse_B_heavy": ((102, 27, -6, 20), (4, 27, -6, 20)),
    "mouse_B_kappa": ((91, 21, -4, 16), (11, 23, -4, 18)),
    "mouse_B_lambda": ((3, 21, -4, 16), (6, 23, -4, 18)),
}


@pytest.mark.parametrize("name", MODELS)
def test_every_model_is_read_whole(name: str) -> None:
    model = read_model(name)
    for side, (genes, trims, first, last) in zip("vj", SHAPES[name], strict=True):
        end = model.gene_end(side)
        assert len(end.genes) == len(end.sequences) == len(end.usage) == genes
        assert end.trims.tolist() == list(range(first, last + 1))
        assert end.probabilities.shape == (genes, trims)
        assert all(set(s) <= set("ACGT") for s in end.sequences)
        assert end.usage.sum() == pytest.approx(1, abs=2e-6)
        mass = end.probabilities.sum(axis=1)
        assert np.all((np.abs(mass - 1) < 2e-6) | (mass == 0))


def test_values_are_found_at_their_shuffled_indices() -> None:
    """Entries copied by hand: v_choice 39 and 1, deletion indices 4..20 mean trims 0..16."""
    v = read_model("human_T_beta").v
    assert v.genes[39] == "TRBV3-1*02"
    assert v.sequences[39].startswith("GACACAGCTGTTTCC") and v.sequences[39].endswith("CAGCCAAGA")
    assert v.usage[1] == 0.0140787
    row = dict(zip(v.trims.tolist(), v.probabilities[1].tolist(), strict=True))
    assert row[-4] == 0.000791278
    assert row[0] == 0.025911
    assert row[6] == 0.146217
    assert row[16] == 0


def test_j_genes_are_turned_to_the_strand_being_trimmed() -> None:
    j = read_model("human_T_beta").j
    ends = dict(zip(j.genes, j.sequences, strict=True))
    # TRBJ1-1 begins TGAACACTGAAGCTTTCTTTGGACAAGGCACCAGACTCACAGTTGTAG
    assert ends["TRBJ1-1*01"].endswith("CTTCAGTGTTCA")


def test_j_usage_of_a_light_chain_sums_over_v() -> None:
    model = read_model("human_B_kappa")
    assert model.j.usage.sum() == pytest.approx(1, abs=1e-12)
    assert len(model.j.usage) == len(model.j.genes)


def test_complement_is_an_involution() -> None:
    assert reverse_complement("AACG") == "CGTT"
    assert reverse_complement(reverse_complement("ACGTTG")) == "ACGTTG"


@pytest.mark.parametrize(
    ("chain", "species", "name"),
    [
        ("TRB", "human", "human_T_beta"),
        ("igk", "Mouse", "mouse_B_kappa"),
        ("T_alpha", "human", "human_T_alpha"),
    ],
)
def test_chains_have_aliases(chain: str, species: str, name: str) -> None:
    assert model_name(chain, species) == name


def test_unknown_names_are_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'TRB'"):
        model_name("TRBV")
    with pytest.raises(InputError, match="human or mouse"):
        model_name("TRB", "rat")
    with pytest.raises(InputError, match="human_T_beta"):
        read_model("human_beta")


def test_without_olga_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(olga, "files", absent)
    with pytest.raises(InputError, match=r"pip install 'distrib\[olga\]'"):
        read_model("human_T_beta")


def test_the_package_is_never_imported() -> None:
    code = (
        "import sys; from distrib.data.vdj.germline.olga import read_model;"
        "read_model('human_T_beta');"
        "sys.exit('olga' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
