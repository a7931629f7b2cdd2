"""Sets of Parquet files: what opening one tells, and every way in which one can be unfit."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from distrib.data.streams.parquet_set import ParquetSet, open_set
from distrib.data.streams.parquet_set_manifest import SetFile, write_manifest
from distrib.errors import InputError


def write(folder: Path, rows: list[int], group: int = 4, name: str = "part-{}-of-{}") -> int:
    """Files of so many rows, their `id` counting on; the number of rows in all."""
    start = 0
    for i, size in enumerate(rows):
        ids = np.arange(start, start + size)
        table = pa.table({"id": ids, "gene": [f"TRBV{k % 5}" for k in ids], "x": ids / 2})
        pq.write_table(table, folder / f"{name.format(i, len(rows))}.parquet", row_group_size=group)
        start += size
    return start


def read_ids(rows: ParquetSet) -> list[int]:
    return [i for shard in rows.shards for i in rows.read(shard)["id"].to_pylist()]


def test_footers_tell_files_shards_and_schema(tmp_path: Path) -> None:
    write(tmp_path, [10, 3])
    rows = open_set(tmp_path)
    assert [(s.file, s.group, s.first, s.rows) for s in rows.shards] == [
        (0, 0, 0, 4), (0, 1, 4, 4), (0, 2, 8, 2), (1, 0, 0, 3),
    ]  # fmt: skip
    told = rows.describe()
    assert (told["files"], told["shards"], told["rows"]) == (2, 4, 13)
    assert told["bytes"] == sum(path.stat().st_size for path in tmp_path.iterdir())
    assert told["columns"] == {"id": "int64", "gene": "string", "x": "double"}
    assert json.loads(json.dumps(told)) == told
    assert read_ids(rows) == list(range(13))


def test_the_fingerprint_follows_content_not_place(tmp_path: Path) -> None:
    for folder, sizes in {"a": [5, 5], "b": [5, 5], "c": [5, 6]}.items():
        (tmp_path / folder).mkdir()
        write(tmp_path / folder, sizes)
    a, b, c = (open_set(tmp_path / folder).fingerprint for folder in "abc")
    assert a == b != c


def test_one_file_is_a_set(tmp_path: Path) -> None:
    write(tmp_path, [6, 6], name="{}")
    rows = open_set(tmp_path / "1.parquet", columns=["x", "id"])
    assert rows.schema.names == ["x", "id"]
    assert read_ids(rows) == list(range(6, 12))


def test_a_set_travels_as_metadata(tmp_path: Path) -> None:
    write(tmp_path, [400, 400], group=400)
    rows = open_set(tmp_path)
    sent = pickle.dumps(rows)
    assert len(sent) < 4000
    assert read_ids(pickle.loads(sent)) == list(range(800))


@pytest.mark.parametrize("scheme", ["memory", "file"])
def test_a_url_reads_as_the_folder_does(tmp_path: Path, scheme: str) -> None:
    write(tmp_path, [7, 5])
    here = open_set(tmp_path)
    url = f"file://{tmp_path}"
    if scheme == "memory":
        url = f"memory://{tmp_path.name}"
        memory = fsspec.filesystem("memory")
        for path in tmp_path.iterdir():
            memory.pipe(f"/{tmp_path.name}/{path.name}", path.read_bytes())
    there = open_set(url)
    assert there.describe() == here.describe()
    assert read_ids(there) == read_ids(here)
    write_manifest(url, there.files)
    assert open_set(url).files == here.files


def test_categories_are_read_as_their_values(tmp_path: Path) -> None:
    for i, kind in enumerate([pa.int8(), pa.int32()]):
        genes = pa.array(["V1", "V2", "V1"]).dictionary_encode().cast(
            pa.dictionary(kind, pa.string())
        )  # fmt: skip
        pq.write_table(pa.table({"gene": genes}), tmp_path / f"{i}.parquet")
    rows = open_set(tmp_path)
    assert rows.read(rows.shards[1]).column("gene").type == pa.string()
    assert rows.read(rows.shards[1]).column("gene").to_pylist() == ["V1", "V2", "V1"]


def test_decoded_sizes_are_told_by_footers(tmp_path: Path) -> None:
    n = 2000
    table = pa.table({
        "profile": pa.FixedSizeListArray.from_arrays(pa.array(np.arange(n * 8.0)), 8),
        "gene": ["TRBV12-3*01"] * n,  # stored once, decoded n times
        "cdr3": ["CASS" + "A" * (i % 20) for i in range(n)],
        "tokens": [list(range(i % 7)) for i in range(n)],
    })  # fmt: skip
    pq.write_table(table, tmp_path / "a.parquet")
    [shard] = open_set(tmp_path).shards
    decoded = pq.read_table(tmp_path / "a.parquet").nbytes
    assert 0.8 * decoded < shard.bytes < 1.5 * decoded


def test_a_manifest_lists_the_whole_set(tmp_path: Path) -> None:
    write(tmp_path, [4, 4, 4])
    write_manifest(tmp_path, open_set(tmp_path).files)
    (tmp_path / "part-1-of-3.parquet").rename(tmp_path / "part-1-of-3.parquet.bak")
    with pytest.raises(InputError, match=r"part-1-of-3\.parquet: a file of the manifest is missi"):
        open_set(tmp_path)


def test_with_a_manifest_numbers_may_have_gaps(tmp_path: Path) -> None:
    write(tmp_path, [4, 4, 4])
    (tmp_path / "part-1-of-3.parquet").unlink()  # as where an input gave no rows
    files = [
        SetFile(name, 4, (tmp_path / name).stat().st_size)
        for name in ("part-0-of-3.parquet", "part-2-of-3.parquet")
    ]
    write_manifest(tmp_path, files)
    assert open_set(tmp_path).rows == 8


def test_files_counted_from_one(tmp_path: Path) -> None:
    write(tmp_path, [4, 4], name="{}")
    (tmp_path / "0.parquet").rename(tmp_path / "train-00001-of-00002.parquet")
    (tmp_path / "1.parquet").rename(tmp_path / "train-00002-of-00002.parquet")
    assert open_set(tmp_path).rows == 8


def _cut_short(folder: Path) -> None:
    path = folder / "part-1-of-3.parquet"
    path.write_bytes(path.read_bytes()[:-20])


def _other_type(folder: Path) -> None:
    table = pq.read_table(folder / "part-1-of-3.parquet")
    other = table.set_column(2, "x", table.column("x").cast(pa.float32()))
    pq.write_table(other, folder / "part-1-of-3.parquet")


def _less_columns(folder: Path) -> None:
    table = pq.read_table(folder / "part-2-of-3.parquet")
    pq.write_table(table.drop_columns("gene"), folder / "part-2-of-3.parquet")


def _no_rows(folder: Path) -> None:
    table = pq.read_table(folder / "part-1-of-3.parquet")
    pq.write_table(table.slice(0, 0), folder / "part-1-of-3.parquet")


def _manifest(**change: Any) -> Any:
    def spoil(folder: Path) -> None:
        write_manifest(folder, open_set(folder).files)
        content = json.loads((folder / "manifest.json").read_text())
        (folder / "manifest.json").write_text(json.dumps(content | change))

    return spoil


def _manifest_rows(folder: Path) -> None:
    name, rows, size = open_set(folder).files[0]
    write_manifest(folder, [SetFile(name, rows + 1, size), *open_set(folder).files[1:]])


def _stray(folder: Path) -> None:
    write_manifest(folder, open_set(folder).files)
    pq.write_table(pa.table({"id": [1]}), folder / "old.parquet")


def _rewritten(folder: Path) -> None:
    write_manifest(folder, open_set(folder).files)
    table = pq.read_table(folder / "part-0-of-3.parquet")
    pq.write_table(pa.concat_tables([table, table]), folder / "part-0-of-3.parquet")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda f: [p.unlink() for p in f.iterdir()], ["no Parquet files", "*.parquet"]),
        (lambda f: (f / "part-1-of-3.parquet").unlink(), ["part-1-of-3.parquet", "missing"]),
        (
            lambda f: (f / "part-0-of-3.parquet").rename(f / "part-0-of-4.parquet"),
            ["files of two sets", "-of-3", "-of-4"],
        ),
        (_cut_short, ["part-1-of-3.parquet: the file cannot be read", "cut short"]),
        (lambda f: (f / "part-2-of-3.parquet").write_bytes(b""), ["part-2-of-3.parquet"]),
        (
            lambda f: (f / "part-0-of-3.parquet").write_text("id,gene\n" * 9),
            ["part-0-of-3.parquet: the file cannot be read"],
        ),
        (_other_type, ["part-1-of-3.parquet, column 'x'", "found:    float", "expected: double"]),
        (_less_columns, ["part-2-of-3.parquet, column 'gene'", "no such column"]),
        (_no_rows, ["part-1-of-3.parquet: the file has no rows"]),
        (_manifest(format=2), ["manifest.json, format", "expected"]),
        (_manifest(rows=5), ["manifest.json, rows", "found:    5", "expected: 12"]),
        (_manifest(files=[{"name": 3}]), ["manifest.json, files.0.name"]),
        (lambda f: (f / "manifest.json").write_text("{"), ["manifest.json", "JSON"]),
        (_manifest_rows, ["part-0-of-3.parquet", "4 rows", "5 rows"]),
        (_stray, ["old.parquet: a file that the manifest does not list"]),
        (_rewritten, ["part-0-of-3.parquet: the file is not the one of the manifest"]),
    ],
)  # fmt: skip
def test_unfit_sets_are_refused_by_file(tmp_path: Path, spoil: Any, told: list[str]) -> None:
    write(tmp_path, [4, 4, 4])
    spoil(tmp_path)
    with pytest.raises(InputError) as error:
        open_set(tmp_path)
    for words in told:
        assert words in str(error.value)


@pytest.mark.parametrize(
    ("place", "columns", "told"),
    [
        ("nowhere", None, "no such file or folder"),
        ("zork://bucket/folder", None, "no filesystem for this URL"),
        ("dir:///somewhere", None, "no filesystem for this URL"),
        ("s3://", None, "s3://: this URL names no place"),
        ("http://127.0.0.1:9/rows/", None, "a web server has no folders"),
        (".", ["idd"], "did you mean 'id'?"),
        (".", [], "no column to read"),
        (".", ["id", "id"], "asked for twice"),
    ],
)
def test_unfit_requests_are_refused(
    tmp_path: Path, place: str, columns: list[str] | None, told: str
) -> None:
    write(tmp_path, [4])
    with pytest.raises(InputError, match="(?s)" + told.replace("?", r"\?")):
        open_set(place if "://" in place else tmp_path / place, columns)


def test_files_in_the_making_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path, [4])
    (tmp_path / ".b.parquet.17.part.parquet").write_bytes(b"half")
    (tmp_path / "_b.parquet").write_bytes(b"half")
    assert open_set(tmp_path).rows == 4


@pytest.mark.parametrize("change", ["gone", "cut", "longer", "other type", "fewer groups"])
def test_a_file_that_changes_after_opening_is_named(tmp_path: Path, change: str) -> None:
    write(tmp_path, [8, 8])
    rows = open_set(tmp_path)
    path = tmp_path / "part-1-of-2.parquet"
    table = pq.read_table(path)
    if change == "gone":
        path.unlink()
    elif change == "cut":
        path.write_bytes(path.read_bytes()[:300])
    elif change == "longer":
        pq.write_table(table, path, row_group_size=5)
    elif change == "other type":
        pq.write_table(table.set_column(0, "id", table["id"].cast("int32")), path, 4)
    else:
        pq.write_table(table, path)
    with pytest.raises(InputError, match=r"part-1-of-2\.parquet"):
        rows.read(rows.shards[-1])


def test_a_file_that_was_written_anew_is_told(tmp_path: Path) -> None:
    """Also where it has as many rows and row groups as before."""
    path = tmp_path / "part-0.parquet"
    pq.write_table(pa.table({"x": [0.5] * 100}), path)
    rows = open_set(tmp_path)
    pq.write_table(pa.table({"x": [float(i) for i in range(100)]}), path)
    with pytest.raises(InputError, match=r"part-0\.parquet(.|\n)*bytes, \d+ before"):
        rows.read(rows.shards[0])


def test_damaged_pages_are_told(tmp_path: Path) -> None:
    table = pa.table({"x": np.random.default_rng(0).random(1000)})
    path = tmp_path / "a.parquet"
    pq.write_table(table, path, write_page_checksum=True, compression="none", use_dictionary=False)
    rows = open_set(path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.parquet: the file cannot be read"):
        rows.read(rows.shards[0])


class _Flaky(MemoryFileSystem):
    """Files of the memory filesystem whose opening fails so many times first."""

    protocol = "flaky"
    cachable = False
    failures = 0

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return super()._strip_protocol(path.removeprefix("flaky://"))

    def _open(self, path: str, *args: Any, **kwargs: Any) -> Any:
        if type(self).failures:
            type(self).failures -= 1
            raise OSError("connection reset")
        return super()._open(path, *args, **kwargs)


@pytest.mark.parametrize("failures", [2, 3])
def test_a_remote_file_gets_three_attempts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failures: int
) -> None:
    fsspec.register_implementation("flaky", _Flaky, clobber=True)
    write(tmp_path, [4])
    [path] = tmp_path.iterdir()
    fsspec.filesystem("memory").pipe(f"/flaky-{failures}/a.parquet", path.read_bytes())
    rows = open_set(f"flaky://flaky-{failures}/a.parquet")
    monkeypatch.setattr(_Flaky, "failures", failures)
    monkeypatch.setattr("distrib.data.streams.parquet_set_files.PAUSES", (0.0, 0.0))
    if failures == 2:
        assert read_ids(rows) == [0, 1, 2, 3]
    else:
        with pytest.raises(InputError, match=r"(?s)a\.parquet.*connection reset"):
            read_ids(rows)
