"""Learning curves of the mlp space as a function of its configuration, with their noise.

A Gaussian process each for the best score after some epochs and for the epoch of the best, fitted
to curves that nobody stopped; the noise of a drawn curve is that of one measured curve, all epochs
together.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

EPOCHS = 60
GRID = (2, 4, 6, 8, 12, 16, 24, 36, 60)
CEILING = 0.735  # above every score that was seen, so that distances from it are positive


def point(config: Mapping[str, Any]) -> list[float]:
    """The configuration in the unit cube."""
    return [
        np.log(config["hidden_width"] / 16) / np.log(32),
        (config["num_layers"] - 1) / 2,
        config["dropout"] / 0.7,
        np.log(config["learning_rate"] / 1e-4) / np.log(1e2),
        np.log(config["weight_decay"] / 1e-4) / np.log(1e4),
        float(config["loss"] == "cross_entropy"),
    ]


def size(config: Mapping[str, Any]) -> list[float]:
    """What an epoch's time depends on, for a regression of its logarithm."""
    width, layers = np.log(config["hidden_width"]), config["num_layers"]
    return [1.0, width, layers, width**2, layers * width]


class Process:
    """A Gaussian process of one number of a curve, and its noise at each measured curve.

    Args:
        points: (curves, 6).
        values: (curves,).
    """

    def __init__(self, points: np.ndarray, values: np.ndarray) -> None:
        self.mean, self.scale = values.mean(), values.std()
        scaled = (values - self.mean) / self.scale
        kernel = ConstantKernel(4.0) * Matern([1.0, 2.0, 1.0, 1.0, 5.0, 5.0], (0.1, 20), nu=2.5)
        fit = GaussianProcessRegressor(kernel + WhiteKernel(0.06, (1e-4, 1.0)), random_state=0)
        with warnings.catch_warnings():
            # A parameter that does not matter gets the longest length there is.
            warnings.simplefilter("ignore", ConvergenceWarning)
            fitted = fit.fit(points, scaled).kernel_
        self.kernel, noise, self.points = fitted.k1, fitted.k2.noise_level, points
        inverse = np.linalg.inv(self.kernel(points) + noise * np.eye(len(points)))
        self.weights = inverse @ scaled
        # Left out one by one (Rasmussen and Williams 2006, 5.12), then as wide as the fitted noise.
        left_out = self.weights / np.diag(inverse)
        self.noise = left_out * np.sqrt(noise) / left_out.std() * self.scale

    def __call__(self, at: np.ndarray) -> float:
        """The mean at one point (6,)."""
        return float(
            self.mean + self.scale * (self.kernel(at[None], self.points) @ self.weights)[0]
        )


class Curves:
    """What a training of any configuration may look like.

    Args:
        studies: folders of studies whose trials were never stopped by a scheduler.
    """

    def __init__(self, studies: Sequence[Path]) -> None:
        points, numbers, sizes, seconds = [], [], [], []
        for metrics in sorted(f for s in studies for f in s.glob("trials/*/metrics.csv")):
            table = pd.read_csv(metrics)
            best = np.maximum.accumulate(table["pearson"].to_numpy())
            config = yaml.safe_load((metrics.parent / "config.yaml").read_text())["config"]
            points.append(point(config))
            at = [best[min(epoch, len(best)) - 1] for epoch in GRID]
            numbers.append([*-np.log(CEILING - np.array(at)), np.log(best.argmax() + 1)])
            sizes.append(size(config))
            seconds.append(np.log(np.diff(table["time"]).mean()))
        self.count = len(points)
        self.processes = [Process(np.array(points), n) for n in np.array(numbers).T]
        self.cost = np.linalg.lstsq(np.array(sizes), np.array(seconds), rcond=None)[0]

    def draw(self, config: Mapping[str, Any], generator: np.random.Generator) -> np.ndarray:
        """The best score after each epoch until the last better one, (epochs,)."""
        at, curve = np.array(point(config)), int(generator.integers(self.count))
        numbers = np.array([process(at) + process.noise[curve] for process in self.processes])
        best = np.maximum.accumulate(CEILING - np.exp(-numbers[:-1]))
        last = int(np.clip(round(np.exp(numbers[-1])), 1, EPOCHS))
        drawn = np.interp(np.arange(1, last + 1), GRID, best)
        drawn[-1] = best[-1]
        return drawn

    def seconds(self, config: Mapping[str, Any]) -> float:
        """Time of an epoch."""
        return float(np.exp(np.array(size(config)) @ self.cost))
