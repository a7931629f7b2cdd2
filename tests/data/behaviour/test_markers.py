"""Markers of DeepLabCut: CSV with three or four header rows, and HDF5 in both formats of pandas."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from distrib.data.behaviour.markers import read_markers_csv
from distrib.data.behaviour.markers_h5 import read_markers_h5
from distrib.errors import InputError
from tests.support.behaviour_files import dlc_frame


def test_all_x_then_all_y_and_no_likelihood(tmp_path: Path) -> None:
    frame = dlc_frame(30)
    frame.to_csv(tmp_path / "a.csv")
    values, names = read_markers_csv(tmp_path / "a.csv")
    assert names == ["nose_x", "tail_x", "nose_y", "tail_y"]
    expected = np.stack([frame["net"][p][c] for c in "xy" for p in ("nose", "tail")], axis=1)
    np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize("form", ["table", "fixed"])
@pytest.mark.parametrize("animals", [(), ("one", "two")])
def test_h5_is_read_as_the_csv_of_the_same_table(
    tmp_path: Path, form: str, animals: tuple[str, ...]
) -> None:
    frame = dlc_frame(25, animals=animals)
    frame.iloc[3, 1] = np.nan
    frame.to_csv(tmp_path / "a.csv")
    frame.to_hdf(tmp_path / "a.h5", key="df_with_missing", format=form)  # type: ignore[call-overload]
    animal = "two" if animals else None
    of_csv = read_markers_csv(tmp_path / "a.csv", animal)
    of_h5 = read_markers_h5(tmp_path / "a.h5", animal)
    assert of_csv[1] == of_h5[1]
    np.testing.assert_array_equal(of_csv[0], of_h5[0])
    if animals:
        np.testing.assert_array_equal(of_h5[0][:, 0], frame["net"]["two"]["nose"]["x"])


def test_the_table_is_picked_by_its_header(tmp_path: Path) -> None:
    frame = dlc_frame(25)
    path = tmp_path / "a.h5"
    pd.DataFrame({"speed": np.arange(25.0)}).to_hdf(path, key="other")
    frame.to_hdf(path, key="tracks", format="table")
    values, _ = read_markers_h5(path)
    np.testing.assert_array_equal(values[:, 0], frame["net"]["nose"]["x"])
    frame.to_hdf(path, key="again", format="table")
    with pytest.raises(InputError, match=r"several tables of markers[\s\S]*again, tracks"):
        read_markers_h5(path)
    assert read_markers_h5(path, key="tracks")[0].shape == (25, 4)
    with pytest.raises(InputError, match=r"no table under this key[\s\S]*'tracks'"):
        read_markers_h5(path, key="track")


def test_an_h5_that_would_run_code_is_refused(tmp_path: Path) -> None:
    import h5py

    frame = dlc_frame(5)
    path = tmp_path / "a.h5"
    frame.to_hdf(path, key="tracks", format="table")
    with h5py.File(path, "a") as file:
        program = b"cos\nsystem\n(S'touch " + str(tmp_path / "ran").encode() + b"'\ntR."
        file["tracks/table"].attrs["values_block_0_kind"] = np.bytes_(program)
    with pytest.raises(InputError, match=r"posix.system|os.system"):
        read_markers_h5(path)
    assert not (tmp_path / "ran").exists()


def test_several_animals_want_a_name(tmp_path: Path) -> None:
    dlc_frame(5, animals=("one", "two")).to_csv(tmp_path / "a.csv")
    with pytest.raises(InputError, match=r"several animals[\s\S]*data.animal=one"):
        read_markers_csv(tmp_path / "a.csv")
    with pytest.raises(InputError, match=r"no such animal[\s\S]*'two'"):
        read_markers_csv(tmp_path / "a.csv", "tow")


@pytest.mark.parametrize(
    ("missing", "row"),
    [(0, "row 1"), (1, "row 2"), (2, "row 3")],
    ids=["scorer", "parts", "coords"],
)
def test_a_header_row_that_is_missing_is_named(tmp_path: Path, missing: int, row: str) -> None:
    dlc_frame(5).to_csv(tmp_path / "a.csv")
    lines = (tmp_path / "a.csv").read_text().splitlines()
    del lines[missing]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    with pytest.raises(InputError, match=rf"a.csv, {row}: a header row"):
        read_markers_csv(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda line: line + ",1", "row 6: a row of another length"),
        (lambda line: line.rpartition(",")[0] + ",left", "row 6, column 7: not a number"),
        (lambda line: "9" + line[1:], "row 6, first column: the frames"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, change: object, said: str) -> None:
    dlc_frame(5).to_csv(tmp_path / "a.csv")
    lines = (tmp_path / "a.csv").read_text().splitlines()
    lines[5] = change(lines[5])  # type: ignore[operator]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    with pytest.raises(InputError, match=said):
        read_markers_csv(tmp_path / "a.csv")


def test_a_body_part_without_y_is_named(tmp_path: Path) -> None:
    frame = dlc_frame(5)
    frame.drop(columns=[("net", "tail", "y")]).to_csv(tmp_path / "a.csv")
    with pytest.raises(InputError, match=r"'tail': a body part has no y"):
        read_markers_csv(tmp_path / "a.csv")


def test_a_real_recording(real_data: Path) -> None:
    path = real_data / "behaviour/dlc_openfield/openfield_dlc_inference_example.csv"
    values, names = read_markers_csv(path)
    assert values.shape == (2330, 8)
    assert names[:2] == ["snout_x", "leftear_x"]
    assert values[0, 0] == 76.67398834228516
