"""What the families of behaviour read: a folder of sessions, a data file, or simulated sessions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field

from distrib.data.behaviour.data_file import read_data_file
from distrib.data.behaviour.reader import ReadOptions, read_sessions
from distrib.data.behaviour.sessions import Sessions
from distrib.data.behaviour.simulate import simulated_sessions
from distrib.trainables.base import Source

DATA_FILE = "data.yaml"
"""Of a folder, where it has one: what it says of the sessions."""


class SessionsSource(Source):
    """A folder of sessions, or daart's `data.yaml`; without either, simulated sessions."""

    data_dir: str | None = Field(
        None, description="folder of the sessions, in place of the data file and all that it says"
    )
    input_type: str | None = Field(None, description="folder of the signals, such as markers")
    expt_ids: list[str] | None = Field(None, description="sessions that are read; default: all")
    expt_ids_test: list[str] | None = Field(None, description="sessions that are the test")
    expt_ids_to_keep: list[str] | None = Field(
        None, description="sessions whose hand labels are used; default: all"
    )
    columns: list[str] | None = Field(None, description="signals that are read; default: all")
    animal: str | None = Field(None, description="which animal, where files hold several")
    h5_key: str | None = Field(None, description="which table, where an HDF5 file holds several")
    missing: Literal["interpolate", "mask", "refuse"] | None = Field(
        None, description="what is done about missing values (default: interpolate)"
    )

    def elsewhere(self, path: str) -> Self:
        """Columns, animal, table and what is done about missing values hold for others too."""
        first = ("data_dir", "input_type", "expt_ids", "expt_ids_test", "expt_ids_to_keep")
        return self.model_copy(update={"path": path, **dict.fromkeys(first)})


def load_sessions(source: SessionsSource, *, labels: bool) -> Sessions:
    """The sessions of a source; its own words go before those of a data file.

    Raises:
        InputError: naming file, row or key, what was found and what was expected.
    """
    if source.path is None:
        return simulated_sessions()
    path, options = Path(source.path), ReadOptions()
    if (path / DATA_FILE).is_file():
        path = path / DATA_FILE
    ignore_class = weight_classes = None
    if source.data_dir is not None:
        path = Path(source.data_dir)
    elif path.suffix in (".yaml", ".yml"):
        said = read_data_file(path)
        path, options = said.folder, said.options
        ignore_class, weight_classes = said.ignore_class, said.weight_classes
    given: dict[str, Any] = {
        "input_type": source.input_type,
        "ids": _tuple(source.expt_ids),
        "test_ids": _tuple(source.expt_ids_test),
        "keep_ids": _tuple(source.expt_ids_to_keep),
        "columns": _tuple(source.columns),
        "animal": source.animal,
        "h5_key": source.h5_key,
        "missing": source.missing,
    }
    options = replace(options, **{k: v for k, v in given.items() if v is not None})
    found = read_sessions(path, options, labels=labels)
    return replace(found, ignore_class=ignore_class, weight_classes=weight_classes)


def _tuple(words: list[str] | None) -> tuple[str, ...] | None:
    return None if words is None else tuple(words)
