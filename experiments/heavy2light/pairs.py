"""A small heavy2light on real or simulated pairs, beside both baselines on the same heavy chains.

    python experiments/heavy2light/pairs.py oas_paired_8000.csv --epochs 6 --state real.safetensors
    python experiments/heavy2light/pairs.py --rule on --seed 1
    python experiments/heavy2light/pairs.py --rule off --seed 1

Fresh halves of one layer, width 64; the validation part is of whole clusters of light chains at an
identity of `--identity` (MMseqs2), or of equal light chains where it is 1. With `--state` the
training goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from distrib.data.antibodies.clusters import cluster_sequences
from distrib.data.antibodies.pairs.pair_rows import PairRows, pair_rows, texts_of
from distrib.data.antibodies.pairs.reading import read_pairs
from distrib.study.record.checkpoint import read_state, write_state
from distrib.trainables.antibodies.heavy2light.compared import (
    baseline_light,
    compared,
    looked_at,
)
from distrib.trainables.antibodies.heavy2light.family import LightFromHeavy
from distrib.trainables.antibodies.heavy2light.judging import Judged
from distrib.trainables.base import Worker

LOOKED_AT = 400
"""Heavy chains for which light ones are drawn at the end."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, nargs="?", help="pairs; without, simulated ones")
    parser.add_argument("--rule", choices=["on", "off"], default="on", help="of simulated pairs")
    parser.add_argument("--identity", type=float, default=1.0)
    parser.add_argument("--held-out", type=float, default=0.2)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--state", type=Path, help="kept after each epoch, and taken up again")
    parser.add_argument("--set", type=json.loads, default={}, help="JSON of other settings")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    family = LightFromHeavy()
    data = load(family, args)
    config = LightFromHeavy.Config.model_validate(
        {
            "epochs": args.epochs, "samples": 0, "seed": args.seed, "split_seed": args.seed,
            "held_out": args.held_out,
            **args.set,
        }
    )  # fmt: skip
    worker = Worker(threads=args.threads)
    train, held_out = family.split(config, data)
    print(f"{len(train):,} pairs to train on, {len(held_out):,} held out", flush=True)
    began = read_state(args.state) if args.state and args.state.is_file() else None
    model, cpu = began, time.process_time()
    for item in family.progress(config, data, worker, began):
        if item.metrics is None:
            continue
        model = item.state()
        if args.state:
            write_state(args.state, model)
        gap, error = item.metrics["pairing_gap"], item.metrics["pairing_gap_se"]
        print(f"epoch {item.fidelity}: {time.process_time() - cpu:.0f} core-s, perplexity "
              f"{item.metrics['perplexity']:.3f}, gap {gap:.5f} +- {error:.5f} = "
              f"{gap / error:.1f} standard errors", flush=True)  # fmt: skip
    assert model is not None
    at_end = config.model_copy(update={"samples": LOOKED_AT})
    network = family.restored(at_end, model, worker)
    judged = family.judged(at_end, network, held_out, model.values, worker)
    print("heavy2light:", told(judged))
    base = family.baselines(config, data, None, worker)["position-wise unigram"]
    print(f"position-wise unigram: perplexity {base['perplexity']:.3f}")
    pairs = looked_at(held_out, LOOKED_AT)
    nothing = Judged(np.ones(2), np.ones(2), np.arange(2))
    for name, light in baseline_light(train, pairs).items():
        print(f"{name}:", told(replace(nothing, compared=compared(light, pairs)), "loss"))


def load(family: LightFromHeavy, args: argparse.Namespace) -> PairRows:
    """The pairs, their groups those of the clusters."""
    if args.data is None:
        rule = args.rule == "on"
        return family.load(LightFromHeavy.Source(rule=rule))
    rows = pair_rows(read_pairs(args.data, on_unknown="x"))
    if args.identity < 1:
        clusters = cluster_sequences(texts_of(rows.light), args.identity, threads=args.threads)
        print(clusters.told())
        rows = replace(rows, light=replace(rows.light, groups=clusters.of_row))
    return rows


def told(judged: Judged, *without: str) -> str:
    """Values and 95% intervals."""
    values, intervals = judged.errors(), judged.intervals()
    return ", ".join(
        f"{name} {values[name][0] if name in values else np.exp(values['loss'][0]):.4f} "
        f"({low:.4f} to {high:.4f})"
        for name, (low, high) in intervals.items()
        if name not in without and not (without and name == "perplexity")
    )


if __name__ == "__main__":
    main()
