"""The loop of the torch families on an ordinary model, against a loop written out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from distrib.trainables.base import Metric, Progress, State, Worker
from distrib.trainables.training import loop as torch_loop
from distrib.trainables.training.config import Recipe
from distrib.trainables.training.device import shared_tensor
from distrib.trainables.training.loop import Blocks, train

RECIPE = Recipe(epochs=4, learning_rate=0.05, weight_decay=0.1, schedule="constant")
WORKER = Worker()


class Line(Blocks):
    """Linear regression in 2 blocks of 3 batches an epoch; scores come from a list, if any."""

    replicas = 1
    num_blocks = 2
    num_batches = 6

    def __init__(self, scores: list[float] | None = None) -> None:
        torch.manual_seed(0)
        self.model = nn.Linear(3, 1)
        self.values: dict[str, Any] = {"name": "line"}
        self.scores = scores

    def block(self, epoch: int, index: int) -> list[tuple[Tensor, Tensor]]:
        generator = torch.Generator().manual_seed(10 * epoch + index)
        x = torch.randn(3, 8, 3, generator=generator)
        return [(part, part.sum(-1, keepdim=True)) for part in x]

    def losses(self, model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        return (model(batch[0]) - batch[1]).square().mean().reshape(1)

    def validate(self) -> dict[str, float] | None:
        if self.scores is None:
            return None
        return {"score": self.scores.pop(0)}


def weights(state: State) -> np.ndarray:
    return np.append(state.arrays["model.weight"], state.arrays["model.bias"])


def written_out(accumulate: int = 1, clip: float = 0.0, epochs: int = 4) -> np.ndarray:
    task = Line()
    optimizer = torch.optim.AdamW(task.model.parameters(), lr=0.05, weight_decay=0.1)
    for epoch in range(epochs):
        batches = task.block(epoch, 0) + task.block(epoch, 1)
        for start in range(0, len(batches), accumulate):
            x, y = (torch.cat(parts) for parts in zip(*batches[start : start + accumulate]))
            optimizer.zero_grad()
            task.losses(task.model, (x, y)).sum().backward()
            if clip:
                nn.utils.clip_grad_norm_(task.model.parameters(), clip)
            optimizer.step()
    return np.append(task.model.weight.detach(), task.model.bias.detach())


@pytest.mark.parametrize("accumulate", [1, 2, 4, 6])
@pytest.mark.parametrize("clip", [0.0, 0.3])
def test_equals_a_loop_written_out(accumulate: int, clip: float) -> None:
    items = list(train(Line(), replace(RECIPE, accumulate=accumulate, clip_norm=clip), WORKER))
    found = weights(items[-1].state())
    np.testing.assert_allclose(found, written_out(accumulate, clip), rtol=1e-5, atol=1e-6)


def test_reports_the_mean_loss_of_each_epoch() -> None:
    items = list(train(Line([0.1, 0.2, 0.3, 0.4]), RECIPE, WORKER))
    assert [item.fidelity for item in items] == [1, 2, 3, 4]
    assert [item.metrics for item in items] == [{"score": s} for s in (0.1, 0.2, 0.3, 0.4)]
    losses = [item.train["loss"] for item in items]
    first = train(Line(), replace(RECIPE, learning_rate=0.0), WORKER)
    task = Line()
    batches = task.block(0, 0) + task.block(0, 1)
    expected = torch.stack([task.losses(task.model, batch) for batch in batches]).mean().item()
    assert next(first).train["loss"] == pytest.approx(expected, rel=1e-6)
    assert losses[-1] < losses[0]


def test_a_shorter_training_keeps_the_schedule() -> None:
    cosine = replace(RECIPE, schedule="cosine")
    whole = [item.state() for item in train(Line(), cosine, WORKER)]
    cut = [item.state() for item in train(Line(), cosine, WORKER, budget=2)]
    assert len(cut) == 2
    np.testing.assert_array_equal(weights(cut[-1]), weights(whole[1]))


def test_the_last_state_has_no_optimiser() -> None:
    states = [item.state() for item in train(Line(), RECIPE, WORKER)]
    has = [any(name.startswith("optimizer.") for name in s.arrays) for s in states]
    assert has == [True, True, True, False]
    assert list(train(Line(), RECIPE, WORKER, state=states[-1])) == []
    assert states[-1].values["name"] == "line"


@pytest.mark.parametrize(
    ("direction", "scores"), [("max", [1, 3, 2, 3, 9, 9]), ("min", [9, 1, 2, 1, 0, 0])]
)
def test_stops_when_the_score_has_not_improved(direction: Any, scores: list[float]) -> None:
    recipe = replace(
        RECIPE, epochs=6, patience=2, monitor=[Metric("other", "max"), Metric("score", direction)]
    )
    items = list(train(Line(list(scores)), recipe, WORKER))
    assert len(items) == 4
    resumed = list(train(Line(list(scores[3:])), recipe, WORKER, state=_at(scores, recipe, 3)))
    assert [item.fidelity for item in resumed] == [4]
    assert list(train(Line([]), recipe, WORKER, state=items[-1].state())) == []


def _at(scores: list[float], recipe: Recipe, step: int) -> State:
    for item in train(Line(list(scores)), recipe, WORKER):
        if item.fidelity == step:
            return item.state()
    raise AssertionError


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[tuple[Progress, State]]]:
    """Runs a training that offers every block's end, with the state of each item."""
    monkeypatch.setattr(torch_loop, "CHANCE_EVERY", -1.0)

    def run(recipe: Recipe, state: State | None = None) -> list[tuple[Progress, State]]:
        return [(item, item.state()) for item in train(Line(), recipe, WORKER, state=state)]

    return run


