"""A model of a finished study, and the data that it names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import distrib
from distrib.errors import InputError
from distrib.study.driver.model import Model, build_model
from distrib.trainables.vdj.trimming.config import TrimmingSource
from tests.families.token_family import write_texts


def test_a_path_that_was_recorded_is_said_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = replace(build_model("trimming"), source=TrimmingSource(path="t/d_airr"))
    with pytest.raises(InputError, match=r"t/d_airr: no such(.*\n)+.*recorded at training; --data"):
        model.load()
    with pytest.raises(InputError, match="other: no such") as told:
        model.load("other")
    assert "recorded" not in str(told.value)


TEXTS = "tests.families.token_family:Lm"


def texts(folder: Path, **config: Any) -> tuple[Model, Any]:
    """A small model of texts, and 60 rows with a column `split`."""
    write_texts(folder / "texts.csv", 60, split=True)
    model = build_model(TEXTS, epochs=1, width=8, **config)
    return model, model.load(str(folder))


def test_rows_that_are_marked_as_a_test_are_not_trained_on(tmp_path: Path) -> None:
    model, data = texts(tmp_path)
    trained = model.train(data)
    rest = data.take(np.flatnonzero(data.split != "test"))
    assert 0 < len(rest.groups) < len(data.groups)
    alone = model.train(rest)
    assert trained.state is not None
    assert alone.state is not None
    for name, array in trained.state.arrays.items():
        np.testing.assert_array_equal(array, alone.state.arrays[name])


def test_a_training_that_diverges_is_warned_of(tmp_path: Path) -> None:
    model, data = texts(tmp_path, learning_rate=1e30, clip_norm=0)
    with pytest.warns(RuntimeWarning, match="diverged"):
        model.train(data)


def test_what_a_study_refuses_is_refused() -> None:
    model = build_model("mlp", folds=1000)
    with pytest.raises(InputError, match="folds"):
        model.train(model.load())


def test_a_path_is_no_data(tmp_path: Path) -> None:
    model, data = texts(tmp_path)
    trained = model.train(data)
    for use in (model.train, trained.predict, trained.evaluate):
        with pytest.raises(InputError, match=r"a path, where data are due\n.*\n.*distrib.load"):
            use("texts.csv")


def test_a_model_is_shown_in_a_line() -> None:
    assert repr(build_model("mlp")) == "Model('mlp', not trained)"


@pytest.mark.parametrize("name", ["mlp_3_layers", "lel_pca"])
def test_a_space_is_told_from_a_family(name: str) -> None:
    with pytest.raises(InputError, match=r"a space, where a family is due\n(.*\n)*.*build\("):
        distrib.build(name)
