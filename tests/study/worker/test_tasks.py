"""Loading on a worker: whatever is wrong with the data comes back as one text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from distrib.errors import InputError
from distrib.study.space.space import Space
from distrib.study.worker.family_spec import FamilySpec
from distrib.study.worker.tasks import load_data
from distrib.trainables.base import Source, Worker
from tests.support.stream_family import Net
from tests.support.toys import Curve, Points

NOTHING = Space("nothing", "", ())


class Refusing(Curve):
    """Refuses its data in the method that the data option names."""


def refusing(name: str) -> Any:
    real = getattr(Curve, name)

    def method(self: Curve, *args: Any, **kwargs: Any) -> Any:
        if Refusing.where == name:
            raise InputError("these cannot be used", where=name)
        return real(self, *args, **kwargs)

    return method


for each in ("load", "set_aside", "unfit", "check", "check_rows", "count"):
    setattr(Refusing, each, refusing(each))


@pytest.mark.parametrize(
    "where", ["load", "set_aside", "unfit", "check", "check_rows", "count", "nowhere"]
)
def test_a_refusal_is_told_wherever_it_comes_up(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Refusing, "where", where, raising=False)
    spec = FamilySpec(f"{__name__}:Refusing", Worker(), allow_custom=True)
    data, _, described = load_data(spec, Source(path="rows.csv"), 0.2, 0, NOTHING, 1)
    if where == "nowhere":
        assert described["search_rows"] + described["test_rows"] == 20
    else:
        assert data is None
        assert described == {"error": f"rows.csv, {where}: these cannot be used"}


def test_a_family_that_a_worker_has_not_is_told() -> None:
    found = load_data(
        FamilySpec("lab_none:Mine", Worker(), allow_custom=True), Source(), 0, 0, NOTHING
    )
    assert "put lab_none.py beside" in found[2]["error"]


class Streaming(Net):
    """A family of streams that checks nothing itself."""

    def check(self, *args: Any, **kwargs: Any) -> None:
        """Anything goes."""


@pytest.mark.parametrize(
    ("groups", "least", "most", "workers"),
    [(1, 1, 3, 1), (2, 1, 3, 2), (3, 2, 3, 3), (9, 2, 3, 3), (1, 2, 3, None), (2, 3, 3, None)],
)
def test_as_many_workers_as_there_are_row_groups(
    tmp_path: Path, groups: int, least: int, most: int, workers: int | None
) -> None:
    table = pa.table({"x": [[0.0] * 4] * groups, "y": [0.0] * groups})
    pq.write_table(table, tmp_path / "rows.parquet", row_group_size=1)
    spec = FamilySpec(f"{__name__}:Streaming", Worker(), allow_custom=True)
    source = Source(path=str(tmp_path))
    _, _, described = load_data(spec, source, 0, 0, NOTHING, most, least)
    if workers is None:
        assert "fewer row groups than workers" in described["error"]
        assert f"at least {least}" in described["error"]
    else:
        assert described["workers"] == workers


class Failing(Curve):
    """A family with a bug in what reads its data."""

    def load(self, source: Source, *, targets: bool = True) -> Points:
        raise TypeError("no such argument")


@pytest.mark.parametrize("path", [None, "my_screen/"])
def test_a_bug_in_the_loading_is_told_in_a_few_lines(path: str | None) -> None:
    spec = FamilySpec(f"{__name__}:Failing", Worker(), allow_custom=True)
    _, _, described = load_data(spec, Source(path=path), 0.2, 0, NOTHING, 1)
    said = described["error"]
    where = f"trainable {__name__}:Failing: the family failed to load its data\n"
    assert where in said
    assert "found:    TypeError: no such argument (test_tasks.py:" in said
    assert "--debug" in said
    assert ("add --data" in said) == (path is None)  # what a family without data of its own needs


class Lopsided(Curve):
    """Leaves nothing on one side."""

    def count(self, data: Points) -> int:
        return 0 if len(data.values) < 10 else len(data.values)


def test_a_part_without_rows_is_refused() -> None:
    spec = FamilySpec(f"{__name__}:Lopsided", Worker(), allow_custom=True)
    _, _, described = load_data(spec, Source(), 0.2, 0, NOTHING, 1)
    assert described["error"].startswith("--test-fraction: the test part has no rows")