@pytest.mark.parametrize("schedule", ["constant", "cosine", "one-cycle", "plateau"])
def test_goes_on_from_amid_an_epoch(
    impatient: Callable[..., list[tuple[Progress, State]]], schedule: Any
) -> None:
    recipe = replace(RECIPE, schedule=schedule, warmup=0.2)
    whole = impatient(recipe)
    assert [item.fidelity for item, _ in whole] == [0, 1, 1, 2, 2, 3, 3, 4]
    for i, (_, state) in enumerate(whole):
        rest = impatient(recipe, state)
        assert [item.train for item, _ in rest] == [item.train for item, _ in whole[i + 1 :]]
        for (_, found), (_, expected) in zip(rest, whole[i + 1 :]):
            assert found.values == expected.values
            assert set(found.arrays) == set(expected.arrays)
            for name, array in expected.arrays.items():
                np.testing.assert_array_equal(found.arrays[name], array, err_msg=name)


def test_offers_no_chance_amid_an_accumulation(
    impatient: Callable[..., list[tuple[Progress, State]]],
) -> None:
    steps = [item.fidelity for item, _ in impatient(replace(RECIPE, accumulate=2))]
    assert steps == [1, 2, 3, 4]


def test_a_state_is_a_copy() -> None:
    items = train(Line(), RECIPE, WORKER)
    state = next(items).state()
    before = {name: array.copy() for name, array in state.arrays.items()}
    list(items)
    for name, array in before.items():
        np.testing.assert_array_equal(state.arrays[name], array)


def test_half_precision_is_near_and_keeps_whole_weights() -> None:
    *_, last = train(Line(), RECIPE, Worker(precision="bfloat16"))
    state = last.state()
    assert state.arrays["model.weight"].dtype == np.float32
    found, expected = weights(state), written_out()
    assert not np.array_equal(found, expected)
    np.testing.assert_allclose(found, expected, atol=0.05)


def test_a_read_only_array_is_shared_without_a_copy() -> None:
    array = np.arange(4.0)
    array.flags.writeable = False
    assert shared_tensor(array, WORKER).data_ptr() == array.ctypes.data
