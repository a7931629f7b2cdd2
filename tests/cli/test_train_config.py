"""`distrib.train --config`: the same rows are set aside as where the configuration was selected."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
import yaml

from distrib.study.plan.plan import Plan

train = importlib.import_module("distrib.train")  # the package has a function of this name

CONTENT: dict[str, Any] = {
    "trainable": "tests.families.toys:Curve",
    "config": {"height": 0.25, "seed": 11},
    "source": {"path": None},
    "split": {"test_fraction": 0.25, "seed": 7},
}


@pytest.fixture
def planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The plan that the command would carry out."""
    plans: list[Plan] = []
    monkeypatch.setattr(train, "carry_out", lambda plan, *args, **more: plans.append(plan) or 0)
    monkeypatch.chdir(tmp_path)

    def plan(*words: str, **content: Any) -> Plan:
        Path("config.yaml").write_text(yaml.safe_dump(CONTENT | content))
        assert train.main(["--config", "config.yaml", "--allow-custom", *words]) == 0
        return plans[-1]

    return plan


def parts(plan: Plan) -> tuple[float, int]:
    return plan.options.test_fraction, plan.options.seed_of_parts


def values(plan: Plan) -> dict[str, Any]:
    return {p.name: p.values[0] for p in plan.space.parameters}


def test_the_parts_are_those_of_the_study(planned: Any) -> None:
    plan = planned()
    assert parts(plan) == (0.25, 7)
    assert values(plan) == {"height": 0.25, "seed": 11}


def test_another_seed_is_for_the_training_and_not_for_the_parts(planned: Any) -> None:
    plan = planned("--seed", "3")
    assert parts(plan) == (0.25, 7)
    assert values(plan) == {"height": 0.25}
    assert plan.options.seed == 3


@pytest.mark.parametrize("words", [["--data", "other"], ["--set", "data.path=other"]])
def test_other_data_have_parts_of_their_own(words: list[str], planned: Any) -> None:
    assert parts(planned(*words, "--seed", "3")) == (None, 3)


def test_another_share_is_the_users_word(planned: Any) -> None:
    assert parts(planned("--test-fraction", "0.5")) == (0.5, 7)


def test_the_studys_own_data_may_be_named_again(planned: Any) -> None:
    assert parts(planned("--data", "own", source={"path": "own"})) == (0.25, 7)


def test_it_is_judged_as_where_it_was_selected(planned: Any) -> None:
    assert planned().objective.name == "score"
    assert planned(metric="loss").objective.name == "loss"
    assert planned("--metric", "score", metric="loss").objective.name == "score"


def test_a_configuration_of_no_study(planned: Any) -> None:
    assert parts(planned(split=None)) == (None, 0)


@pytest.mark.parametrize("split", [[], {"seed": 7}, {"test_fraction": 1.5, "seed": 7}])
def test_a_split_that_is_none_is_refused(
    split: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text(yaml.safe_dump(CONTENT | {"split": split}))
    assert train.main(["--config", "config.yaml", "--allow-custom"]) == 2
    assert "config.yaml, split: not a split" in capsys.readouterr().err
