"""What a family may report as a number, and what is told of everything else."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from distrib.study.worker.trial import row_of
from distrib.trainables.base import Progress, State


def row(value: Any) -> dict[str, float]:
    return row_of(Progress(3, lambda: State({}), {"score": value}), 1.0)


@pytest.mark.parametrize(
    "value", [1, 0.5, np.float32(0.5), np.int64(2), np.array(0.25), torch.tensor(0.5), True]
)
def test_numbers_of_every_kind_become_floats(value: Any) -> None:
    found = row(value)
    assert found == {"step": 3, "score": float(value), "time": 1.0}
    assert type(found["score"]) is float


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_for_the_search_to_judge(value: float) -> None:
    assert repr(row(value)["score"]) == repr(value)


@pytest.mark.parametrize(
    "value", [None, "0.5", b"1", [0.5, 0.5], {}, np.zeros(3), torch.zeros(3), 1j]
)
def test_everything_else_is_named(value: Any) -> None:
    with pytest.raises(TypeError, match=r"'score' at unit 3 is .*, not a number"):
        row(value)
