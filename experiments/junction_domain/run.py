"""What the whole domain of human TRA junctions costs: to enumerate, to fit by EM, and by its size.

python experiments/junction_domain/run.py             # all parts, each in a process of its own
python experiments/junction_domain/run.py --part enumerate|fit|scaling
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from distrib.data.vdj.germline.olga import read_genes
from distrib.data.vdj.germline.parameter_groups import find_group
from distrib.data.vdj.ligation.junction import JunctionData
from distrib.data.vdj.ligation.junction_build import Pairs, build_junctions, modelled_options
from distrib.data.vdj.ligation.model_types import parse_model_type
from distrib.data.vdj.ligation.simulate import simulate_junctions
from distrib.data.vdj.prepare.prepared import Gene, Prepared
from distrib.models.vdj.junction_fit import Method, Objective, fit
from distrib.models.vdj.junction_likelihood import JunctionLikelihood
from distrib.trainables.vdj.design import make_design

PARTS = ("enumerate", "fit", "scaling")
GROUP = "nonproductive_v-j_trim_ligation-mh"
MODEL = "motif_two-side-base-count-beyond_average-mh_ligation-mh"
SEQUENCES = 2_500_000
EM_ITERATIONS, REPEATS = 5, 5

# Sizes over a factor of 16: V x J genes; subjects; the longest trim, whose square is the cells.
GENES = ((24, 17), (34, 24), (48, 34), (68, 48), (96, 68))
SUBJECTS = (4, 8, 16, 32, 64)
LONGEST_TRIMS = (1, 3, 5, 8, 13)


def seconds_since(began: float) -> float:
    return time.perf_counter() - began


def resident_gib() -> float:
    """The most memory that this process ever held."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


def enumerate_domain() -> None:
    """Every ligation of every V with every J gene, and the class of each sequence."""
    before = resident_gib()
    began = time.perf_counter()
    known = [gene for gene in read_genes("human_T_alpha") if gene.anchor is not None]
    v = [Gene(g.name, "V", g.sequence, g.anchor) for g in known if g.segment == "V"]
    j = [Gene(g.name, "J", g.sequence, g.anchor) for g in known if g.segment == "J"]
    of_v, of_j = np.divmod(np.arange(len(v) * len(j)), len(j))
    pairs = Pairs.of(v, j, of_v, of_j, np.arange(-2, 15))
    ligations = pairs.ligations()
    middle = seconds_since(began)
    modelled = modelled_options(ligations, pairs, find_group(GROUP), "anchors")
    whole = seconds_since(began)
    num_modelled = int(np.bitwise_count(modelled).sum())
    print(f"pairs of genes                    {len(of_v):>12,}  ({len(v)} V x {len(j)} J)")
    print(f"pairs of trims                    {ligations.options.size:>12,}")
    print(f"configurations (with microhomology) {len(ligations.pair):>10,}")
    print(f"distinct sequences                {len(ligations.keys):>12,}")
    print(f"of configurations nonproductive   {num_modelled:>12,}")
    print(f"to enumerate                      {middle:>12.2f} s")
    print(f"to enumerate and to classify      {whole:>12.2f} s")
    print(f"resident at most                  {resident_gib():>12.2f} GiB")
    print(f"of which before (imports)         {before:>12.2f} GiB")


def simulate(sequences: int, **options: Any) -> Prepared:
    """All genes used alike, so that every pair is observed; trims at first uniform."""
    return simulate_junctions(
        sequences, usage="uniform", base="uniform", int_mh=1.0, lig_mh=1.0, group=GROUP, **options
    )


def objective_of(data: JunctionData) -> Objective:
    design = make_design(data, parse_model_type(MODEL), 1, 2)
    return Objective(JunctionLikelihood(design), data.weights(), np.zeros(len(design.names)))


