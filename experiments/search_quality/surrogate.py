"""Learning curves of LCBench's networks, by a surrogate that is not part of this project."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from distrib.study.space.space import Space
from distrib.study.space.space_file import parse_space

EPOCHS = 50
"""Of a training; the surrogate's first epoch is the untrained network, and left out."""

TASK = "OpenML_task_id"
NAMES = (
    "batch_size", "learning_rate", "momentum", "weight_decay", "num_layers", "max_units",
    "max_dropout",
)  # fmt: skip
RANGES: dict[str, Any] = {
    "num_layers": {"randint": [1, 5]},
    "batch_size": {"lograndint": [16, 512]},
    "max_units": {"lograndint": [64, 1024]},
    "momentum": {"uniform": [0.1, 0.99]},
    "learning_rate": {"loguniform": [1e-4, 1e-1]},
    "weight_decay": {"uniform": [1e-5, 1e-1]},
    "max_dropout": {"uniform": [0, 1]},
}
SPLIT = ("learning_rate", "weight_decay", "max_dropout")
DEPTHS = {"flat": [1, 2], "middle": [3], "deep": [4, 5]}


def plain_space() -> Space:
    """The benchmark's seven hyperparameters."""
    return _parsed(RANGES)


def split_space() -> Space:
    """The same, three of them each apart for flat, middle and deep networks: conditional."""
    parameters = {name: r for name, r in RANGES.items() if name not in SPLIT}
    for name in SPLIT:
        for depth, layers in DEPTHS.items():
            parameters[f"{name}_{depth}"] = {**RANGES[name], "when": {"num_layers": layers}}
    return _parsed(parameters)


def _parsed(parameters: Mapping[str, Any]) -> Space:
    content = {"trainable": "mlp", "parameters": parameters}
    return parse_space(content, name="lcbench", file="surrogate.py")


class Surrogate:
    """Validation accuracy by epoch, in percent.

    Args:
        folder: with `lcbench.onnx`, `encoding.json` and `config_space.json` of YAHPO Gym's data.
    """

    def __init__(self, folder: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(folder / "lcbench.onnx"), options)
        encoding = json.loads((folder / "encoding.json").read_text(encoding="utf-8"))
        self._codes = encoding[TASK]
        # The encoding knows one task more than the benchmark has.
        space = json.loads((folder / "config_space.json").read_text(encoding="utf-8"))
        (choices,) = (p["choices"] for p in space["hyperparameters"] if p["name"] == TASK)
        self.tasks = sorted(choices, key=int)

    def curves(self, task: str, configs: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """(configurations, EPOCHS) float64 of validation accuracy after each epoch."""
        settings = np.array([[_of(config, name) for name in NAMES] for config in configs])
        epochs = np.tile(np.arange(2, EPOCHS + 2), len(configs))[:, None]
        inputs = np.concatenate([epochs, np.repeat(settings, EPOCHS, axis=0)], axis=1)
        codes = np.full((len(inputs), 1), self._codes[task], np.int32)
        (found,) = self._session.run(None, {"x_cat": codes, "x_cont": inputs.astype(np.float32)})
        return found[:, 1].reshape(len(configs), EPOCHS).astype(float)

    def range_of(self, task: str, draws: int = 5000) -> tuple[float, float]:
        """The lowest and the highest best accuracy among configurations drawn at random."""
        random = np.random.default_rng(0)
        lowest, highest = np.inf, -np.inf
        for _ in range(draws // 500):
            best = self.curves(task, [_drawn(random) for _ in range(500)]).max(axis=1)
            lowest, highest = min(lowest, best.min()), max(highest, best.max())
        return float(lowest), float(highest)


def _of(config: Mapping[str, Any], name: str) -> float:
    if name in config:
        return float(config[name])
    depth = next(d for d, layers in DEPTHS.items() if config["num_layers"] in layers)
    return float(config[f"{name}_{depth}"])


def _drawn(random: np.random.Generator) -> dict[str, float]:
    config = {}
    for name, (content,) in ((name, r.items()) for name, r in RANGES.items()):
        kind, (low, high) = content
        share = random.random()
        value = (
            low * (high / low) ** share if kind.startswith("log") else low + share * (high - low)
        )
        config[name] = round(value) if kind.endswith("randint") else value
    return config
