"""The segmenter: sparse labels, labels of its own, class weights, early stopping, data in parts."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from distrib.data.behaviour.sessions import Sessions
from distrib.data.behaviour.simulate import simulated_sessions
from distrib.errors import InputError
from distrib.trainables.base import Progress, State, Worker
from distrib.trainables.behaviour.segmenter.config import SegmenterConfig
from distrib.trainables.behaviour.segmenter.family import Segmenter
from distrib.trainables.behaviour.segmenter.memory import chosen
from distrib.trainables.behaviour.segmenter.weights import loss_weights, ramp

FAMILY, WORKER = Segmenter(), Worker()


@pytest.fixture(scope="module")
def data() -> Sessions:
    return simulated_sessions(2, 1_500, 6)


def config(**more: Any) -> SegmenterConfig:
    base = {
        "epochs": 3,
        "n_hid_units": 8,
        "n_lags": 2,
        "batch_size": 4,
        "sequence_length": 100,
        "trial_splits": "3;1;0;0",
        "learning_rate": 1e-2,
    }
    return SegmenterConfig.model_validate({**base, **more})


def train(data: Sessions, **more: Any) -> list[Progress]:
    return [i for i in FAMILY.progress(config(**more), data, WORKER) if i.metrics is not None]


def weights(item: Progress) -> dict[str, np.ndarray]:
    return {k: v for k, v in item.state().arrays.items() if k.startswith(("model.", "task."))}


def train_to(data: Sessions, last: int, **more: Any) -> dict[str, np.ndarray]:
    """What is remembered of a training after some of its epochs."""
    for item in FAMILY.progress(config(**more), data, WORKER):
        if item.fidelity == last:
            return weights(item)
    raise AssertionError


def test_sparse_labels_never_give_nan(data: Sessions) -> None:
    """Of the original's 19 validation sequences 14 have no label: here few frames have one."""
    hand = []
    for labels in data.hand:
        assert labels is not None
        few = np.zeros_like(labels)
        rows = np.flatnonzero(labels)[::7]
        few[rows] = labels[rows]
        hand.append(few)
    sparse = replace(data, hand=tuple(hand))
    for item in train(sparse, sequence_length=30, batch_size=2):
        assert item.metrics is not None
        assert all(math.isfinite(v) for v in (*item.metrics.values(), *item.train.values()))


def test_a_session_without_any_label_contributes_nothing_to_the_labels(data: Sessions) -> None:
    silent = replace(data, hand=(data.hand[0], None), weak=(data.weak[0], None))
    items = train(silent)
    assert items[-1].metrics is not None and math.isfinite(items[-1].metrics["loss"])


@pytest.mark.parametrize("algo", ["pseudo_labels", "ups"])
def test_labels_of_its_own(data: Sessions, algo: str) -> None:
    found = train_to(
        data,
        7,
        semi_supervised_algo=algo,
        anneal_start=5,
        anneal_end=6,
        epochs=8,
        prob_threshold=0.4,
        variance_threshold=0.2,
        learning_rate=3e-2,
    )
    labels = found["task.pseudo"]
    train_part, _ = FAMILY.split(config(), data)
    assert labels.shape == (train_part.num_frames(),)
    assert set(np.unique(labels)) <= set(range(6))
    assert (labels > 0).mean() > 0.1


def test_a_threshold_that_none_reaches_leaves_background(data: Sessions) -> None:
    more = {"semi_supervised_algo": "pseudo_labels", "anneal_start": 1, "anneal_end": 2}
    assert not train_to(data, 3, epochs=4, prob_threshold=1.0, **more)["task.pseudo"].any()


def test_resumed_amid_labels_of_its_own(data: Sessions) -> None:
    more = {"semi_supervised_algo": "ups", "anneal_start": 1, "anneal_end": 3, "epochs": 4}
    whole = train(data, **more)
    for number, item in enumerate(FAMILY.progress(config(**more), data, WORKER)):
        if number == 1:
            state = item.state()
            break
    rest = [i for i in FAMILY.progress(config(**more), data, WORKER, state) if i.metrics]
    assert rest[-1].metrics == whole[-1].metrics
    assert rest[-1].train == whole[-1].train
    for name, array in weights(whole[-1]).items():
        np.testing.assert_array_equal(array, weights(rest[-1])[name])


