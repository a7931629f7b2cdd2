"""Splits by hash: disjoint, complete, groups never parted, nested ones independent, and stable."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distrib.data.streams.parquet_set import ParquetSet, open_set
from distrib.data.streams.parquet_set_parts import hash_column, hash_rows, hash_texts, mix
from distrib.errors import InputError

MASK = 2**64 - 1


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> ParquetSet:
    folder = tmp_path_factory.mktemp("set")
    for i in range(3):
        ids = np.arange(i * 2000, (i + 1) * 2000)
        donors = ids * 7919 % 601  # spread over files
        table = pa.table({"id": ids, "donor": donors, "name": [f"donor {k}" for k in donors]})
        pq.write_table(table, folder / f"{i}.parquet", row_group_size=700)
    return open_set(folder, columns=["id"])


def read_ids(part: ParquetSet) -> list[int]:
    return [i for shard in part.shards for i in part.read(shard)["id"].to_pylist()]


def mixed(value: int) -> int:
    """splitmix64, as its authors write it."""
    z = (value + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def test_mix_is_splitmix64() -> None:
    # the first outputs of the reference generator seeded with 1234567
    state = np.array([1234567 + i * 0x9E3779B97F4A7C15 & MASK for i in range(3)], np.uint64)
    assert mix(state).tolist() == [6457827717110365317, 3203168211198807973, 9817491932198370423]


@given(st.lists(st.text(max_size=40), max_size=20), st.integers(1, 60))
def test_texts_hash_as_written_down(texts: list[str], piece: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("distrib.data.streams.parquet_set_parts._PIECE", piece)
        found = hash_column(pa.table({"t": pa.array(texts, pa.string())}), "t").tolist()
    expected = []
    for text in texts:
        letters = text.encode()
        total = sum((b + 1) * pow(0x100000001B3, i, 2**64) for i, b in enumerate(letters))
        expected.append(mixed((total + len(letters) * 0x9E3779B97F4A7C15) & MASK))
    assert found == expected


def test_texts_of_any_kind_and_cut_hash_alike() -> None:
    texts = ["", "TRBV20-1", "é", "TRBV20-1"]
    plain = hash_column(pa.table({"t": texts}), "t")
    for kind in (pa.large_string(), pa.string_view(), pa.binary()):
        column = pa.array(["dropped", *texts]).cast(kind).slice(1)
        table = pa.table({"t": pa.chunked_array([column.slice(0, 1), column.slice(1)])})
        assert (hash_column(table, "t") == plain).all()
    assert plain[1] == plain[3] and len(set(plain.tolist())) == 3


def test_numbers_of_any_width_hash_alike() -> None:
    wide = hash_column(pa.table({"n": pa.array([0, 5, -3], pa.int64())}), "n")
    narrow = hash_column(pa.table({"n": pa.array([0, 5, -3], pa.int8())}), "n")
    assert (wide == narrow).all()
    assert wide.tolist() == [mixed(0), mixed(5), mixed(-3 & MASK)]


def test_rows_hash_by_file_and_number() -> None:
    assert (hash_rows("a.parquet", 0, 10)[4:] == hash_rows("a.parquet", 4, 6)).all()
    assert not (hash_rows("a.parquet", 0, 10) == hash_rows("b.parquet", 0, 10)).any()


def test_golden_hashes_never_change() -> None:
    name = np.frombuffer(b"TRBV20-1*01", np.uint8)
    assert hash_texts(name, np.array([0, len(name)])).tolist() == [17931638452004898445]
    assert hash_rows("part-00000-of-00001.parquet", 7, 1).tolist() == [12017363584595134810]


@pytest.mark.parametrize("by", [None, "donor", "name"])
@given(fraction=st.floats(0, 0.95), seed=st.integers(0, 2**40))
@settings(max_examples=8)
def test_parts_are_disjoint_and_complete(
    rows: ParquetSet, by: str | None, fraction: float, seed: int
) -> None:
    rest, test = rows.split(fraction, seed, by)
    one, other = read_ids(rest), read_ids(test)
    assert sorted(one + other) == list(range(6000))
    assert (rest.count(), test.count()) == (len(one), len(other))
    if by is not None:
        groups = [{i * 7919 % 601 for i in part} for part in (one, other)]
        assert not groups[0] & groups[1]
        share, size = len(groups[1]) / 601, 601
    else:
        share, size = len(other) / 6000, 6000
    assert abs(share - fraction) < 5 * np.sqrt(fraction * (1 - fraction) / size) + 1e-9


def test_splits_nest_and_are_independent(rows: ParquetSet) -> None:
    rest, test = rows.split(0.3, seed=4, by="donor")
    train, valid = rest.split(0.3, seed=4, by="donor")
    parts = [read_ids(part) for part in (train, valid, test)]
    assert sorted(chain(*parts)) == list(range(6000))
    # with the same hashes, nothing of the rest would lie below the same bound again
    assert 0.2 < len(parts[1]) / (len(parts[0]) + len(parts[1])) < 0.4
    assert valid.describe()["parts"] == [
        {"by": "donor", "fraction": 0.3, "seed": 4, "depth": 0, "test": False, "within": None},
        {"by": "donor", "fraction": 0.3, "seed": 4, "depth": 1, "test": True, "within": None},
    ]


def test_seeds_draw_other_parts(rows: ParquetSet) -> None:
    draws = [set(read_ids(rows.split(0.5, seed)[1])) for seed in (0, 1)]
    assert 0.4 < len(draws[0] & draws[1]) / len(draws[0]) < 0.6


def test_row_numbers_tell_where_rows_stand(rows: ParquetSet) -> None:
    _, test = rows.split(0.4, seed=1, by="name")
    for shard in test.shards:
        ids = np.array(test.read(shard)["id"].to_pylist())
        assert (test.row_numbers(shard) + 2000 * shard.file == ids).all()


def test_unfit_splits_are_refused(rows: ParquetSet, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least 0, less than 1"):
        rows.split(1.0, 0)
    with pytest.raises(InputError, match="did you mean 'donor'"):
        rows.split(0.1, 0, by="doner")
    pq.write_table(pa.table({"x": [1.0, 2.0], "g": ["a", None]}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"(?s)column 'x'.*found: +double"):
        open_set(tmp_path).split(0.1, 0, by="x")
    rest, _ = open_set(tmp_path).split(0.1, 0, by="g")
    with pytest.raises(InputError, match=r"a\.parquet, row 2, column 'g'"):
        rest.read(rest.shards[0])
