"""The families under contract: for each, a small configuration and a small part of its data."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from distrib.cluster.gpus import nvidia_gpus
from distrib.trainables.base import State, Trainable, Worker
from distrib.trainables.capabilities import HasExample
from distrib.trainables.registry import load_family


@dataclass(frozen=True)
class Case:
    """One family.

    Attributes:
        config: small values that train in a second or two.
        groups: how many groups of the default data are used; None for all of the family's example,
            where there are no default data.
        budget: units of fidelity of the small configuration.
        diverging: values under which the objective stops being finite, None where it cannot.
        predicted: rows of a prediction; None for one a row of the data.
        device, precision: where it is trained, and how; None: the family's first.
    """

    name: str
    config: Mapping[str, Any]
    budget: int
    groups: int | None
    predicted: Callable[[Any], int] | None = None
    diverging: Mapping[str, Any] | None = None
    device: str = "cpu"
    precision: str | None = None

    def __str__(self) -> str:
        return self.name if self.device == "cpu" else f"{self.name}-{self.device}-{self.precision}"

    @property
    def worker(self) -> Worker:
        return Worker(device=self.device, precision=self.precision or self.family.precisions[0])

    @property
    def family(self) -> Trainable[Any, Any, Any]:
        return load_family(self.name, allow_custom=True)

    def typed(self, **more: Any) -> Any:
        return self.family.Config.model_validate({**self.config, **more})

    def data(self) -> Any:
        return _data(self.name, self.groups)

    def trained(self) -> State:
        """The model after a refit on all of its data, made once for all tests that look at it."""
        key = str(self)
        if key not in _TRAINED:
            *_, last = self.family.refit(self.typed(), self.data(), self.worker, self.budget)
            _TRAINED[key] = last.state()
        return _TRAINED[key]

    def rows(self) -> tuple[list[dict[str, float]], State]:
        """What a training reports and its last state, made once for all tests that look at it."""
        key = str(self)
        if key not in _ROWS:
            _ROWS[key] = self.run()
        return _ROWS[key]

    def run(
        self, state: State | None = None, stop: int | None = None, **more: Any
    ) -> tuple[list[dict[str, float]], State]:
        """Rows and the last state of a training, from the beginning or from a state."""
        rows, last = [], None
        for item in self.family.progress(self.typed(**more), self.data(), self.worker, state):
            last = item.state()
            if item.metrics is not None:
                rows.append({"step": item.fidelity, **item.metrics})
            if item.fidelity == stop:
                break
        assert last is not None
        return rows, last


_TRAINED: dict[str, State] = {}
_ROWS: dict[str, tuple[list[dict[str, float]], State]] = {}


@cache
def _data(name: str, groups: int | None) -> Any:
    family = load_family(name, allow_custom=True)
    if groups is None:
        folder = Path(tempfile.mkdtemp())
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        assert isinstance(family, HasExample)
        family.example(folder)
        return family.load(family.Source(path=str(folder)))
    data = family.load(family.Source())
    return data.take(np.flatnonzero(np.isin(data.groups, np.unique(data.groups)[:groups])))


CASES = [
    Case(
        "mlp",
        {"epochs": 5, "hidden_width": 16, "num_layers": 2, "dropout": 0.2, "folds": 3},
        budget=5,
        groups=60,
        diverging={"learning_rate": 1e30, "clip_norm": 0.0, "norm": "none"},
    ),
    Case(
        "mlp_pairs",
        {"epochs": 4, "hidden_width": 12, "folds": 3, "batch_rows": 8, "batch_genes": 5},
        budget=4,
        groups=60,
        diverging={"learning_rate": 1e30, "clip_norm": 0.0, "epochs": 9},
    ),
    Case("lel", {"gene_side": "pca", "folds": 3, "grid": 6, "components": 5}, budget=3, groups=60),
    Case(
        "xgboost",
        {"rounds": 5, "folds": 3, "subsample": 0.8, "colsample": 0.5, "patience": 3},
        budget=5,
        groups=60,
    ),
    Case("ia3", {"epochs": 3, "folds": 3, "dropout": 0.1, "batch_size": 8}, budget=3, groups=25),
    Case(
        "trimming",
        {
            "feature_set": "motif_two-side-base-count-beyond",
            "motif_left": 1,
            "motif_right": 2,
            "l2": 1.0,
            "folds": 4,
        },
        budget=4,
        groups=30,
        predicted=lambda data: len(data.groups) * len(data.trims),
    ),
    Case(
        "trimming_ligation",
        {"folds": 3},
        budget=3,
        groups=40,
        predicted=lambda data: int(np.bitwise_count(data.options).sum()),
    ),
    Case(
        "trimming_ligation_em",
        {"folds": 3, "method": "squarem", "tolerance": 1e-6},
        budget=3,
        groups=40,
        predicted=lambda data: int(np.bitwise_count(data.options).sum()),
    ),
    Case("distrib.trainables.example_family:Ridge", {"folds": 3}, budget=3, groups=60),
    Case(
        "segmenter_trees",
        {
            "rounds": 3,
            "trees_per_round": 4,
            "n_lags": 1,
            "sequence_length": 250,
            "trial_splits": "3;1;0;0",
        },
        budget=3,
        groups=3,
        predicted=lambda data: data.num_frames(),
    ),
    Case(
        "segmenter",
        {
            "epochs": 3,
            "n_hid_units": 8,
            "n_lags": 2,
            "batch_size": 8,
            "sequence_length": 250,
            "trial_splits": "3;1;0;0",
            "learning_rate": 1e-2,
        },
        budget=3,
        groups=4,
        predicted=lambda data: data.num_frames(),
        diverging={"learning_rate": 1e30},
    ),
    Case(
        "mlm",
        {"epochs": 3, "hidden_size": 16, "num_layers": 1, "num_heads": 2, "batch_tokens": 1024},
        budget=3,
        groups=60,
        diverging={"learning_rate": 1e30, "clip_norm": 0.0, "schedule": "constant", "warmup": 0.0},
    ),
    Case(
        "clm",
        {
            "epochs": 3,
            "hidden_size": 16,
            "num_layers": 1,
            "num_heads": 2,
            "batch_tokens": 1024,
            "samples": 4,
        },
        budget=3,
        groups=60,
        diverging={"learning_rate": 1e30, "clip_norm": 0.0, "schedule": "constant", "warmup": 0.0},
    ),
    Case(
        "heavy2light",
        {
            "epochs": 3,
            "encoder_hidden_size": 16,
            "decoder_hidden_size": 24,
            "encoder_heads": 2,
            "decoder_heads": 2,
            "samples": 4,
            "held_out": 0.2,
        },
        budget=3,
        groups=50,
        diverging={"learning_rate": 1e30, "clip_norm": 0.0, "schedule": "constant", "warmup": 0.0},
    ),
    Case(
        "seq2seq",
        {"epochs": 3, "width": 16, "num_heads": 2, "samples": 4, "batch_size": 32, "held_out": 0.2},
        budget=3,
        groups=20,
        diverging={"learning_rate": 1e30, "clip_norm": 0.0, "schedule": "constant", "warmup": 0.0},
    ),
    Case(
        "tests.families.toys:Curve",
        {"epochs": 6, "noise": 0.1},
        budget=6,
        groups=10,
        diverging={"kind": "nan"},
    ),
    Case(
        "tests.families.token_family:Lm",
        {"epochs": 3, "dropout": 0.1, "held_out": 0.25, "accumulate": 2},
        budget=3,
        groups=None,
        diverging={"learning_rate": 1e30},
    ),
    Case(
        "tests.families.stream_family:Net",
        {"epochs": 3, "hidden": 4},
        budget=3,
        groups=None,
        diverging={"learning_rate": 1e30},
    ),
]

if nvidia_gpus():
    CASES += [
        replace(case, device="cuda", precision=precision)
        for case in CASES
        for precision in case.family.precisions
        if "cuda" in case.family.devices
    ]
