"""Words of configurations survive the readers of tables."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

from distrib.data.files.readable import readable


@pytest.mark.parametrize("word", ["null", "NA", "None", "nan", "N/A", "NULL", "<NA>", "n/a"])
def test_a_word_is_not_read_as_missing(word: str) -> None:
    frame = pd.DataFrame({"model": [word, "motif", None], "loss": [1.0, np.nan, 3.0]})
    text = readable(frame).to_csv(index=False)
    again = pd.read_csv(io.StringIO(text))
    assert again["model"].tolist()[:2] == [f"'{word}'", "motif"]
    assert again["model"].isna().tolist() == [False, False, True]
    np.testing.assert_array_equal(again["loss"], frame["loss"])
    assert frame["model"].iloc[0] == word  # the table itself is as it was


def test_other_words_are_left_alone() -> None:
    frame = pd.DataFrame({"a": ["none", "no-features", "x"], "b": [True, False, None]})
    pd.testing.assert_frame_equal(readable(frame), frame)


def test_columns_of_one_name_are_both_looked_at() -> None:
    frame = pd.DataFrame([["null", "NA"]], columns=["a", "a"])
    assert readable(frame).to_numpy().tolist() == [["'null'", "'NA'"]]
