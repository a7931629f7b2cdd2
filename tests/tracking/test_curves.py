"""Every trial that ran to its end gets two legible pictures, drawn once and again when due."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from distrib.records import StudyRecord, TrialRecord
from distrib.tracking.curves import PANELS, write_all_curves, write_curves
from distrib.tracking.curves_sheet import BLUE, EDGES, GREY, ORANGE, Sheet, glyph, marked

VAL, TRAIN = "val_curves.png", "train_curves.png"


def picture_of(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        return picture.convert("RGB")


def pixels(path: Path, colour: str) -> int:
    """How many pixels of a picture are near a colour."""
    wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
    picture = np.asarray(picture_of(path)).astype(int)
    return int((np.abs(picture - wanted).max(axis=-1) < 30).sum())


def one_trial(folder: Path, text: str, **changes: Any) -> tuple[StudyRecord, TrialRecord]:
    (folder / "metrics.csv").write_text(text)
    trial = TrialRecord(3, "COMPLETE", value=0.5, fidelity=2, best_fidelity=2, **changes)
    study = StudyRecord("s", "toy", "score", "max", "epoch", 2, 1, metrics={"score": "max"})
    return study, trial


def test_a_picture_shows_its_curves_and_the_best_unit(tmp_path: Path) -> None:
    study, trial = one_trial(tmp_path, "step,score,train/score,time\n1,0,0.1,0\n2,0.5,0.7,1\n")
    write_curves(tmp_path, study, trial)
    for name in (VAL, TRAIN):
        assert pixels(tmp_path / name, BLUE) > 50
        assert pixels(tmp_path / name, ORANGE) > 20
    # Training is shown over validation; validation stands alone. Both have grey axes.
    assert pixels(tmp_path / TRAIN, GREY) > pixels(tmp_path / VAL, GREY) + 50


def test_a_curve_lies_where_its_values_are(tmp_path: Path) -> None:
    study, trial = one_trial(tmp_path, "step,score\n" + "".join(f"{k},{k}\n" for k in range(1, 9)))
    write_curves(tmp_path, study, trial)
    picture = np.asarray(picture_of(tmp_path / VAL)).astype(int)
    blue = np.abs(picture - [0x1F, 0x5F, 0xA8]).max(axis=-1) < 30
    rows, columns = np.nonzero(blue)
    assert rows[columns.argmin()] > rows[columns.argmax()] + 50  # it rises
    slope = np.polyfit(columns, rows, 1)
    assert np.abs(np.polyval(slope, columns) - rows).max() < 3  # on a straight line


def test_pictures_do_not_depend_on_those_before(tmp_path: Path) -> None:
    def drawn(folder: Path, text: str) -> bytes:
        folder.mkdir(exist_ok=True)
        write_curves(folder, *one_trial(folder, text))
        return (folder / VAL).read_bytes()

    short = "step,score\n1,0.25\n2,0.5\n"
    first = drawn(tmp_path / "a", short)
    drawn(tmp_path / "b", "step,score\n" + "".join(f"{k},{-k}\n" for k in range(1, 40)))
    assert drawn(tmp_path / "c", short) == first


@pytest.mark.parametrize(
    "text",
    [
        "step,score\n1,0.5\n",
        "step,score\n1,0.5\n2,0.5\n",
        "step,score\n1,nan\n2,nan\n",
        "step,score\n1,nan\n2,0.5\n",
        "step,score\n1,inf\n2,-inf\n",
        "step,score,loss\n1,0.1,\n2,0.5,1e300\n",
        "step,score\n1,-1.7e308\n2,1.7e308\n3,0.5\n",
        "step,score,train/score\n1,-1e308,nan\n2,-1e308,1e308\n",
        "step,score\n1,0.1\n2,0.5\n3,0.",
        "step,train/score\n1,0.5\n2,0.6\n",
    ],
)
def test_odd_curves(tmp_path: Path, text: str) -> None:
    write_curves(tmp_path, *one_trial(tmp_path, text))
    assert picture_of(tmp_path / VAL).size[0] >= 400
    assert picture_of(tmp_path / TRAIN).size[0] >= 400


def test_a_missing_training_curve_is_said(tmp_path: Path) -> None:
    write_curves(tmp_path, *one_trial(tmp_path, "step,score\n1,0.25\n2,0.5\n"))
    assert (tmp_path / VAL).read_bytes() == (tmp_path / TRAIN).read_bytes()
    picture = np.asarray(picture_of(tmp_path / TRAIN).convert("L"))
    assert (picture[36:50] < 128).sum() > 100  # the line that says so


def test_curves_of_both_kinds_need_no_remark(tmp_path: Path) -> None:
    text = "step,score,train/loss\n1,0.25,3\n2,0.5,2\n"
    write_curves(tmp_path, *one_trial(tmp_path, text))
    assert (tmp_path / VAL).read_bytes() != (tmp_path / TRAIN).read_bytes()
    for name in (VAL, TRAIN):
        assert (np.asarray(picture_of(tmp_path / name).convert("L"))[36:50] < 128).sum() == 0


def test_texts_are_only_texts(tmp_path: Path) -> None:
    params = {"$x_": "$\\frac{1}{2", "名前": "x\ny" * 200, "a": None}
    text = "step,$\\bad{,名前\n1,0.25,1\n2,0.5,2\n"
    study, trial = one_trial(tmp_path, text, params=params)
    study.name, study.unit = "$\\alpha", "$fold"
    write_curves(tmp_path, study, trial)
    assert (tmp_path / VAL).exists()


def test_many_metrics_are_bounded(tmp_path: Path) -> None:
    names = [f"m{i}" for i in range(40)]
    study, trial = one_trial(tmp_path, f"step,{','.join(names)}\n1,{','.join(['1'] * 40)}\n")
    write_curves(tmp_path, study, trial)
    assert picture_of(tmp_path / VAL).size == Sheet(PANELS, "epoch").size


def test_nothing_reported_nothing_drawn(tmp_path: Path) -> None:
    study, trial = one_trial(tmp_path, "step,score\n")
    write_curves(tmp_path, study, trial)
    assert not (tmp_path / VAL).exists()
    (tmp_path / "metrics.csv").unlink()
    write_curves(tmp_path, study, trial)
    assert not (tmp_path / VAL).exists()


def test_all_that_completed_and_only_once(tmp_path: Path, fake_study: Any, write_rows: Any) -> None:
    study = fake_study(12)
    write_rows(tmp_path, study)
    told: list[tuple[int, int]] = []
    write_all_curves(tmp_path, study, lambda done, total: told.append((done, total)))
    complete = {t.number for t in study.trials.values() if t.state == "COMPLETE"}
    drawn = {int(p.parent.name) for p in tmp_path.glob(f"trials/*/{VAL}")}
    assert drawn == complete
    assert told == [(k, len(complete)) for k in range(len(complete) + 1)]

    told.clear()
    write_all_curves(tmp_path, study, lambda done, total: told.append((done, total)))
    assert told == [(0, 0)]

    newer = tmp_path / "trials" / "0000" / "metrics.csv"
    os.utime(newer, (2e9, 2e9))
    (tmp_path / "trials" / "0002" / TRAIN).unlink()
    told.clear()
    write_all_curves(tmp_path, study, lambda done, total: told.append((done, total)))
    assert told[-1] == (2, 2)
    assert not list(tmp_path.glob("trials/*/.*part*"))


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ((0.1, 0.15, 0.2), ["0.1", "0.15", "0.2"]),
        ((2.281, 2.2835, 2.286), ["2.281", "2.284", "2.286"]),
        ((-16147.18, -4036.8), ["-1.61e4", "-4.04e3"]),
        ((-1.614e-12, 1e300), ["-1.61e-12", "1e300"]),
        ((0.5, 0.5000001), ["0.5", "0.5"]),
    ],
)
def test_marks_of_an_axis_tell_its_values_apart(values: Any, texts: list[str]) -> None:
    assert marked(values) == texts


@pytest.mark.parametrize("value", [-0.00974, -16147.18, -1.614e-12, -9.876e-100, -0.0098765])
def test_marks_of_an_axis_are_not_cut_off(value: float) -> None:
    (text,) = marked([value])
    assert sum(glyph(letter, 9)[1] for letter in text) <= EDGES[0] - 4


def test_one_unit_has_one_tick_and_a_dot_for_each_curve(tmp_path: Path) -> None:
    study, trial = one_trial(tmp_path, "step,score,train/score,time\n1,0.1,0.9,0\n")
    write_curves(tmp_path, study, trial)
    assert pixels(tmp_path / TRAIN, GREY) > pixels(tmp_path / VAL, GREY) + 5
    sheet = Sheet(1, "epoch")
    sheet.panels[0].draw("score", [1], [0.1], None, 1)
    sheet.png()
    assert [tick for tick in sheet.panels[0].axes.get_xticks() if 0.5 <= tick <= 1.5] == [1]