def test_weights_of_the_loss_rise_while_the_validation_s_stay() -> None:
    assert [ramp(e, 25, 50) for e in (0, 25, 30, 50, 60)] == [0, 0, 0.2, 1, 1]
    assert ramp(3, 0, 0) == 1
    made = config(semi_supervised_algo="pseudo_labels", lambda_weak=2.0)
    assert loss_weights(made, 30)["weak"] == pytest.approx(0.4)
    assert loss_weights(made, None)["weak"] == 2.0
    assert loss_weights(config(variational=True), 50)["kl"] == pytest.approx(0.5)
    assert loss_weights(config(), 0)["weak"] == 1.0


def test_the_kl_term_does_not_choose_the_epoch(data: Sessions) -> None:
    """It grows while its weight is small: by it the first epoch would be the best one."""
    items = train(data, variational=True, epochs=6)
    metrics = [item.metrics or {} for item in items]
    assert max(found["loss_kl"] for found in metrics) > metrics[0]["loss_kl"]
    for found in metrics:
        parts = sum(found[f"loss_{name}"] for name in ("strong", "weak", "pred"))
        assert found["loss"] == pytest.approx(parts)
    _, best = chosen(items[-1].state().arrays)
    assert best == 1 + int(np.argmin([found["loss"] for found in metrics])) > 1


def test_class_weights_are_of_the_training_frames(data: Sessions) -> None:
    train_part, _ = FAMILY.split(config(), data)
    counts = train_part.counts(train_part.hand)
    found = FAMILY.values(config(weight_classes=True), train_part)["class_weights"]
    expected = [0.0] + [counts[1:].max() / n if n else 0.0 for n in counts[1:].tolist()]
    assert found == pytest.approx(expected)
    assert FAMILY.values(config(), train_part)["class_weights"] is None
    said = replace(train_part, weight_classes=True, ignore_class=-100)
    values = FAMILY.values(config(), said)
    assert values["ignore_class"] == -100
    assert values["class_weights"][0] == pytest.approx(max(counts) / counts[0])
    assert FAMILY.values(config(classifier_type="binary"), data)["ignore_class"] == -100


@pytest.mark.parametrize("backbone", ["temporal-mlp", "lstm", "gru"])
def test_every_backbone_and_head_trains(data: Sessions, backbone: str) -> None:
    tasks = tuple(t.rows(0, t.num_frames)[:, :2] for t in data.tracks)
    full = replace(data, tasks=tasks, task_names=("a", "b"))
    items = train(
        full,
        backbone=backbone,
        lambda_task=1,
        lambda_recon=0.5,
        variational=True,
        velocity=True,
        epochs=2,
    )
    metrics = items[-1].metrics
    assert metrics is not None
    for name in ("loss_weak", "loss_pred", "loss_recon", "loss_task", "loss_kl", "task_r2", "fc"):
        assert math.isfinite(metrics[name])


def test_heuristics_alone_can_teach(data: Sessions) -> None:
    metrics = train(data, lambda_strong=0, epochs=8, learning_rate=3e-2)[-1].metrics
    assert metrics is not None
    assert "loss_strong" not in metrics
    assert metrics["f1_macro"] > 0


def test_missing_values_are_masked(data: Sessions) -> None:
    tracks = []
    for track in data.tracks:
        assert track.values is not None
        values = track.values.copy()
        values[::9, 2] = np.nan
        tracks.append(replace(track, values=values))
    metrics = train(replace(data, tracks=tuple(tracks)))[-1].metrics
    assert metrics is not None and math.isfinite(metrics["loss"])


def test_patience_waits_for_the_least_epochs(data: Sessions) -> None:
    still = {"learning_rate": 1e-30, "patience": 2, "epochs": 12, "dropout": 0.0}
    assert len(train(data, min_epochs=0, **still)) == 3
    assert len(train(data, min_epochs=5, **still)) == 6


def test_the_best_epoch_s_weights_are_kept(data: Sessions) -> None:
    items = train(data, epochs=6, learning_rate=3e-2)
    losses = [i.metrics["loss"] for i in items if i.metrics]
    kept = weights(items[-1])
    assert kept["task.best_epoch"] == int(np.argmin(losses)) + 1
    assert float(kept["task.best_loss"]) == pytest.approx(min(losses))


