"""Folders of daart: one for each set of sessions, and versions that never collide."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from distrib.trainables.behaviour.daart.folders import (
    completed,
    expt_folder,
    new_version,
    write_hparams,
)


def test_a_hundred_starts_at_once_have_a_hundred_versions(tmp_path: Path) -> None:
    with ThreadPoolExecutor(25) as pool:
        found = list(pool.map(lambda _: new_version(tmp_path / "dtcn/test"), range(100)))
    assert sorted(p.name for p in found) == sorted(f"version_{n}" for n in range(100))


def test_a_hundred_starts_at_once_have_one_folder_of_their_sessions(tmp_path: Path) -> None:
    with ThreadPoolExecutor(25) as pool:
        asked = [["a", "b"], ["b", "c"]] * 50
        found = list(pool.map(lambda ids: expt_folder(tmp_path, ids), asked))
    assert len(set(found[::2])) == len(set(found[1::2])) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"multi-0", "multi-1"}


def test_a_folder_of_someone_else_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "multi-0").mkdir()
    (tmp_path / "multi-0/notes.txt").write_text("mine")
    (tmp_path / "multi-1").write_text("a file")
    assert expt_folder(tmp_path, ["a", "b"]).name == "multi-2"


def test_sessions_have_a_folder_of_their_own(tmp_path: Path) -> None:
    assert expt_folder(tmp_path, ["a"]).name == "a"
    first = expt_folder(tmp_path, ["a", "b"])
    assert first.name == "multi-0"
    assert (first / "expt_info.csv").read_text() == "expt\na\nb\n"
    assert expt_folder(tmp_path, ["a", "c"]).name == "multi-1"
    assert expt_folder(tmp_path, ["b", "a"]) == first


def test_only_what_was_trained_to_its_end_is_known_again(tmp_path: Path) -> None:
    for name, done in (("x", True), ("y", False)):
        version = new_version(tmp_path / "s/dtcn/test")
        write_hparams(version, {"training_completed": done, "distrib_hash": name})
    assert {k: v.name for k, v in completed(tmp_path).items()} == {"x": "version_0"}
