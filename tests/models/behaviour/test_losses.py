"""The parts of the loss by their formulas, one frame at a time, in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from distrib.models.behaviour.losses import Targets, agreement, loss_parts, total

B, T, N, K, J = 2, 6, 3, 4, 2


@pytest.fixture
def found() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return {
        "strong": torch.randn(B, T, K, requires_grad=True),
        "weak": torch.randn(B, T, K),
        "pred": torch.randn(B, T, N),
        "task": torch.randn(B, T, J),
        "mean": torch.randn(B, T, 5),
        "logvar": torch.randn(B, T, 5),
    }


@pytest.fixture
def targets() -> Targets:
    torch.manual_seed(1)
    hand = torch.tensor([[0, 1, 2, 3, 0, 0], [0, 0, 2, 2, -1, -1]])
    weak = torch.tensor([[1, 1, 0, 2, 3, -1], [2, 0, 3, -1, -1, -1]])
    inside = hand >= 0
    measured = inside[..., None].repeat(1, 1, N)
    measured[0, 3, 1] = False
    tasks = torch.randn(B, T, J)
    tasks[0, 0, 0] = torch.nan
    return Targets(hand, weak, torch.randn(B, T, N), measured, inside, tasks)


def nats(logits: torch.Tensor, label: int) -> float:
    scores = logits.detach().double().numpy()
    return float(np.log(np.exp(scores).sum()) - scores[label])


@pytest.mark.parametrize("ignore", [0, -100])
@pytest.mark.parametrize("weights", [None, [0.0, 2.0, 1.0, 5.0]])
def test_cross_entropies(found: dict, targets: Targets, ignore: int, weights: list | None) -> None:
    given = None if weights is None else torch.tensor(weights)
    parts = loss_parts(found, targets, ignore, given)
    for head, labels in (("strong", targets.hand), ("weak", targets.weak)):
        above = below = 0.0
        for b in range(B):
            for t in range(T):
                label = int(labels[b, t])
                skip = label < 0 or label == ignore
                if skip or (head == "weak" and targets.hand[b, t] != 0):
                    continue
                w = 1.0 if weights is None else weights[label]
                above += w * nats(found[head][b, t], label)
                below += w
        value, count = parts[head]
        assert float(value.detach()) == pytest.approx(above, rel=1e-5)
        assert float(count) == pytest.approx(below)


def test_without_a_strong_head_heuristics_count_everywhere(found: dict, targets: Targets) -> None:
    del found["strong"]
    assert int(loss_parts(found, targets, 0, None)["weak"][1]) == 6


def test_squares_and_kl(found: dict, targets: Targets) -> None:
    parts = loss_parts(found, targets, 0, None)
    above, below = 0.0, 0
    for b in range(B):
        for t in range(T - 1):
            for n in range(N):
                if targets.measured[b, t + 1, n]:
                    above += float(found["pred"][b, t, n] - targets.signals[b, t + 1, n]) ** 2
                    below += 1
    assert float(parts["pred"][0]) == pytest.approx(above, rel=1e-5)
    assert int(parts["pred"][1]) == below == 3 * (5 + 3) - 1
    assert int(parts["task"][1]) == 2 * 10 - 1
    each = []
    for b, t in torch.nonzero(targets.inside).tolist():
        lv, mu = found["logvar"][b, t].double(), found["mean"][b, t].double()
        each.append(2 * 0.5 * float((lv.exp() - lv + mu**2 - 1).sum()))
    value, count = parts["kl"]
    assert float(value / count) == pytest.approx(np.mean(each), rel=1e-5)


def test_nothing_labelled_contributes_nothing(found: dict, targets: Targets) -> None:
    empty = Targets(
        torch.zeros(B, T, dtype=torch.long),
        torch.zeros(B, T, dtype=torch.long),
        targets.signals,
        targets.measured,
        targets.inside,
    )
    parts = loss_parts({k: found[k] for k in ("strong", "weak")}, empty, 0, None)
    loss = total(parts, {"strong": 1.0, "weak": 1.0})
    assert float(loss.detach()) == 0.0
    loss.backward()
    assert not found["strong"].grad.any()
    assert math.isfinite(float(loss.detach()))


def test_the_total_is_the_weighted_sum_of_means(found: dict, targets: Targets) -> None:
    parts = loss_parts(found, targets, 0, None)
    weights = {"strong": 1.0, "weak": 0.5, "pred": 2.0, "task": 3.0, "kl": 0.1}
    expected = sum(weights[k] * float(v.detach()) / float(c) for k, (v, c) in parts.items())
    assert float(total(parts, weights).detach()) == pytest.approx(expected, rel=1e-5)


def test_agreement(found: dict, targets: Targets) -> None:
    same, known = agreement(found, targets.weak)
    taken = found["strong"].argmax(-1)
    pairs = [(b, t) for b in range(B) for t in range(T) if targets.weak[b, t] >= 0]
    assert int(known) == len(pairs) == 8
    assert int(same) == sum(int(taken[p] == targets.weak[p]) for p in pairs)
