"""A small encoder on real heavy chains, beside the position-wise unigram on the same residues.

    python experiments/antibody_encoder/real_chains.py oas_paired_8000.csv --split random

The chains are parted at random (equal sequences together), or by clusters at an identity of 0.5,
the largest into training first (`greedy`) or filling shares of rows (`clusters`).
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import torch

from distrib.data.antibodies.chain_rows import rows_of
from distrib.data.antibodies.chains import read_chains
from distrib.data.antibodies.protocol import Steps, cluster_chains
from distrib.trainables.antibodies.mlm.family import Mlm
from distrib.trainables.base import Worker


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--split", choices=["random", "greedy", "clusters"], default="random")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", type=json.loads, default={}, help="JSON of other settings")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    chains = read_chains(args.data, "heavy", on_unknown="x")
    if args.split != "random":
        order = "greedy" if args.split == "greedy" else "random"
        steps = Steps(split_identity=0.5, order=order, seed=args.seed)
        chains = cluster_chains(chains, "heavy", steps, print).chains
    data = rows_of(chains, "heavy")
    family = Mlm()
    config = Mlm.Config.model_validate(
        {
            "hidden_size": 96, "num_layers": 2, "num_heads": 4, "dropout": 0.0,
            "learning_rate": 3e-3, "batch_tokens": 1024, "epochs": args.epochs,
            "seed": args.seed, "split_seed": args.seed, "held_out": 0.2, **args.set,
        }
    )  # fmt: skip
    rest, _ = family.set_aside(data, 0.0, args.seed)  # the test part of a split is left alone
    began, cpu = time.perf_counter(), time.process_time()
    for item in family.progress(config, rest, Worker(threads=args.threads)):
        if item.metrics:
            seconds, core = time.perf_counter() - began, time.process_time() - cpu
            told = {k: round(v, 3) for k, v in item.metrics.items() if "loss" not in k}
            print(f"epoch {item.fidelity}: {seconds:.0f} s, {core:.0f} core-s: {json.dumps(told)}",
                  flush=True)  # fmt: skip
            found = item.metrics
    base = family.baselines(config, rest, None, Worker())["position-wise unigram"]
    print("unigram by place:", json.dumps({k: round(v, 3) for k, v in base.items()
                                           if "loss" not in k}))  # fmt: skip
    print(f"perplexity {found['perplexity']:.2f} / {base['perplexity']:.2f} = "
          f"{found['perplexity'] / base['perplexity']:.3f}, accuracy {found['accuracy']:.3f} - "
          f"{base['accuracy']:.3f} = {found['accuracy'] - base['accuracy']:+.3f}")  # fmt: skip


if __name__ == "__main__":
    main()
