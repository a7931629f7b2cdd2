"""One attempt at one file, without Ray: what comes back, and what is told of what went wrong."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from distrib.cluster.mapping.task import Job, Outcome, run_job


@pytest.fixture(autouse=True)
def _same_threads() -> Any:
    """Arrow's threads as they were: a job sets them for its process."""
    import pyarrow as pa

    before = pa.cpu_count(), pa.io_thread_count()
    yield
    pa.set_cpu_count(before[0])
    pa.set_io_thread_count(before[1])


def run(tmp_path: Path, function: str, content: str = "1 -2 3", **options: Any) -> Outcome:
    path = tmp_path / "a.txt"
    path.write_text(content)
    word = (
        function if ":" in function or not function else f"tests.support.map_functions:{function}"
    )
    return run_job(Job(str(path), str(path), word, options, tmp_path / "a.part", threads=2))


def test_rows_and_counts(tmp_path: Path) -> None:
    outcome = run(tmp_path, "numbers", "5 -1 7 -2 9", at_once=2)
    part = tmp_path / "a.part"
    assert outcome == Outcome(
        "done", rows=3, bytes=part.stat().st_size, counts={"read": 5, "negative": 2}
    )
    assert pq.read_table(part).to_pydict() == {"source": ["a.txt"] * 3, "number": [5, 7, 9]}


def test_no_rows(tmp_path: Path) -> None:
    outcome = run(tmp_path, "numbers", "-1")
    assert outcome == Outcome("done", counts={"read": 1, "negative": 1})
    assert not (tmp_path / "a.part").exists()


def test_arrow_has_the_threads_given(tmp_path: Path) -> None:
    assert run(tmp_path, "arrow_threads").counts == {"cpu": 2, "io": 2}


@pytest.mark.parametrize(
    ("function", "options", "kind", "words"),
    [
        ("numbers", {}, "bad input", ["a.txt: no number", "found:    x"]),
        ("speaks_of_no_file", {}, "bad input", ["a.txt: all wrong"]),
        ("divides_by_zero", {}, "bug", ["map_functions.py:", "divides_by_zero", "ZeroDivision"]),
        ("changes_its_mind", {}, "bug", ["another schema"]),
        ("yields_text", {}, "bug", ["yields_text", "str"]),
        ("numbers", {"unheard_of": 1}, "bug", ["TypeError", "unheard_of"]),
        ("nothing", {}, "function", ["tests.support.map_functions:nothing", "cannot be imported"]),
        ("tests.gone:numbers", {}, "function", ["tests.gone", "cannot be imported"]),
        ("numbers:", {}, "function", ["package.module:name"]),
        ("", {}, "function", ["package.module:name"]),
    ],
)
def test_what_goes_wrong_is_told(
    function: str, options: dict[str, Any], kind: str, words: list[str], tmp_path: Path
) -> None:
    content = "1 x" if (function, kind) == ("numbers", "bad input") else "1 2"
    outcome = run(tmp_path, function, content, **options)
    assert outcome.kind == kind, outcome.told
    for word in words:
        assert word in outcome.told
    assert not (tmp_path / "a.part").exists()


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    gone = str(tmp_path / "gone")
    job = Job(gone, gone, "tests.support.map_functions:numbers", {}, tmp_path / "b.part", 1)
    outcome = run_job(job)
    assert outcome.kind == "reading"
    assert "No such file" in outcome.told


def test_a_folder_that_this_node_does_not_see(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("1")
    part = tmp_path / "elsewhere" / "a.part"
    outcome = run_job(Job(str(path), str(path), "tests.support.map_functions:numbers", {}, part, 1))
    assert (outcome.kind, outcome.code) == ("writing", errno.ENOENT)
    assert "share" in outcome.told
