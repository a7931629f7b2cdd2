"""The inputs of a map: found, refused, and known again."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from distrib.cluster.mapping.inputs import Input, find_inputs
from distrib.errors import InputError


@pytest.fixture
def store() -> Iterator[tuple[Any, str]]:
    """A store in this process's memory, and the URL of a folder in it."""
    store, folder = fsspec.filesystem("memory"), f"/{uuid.uuid4().hex}"
    yield store, f"memory:/{folder}"
    store.rm(folder, recursive=True)


def test_inputs_are_absolute_and_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("b.txt", "a.txt"):
        Path(name).write_text(name * 3)
    found = find_inputs(["b.txt", tmp_path / "a.txt"])
    assert [file.path for file in found] == [str(tmp_path / "b.txt"), str(tmp_path / "a.txt")]
    assert [file.size for file in found] == [15, 15]
    assert found[0].key != found[1].key
    assert find_inputs([tmp_path / "b.txt"]) == found[:1]


def test_a_change_shows(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("1")
    before = find_inputs([path])
    os.utime(path, ns=(1, 1))
    touched = find_inputs([path])
    assert touched != before
    assert touched[0].key == before[0].key
    path.write_text("12")
    os.utime(path, ns=(1, 1))
    assert find_inputs([path]) != touched


def test_urls(store: tuple[Any, str]) -> None:
    memory, url = store
    memory.pipe_file(f"{url}/a.txt", b"123")
    (before,) = find_inputs([f"{url}/a.txt"])
    assert (before.path, before.size) == (f"{url}/a.txt", 3)
    assert before.mark
    memory.pipe_file(f"{url}/a.txt", b"456")
    assert find_inputs([f"{url}/a.txt"]) != [before]


@pytest.mark.parametrize(
    ("paths", "words"),
    [
        ([], ["no files"]),
        (["here", "gone"], ["gone", "cannot be found", "No such file"]),
        (["here", "here/below"], ["below", "cannot be found"]),
        (["here", "folder"], ["folder", "not a file"]),
        (["here", "other", "./here"], ["here", "given twice", "inputs 1 and 3"]),
        (["file:///nowhere/at/all"], ["file:///nowhere/at/all", "cannot be found"]),
        (["file:///"], ["not a file"]),
        (["nostore://me:word@host/a"], ["nostore://host/a", "cannot be read"]),
    ],
)
def test_what_cannot_be_an_input(
    paths: list[str], words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    for name in ("here", "other"):
        Path(name).touch()
    with pytest.raises(InputError) as caught:
        find_inputs(paths)
    for word in words:
        assert word in str(caught.value)


def test_credentials_are_not_shown() -> None:
    file = Input("https://me:word@host.org/a/b.tsv?X-Signature=secret", 1, "")
    assert file.shown == "https://host.org/a/b.tsv"
    assert Input("/a?b@c", 1, "").shown == "/a?b@c"
