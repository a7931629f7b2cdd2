"""Training and generation against the plain way, same sizes, weights, records and threads.

    python experiments/antibody_generator/speed.py training --data agab.json --light
    python experiments/antibody_generator/speed.py generation

`training`: useful tokens (of antigen and antibody, padding not counted) per core-second, against
`nn.Transformer` on batches padded to 512 and 300, forward, backward and step, turn by turn.
`generation`: antibodies drawn with kept keys and values, against the decoder run anew for every
token, same weights and numbers of rows and tokens; END never comes, so that both are as long.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import nn

from distrib.data.antibodies.designs.record_rows import RecordRows
from distrib.data.antibodies.designs.tokens import END, NUM_TOKENS, PAD, START
from distrib.models.antibodies.decoding import Sampling, decode
from distrib.models.antibodies.seq2seq import Seq2Seq
from distrib.trainables.antibodies.seq2seq.batch import batch_of
from distrib.trainables.antibodies.seq2seq.config import Seq2SeqConfig
from distrib.trainables.antibodies.seq2seq.family import AntibodyGenerator, size_of
from distrib.trainables.base import Worker

SOURCE, TARGET = 512, 300


class Plain(nn.Module):
    """The same network of torch's own parts, padding told to both attentions."""

    def __init__(self, config: Seq2SeqConfig) -> None:
        super().__init__()
        d = config.width
        self.source, self.target = nn.Embedding(NUM_TOKENS, d), nn.Embedding(NUM_TOKENS, d)
        self.affinity = nn.Sequential(nn.Linear(1, d), nn.GELU(), nn.Linear(d, d))
        self.body = nn.Transformer(
            d, config.num_heads, config.encoder_layers, config.decoder_layers,
            config.ffn_ratio * d, config.dropout, "gelu", batch_first=True, norm_first=True,
        )  # fmt: skip
        self.output = nn.Linear(d, NUM_TOKENS)
        self.dropout, self.scale = nn.Dropout(config.dropout), math.sqrt(d)
        at = torch.arange(SOURCE)[:, None] * torch.exp(
            torch.arange(0, d, 2) * (-math.log(10_000.0) / d)
        )
        self.register_buffer("places", torch.stack([at.sin(), at.cos()], -1).flatten(1))

    def forward(self, source: torch.Tensor, pkd: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        x = self.source(source) * self.scale + self.places[: source.shape[1]]
        x = self.dropout(x + self.affinity(pkd[:, None])[:, None])
        y = self.dropout(self.target(seen) * self.scale + self.places[: seen.shape[1]])
        causal = nn.Transformer.generate_square_subsequent_mask(seen.shape[1])
        hidden = source == PAD
        return self.output(self.body(
            x, y, tgt_mask=causal, src_key_padding_mask=hidden, memory_key_padding_mask=hidden,
            tgt_is_causal=True,
        ))  # fmt: skip


def ours(config: Seq2SeqConfig, data: RecordRows) -> Iterator[int]:
    """A step of the house's loop at a time; useful tokens."""
    family = AntibodyGenerator()
    values = family.values(config, data)
    model = family.build(config, values).train()
    optimizer = family.optimizer(config, model)
    batches = family._batches(config, data, Worker(), seed=0)
    for epoch in range(100):
        for part in batches.epoch(epoch, batches.start):
            loss = torch.zeros(())
            for rows in part.rows:
                batch = family.collate(config, values, rows, _use())
                inputs = {k: torch.from_numpy(v) if isinstance(v, np.ndarray) else v
                          for k, v in batch.inputs.items()}  # fmt: skip
                loss = loss + family.losses(config, model, inputs) / batch.count
            _step(model, optimizer, loss)
            yield _useful(rows)


def plain(config: Seq2SeqConfig, data: RecordRows) -> Iterator[int]:
    """A step of the plain loop at a time, batches padded to 512 and 300."""
    model = Plain(config).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate)
    rng = np.random.default_rng(0)
    count = nn.CrossEntropyLoss(ignore_index=PAD, label_smoothing=config.label_smoothing)
    while True:
        order = rng.permutation(len(data))
        for first in range(0, len(order), config.batch_size):
            rows = data.take(order[first : first + config.batch_size])
            batch = batch_of(config, rows, (7.5, 1.5))
            wide = {name: torch.full((len(rows), most), PAD) for name, most in
                    (("source", SOURCE), ("seen", TARGET), ("said", TARGET))}  # fmt: skip
            for name, table in wide.items():
                table[:, : batch[name].shape[1]] = torch.from_numpy(batch[name])
            logits = model(wide["source"], torch.from_numpy(batch["pkd"]), wide["seen"])
            _step(model, optimizer, count(logits.flatten(0, 1), wide["said"].flatten()))
            yield _useful(rows)


