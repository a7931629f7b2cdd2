"""The default data of the MLP head, and the figures published for it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pytest

from distrib.data.screens.example_screen import ROWS, write_example
from distrib.data.screens.profiles import gene_end_profiles, one_hot
from distrib.data.screens.screen import Screen
from distrib.data.screens.screen_reader import load_screen
from distrib.data.splits import fold_ids
from distrib.data.vdj.germline.olga import read_model


@pytest.fixture(scope="module")
def profiles() -> Screen:
    try:
        version("olga")
    except PackageNotFoundError:
        pytest.skip("the default data lies in the package olga, which is not installed")
    return gene_end_profiles()


def test_sizes(profiles: Screen) -> None:
    description = profiles.describe()
    assert (description["rows"], description["groups"]) == (849, 601)
    assert (description["inputs"], description["targets"]) == (96, 17)
    assert description["missing_targets"] == 0
    assert len(set(profiles.ids.tolist())) == 849
    assert profiles.columns.tolist() == [f"trim_{trim}" for trim in range(-2, 15)]


def test_content(profiles: Screen) -> None:
    assert profiles.targets is not None
    np.testing.assert_allclose(profiles.targets.sum(axis=1), 1, rtol=1e-6)
    assert (profiles.inputs.reshape(849, 24, 4).sum(axis=2) == 1).all()
    _, same_end = np.unique(profiles.inputs, axis=0, return_inverse=True)
    assert len(np.unique(np.stack([same_end, profiles.groups]), axis=1).T) == 601
    for name, side in (("human_T_beta|V|TRBV19*01", "v"), ("mouse_T_alpha|J|TRAJ11*01", "j")):
        model, _, gene = name.split("|")
        end = read_model(model).gene_end(side)  # type: ignore[arg-type]
        position = end.genes.index(gene)
        row = profiles.ids.tolist().index(name)
        window = end.probabilities[position][(end.trims >= -2) & (end.trims <= 14)]
        np.testing.assert_allclose(profiles.targets[row], window / window.sum(), rtol=1e-6)
        letters = np.array(list("ACGT"))[profiles.inputs[row].reshape(24, 4).argmax(axis=1)]
        assert "".join(letters) == end.sequences[position][-24:]


def test_one_hot_by_position() -> None:
    np.testing.assert_array_equal(
        one_hot(["AC", "TG"]), [[1, 0, 0, 0, 0, 1, 0, 0], [0, 0, 0, 1, 0, 0, 1, 0]]
    )


def test_published_baselines(profiles: Screen) -> None:
    """Mean Pearson per row, out of fold: mean profile 0.621, ridge 0.694 (from elsewhere)."""
    linear_model = pytest.importorskip("sklearn.linear_model")
    x, y = profiles.inputs, profiles.targets
    assert y is not None
    scores = []
    for seed in range(3):
        folds = fold_ids(profiles.groups, 5, seed)
        mean, ridge = np.empty_like(y), np.empty_like(y)
        for fold in range(5):
            train, test = folds != fold, folds == fold
            mean[test] = y[train].mean(axis=0)
            ridge[test] = linear_model.Ridge(alpha=10.0).fit(x[train], y[train]).predict(x[test])
        scores.append([row_pearson(prediction, y) for prediction in (mean, ridge)])
    assert np.mean(scores, axis=0) == pytest.approx([0.621, 0.694], abs=0.01)


def row_pearson(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    return float(np.mean((a * b).sum(1) / np.sqrt((a**2).sum(1) * (b**2).sum(1))))


def test_the_example_is_a_part_of_it(profiles: Screen, tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
        write_example(folder)
    example = load_screen(folders[0])
    assert len(example) == ROWS and example.notes == ()
    position = {name: row for row, name in enumerate(profiles.ids.tolist())}
    whole = profiles.take(np.array([position[name] for name in example.ids.tolist()]))
    np.testing.assert_array_equal(example.inputs, whole.inputs)
    np.testing.assert_allclose(example.targets, whole.targets, rtol=1e-5)  # type: ignore[arg-type]
    np.testing.assert_array_equal(
        np.unique(example.groups, return_inverse=True)[1],
        np.unique(whole.groups, return_inverse=True)[1],
    )
    assert load_screen(folders[0] / "screen.yaml").fingerprint() == example.fingerprint()
    for name in ("embeddings.npz", "targets.csv", "groups.csv", "screen.yaml"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()