def test_what_it_is_compared_with_stops_early_as_it_does(
    data: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a training that stops after some epochs would wait for one of all."""
    seen: list[SegmenterConfig] = []

    def progress(self: Segmenter, config: SegmenterConfig, *rest: Any) -> list[Progress]:
        seen.append(config)
        return [Progress(1, State, {"f1_macro": 0.5})]  # type: ignore[arg-type]

    monkeypatch.setattr(Segmenter, "progress", progress)
    own = config(patience=3, min_epochs=2, sequence_length=500, trial_splits="2;1;0;0")
    found = FAMILY.baselines(own, data, None, WORKER)
    assert found["daart as shipped"] == {"f1_macro": 0.5}
    assert (seen[0].patience, seen[0].min_epochs, seen[0].learning_rate) == (3, 2, 1e-4)


def test_it_begins_with_someone_s_weights(data: Sessions, tmp_path: Path) -> None:
    import torch

    *_, last = FAMILY.refit(config(epochs=1), data, WORKER, 1)
    names = {k: a for k, a in last.state().arrays.items() if k.startswith("model.")}
    tensors = {k.removeprefix("model."): torch.from_numpy(a) for k, a in names.items()}
    torch.save(tensors, tmp_path / "best_val_model.pt")
    begun = {"init": str(tmp_path / "best_val_model.pt"), "learning_rate": 1e-30, "epochs": 1}
    FAMILY.check(config(**begun), data)
    found = weights(train(data, **begun)[-1])
    for name, array in names.items():
        np.testing.assert_array_equal(found[name], array)
    with pytest.raises(InputError, match="init: backbone"):
        FAMILY.check(config(n_hid_units=9, **begun), data)


@pytest.mark.parametrize("backbone", ["dtcn", "temporal-mlp"])
def test_activations_may_be_computed_again(data: Sessions, backbone: str) -> None:
    more = {"backbone": backbone, "epochs": 1}
    plain, again = (train(data, checkpoint_activations=c, **more)[-1] for c in (False, True))
    assert plain.metrics == again.metrics
    for name, array in weights(plain).items():
        np.testing.assert_array_equal(weights(again)[name], array)


def test_one_session_gives_a_stretch_to_the_test(data: Sessions) -> None:
    alone = data.take(np.array([0]))
    alone = replace(alone, test=np.zeros(2, dtype=bool))
    rest, test = FAMILY.set_aside(alone, 0.2, 0)
    assert test is not None
    assert test.num_frames() == 300
    assert rest.num_frames() == 1_200
    frames = np.concatenate([np.arange(a, b) for _, a, b in (*rest.parts, *test.parts)])
    assert sorted(frames) == list(range(1_500))
    assert test.counts(test.hand)[1:].any()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"lambda_strong": 0, "lambda_weak": 0}, "nothing teaches"),
        ({"lambda_task": 1}, "lambda_task: there are no task signals"),
        ({"anneal_start": 5, "anneal_end": 2}, "anneal_end"),
        ({"ignore_class": 9}, "ignore_class"),
        ({"sequence_length": 1_000}, "too few sequences"),
        ({"trial_splits": "9;1"}, "trial_splits"),
        ({"trial_splits": "4;0;0;0"}, "validation"),
    ],
)
def test_what_cannot_be_trained_is_named(data: Sessions, more: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        FAMILY.check(config(**more), data)


def test_states_have_a_row_for_each_frame(data: Sessions) -> None:
    odd = replace(data, parts=np.array([[0, 0, 1_437], [1, 0, 1_500]]))
    *_, last = FAMILY.refit(config(epochs=1), odd, WORKER, 1)
    frame = FAMILY.predict(config(), last.state(), odd, WORKER)
    assert len(frame) == 1_437 + 1_500
    assert frame["frame"].tolist() == [*range(1_437), *range(1_500)]
    np.testing.assert_allclose(frame.filter(like="p_").sum(axis=1), 1, atol=1e-5)
    other = replace(odd, signals=("a", *odd.signals[1:]))
    with pytest.raises(InputError, match="signals are not those"):
        FAMILY.predict(config(), last.state(), other, WORKER)


def test_models_are_averaged_by_their_probabilities(data: Sessions) -> None:
    frames = []
    for seed in (0, 1):
        *_, last = FAMILY.refit(config(epochs=1, seed=seed), data, WORKER, 1)
        frames.append(FAMILY.predict(config(), last.state(), data, WORKER))
    mean = FAMILY.averaged(frames)
    assert list(mean.columns) == list(frames[0].columns)
    chances = mean.filter(like="p_").to_numpy()
    expected = (frames[0].filter(like="p_") + frames[1].filter(like="p_")).to_numpy() / 2
    np.testing.assert_allclose(chances, expected, atol=1e-7)
    assert (mean["state"] == np.array(data.classes)[chances.argmax(axis=1)]).all()
    with pytest.raises(InputError, match="different classes"):
        FAMILY.averaged([frames[0], frames[1].drop(columns="p_turn")])


def test_states_are_files_of_a_session_each(data: Sessions, tmp_path: Path) -> None:
    """Those of one model, and the mean of two, are the table's probabilities."""
    odd = replace(data, parts=np.array([[0, 0, 1_437], [1, 0, 1_500]]))
    models = []
    for seed in (0, 1):
        *_, last = FAMILY.refit(config(epochs=1, seed=seed), odd, WORKER, 1)
        models.append((config(seed=seed), last.state()))
    tables = [FAMILY.predict(*model, odd, WORKER) for model in models]
    for count, expected in ((1, tables[0]), (2, FAMILY.averaged(tables))):
        written = FAMILY.write_predictions(models[:count], odd, WORKER, tmp_path)
        assert written == ["simulated_0_states.npy", "simulated_1_states.npy", "classes.csv"]
        states = [np.load(tmp_path / name) for name in written[:2]]
        assert [s.shape for s in states] == [(1_437, 6), (1_500, 6)]
        assert states[0].dtype == np.float32
        chances = expected.filter(like="p_").to_numpy()
        np.testing.assert_allclose(np.concatenate(states), chances, atol=1e-7)
    (_, state), other = models[0], dict(models[1][1].values)
    other["classes"] = [*other["classes"][:-1], "another"]
    with pytest.raises(InputError, match="different classes"):
        second = models[1][0], State(models[1][1].arrays, other)
        FAMILY.write_predictions([(config(), state), second], odd, WORKER, tmp_path)


def test_a_trial_s_state_predicts_with_its_best_epoch(data: Sessions) -> None:
    items = train(data, epochs=5, learning_rate=5e-2)
    state = items[-1].state()
    _, held_out = FAMILY.split(config(), data)
    metrics = FAMILY.judge(
        config(), FAMILY.network(config(), state, WORKER), held_out, state.values, WORKER
    )
    losses = [i.metrics["loss"] for i in items if i.metrics]
    assert metrics["loss"] == pytest.approx(min(losses), rel=1e-5)


@pytest.mark.parametrize("batch_size", [1, 4])
def test_each_session_is_told_of(data: Sessions, batch_size: int) -> None:
    """Validated in any case, trained where a batch is of one; the columns are those of any epoch.

    Each frame has a next one but the last of each sequence, so that sequences weigh the same.
    """
    items = train(data, batch_size=batch_size, semi_supervised_algo="pseudo_labels", epochs=2)
    train_part, validation = FAMILY.split(config(), data)
    columns = set()
    for item in items:
        assert item.samples is not None and item.metrics is not None
        table = item.samples()["sessions"]
        columns.add(tuple(table.columns))
        assert table["session"].tolist() == [0, 1]
        pairs = [("loss_pred", item.metrics, validation)]
        if batch_size == 1:
            pairs.append(("train/loss_pred", item.train, train_part))
        assert any(name.startswith("train/") for name in table) == (batch_size == 1)
        for name, whole, part in pairs:
            mean = np.average(table[name], weights=np.bincount(part.groups))
            assert mean == pytest.approx(whole[name.removeprefix("train/")], rel=1e-6)
    assert len(columns) == 1
    assert train(data.take(np.flatnonzero(data.groups == 0)))[0].samples is None
