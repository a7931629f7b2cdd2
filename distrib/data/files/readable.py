"""Text in tables for others: words that pandas and R read as a missing value are kept from that."""

from __future__ import annotations

import pandas as pd

# pandas' own list (`keep_default_na`), in which R's NA is.
_READ_AS_MISSING = frozenset(
    ("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
     "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null")
)  # fmt: skip


def readable(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with text such as `null` or `NA` in quotes of its own: `'null'`.

    Quotes of the CSV's would not help: readers take them off before they look for missing values.
    """
    frame = frame.copy()
    for place in range(frame.shape[1]):
        column = frame.iloc[:, place]
        if pd.api.types.is_numeric_dtype(column):
            continue
        is_word = column.map(lambda cell: isinstance(cell, str) and cell in _READ_AS_MISSING - {""})
        if is_word.any():
            quoted = column.where(~is_word, column.map(lambda cell: f"'{cell}'"))
            frame.isetitem(place, quoted.to_numpy(object))
    return frame
