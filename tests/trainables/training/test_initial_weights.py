"""Trainings that begin with given weights: whose they may be, and what is said of others."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from distrib.errors import InputError
from distrib.study.record.checkpoint import write_state
from distrib.trainables.base import Source, State, Worker
from tests.families.token_family import Lm, LmConfig, Network, write_texts

CONFIG = LmConfig(epochs=2, batch_tokens=128, held_out=0.25)


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("texts")
    write_texts(folder / "texts.csv", 60)
    return Lm().load(Source(path=str(folder)))


def network(seed: int = 5) -> Network:
    torch.manual_seed(seed)
    return Network(CONFIG.width, 0.0)


def written(folder: Path, kind: str) -> Path:
    """The same weights as each kind of file."""
    tensors = network().state_dict()
    if kind == "best":
        arrays = {f"model.{name}": tensor.numpy() for name, tensor in tensors.items()}
        write_state(folder / "weights.safetensors", State({**arrays, "loop.best": np.zeros(1)}))
        return folder
    file = folder / f"other.{kind}"
    foreign = {name.replace("out.", "head."): tensor for name, tensor in tensors.items()}
    if kind == "safetensors":
        save_file(foreign, file)
    else:
        torch.save(foreign, file)
    return file


def begun(init: Path, texts: Any, state: State | None = None) -> Any:
    config = CONFIG.model_copy(update={"init": str(init)})
    return [item.state() for item in Lm().progress(config, texts, Worker(), state)]


def from_hand(texts: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    with monkeypatch.context() as patch:
        patch.setattr(Lm, "build", lambda self, config, values: network())
        return [item.state() for item in Lm().progress(CONFIG, texts, Worker())]


@pytest.mark.parametrize("kind", ["best", "safetensors", "pt"])
def test_begins_there_and_a_resume_does_not_again(
    kind: str, texts: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = written(tmp_path, kind)
    found, expected = begun(place, texts), from_hand(texts, monkeypatch)
    assert len(found) == len(expected) > 4
    for ours, other in zip(found, expected):
        for name, array in other.arrays.items():
            np.testing.assert_array_equal(ours.arrays[name], array, err_msg=name)
    for file in tmp_path.iterdir():
        file.unlink()
    rest = begun(place, texts, found[2])  # nothing is read: the file is gone
    assert len(rest) == len(found) - 3
    for name, array in found[-1].arrays.items():
        np.testing.assert_array_equal(rest[-1].arrays[name], array, err_msg=name)


def tensors(**changes: Any) -> dict[str, Any]:
    own: dict[str, Any] = {**network().state_dict(), **changes}
    return {name: tensor for name, tensor in own.items() if tensor is not None}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mix.bias": None}, ["keys are missing", "init: mix.bias", r"expected: mix.bias \(8,\)"]),
        ({"more.bias": torch.zeros(2)}, ["unexpected keys", "more.bias", r"more.bias \(2,\)"]),
        (
            {"mix.bias": torch.zeros(9)},
            ["of another shape", "mix.bias", r"found: +\(9,\)", r"expected: \(8,\)"],
        ),
        ({"mix.bias": 3.0}, ["of another shape", "mix.bias", "found: +float"]),
    ],
)
def test_the_key_at_fault_is_named_before_anything_is_trained(
    changes: dict[str, Any], words: list[str], texts: Any, tmp_path: Path
) -> None:
    file = tmp_path / "other.pt"
    torch.save(tensors(**changes), file)
    config = CONFIG.model_copy(update={"init": str(file)})
    for what in (lambda: Lm().check(config, texts), lambda: begun(file, texts)):
        with pytest.raises(InputError) as caught:
            what()
        for word in (*words, str(file)):
            assert re.search(word, str(caught.value)), (word, str(caught.value))


class Evil:
    def __reduce__(self) -> Any:
        return print, ("code was run",)


def test_a_pickle_of_more_than_tensors_is_not_run(
    texts: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "evil.pt"
    torch.save({"mix.bias": Evil()}, file)
    with pytest.raises(InputError, match="these weights cannot be read"):
        begun(file, texts)
    assert "code was run" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.pt", None, "no such file"),
        ("torn.safetensors", b"torn", "these weights cannot be read"),
        ("torn.pt", b"torn", "these weights cannot be read"),
        ("weights.npz", b"", "unsupported file extension"),
    ],
)
def test_other_files_are_refused(
    name: str, content: bytes | None, words: str, texts: Any, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=words):
        begun(tmp_path / name, texts)


def test_a_relative_path_is_that_of_whoever_named_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert LmConfig(init="a/best").init == str(tmp_path / "a/best")
