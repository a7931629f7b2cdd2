"""Embedding sequences of mixed lengths: batches of like length against those of the file's order.

    python experiments/embedding/run.py [--pairs 5] [--sequences 400]

Lengths between 200 and 12,000 letters, even on a logarithmic scale (k-mers of 6: up to 2,000
tokens). The encoder has the form of ESM, random weights, 4 layers of width 256. The peer takes 8
sequences at a time in the file's order and pads them to the longest of them, as scripts do. Both
give the same embeddings.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import torch  # noqa: E402

from distrib.models.screens.encoders import pool, small_encoder  # noqa: E402
from distrib.trainables.screens.ia3.embedder import BUDGET, embed  # noqa: E402

BATCH = 8
SHORTEST, LONGEST = 200, 12_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5, help="of timings")
    parser.add_argument("--sequences", type=int, default=200)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    rng = np.random.default_rng(0)
    lengths = np.exp(rng.uniform(np.log(SHORTEST), np.log(LONGEST), args.sequences)).astype(int)
    letters = np.frombuffer(b"ACGT", dtype=np.uint8)
    sequences = np.array([rng.choice(letters, n).tobytes() for n in lengths])
    encoder = small_encoder(k=6, width=256, layers=4, inner=1024)
    tokens = encoder.tokens(sequences, [str(n) for n in range(args.sequences)])

    def ours() -> np.ndarray:
        found = np.empty((len(tokens), encoder.width), dtype=np.float32)
        for rows, vectors in embed(encoder, tokens, "mean", device="cpu", budget=BUDGET):
            found[rows] = vectors
        return found

    def by_file() -> np.ndarray:
        found = []
        for start in range(0, len(tokens), BATCH):
            numbers, there = map(torch.from_numpy, encoder.pad(tokens[start : start + BATCH]))
            with torch.inference_mode():
                found.append(pool(encoder.hidden(numbers, there), there, "mean").numpy())
        return np.concatenate(found)

    seconds: dict[str, list[float]] = {"ours": [], "by file": []}
    for turn in range(args.pairs + 1):
        results = {}
        for name, way in (("ours", ours), ("by file", by_file)):
            began = time.perf_counter()
            results[name] = way()
            if turn:
                seconds[name].append(time.perf_counter() - began)
        apart = float(np.abs(results["ours"] - results["by file"]).max())
    ratios = sorted(b / a for a, b in zip(seconds["ours"], seconds["by file"]))
    rates = {name: args.sequences / statistics.median(found) for name, found in seconds.items()}
    print(
        f"{rates['ours']:.1f} against {rates['by file']:.1f} sequences a second: "
        f"{statistics.median(ratios):.2f} times ({ratios[0]:.2f} to {ratios[-1]:.2f}); "
        f"embeddings at most {apart:.1e} apart; "
        f"{sum(map(len, tokens)):,} tokens of {len(tokens)} sequences"
    )


if __name__ == "__main__":
    main()
