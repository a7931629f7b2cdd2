"""Families of the user's: where they are looked for, and what is said where they are not found."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from distrib.errors import InputError
from distrib.trainables.registry import load_family, look_beside


def test_what_lies_beside_the_space_is_found_last_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("PYTHONPATH", "somewhere")
    code = "from tests.support.toys import Curve\n\n\nclass Mine(Curve):\n    pass\n"
    (tmp_path / "lab_beside.py").write_text(code)
    for _ in range(2):
        look_beside(tmp_path / "space.yaml")
    assert sys.path.index(str(tmp_path)) == len(sys.path) - 1
    assert os.environ["PYTHONPATH"].split(os.pathsep) == ["somewhere", str(tmp_path)]
    family = load_family("lab_beside:Mine", allow_custom=True)
    assert type(family).__name__ == "Mine"
    del sys.modules["lab_beside"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("lab_none:Mine", ["put lab_none.py beside the space's file"]),
        ("lab_none.family:Mine", ["put the package lab_none/ beside the space's file"]),
        ("tests.none:Mine", ["No module named 'tests.none'"]),
        ("tests.support.toys:None", ["has no attribute 'None'"]),
    ],
)
def test_a_family_that_is_not_there(name: str, words: list[str]) -> None:
    with pytest.raises(InputError, match="cannot be imported") as caught:
        load_family(name, allow_custom=True)
    for word in words:
        assert word in str(caught.value)
    assert ("hint" in str(caught.value)) == ("put" in words[0])
