"""docs/python.md is run as it stands: every example, in its order, on a small screen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest

import distrib
from distrib.data.screens.example_screen import write_example

PAGE = Path(__file__).resolve().parents[2] / "docs" / "python.md"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder that the reader is in, before Ray starts there."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "my_screen").mkdir()
    write_example(folder / "my_screen")
    with chdir(folder):
        yield folder


@pytest.mark.ray
def test_the_examples_run(folder: Path, one_ray: None, capsys: pytest.CaptureFixture[str]) -> None:
    found = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert len(found) == 6
    names: dict[str, object] = {}
    for number, code in enumerate(found):
        exec(compile(code, f"example {number} of {PAGE.name}", "exec"), names)
    said = capsys.readouterr().out
    assert "12/12, trial" in said
    assert "16/16, trial" in said
    assert "next:\n  study = distrib.open_study('runs/mlp-0')" in said
    assert said.count("search ended") == 2  # the third said nothing
    study = distrib.open_study("runs/mlp-0")
    assert study.best.config["epochs"] == 20
    assert (folder / "predictions.parquet").is_file()
    assert (folder / "my_model" / "weights.safetensors").is_file()
    assert names["scores"] == distrib.open_model("my_model").evaluate(names["data"])
