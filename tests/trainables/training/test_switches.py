"""Activations computed again, and compiled networks: cheaper, with the same figures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from distrib.errors import InputError
from distrib.trainables.base import Source, State, Worker
from tests.families.token_family import Lm, LmConfig, write_texts
from tests.support.driver import ROOT

CONFIG = LmConfig(epochs=2, batch_tokens=128, held_out=0.25, dropout=0.3)


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("texts")
    write_texts(folder / "texts.csv", 60)
    return Lm().load(Source(path=str(folder)))


def trained(texts: Any, family: Lm | None = None, **more: Any) -> tuple[State, dict[str, float]]:
    config = CONFIG.model_copy(update=more)
    *_, last = (family or Lm()).progress(config, texts, Worker())
    assert last.metrics is not None
    return last.state(), dict(last.metrics)


def test_activations_computed_again_change_nothing(texts: Any) -> None:
    """Not even dropout, which is drawn twice."""
    passes = []

    class Counting(Lm):
        def build(self, config: LmConfig, values: Any) -> torch.nn.Module:
            model = super().build(config, values)
            model.get_submodule("mix").register_forward_hook(lambda *_: passes.append(1))
            forward = model.get_submodule("dropout").forward
            model.get_submodule("dropout").forward = lambda x: (passes.append(2), forward(x))[1]
            return model

    (plain, told), once = trained(texts, Counting()), passes.count(2)
    passes.clear()
    (again, also), twice = trained(texts, Counting(), checkpoint_activations=True), passes.count(2)
    assert told == also
    assert set(plain.arrays) == set(again.arrays)
    for name, array in plain.arrays.items():
        np.testing.assert_array_equal(again.arrays[name], array, err_msg=name)
    assert once < twice <= 2 * once


def test_a_family_without_blocks_has_no_activations_to_compute_again(texts: Any) -> None:
    class Bare(Lm):
        def blocks(self, model: torch.nn.Module) -> Any:
            return ()

    config = CONFIG.model_copy(update={"checkpoint_activations": True})
    with pytest.raises(InputError, match="checkpoint_activations: this family names no parts"):
        Bare().check(config, texts)


@pytest.mark.exhaustive
@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")  # in torch's own compiler
def test_a_compiled_network_learns_the_same(texts: Any) -> None:
    plain, told = trained(texts, dropout=0.0)
    compiled, also = trained(texts, dropout=0.0, compile=True)
    assert also["loss"] == pytest.approx(told["loss"], rel=1e-4)
    assert set(plain.arrays) == set(compiled.arrays)
    for name, array in plain.arrays.items():
        np.testing.assert_allclose(compiled.arrays[name], array, rtol=1e-3, atol=1e-4, err_msg=name)


SCRIPT = """
import sys
from distrib.trainables.base import Source, Worker
from tests.families.token_family import Lm, LmConfig
data = Lm().load(Source(path=sys.argv[1]))
config = LmConfig(epochs=2, dropout=0.2, clip_norm=1.0, schedule="one-cycle", weight_decay=0.1)
for item in Lm().progress(config, data, Worker()):
    state = item.state()
Lm().predict(config, state, data, Worker())
print(sorted({m.split(".")[1] for m in sys.modules if m.startswith("torch._")}
             & {"_dynamo", "_inductor"}))
"""


def test_training_without_switches_imports_no_compiler(tmp_path: Path) -> None:
    """It takes each process seconds."""
    write_texts(tmp_path / "texts.csv", 60)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=ROOT,
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
