"""Files that appear whole, and what is said of those that cannot."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from distrib.errors import nearest
from distrib.files import atomic_path, atomic_write, finite


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    atomic_write(file, "first")
    with pytest.raises(RuntimeError), atomic_path(file) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert file.read_text() == "first"
    assert list(tmp_path.iterdir()) == [file]


def test_an_error_names_the_file_that_was_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "no such folder" / "a.txt"
    with pytest.raises(FileNotFoundError) as error:
        atomic_write(file, "content")
    assert error.value.filename == str(file)


def test_a_hint_is_near() -> None:
    assert nearest("ahsa", ["asha", "median"]) == "did you mean 'asha'?"
    assert nearest("nonsense", ["loss", "rmse"]) is None


def test_what_json_has_no_word_for_is_none() -> None:
    value = {"a": [1, math.nan, "x", True], "b": (math.inf, 0.1 + 0.2), "c": {"d": -math.inf}}
    assert finite(value) == {"a": [1, None, "x", True], "b": [None, 0.1 + 0.2], "c": {"d": None}}
    assert finite(1234.5678901, digits=6) == 1234.57
