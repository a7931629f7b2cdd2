"""What a hundred bootstrap replicates of a junction model cost beside one fit of it.

    python experiments/junction_bootstrap/run.py [--sequences 200000] [--num-v 20] [--num-j 20]

One process; everything is compiled before the clock starts.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np

from distrib.data.vdj.ligation.junction_build import build_junctions
from distrib.data.vdj.ligation.simulate import simulate_junctions
from distrib.models.vdj.junction_fit import Iteration
from distrib.trainables.vdj.ligation.em import TrimmingLigationEmConfig
from distrib.trainables.vdj.ligation.inference import final_state, replicate
from distrib.trainables.vdj.ligation.model import JunctionModel


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sequences", type=int, default=200_000)
    parser.add_argument("--num-v", type=int, default=20)
    parser.add_argument("--num-j", type=int, default=20)
    parser.add_argument("--replicates", type=int, default=100)
    args = parser.parse_args()
    prepared = simulate_junctions(
        args.sequences, int_mh=1, lig_mh=1, num_v=args.num_v, num_j=args.num_j, subjects=4
    )
    data = build_junctions(prepared, "all")
    model = JunctionModel(TrimmingLigationEmConfig(), data)
    print(f"{len(data.left_of)} pairs, {data.num_sequences:.0f} sequences, "
          f"{len(data.observation_pair)} distinct, {len(model.columns)} coefficients")  # fmt: skip

    def fitted(method: str) -> tuple[float, Iteration]:
        began = time.perf_counter()
        *_, last = model.fit(method, model.everything(), model.everything())  # type: ignore[arg-type]
        return time.perf_counter() - began, last

    for method in ("em", "squarem", "direct"):
        fitted(method)
        seconds = statistics.median(fitted(method)[0] for _ in range(3))
        print(f"one fit, {method}: {seconds:.3f} s")
        single = seconds
    _, last = fitted("direct")
    state = final_state(model, last, np.zeros((1, 3)))
    replicate(model, state, 0, "sequences")
    for of in ("sequences", "clusters"):
        began = time.perf_counter()
        for seed in range(args.replicates):
            replicate(model, state, seed, of)
        seconds = time.perf_counter() - began
        print(f"{args.replicates} replicates of {of}: {seconds:.2f} s, "
              f"{seconds / single:.1f} direct fits")  # fmt: skip


if __name__ == "__main__":
    main()
