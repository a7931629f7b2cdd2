"""Options that cannot be meant: exit code 2, the option named, no traceback, nothing left."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

SPACE = """\
trainable: tests.families.toys:Curve
parameters:
  height: {uniform: [0, 1]}
  kind: [curve, nan]
  epochs: 5
"""
TOY = ["--space", "toy.yaml", "--allow-custom"]

# The arguments after `distrib.tune`, and words that the message must hold.
TUNE: dict[str, tuple[list[str], list[str]]] = {
    "nothing": ([], ["--space", "which space?"]),
    "unknown option": ([*TOY, "--trails", "3"], ["--trails", "--help"]),
    "abbreviated option": ([*TOY, "--tri", "3"], ["--tri"]),
    "stray word": ([*TOY, "mlp"], ["mlp"]),
    "unknown space": (["--space", "triming"], ["--space", "triming", "did you mean 'trimming'?"]),
    "missing file": (["--space", "none.yaml"], ["none.yaml", "no such file"]),
    "custom code": (
        ["--space", "toy.yaml"],
        ["tests.families.toys:Curve", "--allow-custom"],
    ),
    "no trials": ([*TOY, "--trials", "0"], ["--trials", "found:    0", "1 or more"]),
    "trials below 0": ([*TOY, "--trials", "-1"], ["--trials", "found:    -1"]),
    "half a trial": ([*TOY, "--trials", "1.5"], ["--trials", "1.5"]),
    "no time": ([*TOY, "--time-budget", "0"], ["--time-budget", "found:    0"]),
    "time below 0": ([*TOY, "--time-budget=-5m"], ["--time-budget", "-300"]),
    "time below 0, apart": (
        [*TOY, "--time-budget", "-5s"],
        ["--time-budget: out of range", "found:    -5", "expected: above 0"],
    ),
    "no seconds": ([*TOY, "--time-budget", "0s"], ["--time-budget", "found:    0", "above 0"]),
    "time below 0 that is none": ([*TOY, "--time-budget", "-5x"], ["-5x", "90s, 15m, 2h"]),
    "time without a value": (["--time-budget", *TOY], ["--time-budget", "expected"]),
    "time that is none": ([*TOY, "--time-budget", "soon"], ["soon", "90s, 15m, 2h"]),
    "time that is no number": ([*TOY, "--time-budget", "nan"], ["--time-budget", "nan"]),
    "no epochs": ([*TOY, "--max-epochs", "0"], ["--max-epochs", "found:    0"]),
    "one fold": (
        ["--space", "trimming", "--max-epochs", "1"],
        ["--max-epochs folds", "found:    1"],
    ),
    "grace beyond the epochs": (["--space", "grace.yaml", "--allow-custom"], ["grace", "9", "5"]),
    "no concurrency": ([*TOY, "--concurrent", "0"], ["--concurrent", "1 or more"]),
    "keep below 0": ([*TOY, "--keep", "-1"], ["--keep", "found:    -1"]),
    "confirm below 0": ([*TOY, "--confirm", "-1"], ["--confirm", "found:    -1"]),
    "confirm more than there are": (
        [*TOY, "--confirm", "3", "--trials", "2"],
        ["--confirm: more than there are trials", "found:    3", "at most 2"],
    ),
    "seed below 0": ([*TOY, "--seed", "-1"], ["--seed", "found:    -1"]),
    "everything a test": ([*TOY, "--test-fraction", "1"], ["--test-fraction", "0 to below 1"]),
    "test below 0": ([*TOY, "--test-fraction", "-0.1"], ["--test-fraction", "-0.1"]),
    "test that is no number": ([*TOY, "--test-fraction", "nan"], ["--test-fraction", "nan"]),
    "checkpoints below 0": ([*TOY, "--checkpoint-every", "-1"], ["--checkpoint-every", "-1"]),
    "checkpoints at nan": ([*TOY, "--checkpoint-every", "nan"], ["--checkpoint-every", "nan"]),
    "workers below 0": ([*TOY, "--workers-per-trial", "-1"], ["not a number of workers", "-1"]),
    "workers that are none": ([*TOY, "--workers-per-trial", "2:"], ["such as 4 or 2:8", "2:"]),
    "unknown metric": ([*TOY, "--metric", "scroe"], ["--metric", "scroe", "'score'?"]),
    "unknown sampler": ([*TOY, "--sampler", "tpa"], ["--sampler", "tpa", "'tpe'?"]),
    "unknown scheduler": ([*TOY, "--scheduler", "ahsa"], ["--scheduler", "'asha'?"]),
    "grid of a range": ([*TOY, "--sampler", "grid"], ["parameters.height", "finitely many"]),
    "more than the grid": (
        [*TOY, "--sampler", "grid", "--set", "height=1", "--trials", "3"],
        ["--trials", "found:    3", "at most 2"],
    ),
    "unknown parameter": ([*TOY, "--set", "hieght=1"], ["hieght", "'height'?"]),
    "parameter twice": (
        [*TOY, "--set", "height=1", "--set", "height=0"],
        ["--set", "height", "twice"],
    ),
    "no value": ([*TOY, "--set", "height"], ["--set", "height", "key=value"]),
    "no key": ([*TOY, "--set", "=1"], ["--set", "key=value"]),
    "value beyond the bounds": ([*TOY, "--set", "height=2"], ["height", "2", "equal to 1"]),
    "value of another type": ([*TOY, "--set", "epochs=many"], ["epochs", "'many'"]),
    "value that is no YAML": ([*TOY, "--set", "height=[1"], ["--set height", "not YAML"]),
    "unknown data option": ([*TOY, "--set", "data.pth=x"], ["data.pth", "path"]),
    "two workers": ([*TOY, "--workers-per-trial", "2"], ["--workers-per-trial", "at most 1"]),
    "no workers": ([*TOY, "--workers-per-trial", "0"], ["--workers-per-trial", "found:    0"]),
    "no CPUs": ([*TOY, "--cpus-per-worker", "0"], ["--cpus-per-worker", "found:    0"]),
    "one and a half CPUs": ([*TOY, "--cpus-per-worker", "1.5"], ["--cpus-per-worker", "1.5"]),
    "CPUs that are no number": ([*TOY, "--cpus-per-worker", "nan"], ["--cpus-per-worker", "nan"]),
    "CPUs without end": ([*TOY, "--cpus-per-worker", "inf"], ["--cpus-per-worker", "inf"]),
    "GPUs below 0": ([*TOY, "--gpus-per-worker", "-1"], ["--gpus-per-worker", "-1"]),
    "GPUs that are no number": ([*TOY, "--gpus-per-worker", "nan"], ["--gpus-per-worker", "nan"]),
    "GPU of a CPU family": ([*TOY, "--gpus-per-worker", "1"], ["--device", "cuda", "cpu"]),
    "unknown device": ([*TOY, "--device", "tpu"], ["--device", "tpu", "cpu"]),
    "unknown precision": ([*TOY, "--precision", "int8"], ["--precision", "int8", "float32"]),
    "name with a slash": ([*TOY, "--name", "a/b"], ["--name", "a/b"]),
    "name of dots": ([*TOY, "--name", ".."], ["--name", ".."]),
    "empty name": ([*TOY, "--name", ""], ["--name"]),
    "name that is taken": (
        [*TOY, "--name", "taken", "--out", "."],
        ["taken", "exists", "--resume"],
    ),
    "dry run of a name that is taken": (
        [*TOY, "--name", "taken", "--out", ".", "--dry-run"],
        ["taken", "exists", "--resume"],
    ),
    "out that is a file": ([*TOY, "--out", "toy.yaml"], ["toy.yaml", "--out"]),
    "out below a file": ([*TOY, "--out", "toy.yaml/runs"], ["toy.yaml", "--out"]),
    "dry run below a file": ([*TOY, "--out", "toy.yaml/runs", "--dry-run"], ["toy.yaml", "--out"]),
    "resume of another space": (["--resume", "x", *TOY], ["--space", "resumed study keeps"]),
    "resume under a name": (["--resume", "x", "--name", "y"], ["--name", "resumed study keeps"]),
    "resume without running": (["--resume", "x", "--dry-run"], ["--dry-run", "new study"]),
    "resume of nothing": (["--resume", "none"], ["none", "no such study", "data are loaded"]),
    "resume of the last of none": (["--resume", "last"], ["runs", "no study to go on with"]),
    "resume of another folder": (["--resume", "taken"], ["taken", "not a study's folder"]),
    "warm start from nothing": ([*TOY, "--warm-start", "none"], ["none", "no such study"]),
    "warm start from another folder": (
        [*TOY, "--warm-start", "taken", "--dry-run"],
        ["taken", "not a study's folder"],
    ),
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "toy.yaml").write_text(SPACE)
    (tmp_path / "grace.yaml").write_text(f"{SPACE}grace: 9\n")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thing").touch()
    return tmp_path


def refused(
    command: str, argv: list[str], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(map(str, Path().rglob("*")))
    assert importlib.import_module(f"distrib.{command}").main(argv) == 2
    said = capsys.readouterr()
    assert said.err.startswith("error: ")
    assert "Traceback" not in said.err
    for word in words:
        assert word in said.err
    assert sorted(map(str, Path().rglob("*"))) == before


@pytest.fixture(autouse=True)
def no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused before anything starts."""
    from distrib.study.driver import loading

    def started(*args: object, **kwargs: object) -> None:
        raise AssertionError("Ray was started")

    monkeypatch.setattr(loading, "connected", started)


