"""A line of the ledger that cannot be one is named, with its trial and its field."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from distrib.errors import InputError
from distrib.study.record.ledger import Ledger
from distrib.study.record.ledger_lines import FIELDS, check_lines
from tests.support.simulate import Simulation, toy_plan

Lines = list[Any]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    simulation = Simulation(toy_plan(trials=4), tmp_path_factory.mktemp("study"))
    simulation.run()
    return (simulation.path / "ledger.journal").read_bytes()


def damaged(whole: bytes, path: Path, change: Callable[[Lines], None]) -> str:
    lines = [json.loads(line) for line in whole.splitlines()]
    change(lines)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    before = path.read_bytes()
    with pytest.raises(InputError) as caught:
        Ledger(path, "toy", "max", read_only=True)
    assert path.read_bytes() == before
    assert f"distrib.doctor {path.parent} --rebuild-ledger" in str(caught.value)
    return str(caught.value)


def test_a_whole_ledger_passes(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "ledger.journal"
    path.write_bytes(whole)
    check_lines(path)
    path.write_bytes(whole + b'{"op_')
    check_lines(path)


def test_every_field_that_is_missing_is_named(whole: bytes, tmp_path: Path) -> None:
    seen = set()
    for k, log in enumerate(map(json.loads, whole.splitlines())):
        for key in ("op_code", "worker_id", *FIELDS[log["op_code"]]):
            if (log["op_code"], key) in seen:
                continue
            seen.add((log["op_code"], key))
            said = damaged(
                whole, tmp_path / "ledger.journal", lambda lines, k=k, key=key: lines[k].pop(key)
            )
            assert f"line {k + 1}" in said
            assert f"no {key}" in said
            if key != "trial_id" and "trial_id" in log:
                assert f"trial {log['trial_id']}" in said
    ends = [k for k, log in enumerate(map(json.loads, whole.splitlines())) if log.get("state") == 1]
    for value in (None, [], ["x"], [1, 2]):
        said = damaged(whole, tmp_path / "ledger.journal",
                       lambda lines, value=value: lines[ends[0]].update(values=value))  # fmt: skip
        assert f"line {ends[0] + 1}" in said
    assert {code for code, _ in seen} >= {0, 4, 5, 6, 7, 8}


@pytest.mark.parametrize(
    ("at", "key", "value", "says"),
    [
        (2, "distribution", '{"attributes": {"low": 0, "high": 1}}',
         ["line 3, trial 0, parameter ", "no 'name'"]),
        (2, "distribution", '{"name": "FloatDistribution"}', ["line 3", "attributes"]),
        (2, "distribution", "{", ["line 3", "distribution"]),
        (2, "param_value_internal", None, ["line 3, trial 0, parameter ", "None"]),
        (2, "trial_id", 7, ["line 3, trial 7", "the 1 that the lines before it begin"]),
        (0, "op_code", 99, ["line 1", "op_code: 99"]),
        (0, "directions", 2, ["line 1", "directions: 2"]),
        (-1, "state", 9, ["trial 3", "state: 9"]),
        (-1, "datetime_complete", "x", ["trial 3", "datetime_complete: 'x'"]),
        (-1, "datetime_complete", None, ["trial 3", "datetime_complete: None"]),
        (1, "datetime_start", "yesterday", ["line 2", "datetime_start: 'yesterday'"]),
        (1, "together", "3", ["line 2", "together: '3'"]),
        (2, "param_value_internal", float("nan"), ["line 3, trial 0, parameter ", "nan"]),
        (0, "directions", [], ["line 1", "directions: []"]),
        (0, "directions", [1, 2], ["line 1", "directions: [1, 2]"]),
        (-2, "user_attr", {"latest": [1]}, ["trial 3", "latest: [1]"]),
        (-2, "user_attr", {"latest": {"loss": "big"}}, ["trial 3", "latest: {'loss': 'big'}"]),
        (-2, "user_attr", {"seconds": None}, ["trial 3", "seconds: None"]),
        (-2, "user_attr", {"retries": "two"}, ["trial 3", "retries: 'two'"]),
        (-2, "user_attr", {"pauses": 4}, ["trial 3", "pauses: 4", "beginnings and ends"]),
        (-2, "user_attr", {"pauses": [[1, 2, 3]]}, ["trial 3", "pauses: [[1, 2, 3]]"]),
        (-2, "user_attr", {"pauses": [["noon"]]}, ["trial 3", "pauses: [['noon']]"]),
    ],
)  # fmt: skip
def test_a_field_that_says_something_else_is_named(
    at: int, key: str, value: object, says: list[str], whole: bytes, tmp_path: Path
) -> None:
    def change(lines: Lines) -> None:
        lines[at][key] = value

    said = damaged(whole, tmp_path / "ledger.journal", change)
    for text in says:
        assert text in said, said


@pytest.mark.parametrize("line", [[1, 2], "text", 3, None])
def test_a_line_that_is_no_object_is_named(line: object, whole: bytes, tmp_path: Path) -> None:
    said = damaged(whole, tmp_path / "ledger.journal", lambda lines: lines.insert(4, line))
    assert "line 5: this line of the ledger is damaged" in said


@pytest.mark.parametrize("value", [2, -1, 0.5])
def test_a_choice_that_is_none_of_the_choices_is_named(
    value: float, whole: bytes, tmp_path: Path
) -> None:
    choices = '{"name": "CategoricalDistribution", "attributes": {"choices": ["a", "b"]}}'

    def change(lines: Lines) -> None:
        lines[2].update(distribution=choices, param_value_internal=value)

    said = damaged(whole, tmp_path / "ledger.journal", change)
    assert "line 3, trial 0, parameter " in said
    assert f"param_value_internal: {value}" in said


def test_an_end_without_its_date_is_named(whole: bytes, tmp_path: Path) -> None:
    said = damaged(
        whole, tmp_path / "ledger.journal", lambda lines: lines[-1].pop("datetime_complete")
    )
    assert "trial 3" in said
    assert "no datetime_complete" in said


def test_a_study_that_was_deleted_is_told(whole: bytes, tmp_path: Path) -> None:
    gone = {"op_code": 1, "worker_id": "x", "study_id": 0}
    said = damaged(whole, tmp_path / "ledger.journal", lambda lines: lines.append(gone))
    assert "this ledger holds no study" in said
