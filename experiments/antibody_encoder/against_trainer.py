"""Tokens a core-second of the family's loop and of `transformers.Trainer`: same model and data.

    python experiments/antibody_encoder/against_trainer.py [--pairs 3] [--chains 800] [--long]

Useful tokens are residues and both special tokens, without padding. The peer is a `Trainer` with
`DataCollatorForLanguageModeling`, its batches of as many rows as make about the same tokens, with
its grouping by length off and on. Heavy chains of the default data; with `--long`, random chains
of 60 to 480 residues, even on a logarithmic scale.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from transformers import (
    DataCollatorForLanguageModeling,
    RobertaForMaskedLM,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from distrib.data.antibodies.alphabet import LETTERS, decode
from distrib.data.antibodies.chain_rows import ChainRows, rows_of, simulated_rows
from distrib.data.antibodies.chains import from_table
from distrib.models.antibodies.export import make_tokenizer
from distrib.models.antibodies.masked_lm import roberta_config
from distrib.trainables.antibodies.mlm.family import Mlm, size_of
from distrib.trainables.base import Worker

TOKENS = 2048
CONFIG = Mlm.Config(hidden_size=96, num_layers=2, dropout=0.1, batch_tokens=TOKENS, epochs=1)


def long_chains(num: int) -> ChainRows:
    rng = np.random.default_rng(0)
    lengths = np.exp(rng.uniform(np.log(60), np.log(480), num)).astype(int)
    letters = np.array(list(LETTERS))
    texts = ["".join(rng.choice(letters, n)) for n in lengths]
    frame = pd.DataFrame({"id": [f"c{i}" for i in range(num)], "sequence": texts})
    frame.index = pd.RangeIndex(1, num + 1)
    return rows_of(from_table(frame, Path("made"), "heavy"), "heavy")


def ours(data: ChainRows) -> float:
    began = time.process_time()
    for _ in Mlm().refit(CONFIG, data, Worker(threads=torch.get_num_threads()), 1):
        pass
    return time.process_time() - began


class _Clock(TrainerCallback):
    def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
        self.began = time.process_time()

    def on_train_end(self, *args: Any, **kwargs: Any) -> None:
        self.seconds = time.process_time() - self.began


def peer(data: ChainRows, *, grouped: bool) -> float:
    tokenizer = make_tokenizer(CONFIG.context)
    texts = [decode(data.tokens[a:b]) for a, b in zip(data.offsets, data.offsets[1:])]
    rows = [{"input_ids": ids, "length": len(ids)} for ids in tokenizer(texts)["input_ids"]]
    torch.manual_seed(0)
    model = RobertaForMaskedLM(roberta_config(size_of(CONFIG)))
    clock = _Clock()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        arguments = TrainingArguments(
            output_dir=folder,
            num_train_epochs=1,
            per_device_train_batch_size=max(1, round(TOKENS / (data.lengths.mean() + 2))),
            learning_rate=CONFIG.learning_rate,
            weight_decay=CONFIG.weight_decay,
            lr_scheduler_type="cosine",
            max_grad_norm=1.0,
            train_sampling_strategy="group_by_length" if grouped else "random",
            use_cpu=True,
            report_to=[],
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
            remove_unused_columns=True,
        )
        Trainer(
            model=model,
            args=arguments,
            train_dataset=rows,  # type: ignore[arg-type]
            data_collator=DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.15),
            callbacks=[clock],
        ).train()
    return clock.seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--chains", type=int, default=800)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--long", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    data = long_chains(args.chains) if args.long else simulated_rows(args.chains, 0.05)
    useful = len(data.tokens) + 2 * len(data)
    few = data.take(np.arange(64))
    ways = {
        "ours": ours,
        "Trainer": lambda rows: peer(rows, grouped=False),
        "Trainer, by length": lambda rows: peer(rows, grouped=True),
    }
    for way in ways.values():  # the first steps of a process are slower
        way(few)
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(args.pairs):
        for name, way in ways.items():
            seconds[name].append(way(data))
            print(f"{name}: {useful / seconds[name][-1]:,.0f} tokens per core-second", flush=True)
    for name in ("Trainer", "Trainer, by length"):
        ratios = sorted(b / a for a, b in zip(seconds["ours"], seconds[name]))
        print(f"ours over {name}: {statistics.median(ratios):.2f} "
              f"({ratios[0]:.2f} to {ratios[-1]:.2f})")  # fmt: skip


if __name__ == "__main__":
    main()