def _use() -> object:
    from distrib.trainables.training.family import Use

    return Use("train", np.random.SeedSequence(0))


def _step(model: nn.Module, optimizer: torch.optim.Optimizer, loss: torch.Tensor) -> None:
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()


def _useful(rows: RecordRows) -> int:
    antigens = np.minimum(np.diff(rows.sources) + 2, SOURCE)
    return int(antigens.sum()) + len(rows.antibodies)


def training(args: argparse.Namespace) -> None:
    family = AntibodyGenerator()
    data = family.load(family.Source(path=args.data, light=args.light))
    config = family.Config(width=args.width, num_heads=args.heads, encoder_layers=args.layers,
                           decoder_layers=args.layers, on_long="truncate",
                           batch_size=args.batch)  # fmt: skip
    budget = replace_budget(config, args)
    ways: dict[str, Iterator[int]] = {
        "padded to 512 and 300": plain(config, data),
        f"batches of {args.batch} rows": ours(config, data),
        f"batches of {budget.batch_tokens} tokens": ours(budget, data),
    }
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for steps in ways.values():
        next(steps)  # warm
    for _ in range(args.rounds):
        for name, steps in ways.items():
            tokens, began = 0, time.process_time()
            while time.process_time() - began < args.seconds:
                tokens += next(steps)
            rates[name].append(tokens / (time.process_time() - began))
    first = statistics.median(rates["padded to 512 and 300"])
    for name, found in rates.items():
        rate = statistics.median(found)
        print(f"{name}: {rate:,.0f} useful tokens per core-second, {rate / first:.2f} times")


def replace_budget(config: Seq2SeqConfig, args: argparse.Namespace) -> Seq2SeqConfig:
    return config.model_copy(update={"batch_tokens": args.batch * 400})


def generation(args: argparse.Namespace) -> None:
    config = Seq2SeqConfig(width=args.width, num_heads=args.heads, encoder_layers=args.layers,
                           decoder_layers=args.layers)  # fmt: skip
    torch.manual_seed(0)
    model = Seq2Seq(size_of(config)).eval()
    with torch.no_grad():
        model.output.bias[END] = -1e9
    source = torch.randint(5, NUM_TOKENS, (args.rows, args.antigen + 2))
    pkd = torch.zeros(args.rows)
    how = Sampling(max_length=args.tokens)

    def kept() -> None:
        decode(model, source, None, pkd, how, special=(PAD, START, END),
               generator=torch.Generator().manual_seed(0))  # fmt: skip

    def anew() -> None:
        with torch.inference_mode():
            memory = model.encode(source, None, pkd)
            seen = torch.full((args.rows, 1), START)
            for _ in range(args.tokens):
                x = model.embed_target(seen, None)
                for layer in model.decoder.layers:
                    x = layer(x, memory, None)
                logits = model.output(model.decoder.norm(x[:, -1]))
                seen = torch.cat([seen, logits.softmax(-1).multinomial(1)], dim=1)

    def seconds(run: Callable[[], None]) -> float:
        began = time.process_time()
        run()
        return time.process_time() - began

    fast = statistics.median(seconds(kept) for _ in range(args.rounds))
    slow = seconds(anew)
    print(f"{args.rows} antibodies of {args.tokens} tokens: {fast:.1f} core-s with kept keys and "
          f"values, {slow:.1f} anew for every token, {slow / fast:.1f} times")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["training", "generation"])
    parser.add_argument("--data", help="records; without: simulated ones")
    parser.add_argument("--light", action="store_true")
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6.0, help="of each way in a round")
    parser.add_argument("--rows", type=int, default=256)
    parser.add_argument("--tokens", type=int, default=240)
    parser.add_argument("--antigen", type=int, default=200)
    args = parser.parse_args()
    torch.set_num_threads(1)
    {"training": training, "generation": generation}[args.what](args)


if __name__ == "__main__":
    main()
