"""Every family is made ready as a study makes it."""

from __future__ import annotations

import pytest

from distrib.errors import InputError
from distrib.trainables.framework import prepare
from tests.contracts.cases import Case


@pytest.fixture(autouse=True)
def on_its_device(case: Case) -> None:
    """Skips what the builds of torch, JAX and XGBoost here cannot do on the GPU that there is."""
    try:
        prepare(case.family, case.worker)
    except InputError as error:
        pytest.skip(str(error))
