"""Zeros that a file does not write: a word such as `no data` in a column that counts bases.

immunoSEQ's exports of about 2020 write `no data` where nothing was deleted or inserted. Which it
is, nothing known or nothing there, a column tells: one that has a 0 means by the word that it does
not know; one that never has a 0, though it has numbers, means 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from distrib.errors import InputError


class Zeros:
    """Reads the columns of counted bases of one file, block by block; the first decides.

    Args:
        words: that may stand for 0. missing: those that never do, such as -1.

    Attributes:
        told: what was understood of the last block -> of how many cells.
    """

    def __init__(
        self, words: Iterable[str], columns: Iterable[str], file: Path, missing: Iterable[str] = ()
    ) -> None:
        self.words = frozenset(words)
        self.missing = frozenset(missing) - self.words
        self.columns = frozenset(columns)
        self.file = file
        self.told: dict[str, int] = {}
        self._silent: frozenset[str] | None = None  # columns with numbers, none of which is 0
        self._assumed: set[str] = set()  # columns in which a word was read as 0

    def settle(self, frame: pd.DataFrame) -> None:
        """Put 0, or nothing, where a word stands.

        Raises:
            InputError: naming the row of a 0 in a file whose words were read as 0 before.
        """
        self.told = {}
        if not self.words:
            return
        own = [column for column in frame.columns if column in self.columns]
        unknown = {column: frame[column].isin({"", *self.missing}) for column in own}
        numbers = {
            column: pd.to_numeric(frame[column].mask(unknown[column]), errors="coerce")
            for column in own
        }
        if self._silent is None:
            self._silent = frozenset(
                column
                for column in own
                if numbers[column].notna().any() and not (numbers[column] == 0).any()
            )
        for column in own:
            silent, is_word = column in self._silent, frame[column].isin(self.words)
            if column in self._assumed:
                self._refuse_zeros(frame, column, numbers[column])
            if silent:
                for word, count in frame[column][is_word].value_counts().items():
                    self._assumed.add(column)
                    self.told[f"`{word}` in {column}, where this file never writes 0, was read as "
                              "0"] = int(count)  # fmt: skip
                for word, count in frame[column][unknown[column]].value_counts().items():
                    holds = f"has `{word}`" if word else "is empty"
                    self.told[
                        f"{column} {holds}, and never 0 in this file: taken as unknown; write 0 "
                        "where nothing was trimmed or inserted"
                    ] = int(count)
            frame[column] = (
                frame[column].mask(unknown[column], "").mask(is_word, "0" if silent else "")
            )

    def _refuse_zeros(self, frame: pd.DataFrame, column: str, numbers: pd.Series) -> None:
        zeros = numbers.index[(numbers == 0).to_numpy()]
        if len(zeros):
            raise InputError(
                "a 0 in a file that wrote a word in its place further up",
                file=self.file,
                where=f"row {zeros[0]}, column {column!r}",
                found=f"{frame[column].loc[zeros[0]]!r}, and one of "
                f"{', '.join(sorted(self.words))} in rows before",
                expected="one way of writing that nothing was trimmed or inserted",
                hint="two exports in one file? give them as two files",
            )
