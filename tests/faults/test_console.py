"""What a trial writes, by whatever way, is in its own file; and it has the threads it was given."""

from __future__ import annotations

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.families.loud_family import WAYS
from tests.support.driver import trials_of, write_space

pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]

LIBRARIES = ["torch", "arrow", *(["xgboost"] if find_spec("xgboost") else [])]


@pytest.mark.parametrize(
    ("words", "heights", "consoles", "threads"),
    [
        pytest.param(
            ("--workers-per-trial", "2"),
            [0.25],
            ["console.log", "console-rank1.log"],
            1,
            marks=pytest.mark.exhaustive,
        ),
        # A library's own choice would be one number on this machine, and so not both.
        (("--cpus-per-worker", "2"), [0.25, 0.75], ["console.log"], 2),
    ],
)
def test_everything_is_written_to_the_console_of_its_trial(
    start: Any,
    tmp_path: Path,
    words: tuple[str, ...],
    heights: list[float],
    consoles: list[str],
    threads: int,
) -> None:
    write_space(
        tmp_path / "toy.yaml",
        {"height": heights, "pause": 0},
        trials=len(heights),
        trainable="tests.families.loud_family:Loud",
        scheduler="none",
    )
    driver = start("--space", "toy.yaml", "--concurrent", "1", *words)
    assert driver.wait() == 0, driver.said()
    study = tmp_path / "runs" / "toy-0"
    trials = trials_of(study)
    assert sorted(t.params["height"] for t in trials) == heights
    for trial in trials:
        folder = study / "trials" / f"{trial.number:04d}"
        assert sorted(log.name for log in folder.glob("*.log")) == sorted(consoles)
        for rank, name in enumerate(consoles):
            text = (folder / name).read_text()
            word = f"{trial.params['height']}, worker {rank}"
            assert {way: text.count(f"<{way}> {word}") for way in WAYS} == dict.fromkeys(WAYS, 1)
            assert text.count(", worker ") == len(WAYS)
            (found,) = re.findall(r"threads (.*)", text)
            assert json.loads(found) == dict.fromkeys(LIBRARIES, threads)
    assert "worker 0" not in driver.said()
    assert "worker 1" not in driver.said()
