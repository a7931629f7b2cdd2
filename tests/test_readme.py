"""What the README shows is run as it stands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from distrib.data.screens.example_screen import write_example
from distrib.study.space.points import grid_points
from distrib.study.space.space_file import parse_space, read_yaml
from distrib.trainables.base import Source, Worker
from distrib.trainables.registry import load_family

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(beginning: str) -> str:
    """The indented block whose first line begins so."""
    start = README.index(f"    {beginning}")
    lines = []
    for line in README[start:].splitlines():
        if line.strip() and not line.startswith("    "):
            break
        lines.append(line[4:])
    return "\n".join(lines).rstrip() + "\n"


def test_the_two_commands_set_everything_up_by_themselves() -> None:
    commands = re.findall(r"^    (python3 -m venv .*)$", README, flags=re.MULTILINE)
    assert len(commands) == 2
    assert commands[0].endswith("python -m distrib.tune --space mlp")
    assert commands[1].endswith("python -m pytest -n 2 --dist loadfile")
    assert all("-c constraints.txt" in command for command in commands)


def test_every_door_is_named() -> None:
    from distrib.__main__ import COMMANDS

    assert {verb for verb in COMMANDS if f"distrib.{verb}" not in README} == set()


def test_the_space_is_valid() -> None:
    from distrib.study.plan.options import Options
    from distrib.study.plan.plan import make_plan

    space = parse_space(read_yaml(block("trainable: mlp"), "README"), name="x", file="README")
    plan = make_plan(space, Options())
    assert plan.trials == 100
    assert len(grid_points(plan.space)) == 2


def test_the_family_of_twenty_lines_trains_and_predicts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = block("# my_family.py")
    code = [line for line in source.splitlines() if line.strip() and not line.startswith("#")]
    assert len([line for line in code if "import" not in line]) <= 20
    (tmp_path / "my_family.py").write_text(source)
    screen = tmp_path / "screen"
    screen.mkdir()
    write_example(screen)
    monkeypatch.syspath_prepend(str(tmp_path))
    family = load_family("my_family:Ridge", allow_custom=True)
    config, data = family.Config(log_penalty=1.0), family.load(Source(path=str(screen)))
    rows = [item.metrics["rmse"] for item in family.progress(config, data, Worker())]
    assert len(rows) == 5
    assert np.isfinite(rows).all()
    [last] = family.refit(config, data, Worker(), None)
    frame = family.predict(config, last.state(), data, Worker())
    assert list(frame["id"]) == list(data.ids)
    assert family.evaluate(config, last.state(), data, Worker())["rmse"] < rows[-1]


@pytest.mark.slow
@pytest.mark.cluster
def test_the_family_of_twenty_lines_is_searched(tmp_path: Path) -> None:
    (tmp_path / "my_screen").mkdir()
    write_example(tmp_path / "my_screen")
    (tmp_path / "my_family.py").write_text(block("# my_family.py"))
    said = re.search(r"in a space as `(trainable: .*)`, with a parameter such as `(.*)`", README)
    assert said is not None
    space = f"{said[1]}\ntrials: 3\nparameters: {{{said[2]}}}\n"
    (tmp_path / "my_space.yaml").write_text(space)
    command = block("python -m distrib.tune --space my_space.yaml").split()
    subprocess.run(
        [sys.executable, *command[1:]],
        cwd=tmp_path,
        check=True,
        timeout=120,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
    )
    assert (tmp_path / "runs" / "my_space-0" / "best").is_dir()


@pytest.mark.slow
def test_the_script_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "my_screen").mkdir()
    write_example(tmp_path / "my_screen")
    subprocess.run(
        [sys.executable, "-c", block("import distrib")],
        cwd=tmp_path,
        check=True,
        timeout=120,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
    )
    frame = pd.read_parquet(tmp_path / "predictions.parquet")
    assert len(frame) == 120
