"""Labels of frames, and what is wrong with them."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from distrib.data.behaviour.frame_metrics import confusion, frame_scores
from distrib.data.behaviour.labels import read_labels
from distrib.errors import InputError
from tests.support.behaviour_files import CLASSES, labels_csv, labels_pkl

STATES = [0, 0, 2, 2, 3, 1, 0]


def test_csv(tmp_path: Path) -> None:
    states, names = read_labels(labels_csv(tmp_path / "a.csv", STATES), 7)
    assert states.tolist() == STATES
    assert names == list(CLASSES)


@pytest.mark.parametrize("key", ["state_labels", "state_mapping"])
def test_pickle(tmp_path: Path, key: str) -> None:
    states, names = read_labels(labels_pkl(tmp_path / "a.pkl", STATES, CLASSES, key), 7)
    assert states.tolist() == STATES
    assert names == list(CLASSES)


def test_a_pickle_with_more_than_arrays_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"states": Path("a"), "state_labels": {}}))
    with pytest.raises(InputError, match="other things than arrays"):
        read_labels(tmp_path / "a.pkl", 7)


@pytest.mark.parametrize(
    ("row", "found"), [("3,0,0,0,0", "0,0,0,0"), ("3,0,1,0,1", "0,1,0,1"), ("3,0,2,0,0", "0,2")]
)
def test_a_row_without_exactly_one_class_is_named(tmp_path: Path, row: str, found: str) -> None:
    path = labels_csv(tmp_path / "a.csv", STATES)
    lines = path.read_text().splitlines()
    lines[4] = row
    path.write_text("\n".join(lines))
    with pytest.raises(InputError, match=rf"row 5 \(frame 3\): a frame has not[\s\S]*{found}"):
        read_labels(path, 7)


def test_a_frame_that_the_session_has_not_is_named(tmp_path: Path) -> None:
    path = labels_csv(tmp_path / "a.csv", STATES)
    path.write_text(path.read_text().replace("\n5,", "\n50,"))
    with pytest.raises(InputError, match=r"row 7: a label for a frame[\s\S]*frame 50[\s\S]*0 to 6"):
        read_labels(path, 7)


def test_another_length_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"different length[\s\S]*7 frames[\s\S]*9"):
        read_labels(labels_csv(tmp_path / "a.csv", STATES), 9)
    with pytest.raises(InputError, match=r"different length[\s\S]*7 frames[\s\S]*5"):
        read_labels(labels_csv(tmp_path / "a.csv", STATES), 5)


def test_no_header_is_refused(tmp_path: Path) -> None:
    path = labels_csv(tmp_path / "a.csv", STATES)
    path.write_text("\n".join(path.read_text().splitlines()[1:]))
    with pytest.raises(InputError, match=r"row 1: not the header of labels"):
        read_labels(path, 6)


def test_heuristics_of_a_real_fly(real_data: Path) -> None:
    folder = real_data / "behaviour/fly"
    file = "2019_06_26_fly2.csv"
    hand, classes = read_labels(folder / "labels-hand" / file, 45_001)
    weak, _ = read_labels(folder / "labels-heuristic" / file, 45_001)
    assert (hand > 0).sum() == 1_956
    matrix = confusion(hand, weak, 6)
    scores = frame_scores(matrix, classes)
    assert scores["f1_macro"] == pytest.approx(0.734, abs=5e-4)
    assert scores["accuracy"] == pytest.approx(0.624, abs=5e-4)
    assert scores["f1_abdomen-move"] == pytest.approx(0.19, abs=5e-3)


def test_frame_scores_are_those_of_scikit_learn() -> None:
    sklearn = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    truth, predicted = rng.integers(-1, 5, 500), rng.integers(0, 5, 500)
    truth[truth == 3] = 1  # a class that no frame has
    scores = frame_scores(confusion(truth, predicted, 5), list("abcde"))
    known = truth > 0
    precision, recall, f1, _ = sklearn.precision_recall_fscore_support(
        truth[known], predicted[known], labels=[1, 2, 4], zero_division=0
    )
    assert scores["f1_macro"] == pytest.approx(f1.mean())
    assert [scores[f"precision_{c}"] for c in "bce"] == pytest.approx(precision.tolist())
    assert [scores[f"recall_{c}"] for c in "bce"] == pytest.approx(recall.tolist())
    assert scores["accuracy"] == pytest.approx((truth == predicted)[known].mean())
    assert "f1_d" not in scores
    assert frame_scores(confusion(np.zeros(4, int), np.zeros(4, int), 3), list("abc")) == {}
