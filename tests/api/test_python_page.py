"""docs/python.md is run as it stands: every example, in its order, on a small screen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import distrib
from distrib.data.screens.example_screen import write_example

PAGE = Path(__file__).resolve().parents[2] / "docs" / "python.md"


@pytest.mark.slow
@pytest.mark.cluster
def test_the_examples_run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    one_ray: None,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_screen").mkdir()
    write_example(tmp_path / "my_screen")
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
    assert (tmp_path / "predictions.parquet").is_file()
    assert (tmp_path / "my_model" / "weights.safetensors").is_file()
    assert names["scores"] == distrib.open_model("my_model").evaluate(names["data"])
