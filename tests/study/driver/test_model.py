"""A model of a finished study, and the data that it names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from distrib.errors import InputError
from distrib.study.driver.model import build_model
from distrib.trainables.vdj.trimming.family import TrimmingSource


def test_a_path_that_was_recorded_is_said_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = replace(build_model("trimming"), source=TrimmingSource(path="t/d_airr"))
    with pytest.raises(InputError, match=r"t/d_airr: no such(.*\n)+.*recorded at training; --data"):
        model.load()
    with pytest.raises(InputError, match="other: no such") as told:
        model.load("other")
    assert "recorded" not in str(told.value)
