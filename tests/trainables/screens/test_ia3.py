"""Adapters of a sequence encoder, and embeddings by one."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("peft")

from distrib.errors import InputError
from distrib.models.screens.encoders import small_encoder, write_encoder
from distrib.trainables.base import Progress, State, Worker
from distrib.trainables.screens.ia3.config import Ia3Config
from distrib.trainables.screens.ia3.embedder import Embedder
from distrib.trainables.screens.ia3.family import Ia3
from tests.support.small_screens import ROWS, small_screen

FAMILY, WORKER = Ia3(), Worker()


def config(**values: Any) -> Ia3Config:
    return Ia3Config.model_validate({"epochs": 2, "batch_size": 8, **values})


def trained(values: Ia3Config) -> Progress:
    *_, last = FAMILY.progress(values, small_screen(), WORKER)
    return last


def refitted(values: Ia3Config) -> State:
    *_, last = FAMILY.refit(values, small_screen(), WORKER, None)
    return last.state()


def test_a_checkpoint_holds_no_frozen_weight() -> None:
    state = refitted(config())
    encoder = sum(p.numel() for p in small_encoder().network.parameters())
    model = sum(a.size for name, a in state.arrays.items() if name.startswith("model."))
    assert model < encoder / 4


def test_computing_activations_again_changes_no_score() -> None:
    plain, again = trained(config()), trained(config(checkpointing=True))
    assert plain.metrics is not None and again.metrics is not None
    for name, value in plain.metrics.items():
        assert again.metrics[name] == pytest.approx(value, rel=1e-4), name


def test_an_encoder_in_a_folder_is_the_same_as_the_one_it_was_written_from(tmp_path: Path) -> None:
    write_encoder(small_encoder(), tmp_path)
    here, there = config(), config(encoder=str(tmp_path))
    data = small_screen()
    expected = FAMILY.predict(here, refitted(here), data, WORKER)
    found = FAMILY.predict(there, refitted(there), data, WORKER)
    np.testing.assert_array_equal(found.iloc[:, 1:], expected.iloc[:, 1:])


def test_a_model_refuses_another_encoder_than_its_own(tmp_path: Path) -> None:
    write_encoder(small_encoder(), tmp_path)
    values = config(encoder=str(tmp_path))
    state = refitted(values)
    write_encoder(small_encoder(seed=1), tmp_path)
    with pytest.raises(InputError, match="not the one that the model was trained on"):
        FAMILY.predict(values, state, small_screen(), WORKER)


def test_half_the_precision_comes_close() -> None:
    full = trained(config()).metrics
    *_, last = FAMILY.progress(config(), small_screen(), Worker(precision="bfloat16"))
    assert full is not None and last.metrics is not None
    assert last.metrics["rmse"] == pytest.approx(full["rmse"], rel=0.02)


def test_an_extra_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(InputError, match=r"not installed(.|\n)*\[ia3\]"):
        FAMILY.check(config(), small_screen())


def test_a_sequence_that_is_too_long_is_found_before_any_training() -> None:
    """Also where it is in the test part."""
    data = small_screen()
    assert data.sequences is not None
    sequences = data.sequences.astype("S9000")
    sequences[3] = b"ACG" * 3000
    long = replace(data, sequences=sequences)
    for look in (FAMILY.check, FAMILY.check_rows):
        with pytest.raises(
            InputError, match=r"row G03: a sequence longer than the model's context"
        ):
            look(config(), long)


def test_an_encoder_that_is_not_there_is_found_before_any_training() -> None:
    with pytest.raises(InputError, match="no such folder"):
        FAMILY.check(config(encoder="./nowhere"), small_screen())


@pytest.mark.parametrize("pool", ["mean", "cls"])
@pytest.mark.parametrize("budget", [1, 64, 8192])
def test_embeddings_do_not_depend_on_the_batches(pool: str, budget: int, tmp_path: Path) -> None:
    """One sequence at a time, without padding, through the network itself."""
    encoder = small_encoder()
    write_encoder(encoder, tmp_path)
    data = small_screen()
    assert data.sequences is not None
    heard: list[int] = []
    embedder = Embedder(str(tmp_path), pool=pool, budget=budget)
    found = embedder.embed(data.sequences, data.ids.tolist(), lambda done, left: heard.append(done))
    tokens = encoder.tokens(data.sequences, data.ids.tolist())
    for row, numbers in enumerate(tokens):
        with torch.inference_mode():
            hidden = encoder.network.eval()(input_ids=torch.from_numpy(numbers)[None])[0][0]
        expected = hidden[0] if pool == "cls" else hidden.mean(dim=0)
        np.testing.assert_allclose(found[row], expected.numpy(), rtol=1e-4, atol=1e-5)
    assert heard[-1] == ROWS
    assert heard == sorted(heard)


def test_data_without_sequences_are_named_with_a_test_part_too() -> None:
    """Rows set aside are looked at after those that are searched on."""
    data = replace(small_screen(), sequences=None)
    with pytest.raises(InputError, match="no sequences of the rows"):
        FAMILY.check(config(), data)
