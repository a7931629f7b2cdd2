"""The script in the documents runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from distrib.trainables.behaviour.segmenter.family import Segmenter

PAGE = Path(__file__).resolve().parents[3] / "docs" / "behaviour.md"


def test_the_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Segmenter().example(tmp_path)
    found = re.search(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert found is not None
    script = found.group(1)
    assert len([line for line in script.splitlines() if line]) <= 15
    exec(compile(script, str(PAGE), "exec"), {})
    states = pd.read_csv("states.csv")
    assert len(states) == 3_000
    assert set(states["session"]) == {"session_2"}


def test_every_key_of_the_form_is_explained_by_the_family() -> None:
    text = PAGE.read_text("utf-8")
    fields = Segmenter.Config.model_fields
    for name in ("sequence_length", "trial_splits", "split_seed", "backbone", "patience"):
        assert name in fields
        assert f"`{name}`" in text
