"""Time and memory that `prepare embed` takes of networks of published sizes, with random weights.

    python experiments/embedding/sizes.py [--sequences 8] [--threads 2] [--only esm2_t12_35M]

Checkpoints cannot be fetched here. What time and memory depend on is the shape of the network and
the number of tokens: these have the form of ESM at the sizes that the checkpoints' own config.json
state, and read sequences of one length. Each size runs in a process of its own, whose greatest
resident memory is told. Where other programs run, look at the processor seconds.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

# name: layers, width, heads, inner width, tokens of the vocabulary; what a token is; tokens read.
# The inner layer of nucleotide-transformer-v2 is gated, of 2048: as many products as a plain 3072.
SIZES = {
    "nucleotide-transformer-v2-50m": ((12, 512, 16, 3072, 4107), "6 letters", (334, 2001)),
    "esm2_t12_35M": ((12, 480, 20, 1920, 33), "a residue", (402, 1024)),
    "esm2_t33_650M": ((33, 1280, 20, 5120, 33), "a residue", (402,)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sequences", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", choices=SIZES)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        measure(args.child[0], int(args.child[1]), args.sequences, args.threads)
        return
    print("size, tokens, parameters: per thousand sequences; greatest memory")
    for name, (_, token, lengths) in SIZES.items():
        for tokens in lengths if args.only in (None, name) else ():
            words = ["--sequences", str(args.sequences), "--threads", str(args.threads)]
            told = subprocess.run(
                [sys.executable, __file__, *words, "--child", name, str(tokens)],
                check=True,
                stdout=subprocess.PIPE,
            )
            found = json.loads(told.stdout)
            print(
                f"{name}, {tokens:,} of {token}, {found['parameters'] / 1e6:.0f} million: "
                f"{found['processor']:,.0f} processor seconds, {found['wall']:,.0f} s on "
                f"{args.threads} threads; {found['memory']:.2f} GB",
                flush=True,
            )


def measure(name: str, tokens: int, count: int, threads: int) -> None:
    """Embed `count` rows of one length, and print what a thousand of them take, as JSON."""
    import numpy as np
    import torch
    from transformers import EsmConfig, EsmModel

    from distrib.models.screens.encoders import Encoder
    from distrib.trainables.screens.ia3.embedder import BUDGET, embed

    torch.set_num_threads(threads)
    (layers, width, heads, inner, words), _, _ = SIZES[name]
    config = EsmConfig(
        vocab_size=words, hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads,
        intermediate_size=inner, max_position_embeddings=max(1026, tokens + 2), pad_token_id=1,
        mask_token_id=2, position_embedding_type="rotary", token_dropout=False,
    )  # fmt: skip
    network = EsmModel(config, add_pooling_layer=False)

    class Padding:
        pad_token_id = 1

    encoder = Encoder(name, Padding(), network, tokens, width)
    rows = list(np.random.default_rng(0).integers(4, words, size=(count, tokens)))
    next(iter(embed(encoder, rows[:1], "mean", device="cpu", budget=BUDGET)))
    wall, processor = time.perf_counter(), time.process_time()
    done = sum(len(v) for _, v in embed(encoder, rows, "mean", device="cpu", budget=BUDGET))
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    assert done == count
    print(
        json.dumps(
            {
                "parameters": sum(p.numel() for p in network.parameters()),
                "wall": wall * 1000 / count,
                "processor": processor * 1000 / count,
                "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
            }
        )
    )


if __name__ == "__main__":
    main()
