"""Signs of a training that goes amiss, and what a user reads of them."""

from __future__ import annotations

from typing import Any

import pytest

from distrib.trainables.antibodies.seq2seq.advice import advice


def rows(validation: list[float], training: list[float], **last: float) -> list[dict[str, float]]:
    found: list[dict[str, Any]] = [
        {"step": k, "loss": v, "train/loss": t}
        for k, (v, t) in enumerate(zip(validation, training), 1)
    ]
    found[-1] |= last
    return found


GOOD = rows([2.0, 1.5, 1.2, 1.1], [2.4, 1.9, 1.6, 1.5], validity=1.0, diversity=0.9, repeats_gap=0)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (rows([2.0, 1.5, 1.6, 1.7], [2.4, 1.8, 1.2, 0.9]), ["epoch 2 (1.50, 1.70 now)", "dropout"]),
        (rows([3.0, 3.0, 3.0], [3.01, 3.0, 2.99]), ["does not fall (3.01", "learning_rate"]),
        (rows([2.0, 1.9], [1.0, 0.5]), ["1.40 nats behind", "below 0.5", "more records"]),
        (rows([1.5], [2.0], validity=0.9), ["90% of what it draws is valid", "epochs", "--top-p"]),
        (rows([1.5], [2.0], validity=1, diversity=0.4), ["40% of", "different", "--temperature"]),
        (rows([1.5], [2.0], validity=1, repeats_gap=0.1), ["10% more", "GGGG", "epochs"]),
    ],
)  # fmt: skip
def test_each_sign_names_its_setting(found: list[dict[str, float]], words: list[str]) -> None:
    lines = advice(found)
    assert len(lines) == 1
    assert all(word in lines[0] for word in words), lines


def test_a_good_training_is_left_alone() -> None:
    assert advice(GOOD) == []
    assert advice([]) == []


def test_one_worse_epoch_is_no_rise_and_a_small_one_neither() -> None:
    assert advice(rows([2.0, 1.5, 1.6], [2.4, 1.8, 1.2])) == []
    assert advice(rows([2.0, 1.5, 1.51, 1.51], [2.4, 1.8, 1.4, 1.3])) == []


def test_the_gap_is_of_losses_of_one_kind() -> None:
    """Smoothed ones: that of training is."""
    assert advice(rows([2.0], [1.5], smoothed_loss=2.4)) == []
    assert len(advice(rows([2.0], [1.5], smoothed_loss=2.6))) == 1


def test_samples_of_an_earlier_epoch_count() -> None:
    found = rows([2.0, 1.5, 1.2], [2.4, 1.9, 1.6])
    found[1]["validity"] = 0.5
    assert "50%" in advice(found)[0]
