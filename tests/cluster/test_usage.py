"""Hours and prices, added up over nodes that come and go."""

from __future__ import annotations

import time
from typing import Any

import pytest

from distrib.cluster.usage import Usage, usage_measured


def node(gpus: float = 0, price: str | None = None, alive: bool = True) -> dict[str, Any]:
    labels = {} if price is None else {"price-per-hour": price}
    return {"Alive": alive, "Resources": {"CPU": 4, "GPU": gpus}, "Labels": labels}


def test_hours_and_prices_are_sums_over_living_nodes() -> None:
    usage = Usage()
    usage.add([node(price="0.2"), node(4, "1.5"), node(8, "9", alive=False)], 1800)
    usage.add([node(price="0.2")], 3600)
    assert usage.node_hours == pytest.approx(2.0)
    assert usage.gpu_hours == pytest.approx(2.0)
    assert usage.price == pytest.approx(0.1 + 0.75 + 0.2)
    assert str(usage) == "2.00 node-hours, 2.00 GPU-hours, 1.05 by the prices of the cluster's file"


def test_what_has_no_price_is_told_apart() -> None:
    usage = Usage()
    usage.add([node(1, "2"), node(), node(price="cheap")], 3600)
    assert usage.unpriced == pytest.approx(2.0)
    assert "2.00 node-hours of unknown price apart" in str(usage)
    bare = Usage()
    bare.add([node()], 3600)
    assert str(bare) == "1.00 node-hours, 0.00 GPU-hours"


def test_a_node_counts_while_it_is_there() -> None:
    usage, began = Usage(), time.monotonic()

    def nodes() -> list[dict[str, Any]]:
        if 0.1 < time.monotonic() - began < 0.2:
            raise ConnectionError("the head is busy")
        return [node(2)]

    with usage_measured(usage, nodes, look=0.02):
        time.sleep(0.3)
    took = (time.monotonic() - began) / 3600
    assert usage.node_hours == pytest.approx(took, rel=0.2)
    assert usage.gpu_hours == pytest.approx(2 * usage.node_hours)
