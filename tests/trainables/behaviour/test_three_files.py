"""daart's three files: dimensions, their order, the cap, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from distrib.errors import InputError
from distrib.trainables.behaviour.daart.keys import settings_of
from distrib.trainables.behaviour.daart.three_files import ThreeFiles, read_three_files
from distrib.trainables.behaviour.segmenter.config import SegmenterConfig
from distrib.trainables.behaviour.trees.config import TreesConfig
from tests.support.daart_files import write_files


def read(folder: Path, fixed: dict[str, Any] | None = None, **changes: Any) -> ThreeFiles:
    return read_three_files(write_files(folder, **changes), fixed or {})


def test_the_shipped_files_are_one_training(tmp_path: Path) -> None:
    files = read(tmp_path)
    assert files.combinations() == [{}]
    config = SegmenterConfig.model_validate(settings_of(files.values))
    assert config.learning_rate == 1e-4
    assert (config.backbone, config.n_hid_layers, config.n_hid_units) == ("dtcn", 2, 32)
    assert (config.epochs, config.min_epochs, config.patience) == (500, 10, 5)
    assert config.weight_classes is False
    assert not config.keep_tail


def test_layers_1_2_3_are_three(tmp_path: Path) -> None:
    files = read(tmp_path, model={"n_hid_layers": [1, 2, 3]})
    assert files.combinations() == [{"n_hid_layers": n} for n in (1, 2, 3)]


def test_the_order_is_data_model_train_and_the_last_is_fastest(tmp_path: Path) -> None:
    files = read(
        tmp_path,
        data={"weight_classes": [False, True]},
        model={"lambda_weak": [0, 1]},
        train={"learning_rate": ["1e-3", "1e-4"], "batch_size": [2]},
    )
    assert list(files.grid) == ["weight_classes", "lambda_weak", "learning_rate"]
    assert files.values["batch_size"] == 2
    assert files.combinations() == [
        {"weight_classes": w, "lambda_weak": k, "learning_rate": r}
        for w in (False, True)
        for k in (0, 1)
        for r in (1e-3, 1e-4)
    ]
    assert files.count == 8


def test_sessions_are_no_dimension(tmp_path: Path) -> None:
    files = read(tmp_path, data={"expt_ids_to_keep": ["s0"], "expt_ids_test": ["s1"]})
    assert not files.grid
    assert files.names("expt_ids") == ("s0", "s1")


def test_the_cap_is_that_of_the_cpu(tmp_path: Path) -> None:
    assert read(tmp_path, train={"tt_n_cpu_trials": 7}).cap == 7
    assert read(tmp_path, train={"tt_n_cpu_trials": ...}).cap == 100
    on_gpus = read(tmp_path, train={"device": "cuda", "gpus_vis": "0;1;4"})
    assert on_gpus.cap is None
    assert on_gpus.at_once == 3
    assert read(tmp_path).at_once == 5


def test_what_a_backbone_does_not_use_makes_no_duplicates(tmp_path: Path) -> None:
    files = read(
        tmp_path,
        model={
            "backbone": ["dtcn", "lstm"],
            "dropout": [0.1, 0.2],
            "bidirectional": [True, False],
            "prob_threshold": [0.8, 0.9],
        },
    )
    assert files.count == 16
    assert [tuple(p.values())[:3] for p in files.combinations()] == [
        ("dtcn", True, 0.1),
        ("dtcn", True, 0.2),
        ("lstm", True, 0.1),
        ("lstm", False, 0.1),
    ]


def test_trees_look_at_little_of_what_networks_do(tmp_path: Path) -> None:
    more = {"n_lags": [2, 3], "n_hid_units": [16, 32], "model_class": "random-forest"}
    files = read(tmp_path, model=more)
    assert [p["n_lags"] for p in files.combinations()] == [2, 3]
    settings = settings_of({**files.values, **files.combinations()[0]})
    config = TreesConfig.model_validate(settings)
    assert config.rounds * config.trees_per_round == 6_000
    boosted = TreesConfig.model_validate(settings_of({**files.values, "model_class": "xgboost"}))
    assert boosted.rounds * boosted.trees_per_round == 2_000
    simba = settings_of({**files.values, "n_lags": 2, "input_type": "features-simba"})
    assert simba["n_lags"] == 0


def test_set_fixes_a_dimension(tmp_path: Path) -> None:
    files = read(tmp_path, {"n_hid_layers": 2}, model={"n_hid_layers": [1, 2, 3]})
    assert files.combinations() == [{}]
    assert files.values["n_hid_layers"] == 2


def test_set_takes_data_options_as_elsewhere(tmp_path: Path) -> None:
    """Errors name `--set data.animal=...`, which other spaces take."""
    files = read(tmp_path, {"data.animal": "m0", "h5_key": "df"})
    assert files.source(files.values)["animal"] == "m0"
    assert files.source(files.values)["h5_key"] == "df"
    with pytest.raises(InputError, match=r"found: +data.n_lags"):
        read(tmp_path, {"data.n_lags": 3})


@pytest.mark.parametrize(("text", "found"), [("", "an empty file"), ("- 1", "a list")])
def test_a_file_that_says_nothing(tmp_path: Path, text: str, found: str) -> None:
    paths = write_files(tmp_path)
    paths["train_config"].write_text(text)
    with pytest.raises(InputError, match=rf"train.yaml: not a mapping\s+found: +{found}"):
        read_three_files(paths, {})


def test_checks_are_counted_in_epochs(tmp_path: Path) -> None:
    files = read(tmp_path, train={"val_check_interval": 0.5, "early_stop_history": 5})
    assert settings_of(files.values)["patience"] == 3
    files = read(tmp_path, train={"enable_early_stop": False})
    assert settings_of(files.values)["patience"] == 0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": {"n_hid_layer": 2}}, r"n_hid_layer: no such key[\s\S]*'n_hid_layers'"),
        ({"model": {"learning_rate": 1}}, r"learning_rate: no such key[\s\S]*--train_config"),
        ({"model": {"dropout": []}}, r"model.yaml, dropout: an empty list"),
        ({"data": {"expt_ids": []}}, r"expt_ids: an empty list"),
        ({"model": {"model_class": "xgbost"}}, r"model_class: no such class[\s\S]*'xgboost'"),
        ({"train": {"device": ["cpu", "cuda"]}}, r"device: this key belongs to the whole search"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, changes: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        files = read(tmp_path, **changes)
        files.names("expt_ids")
        files.combinations()


def test_a_key_in_two_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from distrib.trainables.behaviour.daart import three_files

    both = {**three_files.FILES, "train_config": (*three_files.FILES["train_config"], "dropout")}
    monkeypatch.setattr(three_files, "FILES", both)
    with pytest.raises(InputError, match=r"train.yaml, dropout: a key stands in two files"):
        read(tmp_path, train={"dropout": 0.1})
