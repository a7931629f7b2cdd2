"""Every family computes what it did: its losses and metrics step by step, its model, its figures.

On one machine a run is equal to the bit, in any process and however often it is repeated (with one
thread): `python -m tests.support.record_losses --compare` tells whether it still is. The tests
allow a little, since another processor or build of a library adds up in another order, and a loop
that is written otherwise may too. How much is allowed is declared with each run:

- JAX and NumPy in float64 end where a convex objective ends: rtol 1e-6, atol 1e-9, which leaves
  room for a last step of Newton's method that is or is not taken.
- torch and XGBoost in float32: rtol 1e-5, atol 1e-6. A rounding of 6e-8 grows with each step, the
  more the greater the learning rate is; the atol is for correlations close to zero. The plainest
  kernels of the libraries, without AVX, were seen to take a quarter of it at most; the two runs of
  `mlp` that need more declare it.
- bfloat16 has 8 bits: rtol 2e-2.

A run that was interrupted and has gone on must be equal exactly, as both are of the same process.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.record_losses import GOLDEN, PLATFORM, RUNS, Run, compare, compute


@pytest.fixture(autouse=True)
def on_its_device() -> None:
    """Nothing: here each run makes its own process ready."""


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with all runs, computed now."""
    folder = tmp_path_factory.mktemp("losses")
    compute(folder)
    return folder


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_computes_what_it_did(run: Run, computed: Path) -> None:
    beyond = [f"{far:.3g} x {words}" for far, words in compare(run, computed) if far > 1]
    recorded = json.loads((GOLDEN / PLATFORM).read_text(encoding="utf-8"))
    assert not beyond, "\n".join(
        [f"{len(beyond)} figures, in parts of what is allowed:", *beyond[:20], f"from {recorded}"]
    )


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_goes_on_exactly_where_it_was_interrupted(run: Run, computed: Path) -> None:
    path = computed / f"{run.name}.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    assert found["resumed"]["progress"] == found["progress"][found["resumed"]["after"] :] != []


def test_every_file_is_of_a_run() -> None:
    files = {path.name for path in GOLDEN.iterdir()}
    assert files == {f"{run.name}.json" for run in RUNS} | {PLATFORM}
