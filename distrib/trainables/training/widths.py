"""Widths of the hidden layers of a perceptron, by the first one and a taper."""

from __future__ import annotations

from typing import Protocol


class Tapered(Protocol):
    """A configuration of such a perceptron."""

    @property
    def num_layers(self) -> int: ...
    @property
    def hidden_width(self) -> int: ...
    @property
    def taper(self) -> float: ...


def hidden_widths(config: Tapered) -> list[int]:
    """Units of each hidden layer, at least one."""
    first, taper = config.hidden_width, config.taper
    return [max(1, round(first * taper**layer)) for layer in range(config.num_layers)]