def fit_domain() -> None:
    """The 26-parameter model on sequences of every pair, annotations hidden."""
    began = time.perf_counter()
    prepared = simulate(SEQUENCES)
    print(f"to simulate {SEQUENCES:,} sequences {seconds_since(began):>10.2f} s")
    began = time.perf_counter()
    data = build_junctions(prepared, "all")
    print(f"to build junction data            {seconds_since(began):>12.2f} s")
    for key, value in data.describe().items():
        if isinstance(value, (int, float)):
            print(f"  {key:<32}{value:>12,.0f}")
    methods: tuple[Method, ...] = ("em", "squarem", "direct")
    for method in methods:
        began = time.perf_counter()
        objective = objective_of(data)
        trace = list(fit(objective, np.zeros(26), method, max_iterations=1000))
        spent = seconds_since(began)
        last = trace[-1]
        loss = f"loss {last.loss:.9f}, gradient {last.gradient_norm:.1e}"
        print(f"fit by {method:<8}                   {spent:>12.2f} s, {len(trace) - 1} iterations,"
              f" {loss}", flush=True)  # fmt: skip
        print(f"  average_mh {last.b[-2]:.5f}, ligation_mh {last.b[-1]:.5f}")
    print(f"resident at most                  {resident_gib():>12.2f} GiB")


def cost(prepared: Prepared) -> tuple[int, float, float]:
    """Configurations; seconds to build, and for an EM iteration."""
    began = time.perf_counter()
    data = build_junctions(prepared, "all")
    build = seconds_since(began)
    objective = objective_of(data)
    start = np.zeros(26)
    list(islice(objective.iterate(start, "em"), 2))  # compiles
    began = time.perf_counter()
    list(islice(objective.iterate(start, "em"), EM_ITERATIONS + 1))
    iteration = seconds_since(began) / EM_ITERATIONS
    return int(np.bitwise_count(data.options).sum()), build, iteration


def measure_scaling() -> None:
    """Cost against pairs, subjects and configurations, with slopes and a plot.

    Sizes take turns, several times over, and the least of each counts: other work on the machine
    then does not fall on one size alone.
    """
    cases: dict[str, list[tuple[int, dict[str, Any]]]] = {
        "gene pairs": [
            (v * j, {"sequences": 380 * v * j, "num_v": v, "num_j": j}) for v, j in GENES
        ],
        "subjects": [
            (n, {"sequences": 50_000 * n, "subjects": n, "num_v": 24, "num_j": 17})
            for n in SUBJECTS
        ],
        "configurations": [
            (0, {"sequences": 300_000, "trims": (-2, longest), "num_v": 48, "num_j": 34})
            for longest in LONGEST_TRIMS
        ],
    }
    curves: dict[str, list[tuple[float, float, float]]] = {}
    for name, sizes in cases.items():
        rounds = np.array([[cost(simulate(**case)) for _, case in sizes] for _ in range(REPEATS)])
        configurations, *spent = rounds.min(axis=0).T
        axis = configurations if name == "configurations" else np.array([size for size, _ in sizes])
        curves[name] = list(zip(axis.tolist(), *(column.tolist() for column in spent)))
        for what, seconds in zip(("build", "EM iteration"), spent):
            slope = np.polyfit(np.log(axis), np.log(seconds), 1)[0]
            times = ", ".join(f"{value * 1e3:.0f}" for value in seconds)
            print(f"{name:<15}{what:<13} slope {slope:5.2f}   {times} ms at "
                  f"{', '.join(f'{size:,.0f}' for size in axis)}", flush=True)  # fmt: skip
    plot(curves)


def plot(curves: dict[str, list[tuple[float, float, float]]]) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, len(curves), figsize=(11, 3.6), layout="constrained")
    for axis, (name, points) in zip(axes, curves.items()):
        sizes, builds, iterations = (np.array(column) for column in zip(*points))
        for label, spent in (("junction data built", builds), ("one EM iteration", iterations)):
            axis.loglog(sizes, spent, "o-", label=label)
            line = spent[0] * sizes / sizes[0]
            axis.loglog(sizes, line, color="0.7", linewidth=1, zorder=0)
        axis.set_xlabel(name)
        axis.minorticks_off()
        axis.set_xticks(sizes, [f"{size:,.0f}" for size in sizes], fontsize=8)
    axes[0].set_ylabel("seconds (grey: in proportion)")
    axes[0].legend(frameon=False)
    path = Path(__file__).with_name("cost.png")
    figure.savefig(path, dpi=110)
    print(f"plotted to {path.name}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=PARTS)
    part = parser.parse_args().part
    if part is None:
        for name in PARTS:
            print(f"\n{name}", flush=True)
            subprocess.run([sys.executable, __file__, "--part", name], check=True)
        return
    {"enumerate": enumerate_domain, "fit": fit_domain, "scaling": measure_scaling}[part]()


if __name__ == "__main__":
    main()
