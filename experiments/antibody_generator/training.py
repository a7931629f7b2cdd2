"""A small generator trained with all figures told: on simulated records, or on records of yours.

    python experiments/antibody_generator/training.py                    # the planted rule
    python experiments/antibody_generator/training.py --rule off
    python experiments/antibody_generator/training.py --data agab/ --light

A column `split` is obeyed: validation records choose the epoch, the test part is judged once.
"""

from __future__ import annotations

import argparse
import json
import time

import torch

from distrib.trainables.antibodies.seq2seq.family import AntibodyGenerator
from distrib.trainables.base import Worker

SHOWN = ("loss", "heavy_loss", "cdrh3_loss", "light_loss")
CONDITIONS = ("antigen", "pkd")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="a file, or a folder of `distrib.prepare antibodies`")
    parser.add_argument("--rule", choices=["on", "off"], default="on", help="of simulated records")
    parser.add_argument("--records", type=int, default=1500, help="of simulated records")
    parser.add_argument("--light", action="store_true", help="light chains too")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--set", type=json.loads, default={}, help="JSON of other settings")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    family, worker = AntibodyGenerator(), Worker(threads=args.threads)
    data = family.load(family.Source(path=args.data, light=args.light, records=args.records,
                                     rule=args.rule == "on"))  # fmt: skip
    config = family.Config.model_validate(
        {"width": 64, "num_heads": 4, "epochs": 6, "batch_size": 16, "learning_rate": 4e-3,
         "samples": 50, "eval_every": 100, "on_long": "truncate", **args.set}
    )  # fmt: skip
    family.check_rows(config, data)
    rest, test = family.set_aside(data, 0.15, 0)
    print(f"{len(rest)} records to search on, {0 if test is None else len(test)} set aside")
    began, best = time.process_time(), None
    for item in family.progress(config, rest, worker):
        if item.metrics is None:
            continue
        core = time.process_time() - began
        told = {k: round(v, 3) for k, v in item.metrics.items() if k.endswith(("loss", "ity"))}
        print(f"epoch {item.fidelity}, {core:.0f} core-s: {json.dumps(told)}", flush=True)
        if best is None or item.metrics["loss"] < best[0]:
            assert item.model is not None
            best = item.metrics["loss"], item.fidelity, item.model(), dict(item.metrics)
    assert best is not None
    _, epoch, state, metrics = best
    base = family.baselines(config, rest, test, worker)["position-wise unigram"]
    parts = [("validation", metrics, "")]
    if test is not None:
        parts.append(("test", family.evaluate(config, state, test, worker), "test/"))
    for name, found, prefix in parts:
        print(f"{name}, epoch {epoch}:")
        for key in SHOWN:
            if key in found:
                print(f"  {key} {found[key]:.3f}, unigram {base[prefix + key]:.3f}")
        print(f"  perplexity {found['perplexity']:.2f}, unigram {base[prefix + 'perplexity']:.2f}")
        for condition in CONDITIONS:
            value, error = (found[f"{condition}_sensitivity{end}"] for end in ("", "_se"))
            print(f"  {condition} sensitivity over CDRH3 {value:+.4f} +- {error:.4f} "
                  f"({value / error if error else 0:+.1f} standard errors), whole "
                  f"{found[f'{condition}_sensitivity_whole']:+.4f}")  # fmt: skip


if __name__ == "__main__":
    main()
