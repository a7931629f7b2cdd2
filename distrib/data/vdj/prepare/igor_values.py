"""IGoR's own tables, which name the values of events by their indices in a model.

`best_scenarios_counts.csv` and `generated_realizations_werr.csv` have a column for each event, such
as `GeneChoice_V_gene_Undefined_side_prio7_size103`, with cells such as `(12)`. What index 12 means
stands in the `model_parms.txt` that IGoR was run with; `distrib.data.vdj.germline.olga` describes
its form.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from distrib.data.files.text import read_lines
from distrib.data.vdj.germline.olga import model_params
from distrib.errors import InputError

_COLUMN = re.compile(r"((?:GeneChoice|Deletion|Insertion)_\w+?)_prio\d+_size\d+")
_EVENT = re.compile(r"#(GeneChoice|Deletion|Insertion);(\w+);(\w+);\d+;(\w+)")

# Event, as columns name it -> its nickname, and its values by index.
Events = dict[str, tuple[str, list[str]]]


def igor_events(file: Path | None, model: str) -> Events:
    """The genes, deletions and insertions of a model.

    Args:
        file: the `model_parms.txt`, or None for OLGA's model of this name, which is IGoR's default
            one of human T cells.

    Raises:
        InputError: naming the line that is none of such a file.
    """
    path = model_params(model) if file is None else file
    events: dict[str, tuple[str, dict[int, str]]] = {}
    values: dict[int, str] | None = None
    for number, line in enumerate(read_lines(path), 1):
        if line.startswith("@") and line != "@Event_list":
            break
        if line.startswith("#"):
            match = _EVENT.fullmatch(line)
            values = {} if match else None
            if match and values is not None:
                events[f"{match[1]}_{match[2]}_{match[3]}"] = (match[4], values)
        elif line.startswith("%") and values is not None:
            value, *_, index = line[1:].split(";")
            if not index.isdecimal():
                raise InputError("a value without an index", file=path, where=f"row {number}",
                                 found=line[:60], expected="%value;index")  # fmt: skip
            values[int(index)] = value.strip()
    if not events:
        raise InputError("no events of a model", file=path, expected="IGoR's model_parms.txt")
    for name, (_, found) in events.items():
        if sorted(found) != list(range(len(found))):
            raise InputError("indices that are not 0, 1, 2, ...", file=path, where=name)
    return {name: (nick, [v[i] for i in range(len(v))]) for name, (nick, v) in events.items()}


def event_of(column: str) -> str | None:
    """The event whose indices a column holds; None of any other column."""
    match = _COLUMN.fullmatch(column)
    return match[1] if match else None


def decoded(cells: pd.Series, values: Sequence[str], file: Path) -> pd.Series:
    """What the indices of a column mean; missing cells stay missing.

    Raises:
        InputError: naming the row of an index that the model lacks.
    """
    meanings = {f"({index})": value for index, value in enumerate(values)}
    meant = cells.map({**meanings, "": "", "()": ""})
    wrong = meant.isna().to_numpy()
    if wrong.any():
        first = int(wrong.argmax())
        raise InputError(
            "an index that the model lacks",
            file=file,
            where=f"row {cells.index[first]}, column {cells.name!r}",
            found=repr(cells.iloc[first]),
            expected=f"(0) to ({len(values) - 1})",
            hint="give the model that IGoR was run with: --igor-model model_parms.txt",
        )
    return meant
