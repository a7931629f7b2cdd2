"""Simulate V-J junctions with a known truth, fit them, and print what comes back.

python experiments/junction_recovery/run.py
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

import numpy as np

from distrib.data.vdj.ligation.junction_build import Annotations, build_junctions
from distrib.data.vdj.ligation.model_types import parse_model_type
from distrib.data.vdj.ligation.simulate import simulate_junctions
from distrib.data.vdj.ligation.simulate_model import PUBLISHED_BASE
from distrib.data.vdj.prepare.prepared import Prepared
from distrib.models.vdj.junction_fit import Objective, fit
from distrib.models.vdj.junction_likelihood import JunctionLikelihood
from distrib.trainables.vdj.design import make_design

CUT = "motif_two-side-base-count-beyond"

# (class, LIG, INT): average_mh, ligation_mh, loss as published (Nucleic Acids Research 2025).
PUBLISHED = {
    ("both", 0, 0): (-0.0044, -0.0032, 5.33622),
    ("both", 0, 1): (1.0001, 0.0007, 5.36737),
    ("both", 1, 0): (-0.0071, 0.5727, 5.31117),
    ("both", 1, 1): (0.9903, 0.5033, 5.32406),
    ("nonproductive", 0, 0): (-0.0055, -0.0043, 4.91377),
    ("nonproductive", 0, 1): (1.0004, 0.0011, 4.94910),
    ("nonproductive", 1, 0): (-0.0093, 0.5746, 4.88968),
    ("nonproductive", 1, 1): (0.9925, 0.5056, 4.91261),
}
PUBLISHED_INTERIOR = {0.0: -0.0011, 0.1: 0.0992, 1.0: 0.9977}


@dataclass(frozen=True)
class Recovered:
    """A fit, by the names of its coefficients."""

    coefficients: dict[str, float]
    loss: float
    q: float
    gradient_norm: float
    steps: int
    seconds: float

    @property
    def farthest(self) -> float:
        """The largest error of the 24 coefficients of both cuts."""
        truth = np.concatenate(PUBLISHED_BASE)
        of_cuts = list(self.coefficients.values())[: len(truth)]
        return float(np.abs(np.subtract(of_cuts, truth)).max())


def recover(prepared: Prepared, model_type: str, annotations: Annotations) -> Recovered:
    """Fit one model to the simulated sequences."""
    data = build_junctions(prepared, annotations, frame_rule="residue")
    design = make_design(data, parse_model_type(model_type), 1, 2)
    zero = np.zeros(len(design.names))
    began = time.perf_counter()
    trace = list(fit(Objective(JunctionLikelihood(design), data.weights(), zero), zero))
    seconds = time.perf_counter() - began
    last = trace[-1]
    coefficients = dict(zip(design.names, last.b.tolist()))
    return Recovered(coefficients, last.loss, last.q, last.gradient_norm, len(trace) - 1, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sequences", type=int, default=2_500_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    print("| class | LIG, INT | annotations | average_mh | published | ligation_mh | published "
          "| log loss | q loss | published | others, farthest off | gradient | steps | fit, s |"
          )  # fmt: skip
    print("|" + "---|" * 14)
    for (name, lig, internal), (average, ligation, loss) in PUBLISHED.items():
        prepared = simulate_junctions(
            options.sequences,
            base="published",
            int_mh=internal,
            lig_mh=lig,
            group=f"{name}_v-j_trim_ligation-mh",
            frame_rule="residue",
            seed=options.seed,
        )
        annotations: Annotations
        for annotations in ("known", "all"):
            found = recover(prepared, f"{CUT}_average-mh_ligation-mh", annotations)
            b = found.coefficients
            print(f"| {name} | {lig}, {internal} | {annotations} | {b['average_mh']:.4f} "
                  f"| {average:.4f} | {b['ligation_mh']:.4f} | {ligation:.4f} "
                  f"| {found.loss:.5f} | {found.q:.5f} | {loss:.5f} | {found.farthest:.4f} "
                  f"| {found.gradient_norm:.1e} | {found.steps} | {found.seconds:.1f} |",
                  flush=True)  # fmt: skip

    print("\n| interior | average_interior_mh | published | others, farthest off |")
    print("|" + "---|" * 4)
    for truth, published_value in PUBLISHED_INTERIOR.items():
        prepared = simulate_junctions(
            options.sequences * 8 // 5,  # 4,000,000 as published
            base="published",
            interior=truth,
            group="nonproductive_v-j_trim",
            seed=options.seed,
        )
        found = recover(prepared, f"{CUT}_average-interior-mh-count", "known")
        print(f"| {truth:g} | {found.coefficients['average_interior_mh']:.4f} "
              f"| {published_value:.4f} | {found.farthest:.4f} |", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
