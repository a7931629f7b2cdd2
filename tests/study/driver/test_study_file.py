"""`study.yaml`: a study read back is the study that was begun."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from distrib.api.resuming import resumed_plan
from distrib.errors import InputError
from distrib.study.driver.place import new_record
from distrib.study.driver.study_file import (
    options_of,
    read_study,
    record_of,
    space_of,
    strike_credentials,
    write_study,
)
from distrib.study.plan.plan import Plan, make_plan
from distrib.study.record.run_folder import RunFolder
from tests.support.simulate import toy_plan

ARGUMENTS: list[dict[str, Any]] = [
    {},
    {"seed": 5, "trials": 3, "sampler": "random", "scheduler": "hyperband", "metric": "loss"},
    {"fixed": {"height": 0.5, "noise": "1e-3"}, "max_budget": 7, "test_fraction": 0.0, "keep": 1},
    {"sampler": "grid", "parameters": {"height": [0.1, 0.2], "rate": {"choice": [1, 2]}}},
    {
        "parameters": {
            "options": {"choice": [[1, 2], {"a": None}, None, "x"]},
            "at": {"randint": [1, 5], "step": 2, "when": {"kind": ["nan"]}},
            "kind": ["curve", "nan"],
        },
        "settings": {"grace": 2, "reduction_factor": 4, "description": "a study"},
    },
]


def written(plan: Plan, path: Path, argv: list[str]) -> dict[str, Any]:
    write_study(path, plan, new_record(plan, "toy-0"), {"fingerprint": "abc"}, argv)
    return read_study(path)


@pytest.mark.parametrize("arguments", ARGUMENTS)
def test_a_plan_comes_back(arguments: dict[str, Any], tmp_path: Path) -> None:
    plan = toy_plan(**arguments)
    path = tmp_path / "study.yaml"
    stored = written(plan, path, ["distrib.tune"])
    options = replace(options_of(stored), allow_custom=True)
    again = make_plan(space_of(stored, str(path)), options)
    for name in ("objective", "trials", "max_budget", "rule_name", "grace", "factor", "sampler",
                 "worker", "source"):  # fmt: skip
        assert getattr(again, name) == getattr(plan, name), name
    assert [p.plain() for p in again.space.parameters] == [p.plain() for p in plan.space.parameters]
    for name in ("seed", "test_fraction", "keep", "save_every", "resources"):
        assert getattr(again.options, name) == getattr(plan.options, name), name
    assert record_of(stored) == new_record(plan, "toy-0")


def test_leave_to_run_custom_code_is_given_anew(tmp_path: Path) -> None:
    """A study that came from elsewhere must not bring it along."""
    stored = written(toy_plan(), tmp_path / "study.yaml", [])
    with pytest.raises(InputError, match="--allow-custom"):
        make_plan(space_of(stored, "study.yaml"), options_of(stored))


def test_data_are_found_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    (first / "screen").mkdir()
    monkeypatch.chdir(first)
    stored = written(toy_plan(data="screen"), first / "study.yaml", [])
    assert stored["data"]["source"]["path"] == "screen"
    assert options_of(stored).data == "screen"
    monkeypatch.chdir(second)
    assert options_of(stored).data == str(first / "screen")
    assert space_of(stored, "study.yaml").data["path"] == str(first / "screen")
    (second / "screen").mkdir()  # moved along with the study
    assert options_of(stored).data == "screen"


def test_credentials_are_struck_out(tmp_path: Path) -> None:
    argv = [
        "--data",
        "https://ann:secret@host/x?token=abc&part=2",
        "--out",
        "s3://key:hush@bucket/runs?X-Amz-Signature=ff",
    ]
    plan = toy_plan(fixed={"data.path": "https://ann:secret@host/data?api_key=hush"})
    text = ""
    stored = written(plan, tmp_path / "study.yaml", argv)
    text = (tmp_path / "study.yaml").read_text()
    for word in ("secret", "hush", "abc&", "=ff"):
        assert word not in text
    assert "part=2" in stored["command"]
    assert strike_credentials("nothing to hide: a@b.c") == "nothing to hide: a@b.c"


@pytest.mark.parametrize("content", ["", "[]", "version: 99\n", "just text"])
def test_another_file_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(content)
    with pytest.raises(InputError, match=r"study\.yaml: not a study of this version"):
        read_study(path)


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("search.trials", "fourteen", ["search.trials", "'fourteen'", "integer"]),
        ("search.trials", 0, ["search.trials", "0", "1 or more"]),
        ("search.trials", 5, ["search.trials", "found:    5", "record.num_trials"]),
        ("search.metric", "loss", ["search.metric", "record.metric"]),
        ("search.grace", None, ["search.grace"]),
        ("search", None, ["search", "a mapping"]),
        ("search.sampler", ..., ["search.sampler", "found:    nothing"]),
        ("options", ..., ["options", "found:    nothing", "a mapping"]),
        ("options.seed", "x", ["options.seed", "'x'"]),
        ("options.sed", 3, ["options.sed", "did you mean 'seed'?"]),
        ("options.resources.workers", "two", ["options.resources.workers", "'two'"]),
        ("record.direction", "min", ["record.direction", "record.metrics.score"]),
        ("record.direction", "up", ["record.direction", "'up'"]),
        ("record.metric", ..., ["record.metric", "nothing"]),
        ("record.dimensions.0.kind", "line", ["record.dimensions.0.kind", "'line'"]),
        ("search.sampler", "gpp", ["search.sampler", "gpp", "tpe, gp"]),
        ("search.scheduler", "ashaa", ["search.scheduler", "ashaa", "asha, asha-promotion"]),
        ("options.sampler", "gpp", ["options.sampler", "tpe, gp"]),
        ("search.trials", True, ["search.trials", "True", "of type int"]),
        ("record.num_trials", True, ["record.num_trials", "True", "of type int"]),
        ("search.grace", "1", ["search.grace", "'1'", "of type int"]),
        ("search.reduction_factor", float("inf"), ["search.reduction_factor", "inf", "finite"]),
        ("search.reduction_factor", float("nan"), ["search.reduction_factor", "nan", "finite"]),
        ("options.seed", -4, ["options.seed", "-4", "0 or more"]),
        ("options.concurrent", -1, ["options.concurrent", "-1", "1 or more"]),
        ("options.time_budget", 0.0, ["options.time_budget", "above 0"]),
        ("options.test_fraction", 7, ["options.test_fraction", "7", "0 to below 1"]),
        ("options.resources.workers", 0, ["options.resources.workers", "0", "1 or more"]),
        ("options.resources.cpus", 0, ["options.resources.cpus", "above 0"]),
        ("options.resources.gpus", -1, ["options.resources.gpus", "0 or more"]),
        ("record.trainable", "lel", ["record.trainable", "lel", "as space.trainable has it"]),
        ("record", [1], ["record", "a mapping"]),
        ("space", ..., ["space", "a mapping"]),
        ("data.source", ..., ["data.source", "a mapping"]),
        ("command", ..., ["command", "text"]),
    ],
)
def test_what_was_edited_or_cut_is_named(
    path: str, value: Any, says: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "study.yaml"
    content = written(toy_plan(), file, ["distrib.tune"])
    place: Any = content
    *parents, last = path.split(".")
    for key in parents:
        place = place[int(key) if key.isdigit() else key]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    file.write_text(yaml.safe_dump(content))
    with pytest.raises(InputError) as caught:
        read_study(file)
    for text in (str(file), *says):
        assert text in str(caught.value), str(caught.value)
    assert "Traceback" not in str(caught.value) and "--" not in str(caught.value)


def test_units_that_are_not_the_spaces_are_named(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    content = written(toy_plan(), folder.study_yaml, ["distrib.tune"])
    plan, _ = resumed_plan(folder, lambda options: replace(options, allow_custom=True))
    content["search"]["max_units"] = content["record"]["max_units"] = 600
    folder.study_yaml.write_text(yaml.safe_dump(content))
    with pytest.raises(InputError) as caught:
        resumed_plan(folder, lambda options: replace(options, allow_custom=True))
    for text in (str(folder.study_yaml), "search.max_units", "600", f"{plan.max_budget}, as the"):
        assert text in str(caught.value)


def test_a_file_cut_at_any_line_is_told(tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    written(toy_plan(), file, ["distrib.tune"])
    lines = file.read_text().splitlines(keepends=True)
    end = next(k for k, line in enumerate(lines) if line.startswith("record:"))
    for count in range(0, end + 1, 5):
        file.write_text("".join(lines[:count]))
        with pytest.raises(InputError, match=r"study\.yaml"):
            read_study(file)
