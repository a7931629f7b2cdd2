"""Loading on a worker: whatever is wrong with the data comes back as one text."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from distrib.errors import InputError
from distrib.study.space.space import Space
from distrib.study.worker.family_spec import FamilySpec
from distrib.study.worker.tasks import load_data
from distrib.trainables.base import Source, Worker
from distrib.trainables.capabilities import Unfit
from tests.families.token_family import write_texts
from tests.families.toys import Curve, CurveConfig, Points

NOTHING = Space("nothing", "", ())


class Refusing(Curve):
    """Refuses its data in the method that `where` names."""

    where: ClassVar[str]

    def load(self, source: Source, *, targets: bool = True) -> Points:
        return self.refused("load", super().load(source, targets=targets))

    def set_aside(self, data: Points, fraction: float, seed: int) -> tuple[Points, Points]:
        rest, test = np.arange(16), np.arange(16, 20)
        return self.refused("set_aside", (data.take(rest), data.take(test)))

    def count(self, data: Points) -> int:
        return self.refused("count", len(data.values))

    def unfit(self, data: Points) -> list[Unfit]:
        return self.refused("unfit", [])

    def check(self, config: CurveConfig, data: Points, num_workers: int = 1) -> None:
        self.refused("check")

    def check_rows(self, config: CurveConfig, data: Points) -> None:
        self.refused("check_rows")

    def budget(self, config: CurveConfig, data: Points) -> int | None:
        return self.refused("budget")

    def refused(self, method: str, given: Any = None) -> Any:
        if self.where == method:
            raise InputError("these cannot be used", where=method)
        return given


@pytest.mark.parametrize(
    "where", ["load", "set_aside", "unfit", "check", "check_rows", "count", "budget", "nowhere"]
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


@pytest.mark.parametrize(
    ("groups", "least", "most", "workers"),
    [(1, 1, 3, 1), (2, 1, 3, 2), (3, 2, 3, 3), (9, 2, 3, 3), (1, 2, 3, None), (2, 3, 3, None)],
)
def test_as_many_workers_as_there_are_row_groups(
    tmp_path: Path, groups: int, least: int, most: int, workers: int | None
) -> None:
    rows = 30 * groups
    table = pa.table({"x": [[0.0] * 4] * rows, "y": [0.0] * rows})
    pq.write_table(table, tmp_path / "rows.parquet", row_group_size=30)
    spec = FamilySpec("tests.families.stream_family:Net", Worker(), allow_custom=True)
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

    def set_aside(self, data: Points, fraction: float, seed: int) -> tuple[Points, Points]:
        return data, data.take(np.arange(4))

    def count(self, data: Points) -> int:
        return 0 if len(data.values) < 10 else len(data.values)


def test_a_part_without_rows_is_refused() -> None:
    spec = FamilySpec(f"{__name__}:Lopsided", Worker(), allow_custom=True)
    _, _, described = load_data(spec, Source(), 0.2, 0, NOTHING, 1)
    assert described["error"].startswith("--test-fraction: the test part has no rows")


@pytest.mark.parametrize(
    ("words", "fraction", "test_rows", "said"),
    [
        (("train", "validation"), None, 0, "the data name no test part, so that there is none"),
        (("train", "validation"), 0.25, 15, None),
        (("train", "validation"), 0, 0, None),
        (("train", "test"), None, 60, None),
        (("train", "test"), 0.25, 60, "--test-fraction has no say in it"),
    ],
)
def test_what_data_with_a_column_split_are_tested_on_is_told(
    tmp_path: Path,
    words: tuple[str, str],
    fraction: float | None,
    test_rows: int,
    said: str | None,
) -> None:
    """The column is the user's whole word; a share beside it is of the training rows."""
    write_texts(tmp_path / "texts.csv", 120, split=True)
    table = pd.read_csv(tmp_path / "texts.csv").assign(split=list(words) * 60)
    table.to_csv(tmp_path / "texts.csv", index=False)
    spec = FamilySpec("tests.families.token_family:Lm", Worker(), allow_custom=True)
    source = Source(path=str(tmp_path))
    rest, _, described = load_data(spec, source, fraction, 0, NOTHING, 1)
    assert "error" not in described
    assert (described["test_rows"], described["search_rows"]) == (test_rows, 120 - test_rows)
    notes = [note for note in described.get("notes", ()) if "--test-fraction" in note]
    assert [said in note for note in notes] == ([True] if said else [])
    if words[1] == "validation":
        assert (rest.split == "validation").sum() == 60
