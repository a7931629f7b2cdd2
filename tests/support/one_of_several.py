"""One worker of several without Ray: trains the stream family and writes down what came of it.

python -m tests.support.one_of_several RANK SIZE MEETING DATA OUT STATE STOP
"""

from __future__ import annotations

import json
import sys
from contextlib import closing
from pathlib import Path

from distrib.study.record.checkpoint import read_state, write_state
from distrib.trainables.base import Source, Worker
from distrib.trainables.training.data_parallel import process_group
from tests.support.stream_family import Net, NetConfig

CONFIG = NetConfig(epochs=3, hidden=4, learning_rate=0.1)


def main(rank: int, size: int, meeting: Path, data: str, out: Path, state: str, stop: int) -> None:
    """Train, from `state` where it is not empty, to the end or to item number `stop`."""
    family = Net()
    begun = read_state(Path(state)) if state else None
    rows, items = [], 0
    with process_group(Worker(), rank, size, meeting, one_node=True) as worker:
        training = family.progress(CONFIG, family.load(Source(path=data)), worker, begun)
        with closing(training):  # what wraps the model must go before the group does
            for item in training:
                items += 1
                if item.metrics is not None:
                    rows.append(item.metrics["mse"])
                if items == stop:
                    break
            end = item.state()
    if rank == 0:
        write_state(out.with_suffix(".safetensors"), end)
        out.with_suffix(".json").write_text(json.dumps(rows))


if __name__ == "__main__":
    rank, size, meeting, data, out, state, stop = sys.argv[1:]
    main(int(rank), int(size), Path(meeting), data, Path(out), state, int(stop))
