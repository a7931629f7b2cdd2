"""Streams: every row once an epoch, the same steps for any workers, exact resumption."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain, islice, pairwise
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distrib.data.streams.length_batches import cuts
from distrib.data.streams.parquet_set import ParquetSet, open_set
from distrib.data.streams.stream import Rows, Step, Stream, Tokens

Steps = list[list[int]]  # the ids of each step

quick = settings(max_examples=25)


@lru_cache(maxsize=64)
def make_set(layout: tuple[tuple[int, ...], ...]) -> ParquetSet:
    """A set in memory: files of row groups of so many rows; `id` counts on."""
    folder = f"/stream-{hash(layout)}"
    memory = fsspec.filesystem("memory")
    start = 0
    for i, groups in enumerate(layout):
        with memory.open(f"{folder}/{i:03d}.parquet", "wb") as file:
            writer = None
            for rows in groups:
                ids = np.arange(start, start + rows)
                start += rows
                table = pa.table({"id": ids, "cdr3": ["A" * (1 + k * 7 % 19) for k in ids]})
                writer = writer or pq.ParquetWriter(file, table.schema)
                writer.write_table(table)
            writer.close()
    return open_set(f"memory:/{folder}")


layouts = st.lists(
    st.lists(st.integers(1, 12), min_size=1, max_size=4).map(tuple), min_size=1, max_size=4
).map(tuple)


@st.composite
def settings_of_streams(draw: st.DrawFn) -> dict[str, Any]:
    """A set, or a part of one, and what a stream of it needs beside the worker."""
    data = make_set(draw(layouts))
    if draw(st.booleans()):
        data, _ = data.split(0.3, draw(st.integers(0, 5)))
    batch = draw(
        st.integers(1, 20).map(Rows)
        | st.builds(Tokens, st.integers(19 * 8, 300), st.just("cdr3"), st.just(()))
        | st.builds(Tokens, st.integers(19 * 8, 300), st.just("id"), st.just((4, 9)))
    )
    if isinstance(batch, Tokens) and batch.length == "id":
        batch = Tokens(batch.budget * 8, "id", batch.buckets)
    largest = max(shard.bytes for shard in data.shards)
    return {
        "data": data,
        "batch": batch,
        "seed": draw(st.none() | st.integers(0, 9)),
        "lanes": draw(st.integers(1, 8)),
        "memory": largest * draw(st.integers(28, 90)),
    }


def ids(step: Step) -> list[int]:
    return step.table["id"].to_pylist()


def workers(world_size: int, **kwargs: Any) -> list[Stream]:
    return [Stream(**kwargs, rank=rank, world_size=world_size) for rank in range(world_size)]


def together(
    streams: Sequence[Stream], epoch: int, position: np.ndarray | None = None
) -> Iterator[tuple[list[int], np.ndarray]]:
    """The steps of all workers: their rows sorted, and the sum of their positions."""
    start = np.zeros((streams[0].num_lanes, 2), int) if position is None else position
    standing = [stream.share(start) for stream in streams]
    running = [stream.epoch(epoch, position) for stream in streams]
    while True:
        steps = [next(steps, None) for steps in running]
        if not any(steps):
            return
        standing = [step.position if step else at for step, at in zip(steps, standing)]
        yield sorted(chain.from_iterable(ids(s) for s in steps if s)), sum(standing)


def rows_of(data: ParquetSet) -> list[int]:
    return [i for shard in data.shards for i in data.read(shard)["id"].to_pylist()]


@given(settings_of_streams(), st.integers(0, 3))
@quick
def test_every_row_once_and_the_same_steps_for_any_workers(
    kwargs: dict[str, Any], epoch: int
) -> None:
    alone = Stream(**kwargs)
    expected = list(together([alone], epoch))
    assert sorted(chain(*(rows for rows, _ in expected))) == sorted(rows_of(kwargs["data"]))
    assert all(rows for rows, _ in expected)
    if isinstance(alone.batch, Rows):
        assert all(len(rows) <= alone.batch.size for rows, _ in expected)
    for world_size in range(2, min(3, alone.num_lanes) + 1):
        found = list(together(workers(world_size, **kwargs), epoch))
        assert [rows for rows, _ in found] == [rows for rows, _ in expected]
        if not kwargs["data"].parts:  # of a part, last windows without rows may be left or passed
            assert all((one == other).all() for (_, one), (_, other) in zip(found, expected))


@given(settings_of_streams(), st.data())
@quick
def test_an_epoch_goes_on_from_any_step(kwargs: dict[str, Any], draws: st.DataObject) -> None:
    alone = Stream(**kwargs)
    whole = [(ids(step), step.position) for step in alone.epoch(1)]
    cut = draws.draw(st.integers(0, len(whole)))
    position = whole[cut - 1][1] if cut else None
    rest = [(ids(step), step.position) for step in alone.epoch(1, position)]
    assert [rows for rows, _ in rest] == [rows for rows, _ in whole[cut:]]
    assert all((a == b).all() for (_, a), (_, b) in zip(rest, whole[cut:]))


@given(settings_of_streams(), st.data())
@quick
def test_workers_may_change_in_mid_epoch(kwargs: dict[str, Any], draws: st.DataObject) -> None:
    most = Stream(**kwargs).num_lanes
    seen: Steps = []
    position = None
    for _ in range(4):
        streams = workers(draws.draw(st.integers(1, most)), **kwargs)
        steps = draws.draw(st.integers(0, 3))
        running = together(streams, 2, position)
        taken = list(islice(running, steps))
        seen += [rows for rows, _ in taken]
        position = taken[-1][1] if taken else position
        running.close()
    seen += [rows for rows, _ in together(workers(1, **kwargs), 2, position)]
    assert seen == [rows for rows, _ in together([Stream(**kwargs)], 2)]


def test_epochs_differ_and_seeds_repeat() -> None:
    data = make_set(((10, 10), (10, 10), (7,)))

    def order(epoch: int, **kwargs: Any) -> Steps:
        return [ids(step) for step in Stream(data, Rows(8), **kwargs).epoch(epoch)]

    assert order(0, seed=1) == order(0, seed=1)
    assert order(0, seed=1) != order(1, seed=1)
    assert order(0, seed=1) != order(0, seed=2)
    assert order(0) == order(1)


def test_in_one_lane_without_a_seed_rows_come_in_file_order() -> None:
    data = make_set(((3, 5), (1,), (9, 2)))
    steps = [ids(step) for step in Stream(data, Rows(6), lanes=1).epoch(0)]
    assert steps == [list(range(i, min(i + 6, 20))) for i in range(0, 20, 6)]
    steps = [ids(step) for step in Stream(data, Tokens(60, "cdr3"), lanes=1).epoch(0)]
    assert list(chain(*steps)) == list(range(20))


@given(layouts, st.integers(1, 20), st.integers(1, 8), st.none() | st.integers(0, 9))
@quick
def test_batches_are_full_until_lanes_run_dry(
    layout: tuple[tuple[int, ...], ...], size: int, lanes: int, seed: int | None
) -> None:
    data = make_set(layout)
    memory = 28 * max(shard.bytes for shard in data.shards)  # batches span many small windows
    stream = Stream(data, Rows(size), seed=seed, lanes=lanes, memory=memory)
    left = [sum(shard.rows for window in lane for shard in window) for lane in stream._plan(0)]
    shares = [size // len(left) + (i < size % len(left)) for i in range(len(left))]
    for step in stream.epoch(0):
        taken = [min(rows, share) for rows, share in zip(left, shares)]
        assert step.table.num_rows == sum(taken)
        left = [rows - less for rows, less in zip(left, taken)]
    assert not any(left)


def test_shuffled_rows_are_mixed_over_shards() -> None:
    data = make_set(((50,) * 5,) * 4)
    stream = Stream(data, Rows(32), seed=0)
    first = ids(next(iter(stream.epoch(0))))
    assert len({i // 50 for i in first}) > 10  # of 20 shards
    rows = np.array(list(chain(*(ids(step) for step in stream.epoch(0)))))
    assert abs(np.corrcoef(rows, np.arange(1000))[0, 1]) < 0.1


def test_shards_and_rows_within_them_are_shuffled_on_their_own() -> None:
    data = make_set(((20,) * 6,))
    memory = 8 * data.shards[0].bytes  # one shard is a window
    stream = Stream(data, Rows(20), seed=0, lanes=1, memory=memory)
    epochs = [[ids(step) for step in stream.epoch(k)] for k in range(2)]
    shards = [[rows[0] // 20 for rows in epoch] for epoch in epochs]
    assert all({i // 20 for i in rows} == {k} for k, rows in zip(shards[0], epochs[0]))
    assert sorted(shards[0]) == list(range(6)) != shards[0]
    assert shards[0] != shards[1]
    orders = {tuple(i % 20 for i in rows) for epoch in epochs for rows in epoch}
    assert len(orders) == 12  # every window of every epoch has an order of its own


@pytest.mark.parametrize("buckets", [(), (5, 10, 15)])
@pytest.mark.parametrize("seed", [None, 3])
def test_batches_of_tokens_keep_the_budget(seed: int | None, buckets: tuple[int, ...]) -> None:
    data = make_set(((40,) * 5,) * 2)
    stream = Stream(data, Tokens(400, "cdr3", buckets), seed=seed, lanes=4)
    padded = real = 0
    for step in stream.epoch(0):
        lengths = [[len(s) for s in table["cdr3"].to_pylist()] for table in step.tables]
        sizes = [len(rows) * max(rows) for rows in lengths]
        assert len(step.tables) <= 4 and max(sizes) <= 100
        if seed is not None and buckets:
            assert all(
                np.searchsorted(buckets, min(rows)) == np.searchsorted(buckets, max(rows))
                for rows in lengths
            )
        padded += sum(sizes)
        real += sum(map(sum, lengths))
    assert real == sum(1 + k * 7 % 19 for k in range(400))
    if seed is not None:
        assert real / padded > (0.7 if buckets else 0.9)  # little is padding


def test_batches_of_tokens_come_in_no_order_of_length() -> None:
    stream = Stream(make_set(((200,),)), Tokens(60, "cdr3"), seed=0)
    longest = [max(map(len, step.table["cdr3"].to_pylist())) for step in stream.epoch(0)]
    assert longest not in (sorted(longest), sorted(longest, reverse=True))
    assert abs(np.corrcoef(longest, np.arange(len(longest)))[0, 1]) < 0.4


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 9)), max_size=30), st.integers(9, 40))
def test_batches_are_cut_as_late_as_the_budget_allows(
    rows: list[tuple[int, int]], budget: int
) -> None:
    rows.sort(key=lambda row: row[0])
    expected, batch = [], []
    for i, row in enumerate(rows):
        lengths = [length for _, length in [*batch, row]]
        if not batch or len(lengths) * max(lengths) > budget or batch[-1][0] != row[0]:
            expected.append(i)
            batch = []
        batch.append(row)
    buckets, lengths = np.array(rows, int).reshape(-1, 2).T
    assert list(cuts(lengths, buckets, budget)) == expected


def test_batches_of_tokens_are_as_large_as_the_budget_allows() -> None:
    data = make_set(((30,),))
    lengths = [
        [len(s) for s in step.table["cdr3"].to_pylist()]
        for step in Stream(data, Tokens(50, "cdr3"), lanes=1).epoch(0)
    ]
    for rows, following in pairwise(lengths):
        more = [*rows, following[0]]
        assert len(more) * max(more) > 50


def test_a_part_streams_its_rows_alone() -> None:
    rest, test = make_set(((9, 9), (9,))).split(0.4, seed=0)
    for part in (rest, test):
        found = chain(*(ids(step) for step in Stream(part, Rows(4), seed=5).epoch(0)))
        assert sorted(found) == rows_of(part)


def test_an_empty_part_has_no_steps() -> None:
    _, nothing = make_set(((9, 9),)).split(0.0, seed=0)
    assert list(Stream(nothing, Rows(4), seed=5).epoch(0)) == []


def test_what_the_order_depends_on_is_told() -> None:
    told = Stream(make_set(((9, 9),)), Tokens(90, "cdr3"), seed=5, lanes=3).describe()
    assert told["lanes"] == 2
    assert told["batch"] == {"kind": "tokens", "budget": 90, "length": "cdr3", "buckets": ()}
