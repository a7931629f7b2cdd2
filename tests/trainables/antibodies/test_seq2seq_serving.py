"""What the page on antibodies shows of Python runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from distrib.study.driver.model import build_model

PAGE = Path(__file__).parents[3] / "docs" / "antibodies.md"


def test_the_serving_lines_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = re.findall(r"(?s)```python\n(.*?)```", PAGE.read_text("utf-8"))
    assert len(shown) == 1
    lines = [line for line in shown[0].splitlines() if line.strip()]
    assert len(lines) <= 10
    model = build_model("seq2seq", width=16, num_heads=2, epochs=1, samples=0, batch_size=16)
    data = model.family.load(model.source.model_copy(update={"records": 60}))
    model.train(data).save(tmp_path / "runs" / "test_run" / "best")
    (tmp_path / "spike.fasta").write_text(">spike\nSTLQKKIEEIAAKY\n")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(shown[0], names)
    found = names["designs"]("spike.fasta", 9.0, 6)
    assert found == names["designs"]("spike.fasta", 9.0, 6)
    assert all(isinstance(text, str) and "?" not in text for text in found)
