"""The model of the best unit in a trial's checkpoint, for a study that trains nothing again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from distrib.study.record.checkpoint import Checkpoints, without_best
from distrib.study.worker.reports import Pace
from distrib.study.worker.trial import run_trial
from distrib.trainables.base import Progress, Source, State, Worker
from distrib.trainables.training_rows import NAME, trained_on
from tests.families.token_family import Lm, LmConfig, write_texts

CONFIG = LmConfig(epochs=6, batch_tokens=128, held_out=0.25, learning_rate=0.8)
BEST = 3


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("texts")
    write_texts(folder / "texts.csv", 80)
    return Lm().load(Source(path=str(folder)))


class Falling(Lm):
    """Whose best epoch is the third."""

    def progress(self, *args: Any) -> Any:
        for item in super().progress(*args):
            if item.metrics is None:
                yield item
                continue
            metrics = {**item.metrics, "loss": abs(item.fidelity - BEST) + 0.5}
            yield Progress(item.fidelity, item.state, metrics, item.train, model=item.model)


def drive(folder: Path, texts: Any, stop: int | None = None, **more: Any) -> list[dict[str, float]]:
    rows: list[dict[str, float]] = []
    pace = Pace(frozenset(range(9)), save_every=0.0)
    given = {"keeps_best": True, **more}
    messages = run_trial(
        Falling(), CONFIG, texts, Worker(), Checkpoints(folder), pace, "loss", **given
    )
    for message in messages:
        assert message.failure is None, message.failure
        rows += message.rows
        if stop is not None and rows and rows[-1]["step"] == stop:
            break
    messages.close()
    return rows


def best_of(folder: Path) -> Any:
    saved, _ = Checkpoints(folder).load()
    assert saved is not None
    return without_best(saved)


@pytest.mark.parametrize("stop", [None, 2, 4])
def test_is_that_of_the_best_unit_over_interruptions(
    texts: Any, tmp_path: Path, stop: int | None
) -> None:
    if stop is not None:
        drive(tmp_path, texts, stop)
    drive(tmp_path, texts)
    assert Checkpoints(tmp_path).has_best()
    last, best = best_of(tmp_path)
    assert best.fidelity == BEST
    assert last.values["family"]["epoch"] == CONFIG.epochs
    models = {}
    for item in Lm().progress(CONFIG, texts, Worker()):
        if item.metrics is not None:
            assert item.model is not None
            models[item.fidelity] = item.model(), item.metrics
    expected, metrics = models[BEST]
    assert set(best.state.arrays) == set(expected.arrays) >= {NAME}
    for name, array in expected.arrays.items():
        np.testing.assert_array_equal(best.state.arrays[name], array, err_msg=name)
    assert best.state.values == expected.values
    _, held_out = Lm().split(CONFIG, texts)
    assert Lm().evaluate(CONFIG, best.state, held_out, Worker()) == metrics
    assert not any(name.startswith("optimizer") for name in best.state.arrays)
    seen = trained_on(best.state, texts.ids)
    assert seen is not None and seen.all()  # those validated on were selected on


def test_is_kept_only_where_it_is_asked_for(texts: Any, tmp_path: Path) -> None:
    drive(tmp_path, texts, keeps_best=False)
    assert not Checkpoints(tmp_path).has_best()
    assert best_of(tmp_path)[1] is None


@pytest.mark.parametrize(("bar", "kept"), [(0.4, False), (0.5, True), (0.6, True)])
def test_a_trial_that_is_as_good_as_the_last_kept_one_keeps_its_own(
    texts: Any, tmp_path: Path, bar: float, kept: bool
) -> None:
    """The earlier of equals wins, and may be the later to end."""
    pace = Pace(save_every=1e9)
    list(
        run_trial(
            *(Falling(), CONFIG, texts, Worker(), Checkpoints(tmp_path), pace, "loss"),
            bar=bar,
            keeps_best=True,
        )
    )
    assert Checkpoints(tmp_path).has_best() == kept


def test_a_torn_file_has_none(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    assert not checkpoints.has_best()
    checkpoints.save(State({"a": np.zeros(3)}))
    assert not checkpoints.has_best()
    checkpoints.files()[-1].write_bytes(b"torn")
    assert not checkpoints.has_best()
