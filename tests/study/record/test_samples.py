"""Tables of samples: a file has every unit's rows once, over interruptions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from distrib.study.record.artifacts import TrialArtifacts
from distrib.study.record.checkpoint import Checkpoints
from distrib.study.worker.reports import Pace
from distrib.study.worker.trial import run_trial
from distrib.trainables.base import Progress, Source, State, Worker
from tests.families.token_family import Lm, LmConfig, write_texts

CONFIG = LmConfig(epochs=4, batch_tokens=128, held_out=0.25)


def item(unit: int, *texts: str) -> Progress:
    table = pd.DataFrame({"text": texts, "number": [0.1 * unit] * len(texts)})
    return Progress(unit, lambda: State({}), {}, samples=lambda: {"drawn": table})


def test_rows_are_added_under_the_unit_and_written_again_by_a_resume(tmp_path: Path) -> None:
    artifacts = TrialArtifacts(tmp_path / "checkpoint")
    for unit in (1, 2, 3):
        artifacts.add_samples(item(unit, "007", 'a "quoted", text'), "epoch")
    file = tmp_path / "drawn.csv"
    whole = file.read_text()
    found = pd.read_csv(file, dtype={"text": str})
    assert found.columns.tolist() == ["epoch", "text", "number"]
    assert found["epoch"].tolist() == [1, 1, 2, 2, 3, 3]
    assert found["text"].tolist() == ["007", 'a "quoted", text'] * 3
    again = TrialArtifacts(tmp_path / "checkpoint")
    for unit in (2, 3):
        again.add_samples(item(unit, "007", 'a "quoted", text'), "epoch")
        assert pd.read_csv(file)["epoch"].max() == unit
    assert file.read_text() == whole
    again.add_samples(item(1, "x"), "epoch")
    assert pd.read_csv(file)["text"].tolist() == ["x"]


@pytest.mark.parametrize("stop", [2, 3])
def test_a_trial_that_was_interrupted_has_those_of_one_that_was_not(
    tmp_path: Path, stop: int
) -> None:
    write_texts(tmp_path / "texts.csv", 60)
    data: Any = Lm().load(Source(path=str(tmp_path)))

    def drive(name: str, until: int, save_every: float = 0.0) -> str:
        pace = Pace(frozenset(range(9)), save_every)
        checkpoints = Checkpoints(tmp_path / name / "checkpoint")
        messages = run_trial(Lm(), CONFIG, data, Worker(), checkpoints, pace, "loss")
        for message in messages:
            assert message.failure is None, message.failure
            if message.rows and message.rows[-1]["step"] == until:
                break
        messages.close()
        return (tmp_path / name / "samples.csv").read_text()

    expected = drive("calm", 9)
    assert pd.read_csv(tmp_path / "calm" / "samples.csv")["epoch"].tolist() == [
        1,
        1,
        2,
        2,
        3,
        3,
        4,
        4,
    ]
    assert drive("cut", stop) != expected
    assert drive("cut", 9) == expected
    assert drive("lost", stop, 1e9) != expected  # without a checkpoint it begins again
    assert drive("lost", 9) == expected


def test_samples_do_not_disturb_the_training(tmp_path: Path) -> None:
    write_texts(tmp_path / "texts.csv", 60)
    data: Any = Lm().load(Source(path=str(tmp_path)))
    rows = []
    for called in (False, True):
        own = []
        for progress in Lm().progress(CONFIG.model_copy(update={"dropout": 0.3}), data, Worker()):
            if progress.metrics is not None:
                assert progress.samples is not None
                if called:
                    assert progress.samples()["samples"].shape == (2, 1)
                own.append((progress.metrics, progress.train))
        rows.append(own)
    assert rows[0] == rows[1]
