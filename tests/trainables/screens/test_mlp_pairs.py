"""The perceptron on pairs: no fold minds the others, an epoch sees every pair once."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from distrib.trainables.base import Worker
from distrib.trainables.screens.base import folds_of
from distrib.trainables.screens.pairs.config import MlpPairsConfig
from distrib.trainables.screens.pairs.family import MlpPairs
from distrib.trainables.screens.pairs.task import PairsTask
from tests.support.small_screens import GENES, ROWS, small_screen

FAMILY, WORKER = MlpPairs(), Worker()


def config(**values: Any) -> MlpPairsConfig:
    small = {"epochs": 2, "hidden_width": 12, "batch_rows": 8, "batch_genes": 5}
    return MlpPairsConfig.model_validate({**small, **values})


def test_an_epoch_sees_every_pair_of_a_fold_once() -> None:
    values, data = config(), small_screen()
    assert data.targets is not None
    # Every target its own number, so that a pair can be told by what it is to predict.
    data = replace(data, targets=np.arange(ROWS * GENES, dtype=np.float32).reshape(ROWS, GENES))
    parts = folds_of(values, data)
    task = PairsTask(values, data, WORKER, parts)
    for epoch in range(2):
        seen: list[Counter[int]] = [Counter() for _ in parts]
        for block in range(task.num_blocks):
            for batch in task.block(epoch, block):
                mean = task.model.target_mean[:, 0]
                for fold in range(len(parts)):
                    there = batch.weight[fold] > 0
                    y = batch.y[fold] * task.model.target_scale[fold, 0, 0]
                    number = (y + mean[fold][batch.genes[fold]])[there]
                    seen[fold].update(number.round().int().tolist())
        for fold, part in enumerate(parts):
            rest = np.setdiff1d(np.arange(ROWS), part)
            assert data.targets is not None
            assert seen[fold] == Counter(data.targets[rest].astype(int).ravel().tolist())


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_a_fold_is_trained_the_same_beside_others_and_alone(dropout: float, missing: float) -> None:
    values, data = config(dropout=dropout), small_screen(missing=missing)
    first = folds_of(values, data)[0]
    assert data.folds is not None
    found = []
    for folds in (data.folds, np.where(data.folds == 0, 0, 1)):
        *_, last = FAMILY.progress(values, replace(data, folds=folds), WORKER)
        assert last.held_out is not None
        found.append(last.held_out().iloc[first, 1:].to_numpy())
    np.testing.assert_allclose(found[0], found[1], rtol=1e-3, atol=1e-3)


def test_genes_without_embeddings_learn_their_own() -> None:
    data = replace(small_screen(), gene_inputs=None)
    *_, last = FAMILY.progress(config(epochs=30, learning_rate=0.01), data, WORKER)
    bars = FAMILY.baselines(config(), data, None, WORKER)
    assert last.metrics is not None
    assert last.metrics["mse"] < bars["training mean"]["mse"]
