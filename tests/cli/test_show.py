"""What `--show` tells of every space that comes with the package, and of one's own."""

from __future__ import annotations

import re
import subprocess
import sys
import typing
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from distrib.cli.fields import described
from distrib.study.space.space_file import find_space, space_names
from distrib.trainables.registry import load_family
from tests.support.command import command
from tests.support.driver import write_space


@pytest.mark.parametrize("name", space_names())
def test_everything_that_is_known_of_a_space_is_shown(tmp_path: Path, name: str) -> None:
    said = command(tmp_path, "tune", "--space", name, "--show")
    family = load_family(find_space(name).trainable)
    lines = [line.split(maxsplit=1) for line in said.splitlines() if line.startswith("  ")]

    def told(name: str, words: str | None) -> bool:
        return bool(words) and any(line[0] == name and words in line[1] for line in lines)

    for field, info in family.Config.model_fields.items():
        assert told(field, info.description), field
    for field, info in family.Source.model_fields.items():
        assert told("--data" if field == "path" else f"data.{field}", info.description), field
    for metric in family.metrics:
        better = "higher" if metric.direction == "max" else "lower"
        assert told(metric.name, f"{better} is better"), metric.name
        assert told(metric.name, metric.help), metric.name
    assert list(tmp_path.iterdir()) == []


def test_what_varies_stands_with_its_range_and_its_condition(tmp_path: Path) -> None:
    file = write_space(
        tmp_path / "mine.yaml",
        {
            "height": {"uniform": [0, 1], "step": 0.25},
            "noise": {"choice": [0.1, 0.2]},
            "rate": {"loguniform": [0.1, 1], "when": {"noise": [0.2]}},
            "epochs": [3, 9],
        },
        trials=7,
        grace=2,
    )
    words = ("--space", file.name, "--show")
    assert "--allow-custom" in command(tmp_path, "tune", *words, code=2)
    said = command(tmp_path, "tune", *words, "--allow-custom", "--set", "pause=0.5")
    above, below = said.split("hyperparameters that do not vary")
    lines = {line.split()[0]: " ".join(line.split()) for line in said.splitlines() if line}
    assert "height 0 to 1, step 0.25 float" in lines["height"]
    assert "rate 0.1 to 1, log; when noise is 0.2 float" in lines["rate"]
    assert "epochs 3, 9 (grid: each gets its share of trials) int" in lines["epochs"]
    assert {"height", "noise", "rate", "epochs"} <= set(above.split())
    assert lines["pause"].startswith("pause 0.5 float")
    assert "pause" in below
    assert (
        "trials 7; sampler gp; scheduler asha (grace 2, reduction factor 3; compares at 2, 6)"
        in said
    )


def test_a_single_training_is_shown_too(tmp_path: Path) -> None:
    said = command(tmp_path, "train", "--space", "lel_pca", "--show")
    assert "nothing varies: one training" in said
    assert "penalty two-sided two-sided | ridge ridge"[:17] in " ".join(said.split())


def test_a_study_that_is_resumed_is_not_shown(tmp_path: Path) -> None:
    said = command(tmp_path, "tune", "--resume", "x", "--show", code=2)
    assert "--show, with --resume" in said


def test_it_needs_neither_ray_nor_torch() -> None:
    code = (
        "import sys; from distrib.tune import main; main(['--space', 'mlp', '--show']);"
        "print('heavy:', *{'ray', 'torch', 'jax', 'optuna', 'rich'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1] == "heavy:"


def test_types_and_bounds_in_words() -> None:
    class Known(BaseModel):
        a: int = Field(ge=1, lt=5)
        b: float | None = Field(None, gt=0)
        c: Literal["x", "y"] = Field("y", description="which")
        d: tuple[float, ...] = (1.0, 2.5)
        e: tuple[int, str] = (1, "z")
        f: Annotated[str, Field(pattern="^a")] = "a"
        g: dict[str, bool] = Field(default_factory=lambda: {"on": True})
        h: Annotated[list[int], Field(max_length=3)] = []
        i: typing.Optional[str] = ""  # noqa: UP045

    rows = {f.name: (f.type, f.default, f.bounds) for f in described(Known)}
    assert rows == {
        "a": ("int", "", ">= 1, < 5"),
        "b": ("float or none", "none", "> 0"),
        "c": ("x | y", "y", ""),
        "d": ("list of float", "[1, 2.5]", ""),
        "e": ("(int, str)", "[1, z]", ""),
        "f": ("str", "a", "like ^a"),
        "g": ("mapping of str to bool", "{on: true}", ""),
        "h": ("list of int", "[]", "at most 3 long"),
        "i": ("str or none", '""', ""),
    }


def test_at_a_terminal_there_are_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from distrib import tune

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "100")
    assert tune.main(["--space", "mlp", "--show"]) == 0
    lines = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    assert max(map(len, lines)) <= 100
    assert any("─────" in line for line in lines)
    assert any("hidden_width" in line and "16 to 512" in line for line in lines)


@pytest.mark.parametrize(("trials", "sampler"), [("200", "gp"), ("201", "tpe")])
def test_who_draws_where_nobody_says(trials: str, sampler: str, tmp_path: Path) -> None:
    said = command(tmp_path, "tune", "--space", "xgboost", "--trials", trials, "--show")
    assert f"trials {trials}; sampler {sampler};" in said
