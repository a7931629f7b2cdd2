"""What an error names: the file at fault, once."""

from __future__ import annotations

from pathlib import Path

import pytest

from distrib.errors import InputError, said_in


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (None, "data.csv, init: wrong"),
        ("part.csv", "data.csv, part.csv, init: wrong"),  # of a folder: found by both names alone
        ("weights.pt", "weights.pt, init: wrong"),
    ],
)
def test_data_are_not_put_before_another_file_that_is_at_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str | None, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights.pt").touch()
    with pytest.raises(InputError) as caught, said_in("data.csv"):
        raise InputError("wrong", file=file, where="init")
    assert str(caught.value) == said
