"""One worker of several without Ray: trains a family and writes down what came of it.

python -m tests.support.one_of_several FAMILY RANK SIZE MEETING DATA OUT STATE STOP
"""

from __future__ import annotations

import json
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from distrib.study.record.checkpoint import read_state, write_state
from distrib.trainables.antibodies.seq2seq.config import Seq2SeqConfig
from distrib.trainables.antibodies.seq2seq.family import AntibodyGenerator
from distrib.trainables.base import Worker
from distrib.trainables.training.data_parallel import process_group
from tests.families.stream_family import Net, NetConfig
from tests.families.token_family import Lm, LmConfig


class Generator(AntibodyGenerator):
    """Offers a chance after every step."""

    chance_every = 0.0


FAMILIES: dict[str, tuple[Any, Any]] = {
    "stream": (Net(), NetConfig(epochs=3, hidden=4, learning_rate=0.1)),
    "arrays": (
        Lm(),
        LmConfig(
            epochs=3,
            batch_tokens=60,  # about three texts, which three workers share unevenly
            accumulate=3,
            schedule="cosine",
            warmup=0.2,
            clip_norm=0.5,
            weight_decay=0.1,
            held_out=0.25,
        ),
    ),
    "generator": (
        Generator(),
        Seq2SeqConfig(
            width=16,
            num_heads=2,
            epochs=3,
            batch_tokens=1200,  # about six records of like lengths
            accumulate=2,
            learning_rate=1e-3,
            dropout=0.0,
            held_out=0.25,
            samples=6,
            condition_decoder=True,
        ),
    ),
}


def main(
    name: str, rank: int, size: int, meeting: Path, data: str, out: Path, state: str, stop: int
) -> None:
    """Train, from `state` where it is not empty, to the end or to item number `stop`."""
    family, config = FAMILIES[name]
    begun = read_state(Path(state)) if state else None
    rows, items = [], 0
    with process_group(Worker(), rank, size, meeting, one_node=True) as worker:
        training = family.progress(config, family.load(family.Source(path=data)), worker, begun)
        with closing(training):  # what wraps the model must go before the group does
            for item in training:
                items += 1
                if item.metrics is not None:
                    rows.append(item.metrics[family.metrics[0].name])
                if items == stop:
                    break
            end = item.state()
    if rank == 0:
        write_state(out.with_suffix(".safetensors"), end)
        out.with_suffix(".json").write_text(json.dumps(rows))


if __name__ == "__main__":
    name, rank, size, meeting, data, out, state, stop = sys.argv[1:]
    main(name, int(rank), int(size), Path(meeting), data, Path(out), state, int(stop))
