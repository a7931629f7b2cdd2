"""Real recordings: activities of people with a watch, bouts of 100 steps joined."""

from __future__ import annotations

from pathlib import Path

from distrib.trainables.base import Worker
from distrib.trainables.behaviour.segmenter.family import Segmenter
from experiments.behaviour.sessions import basic_motions


def test_basic_motions(real_data: Path, tmp_path: Path) -> None:
    """The configuration that a small search chose by validation, trained on the five sessions."""
    basic_motions(real_data / "behaviour/basic_motions", tmp_path)
    family, worker = Segmenter(), Worker()
    data = family.load(family.Source(path=str(tmp_path / "data.yaml")))
    search, test = family.set_aside(data, 0.15, 0)
    assert test is not None
    assert search.num_frames() == test.num_frames() == 4_000
    config = family.Config(
        lambda_weak=0,
        lambda_pred=0.1,
        learning_rate=3e-3,
        batch_size=4,
        sequence_length=100,
        trial_splits="3;1;0;0",
        epochs=35,
        patience=0,
    )
    family.check(config, search)
    *_, last = family.refit(config, search, worker, None)
    assert family.evaluate(config, last.state(), test, worker)["f1_macro"] > 0.90
