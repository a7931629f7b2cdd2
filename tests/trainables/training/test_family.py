"""A network on rows in memory or streamed: its parts, its sums, its predictions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from distrib.errors import InputError
from distrib.trainables.base import Source, State, Worker
from distrib.trainables.capabilities import set_aside
from tests.families.stream_family import Net, NetConfig, write_rows
from tests.families.token_family import Lm, LmConfig, Network, Texts, nats, write_texts

CONFIG = LmConfig(epochs=3, batch_tokens=128, dropout=0.2, held_out=0.25)


def texts(folder: Path, rows: int = 120, **more: Any) -> Texts:
    write_texts(folder / "texts.csv", rows, **more)
    return Lm().load(Source(path=str(folder)))


def states(config: LmConfig, data: Texts, state: State | None = None) -> list[tuple[Any, State]]:
    items = Lm().progress(config, data, Worker(), state)
    return [((item.fidelity, item.metrics, item.train), item.state()) for item in items]


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"accumulate": 3, "schedule": "one-cycle", "clip_norm": 0.3, "weight_decay": 0.1},
        {"schedule": "plateau", "plateau_on": "validation", "plateau_patience": 0},
        {"optimizer": "adam", "schedule": "cosine", "warmup": 0.3, "cosine_floor": 0.1},
    ],
)
def test_goes_on_from_any_step_to_the_bit(tmp_path: Path, more: dict[str, Any]) -> None:
    config = LmConfig.model_validate({**CONFIG.model_dump(), **more})
    data = texts(tmp_path)
    whole = states(config, data)
    assert sum(metrics is not None for (_, metrics, _), _ in whole) == 3
    for i in range(0, len(whole) - 1, 5):
        rest = states(config, data, whole[i][1])
        assert [told for told, _ in rest] == [told for told, _ in whole[i + 1 :]]
        for (_, found), (_, expected) in zip(rest, whole[i + 1 :]):
            assert found.values == expected.values
            assert set(found.arrays) == set(expected.arrays)
            for name, array in expected.arrays.items():
                np.testing.assert_array_equal(found.arrays[name], array, err_msg=name)


class BySgd(Lm):
    def optimizer(self, config: LmConfig, model: torch.nn.Module) -> torch.optim.Optimizer:
        return torch.optim.SGD(model.parameters(), config.learning_rate)


def test_a_step_is_down_the_mean_over_all_accumulated_letters(tmp_path: Path) -> None:
    """Batches of unequal length: the mean of their means has another gradient."""
    config = LmConfig(batch_tokens=100, accumulate=1000, epochs=1, learning_rate=1.0)
    data = texts(tmp_path)
    family = BySgd()
    rest, _ = family.split(config, data)
    torch.manual_seed(config.seed)
    model = Network(config.width, 0.0)
    padded = family.collate(config, {}, rest, None).inputs["letters"]  # type: ignore[arg-type]
    loss = nats(model, torch.from_numpy(padded)).sum() / len(rest.flat)
    loss.backward()
    *_, last = family.progress(config, data, Worker())
    assert last.train["loss"] == pytest.approx(loss.item(), rel=1e-6)
    for name, p in model.named_parameters():
        assert p.grad is not None
        expected = (p - p.grad).detach().numpy()
        np.testing.assert_allclose(last.state().arrays[f"model.{name}"], expected, atol=1e-5)


def test_predictions_are_in_the_order_of_the_rows_whatever_their_lengths(tmp_path: Path) -> None:
    data = texts(tmp_path, 40)
    *_, last = Lm().refit(CONFIG, data, Worker(), 1)
    frame = Lm().predict(CONFIG, last.state(), data, Worker())
    assert frame["id"].tolist() == data.ids.tolist()
    for row in (0, 7, 39):
        alone = Lm().predict(CONFIG, last.state(), data.take(np.array([row])), Worker())
        assert alone["nats"][0] == pytest.approx(frame["nats"][row], rel=1e-5)
    loss = Lm().evaluate(CONFIG, last.state(), data, Worker())["loss"]
    assert loss == pytest.approx(frame["nats"].sum() / len(data.flat), rel=1e-6)


def test_a_column_split_is_obeyed_by_arrays(tmp_path: Path) -> None:
    data = texts(tmp_path, split=True)
    assert data.split is not None
    rest, test = Lm().set_aside(data, 0.15, seed=3)
    assert test is not None
    assert test.ids.tolist() == data.ids[data.split == "test"].tolist()
    train, held_out = Lm().split(CONFIG, rest)
    assert train.ids.tolist() == data.ids[data.split == "train"].tolist()
    assert held_out.ids.tolist() == data.ids[data.split == "validation"].tolist()


def test_an_unknown_word_of_a_split_is_named(tmp_path: Path) -> None:
    write_texts(tmp_path / "texts.csv", 20, split=True)
    table = pd.read_csv(tmp_path / "texts.csv")
    table.loc[6, "split"] = "holdout"
    table.to_csv(tmp_path / "texts.csv", index=False)
    with pytest.raises(InputError, match="holdout") as caught:
        Lm().load(Source(path=str(tmp_path)))
    assert "row 7" in str(caught.value)
    assert "train, validation, test" in str(caught.value)


def told(folder: Path, words: list[str]) -> Path:
    """The stream of `write_rows`, with a column that says of each row what it is for."""
    write_rows(folder, rows=len(words), files=2)
    start = 0
    for file in sorted(folder.glob("*.parquet")):
        table = pq.read_table(file)
        column = pa.array(words[start : start + len(table)])
        pq.write_table(table.append_column("split", column), file, row_group_size=20)
        start += len(table)
    return folder


def test_a_column_split_is_obeyed_by_streams(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    words = rng.choice(["train", "validation", "test"], 200).tolist()
    family = Net()
    data = family.load(Source(path=str(told(tmp_path, words))))
    rest, test = family.set_aside(data, 0.15, seed=0)
    assert test is not None
    train, held_out = family.split(NetConfig(), rest)
    for part, word in ((train, "train"), (held_out, "validation"), (test, "test")):
        assert family.count(part) == words.count(word)
        y = np.concatenate([part.read(shard)["y"].to_numpy() for shard in part.shards])
        whole = np.concatenate([data.read(shard)["y"].to_numpy() for shard in data.shards])
        np.testing.assert_array_equal(y, whole[np.array(words) == word])
        assert part.schema.names == ["x", "y"]


def test_a_stream_that_names_parts_has_its_test_part_of_training_rows_alone(tmp_path: Path) -> None:
    """None by default; where one is asked for, what is to be validated on stays so."""
    words = ["train", "train", "validation", "train"] * 50
    family = Net()
    data = family.load(Source(path=str(told(tmp_path, words))))
    rest, test = set_aside(family, data, None, seed=0)
    assert test is None
    assert family.count(rest) == 200
    rest, test = set_aside(family, data, 0.3, seed=0)
    assert 0 < family.count(test) < 100
    train, held_out = family.split(NetConfig(), rest)
    whole = np.concatenate([data.read(shard)["y"].to_numpy() for shard in data.shards])
    of = [np.concatenate([part.read(shard)["y"].to_numpy() for shard in part.shards])
          for part in (train, held_out, test)]  # fmt: skip
    assert sum(map(len, of)) == 200
    np.testing.assert_array_equal(of[1], whole[np.array(words) == "validation"])
    assert not set(of[0]) & set(of[2])


@pytest.mark.parametrize("words", [["train", "validation"], ["train"]])
def test_arrays_that_name_parts_have_no_test_part_but_by_the_users_word(
    tmp_path: Path, words: list[str]
) -> None:
    """A share that is asked for is taken of the training rows, by group; validation stays whole."""
    write_texts(tmp_path / "texts.csv", 120, split=True)
    table = pd.read_csv(tmp_path / "texts.csv")
    table["split"] = (words * 120)[:120]
    table.to_csv(tmp_path / "texts.csv", index=False)
    family = Lm()
    data = family.load(Source(path=str(tmp_path)))
    rest, test = set_aside(family, data, None, seed=0)
    assert test is None and len(rest.ids) == 120
    rest, test = set_aside(family, data, 0.25, seed=0)
    own = data.split == "train"
    assert len(test.ids) == round(0.25 * own.sum())
    assert set(test.ids) <= set(data.ids[own])
    train, held_out = family.split(CONFIG, rest)
    if "validation" in words:
        assert held_out.ids.tolist() == data.ids[~own].tolist()
    assert len(train.ids) + len(held_out.ids) + len(test.ids) == 120
    plain = replace(data, split=None)
    assert len(set_aside(family, plain, None, seed=0)[1].ids) == 18


def test_an_unknown_word_in_a_stream_is_named_with_its_row(tmp_path: Path) -> None:
    words = ["train"] * 99 + ["validating"] + ["validation"] * 20
    data = Net().load(Source(path=str(told(tmp_path, words))))
    with pytest.raises(InputError, match="validating") as caught:
        Net().check(NetConfig(), data)
    assert "row 40" in str(caught.value)  # of the second file
    assert "00001-of-00002" in str(caught.value)


def test_a_row_longer_than_a_batch_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a row longer than a batch"):
        Lm().check(LmConfig(batch_tokens=12), texts(tmp_path))


def test_the_training_loss_of_a_stream_is_reported(tmp_path: Path) -> None:
    write_rows(tmp_path, rows=200)
    data = Net().load(Source(path=str(tmp_path)))
    config = NetConfig(learning_rate=1e-12, epochs=1, hidden=4)
    *_, last = Net().progress(config, data, Worker())
    train, _ = Net().split(config, data)
    mse = Net().evaluate(config, last.state(), train, Worker())["mse"]
    assert last.train["loss"] == pytest.approx(mse, rel=1e-5)
