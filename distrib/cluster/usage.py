"""What a study took of a cluster: hours of its nodes and GPUs, and their price where it is told.

The price is a label of the nodes, `price-per-hour`, which the cluster's file gives each type.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

LOOK = 10.0  # seconds between two looks
PRICE = "price-per-hour"


@dataclass
class Usage:
    """Sums over the nodes that were alive, whether this study used them or not.

    Attributes:
        node_hours, gpu_hours: of all of them. price: of the hours whose price is told, in the
            unit of the file. unpriced: node-hours whose price is not.
    """

    node_hours: float = 0.0
    gpu_hours: float = 0.0
    price: float = 0.0
    unpriced: float = 0.0

    def add(self, nodes: Sequence[Mapping[str, Any]], seconds: float) -> None:
        """A time in which these nodes, as `ray.nodes()` tells of them, were there."""
        hours = seconds / 3600
        for node in nodes:
            if not node["Alive"]:
                continue
            self.node_hours += hours
            self.gpu_hours += hours * node["Resources"].get("GPU", 0)
            try:
                self.price += hours * float(node.get("Labels", {})[PRICE])
            except (KeyError, ValueError):
                self.unpriced += hours

    def __str__(self) -> str:
        words = [f"{self.node_hours:.2f} node-hours", f"{self.gpu_hours:.2f} GPU-hours"]
        if self.price:
            part = f", {self.unpriced:.2f} node-hours of unknown price apart" * (self.unpriced > 0)
            words.append(f"{self.price:.2f} by the prices of the cluster's file{part}")
        return ", ".join(words)


@contextmanager
def usage_measured(
    usage: Usage, nodes: Callable[[], Sequence[Mapping[str, Any]]], look: float = LOOK
) -> Iterator[None]:
    """Add up what the cluster gives while the block runs, in a thread beside it.

    Args:
        nodes: such as `ray.nodes`. look: seconds between two looks; a node counts for the time
            since the look before.
    """
    over = threading.Event()
    last = time.monotonic()

    def add() -> None:
        nonlocal last
        with suppress(Exception):  # the head does not answer for a while; the time counts later
            found = nodes()
            now = time.monotonic()
            usage.add(found, now - last)
            last = now

    def watch() -> None:
        while not over.wait(look):
            add()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(look)
        add()
