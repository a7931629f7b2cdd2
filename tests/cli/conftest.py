"""Studies in the process of the tests, on one Ray for all of a module."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from distrib.cluster.connect import connected
from distrib.study.driver import loading
from tests.support.driver import ROOT


@pytest.fixture(scope="module")
def one_ray() -> Iterator[None]:
    """One Ray for all, where each study would start its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))  # where families of the tests are found
        with connected(None, cpus=2, threads=1, environments=True) as cluster:
            patch.setattr(loading, "connected", lambda *args, **kwargs: nullcontext(cluster))
            yield
