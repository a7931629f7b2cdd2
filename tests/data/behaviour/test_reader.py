"""Sessions from folders: every form, z-scoring, missing values, and what does not go together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from distrib.data.behaviour import signals, tracks
from distrib.data.behaviour.reader import ReadOptions, read_sessions
from distrib.data.behaviour.tracks import make_track
from distrib.errors import InputError
from tests.support.behaviour_files import CLASSES, dlc_frame, labels_csv, labels_pkl, session


def test_a_folder_of_sessions(tmp_path: Path) -> None:
    truth = [session(tmp_path, f"s{i}", 100 + i, seed=i) for i in range(3)]
    found = read_sessions(tmp_path, ReadOptions(test_ids=("s2",)))
    assert found.ids.tolist() == ["s0", "s1", "s2"]
    assert found.test.tolist() == [False, False, True]
    assert found.parts.tolist() == [[0, 0, 100], [1, 0, 101], [2, 0, 102]]
    for own, hand in zip(truth, found.hand):
        np.testing.assert_array_equal(own, hand)
    assert found.classes == CLASSES
    described = found.describe()
    assert described["frames"] == 303
    assert described["fingerprint"] != found.take(np.array([0, 1])).describe()["fingerprint"]


def test_z_scores_are_of_the_session_and_constants_only_centred(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    raw = rng.normal(50, 4, (300, 3))
    raw[:, 2] = 7.3
    track, note = make_track(raw, "refuse", tmp_path)
    assert note is None
    rows = track.rows(0, 300)
    np.testing.assert_allclose(rows[:, :2].mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(rows[:, :2].std(axis=0), 1, atol=1e-6)
    np.testing.assert_allclose(rows[:, 2], 0, atol=1e-9)
    np.testing.assert_allclose(track.mean, raw.mean(axis=0))


def test_missing_values(tmp_path: Path) -> None:
    raw = np.arange(20.0)[:, None] * [1, 2]
    raw[4:6, 0] = np.nan
    raw[0, 1] = np.nan
    filled, note = make_track(raw, "interpolate", tmp_path / "a")
    assert note == "a: 3 of 40 values are missing: interpolated"
    truth = np.arange(20.0)
    np.testing.assert_allclose(filled.rows(0, 20)[:, 0], (truth - truth.mean()) / truth.std(), 1e-5)
    assert filled.rows(0, 20)[0, 1] == filled.rows(0, 20)[1, 1]
    masked, _ = make_track(raw, "mask", tmp_path)
    assert np.isnan(masked.rows(0, 20)).sum() == 3
    np.testing.assert_allclose(masked.mean, np.nanmean(raw, axis=0))
    with pytest.raises(InputError, match=r"frame 0: values are missing[\s\S]*3 of 40"):
        make_track(raw, "refuse", tmp_path)
    raw[:, 0] = np.nan
    with pytest.raises(InputError, match="signal nose x: a signal without any value"):
        make_track(raw, "interpolate", tmp_path, ["nose x", *map(str, range(raw.shape[1]))])


def test_a_long_array_stays_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "MAPPED_FROM", 1_000)
    monkeypatch.setattr(tracks, "AT_ONCE", 64)
    raw = np.random.default_rng(0).normal(3, 2, (500, 4)).astype(np.float32)
    (tmp_path / "features").mkdir()
    np.save(tmp_path / "features/s.npy", raw)
    labels_csv(tmp_path / "labels-hand/s.csv", [1] * 500)
    track = read_sessions(tmp_path, ReadOptions()).tracks[0]
    assert track.values is None
    in_memory, _ = make_track(raw, "refuse", tmp_path)
    np.testing.assert_allclose(track.rows(-3, 503), in_memory.rows(-3, 503), atol=1e-5)


def test_features_and_npy_and_chosen_columns(tmp_path: Path) -> None:
    (tmp_path / "features").mkdir()
    frame = pd.DataFrame({"speed": np.arange(50.0), "angle": np.arange(50.0) ** 2})
    frame.to_csv(tmp_path / "features/a.csv")
    frame.to_csv(tmp_path / "features/b.csv", index=False)
    for name in "ab":
        labels_csv(tmp_path / f"labels-hand/{name}.csv", [1, 2] * 25)
    both = read_sessions(tmp_path, ReadOptions())
    assert both.signals == ("speed", "angle")
    np.testing.assert_array_equal(both.tracks[0].rows(0, 50), both.tracks[1].rows(0, 50))
    one = read_sessions(tmp_path, ReadOptions(columns=("angle",)))
    np.testing.assert_array_equal(one.tracks[0].rows(0, 50)[:, 0], both.tracks[0].rows(0, 50)[:, 1])
    with pytest.raises(InputError, match="did you mean 'angle'"):
        read_sessions(tmp_path, ReadOptions(columns=("angel",)))


def test_the_labeled_file_comes_first_and_h5_before_csv(tmp_path: Path) -> None:
    session(tmp_path, "s", 60)
    other = dlc_frame(60, seed=5)
    other.to_hdf(tmp_path / "markers/s_labeled.h5", key="df", format="table")
    found = read_sessions(tmp_path, ReadOptions()).tracks[0]
    np.testing.assert_allclose(found.mean[0], other["net"]["nose"]["x"].mean())
    (tmp_path / "markers/s_labeled.h5").unlink()
    dlc_frame(60, seed=6).to_csv(tmp_path / "markers/s.csv")
    found = read_sessions(tmp_path, ReadOptions()).tracks[0]
    assert found.mean[0] != pytest.approx(dlc_frame(60, seed=6)["net"]["nose"]["x"].mean())


def test_pickled_heuristics_and_tasks(tmp_path: Path) -> None:
    session(tmp_path, "s", 60, weak=False)
    states = np.arange(60) % 4
    order = ("walk", "background", "turn", "still")
    labels_pkl(tmp_path / "labels-heuristic/s.pkl", states.tolist(), order, "state_labels")
    (tmp_path / "tasks").mkdir()
    pd.DataFrame({"x": np.arange(60.0)}).to_csv(tmp_path / "tasks/s.csv")
    found = read_sessions(tmp_path, ReadOptions())
    weak, tasks = found.weak[0], found.tasks[0]
    assert weak is not None and tasks is not None
    assert [CLASSES[k] for k in weak[:4]] == list(order)
    assert found.task_names == ("x",)
    assert tasks.std() == pytest.approx(1)


def test_sessions_without_hand_labels_are_background_and_said(tmp_path: Path) -> None:
    session(tmp_path, "a", 60)
    session(tmp_path, "b", 60, hand=False)
    found = read_sessions(tmp_path, ReadOptions())
    assert found.hand[1] is None
    assert "b has no hand labels: all background" in found.notes
    session(tmp_path, "c", 60)
    kept = read_sessions(tmp_path, ReadOptions(keep_ids=("c",)))
    assert kept.hand[0] is None and kept.hand[2] is not None
    assert "the hand labels of a are left out (expt_ids_to_keep)" in kept.notes
    session(tmp_path / "none", "a", 60, hand=False)
    with pytest.raises(InputError, match="no session has hand labels"):
        read_sessions(tmp_path / "none", ReadOptions())


def test_what_does_not_go_together_is_named(tmp_path: Path) -> None:
    session(tmp_path, "a", 60)
    session(tmp_path, "b", 60, classes=(*CLASSES[:3], "roll"))
    with pytest.raises(InputError, match=r"b_labels.csv: class names differ[\s\S]*roll"):
        read_sessions(tmp_path, ReadOptions())
    with pytest.raises(InputError, match=r"expt_ids: no signals of this session"):
        read_sessions(tmp_path, ReadOptions(ids=("a", "bb")))
    with pytest.raises(InputError, match=r"expt_ids_to_keep: no such session"):
        read_sessions(tmp_path, ReadOptions(ids=("a",), keep_ids=("b",)))
    dlc_frame(60, parts=("nose", "paw")).to_csv(tmp_path / "markers/c.csv")
    labels_csv(tmp_path / "labels-hand/c.csv", [1] * 60)
    with pytest.raises(InputError, match=r"c.csv: the signals differ between sessions"):
        read_sessions(tmp_path, ReadOptions(ids=("a", "c")))
    (tmp_path / "tasks").mkdir()
    pd.DataFrame({"x": np.arange(50.0)}).to_csv(tmp_path / "tasks/a.csv")
    with pytest.raises(InputError, match=r"tasks and signals are of different length"):
        read_sessions(tmp_path, ReadOptions(ids=("a",)))


def test_new_sessions_need_no_labels_and_no_folders(tmp_path: Path) -> None:
    dlc_frame(60).to_csv(tmp_path / "x.csv")
    found = read_sessions(tmp_path, ReadOptions(), labels=False)
    assert found.ids.tolist() == ["x"]
    assert found.signals[0] == "nose_x"


def test_what_names_the_first_sessions_does_not_hold_for_others(tmp_path: Path) -> None:
    from distrib.trainables.behaviour.source import SessionsSource, load_sessions

    session(tmp_path / "first", "a", 60)
    dlc_frame(70).to_csv(tmp_path / "new.csv")
    said = {"data_dir": str(tmp_path / "first"), "expt_ids": ["a"], "input_type": "markers"}
    source = SessionsSource(path="data.yaml", columns=["nose_y"], **said)
    assert load_sessions(source, labels=True).ids.tolist() == ["a"]
    found = load_sessions(source.elsewhere(str(tmp_path)), labels=False)
    assert found.ids.tolist() == ["new"]
    assert found.signals == ("nose_y",)


def test_a_data_file_says_what_of_its_folder_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from distrib.data.behaviour.example import write_example
    from distrib.trainables.behaviour.source import SessionsSource, load_sessions

    write_example(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    for path in (tmp_path, tmp_path / "data.yaml"):
        found = load_sessions(SessionsSource(path=str(path)), labels=True)
        assert found.test.tolist() == [False, False, True]
        assert found.ignore_class == 0
    text = (tmp_path / "data.yaml").read_text()
    (tmp_path / "data.yaml").write_text(text.replace("weight_classes", "weight_clases"))
    with pytest.raises(InputError, match=r"weight_clases: no such key[\s\S]*'weight_classes'"):
        load_sessions(SessionsSource(path=str(tmp_path)), labels=True)
    only = SessionsSource(path=str(tmp_path), expt_ids=["session_0"])
    (tmp_path / "data.yaml").write_text(text)
    with pytest.raises(InputError):
        load_sessions(only.model_copy(update={"expt_ids": ["session_9"]}), labels=True)
