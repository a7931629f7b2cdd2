"""A stream keeps within its memory on a set of ten times as much."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from distrib.data.streams.parquet_set import open_set
from distrib.data.streams.stream import Rows, Stream, Tokens

MEMORY = 4 * 2**20


@pytest.fixture
def pool() -> Iterator[pa.MemoryPool]:
    """Arrow's memory from here on, with a peak of its own."""
    former = pa.default_memory_pool()
    counted = pa.proxy_memory_pool(former)
    pa.set_memory_pool(counted)
    yield counted
    pa.set_memory_pool(former)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """About ten times the memory once decoded; texts repeat, so that the files are far smaller."""
    folder = tmp_path_factory.mktemp("set")
    rows = 10 * MEMORY // (4 * 64 + 64) // 4
    for i in range(4):
        values = np.random.default_rng(i).standard_normal((rows, 64)).astype(np.float32)
        table = pa.table({
            "x": pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), 64),
            "t": [f"{k % 11:060d}" for k in range(rows)],
        })  # fmt: skip
        pq.write_table(table, folder / f"{i}.parquet", row_group_size=400)
    return folder


@pytest.mark.parametrize("lanes", [1, 8])
@pytest.mark.parametrize("batch", [Rows(64), Tokens(6000, "t")])
@pytest.mark.parametrize("seed", [None, 0])
def test_memory_stays_within_the_limit(
    folder: Path, pool: pa.MemoryPool, lanes: int, batch: Rows | Tokens, seed: int | None
) -> None:
    data = open_set(folder)
    assert sum(shard.bytes for shard in data.shards) > 9 * MEMORY
    stream = Stream(data, batch, seed=seed, lanes=lanes, memory=MEMORY)
    assert stream.num_lanes == lanes
    assert sum(step.table.num_rows for step in stream.epoch(0)) == data.rows
    assert MEMORY / 16 < pool.max_memory() < MEMORY