@pytest.mark.parametrize("name", TUNE)
def test_tune(name: str, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv, words = TUNE[name]
    refused("tune", argv, words, capsys)


TRAIN: dict[str, tuple[list[str], list[str]]] = {
    "nothing": ([], ["--config, --space or --resume", "exactly one"]),
    "both": (["--config", "best", "--space", "trimming"], ["exactly one"]),
    "resume under a name": (["--resume", "x", "--name", "y"], ["--name", "resumed study keeps"]),
    "option of a search": (["--space", "trimming", "--trials", "3"], ["--trials"]),
    "missing folder": (["--config", "best"], ["best", "config.yaml", "runs/mlp-0/best"]),
    "folder of something else": (["--config", "taken"], ["taken/config.yaml", "no such file"]),
    "file of something else": (["--config", "toy.yaml"], ["toy.yaml", "not a configuration"]),
    "unknown parameter": (["--space", "trimming", "--set", "motiv=1"], ["motiv"]),
}


@pytest.mark.parametrize("name", TRAIN)
def test_train(name: str, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv, words = TRAIN[name]
    refused("train", argv, words, capsys)


def test_debug_shows_where_an_error_was_raised(place: Path) -> None:
    from distrib.errors import InputError
    from distrib.tune import main

    with pytest.raises(InputError, match="--trials"):
        main([*TOY, "--trials", "0", "--debug"])
