"""The keywords of a search are the options of `distrib.tune`, checked alike."""

from __future__ import annotations

import argparse
import inspect
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

import distrib
from distrib.api.options import OPTIONS, RESUMABLE, options_from
from distrib.cluster.connect import connected
from distrib.study.plan.options import Options
from tests.support.command import command

SPACE = {
    "trainable": "tests.families.toys:Curve",
    "parameters": {"height": {"uniform": [0, 1]}, "epochs": 3},
}


def flags_of(verb: str) -> set[str]:
    """The options of a command, as Python spells them."""
    found: list[argparse.ArgumentParser] = []
    module = f"distrib.{verb}"
    with patch(f"{module}.run_command", lambda do, parser, argv: found.append(parser) or 0):
        __import__(module, fromlist=["main"]).main([])
    actions = found[0]._actions
    return {flag[2:].replace("-", "_") for a in actions for flag in a.option_strings[-1:]}


def test_every_option_of_the_command_is_a_keyword() -> None:
    names = set(inspect.signature(distrib.search).parameters)
    # Of these the commands are the way: what is only looked at, and what is gone on with.
    # So it is with the three files of another program.
    files = {"data_config", "model_config", "train_config", "layout", "rerun", "max_trials"}
    assert flags_of("tune") - names == {"help", "dry_run", "show", "resume", *files}
    assert names - flags_of("tune") == {"progress"}
    assert set(OPTIONS) <= flags_of("tune") | flags_of("train")


def test_every_option_that_a_resumed_study_takes_is_a_keyword() -> None:
    names = set(inspect.signature(distrib.Study.resume).parameters)
    assert names == {*RESUMABLE, "self", "progress"}


@pytest.mark.parametrize(
    ("keyword", "value", "words"),
    [
        ("trials", 0, ["--trials", "0"]),
        ("max_epochs", 0, ["--max-epochs", "0"]),
        ("sampler", "tpee", ["--sampler", "tpee"]),
        ("scheduler", "ahsa", ["--scheduler", "ahsa"]),
        ("metric", "scroe", ["--metric", "scroe"]),
        ("test_fraction", 1.5, ["--test-fraction", "1.5"]),
        ("seed", -1, ["--seed", "-1"]),
        ("keep", -2, ["--keep", "-2"]),
        ("confirm", 99, ["--confirm", "99"]),
        ("time_budget", -5, ["--time-budget", "-5s"]),
        ("set", {"heigth": 1}, ["--set", "heigth=1"]),
        ("set", {"rate": 9}, ["--set", "rate=9"]),
        ("set", {"data.colour": 1}, ["--set", "data.colour=1"]),
        ("workers_per_trial", 2, ["--workers-per-trial", "2"]),
        ("cpus_per_worker", 0, ["--cpus-per-worker", "0"]),
        ("gpus_per_worker", -1, ["--gpus-per-worker", "-1"]),
        ("device", "tpu", ["--device", "tpu"]),
        ("precision", "int8", ["--precision", "int8"]),
        ("warm_start", "nothing", ["--warm-start", "nothing"]),
        ("name", "a/b", ["--name", "a/b"]),
    ],
)
def test_what_the_command_refuses_is_refused_in_the_same_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keyword: str, value: Any, words: list[str]
) -> None:
    import yaml

    monkeypatch.chdir(tmp_path)
    (tmp_path / "toys.yaml").write_text(yaml.safe_dump(SPACE))
    said = command(tmp_path, "tune", "--space", "toys.yaml", "--allow-custom", *words, code=2)
    with pytest.raises(distrib.InputError) as error:
        distrib.search("toys.yaml", allow_custom=True, **{keyword: value})
    assert said == f"error: {error.value}\n"
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("keyword", "value", "said"),
    [
        ("trials", "many", "--trials: not a valid value"),
        ("trials", 2.5, "--trials: not a valid value"),
        ("checkpoint_every", "often", "--checkpoint-every: not a valid value"),
        ("gpus_per_worker", "all", "--gpus-per-worker: not a valid value"),
        ("time_budget", "soon", "--time-budget: not a time"),
        ("workers_per_trial", "2-4", "--workers-per-trial: not a number of workers"),
        ("set", ["a"], "--set: not a valid value"),
    ],
)
def test_values_of_another_type_are_told(keyword: str, value: Any, said: str) -> None:
    with pytest.raises(distrib.InputError, match=said):
        distrib.search("mlp", **{keyword: value})


def test_a_space_that_is_written_here_is_checked() -> None:
    with pytest.raises(distrib.InputError, match=r"the space, parameters\.heigth: no such param"):
        distrib.search({**SPACE, "parameters": {"heigth": 1}}, allow_custom=True)
    with pytest.raises(distrib.InputError, match="--allow-custom"):
        from distrib.trainables.registry import load_family

        load_family.cache_clear()
        distrib.search(SPACE)


def test_options_over_those_of_a_study() -> None:
    base = options_from(
        {"trials": np.int64(4), "time_budget": "2m", "workers_per_trial": "2:8", "keep": 1}
    )
    assert (base.trials, base.time_budget, base.keep) == (4, 120.0, 1)
    assert (base.resources.workers, base.resources.most) == (2, 8)
    later = options_from({"trials": 9, "cpus_per_worker": 2, "keep": None}, base)
    assert (later.trials, later.time_budget, later.keep) == (9, None, 1)
    assert (later.resources.workers, later.resources.cpus) == (2, 2)
    with pytest.raises(distrib.InputError, match="--max-epochs: a resumed study keeps its own"):
        options_from({"max_epochs": 3}, Options())


def test_a_ray_that_runs_already_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(is_initialized=lambda: True))
    with pytest.raises(distrib.InputError, match="Ray runs already"), connected(None):
        pass
