"""Every mistake in data, told at the command: file, row or key, and what was found or expected."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import ray

from distrib.data.vdj.prepare.prepared import write_prepared
from distrib.study.driver import place
from distrib.study.worker import tasks
from distrib.tune import main
from tests.data.files import test_sequences as sequences
from tests.data.screens import test_screen_bad_input as screens
from tests.data.vdj.prepare import test_prepared as prepared
from tests.data.vdj.trimming import test_trimming_files as trimming

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("one_process")]

SCREEN = ["--space", "lel"]
SEQUENCES = ["--space", "ia3"]
WINDOW = ["--space", "trimming", "--set", "data.trim_min=0", "--set", "data.trim_max=2"]
PREPARED = ["--space", "trimming_ligation"]

# Options of the command, what writes the data, and patterns that the message must hold.
Case = tuple[list[str], Callable[[Path], object], list[str]]


def cases() -> Iterator[tuple[str, Case]]:
    """The mistakes that readers of data are tested with."""

    def plain(says: list[str]) -> list[str]:
        return [re.escape(word) for word in says]

    def put(name: str, content: str | bytes) -> Callable[[Path], object]:
        raw = content if isinstance(content, bytes) else content.encode("utf-8", "surrogateescape")
        return lambda folder: (folder / name).write_bytes(raw)

    def both(*writes: Callable[[Path], object]) -> Callable[[Path], object]:
        return lambda folder: [write(folder) for write in writes]

    def sequences_of(write: Callable[[Path], Path]) -> Callable[[Path], object]:
        def name(folder: Path) -> None:
            content = f"targets: targets.csv\nsequences: {write(folder).name}\n"
            (folder / "screen.yaml").write_text(content)

        return name

    whole = screens.write_screen
    for i, (content, says) in enumerate(screens.BAD_TARGETS):
        yield f"targets {i}", (SCREEN, both(whole, put("targets.csv", content)), plain(says))
    for i, (write, says) in enumerate(screens.BAD_EMBEDDINGS):
        yield f"embeddings {i}", (SCREEN, both(whole, write), plain(says))
    for i, (name, content, says) in enumerate(screens.BAD_PARTS):
        parts = put("groups.csv", screens.GROUPS), put("folds.csv", screens.FOLDS)
        yield f"parts {i}", (SCREEN, both(whole, *parts, put(name, content)), plain(says))
    for i, (content, says) in enumerate(screens.BAD_YAML):
        yield f"screen.yaml {i}", (SCREEN, both(whole, put("screen.yaml", content)), plain(says))
    for i, (write_sequences, says) in enumerate(sequences.BAD_SEQUENCES):
        writes = both(whole, sequences_of(write_sequences))
        yield f"sequences {i}", (SEQUENCES, writes, plain(says))
    for i, (counts, pattern) in enumerate(trimming.BAD_COUNTS):
        writes = both(Path.mkdir, trimming.write, put("counts.tsv", counts))
        yield f"counts {i}", (WINDOW, writes, [pattern])
    for i, (content, pattern) in enumerate(trimming.BAD_YAML):
        writes = both(Path.mkdir, trimming.write, put("trimming.yaml", content))
        yield f"trimming.yaml {i}", (WINDOW, writes, [pattern])
    for mistake, (spoil, says) in prepared.MISTAKES.items():
        good = prepared.example()
        writes = both(Path.mkdir, lambda folder, good=good: write_prepared(folder, good), spoil)
        yield f"prepared: {mistake}", (PREPARED, writes, plain(says))


CASES = dict(cases())

# Sentences that say both what was found and what was expected.
WHOLE = (
    " is empty",
    "no such file",
    "a row without ",
    "no target is measured",
    "this is not YAML: ",
    "duplicate key",
    "this is not UTF-8 text",
)


@pytest.fixture(scope="module")
def one_process(one_ray: None) -> Iterator[None]:
    """One process for all that loads data, where each study would have an assistant.

    No study gets as far as a folder.
    """
    load = ray.remote(num_cpus=0, num_returns=3)(tasks.load_data)

    def assistant(spec: tasks.FamilySpec, **share: object) -> SimpleNamespace:
        method = SimpleNamespace(remote=lambda *of: load.remote(spec, *of))
        return SimpleNamespace(load=SimpleNamespace(options=lambda **given: method))

    def accepted(*args: object) -> None:
        raise AssertionError("these data were accepted")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks, "start_assistant", assistant)
        patch.setattr(place, "create_run_folder", accepted)
        yield


def parameters() -> Iterator[Any]:
    """The first mistake that each reader finds; the others it is tested with at the reader."""
    seen: set[str] = set()
    for name in CASES:
        reader = name.partition(":")[0].rpartition(" ")[0] or "prepared"
        marks = [pytest.mark.exhaustive] if reader in seen else []
        seen.add(reader)
        yield pytest.param(name, marks=marks)


@pytest.mark.parametrize("name", [*parameters()])
def test_bad_data(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options, write, patterns = CASES[name]
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "data"
    write(data)
    assert main([*options, "--data", str(data)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {data}")
    for pattern in patterns:
        assert re.search(pattern, said), said
    assert any(words in said for words in ("\n  found:    ", "\n  expected: ", *WHOLE)), said
    assert "Traceback" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
