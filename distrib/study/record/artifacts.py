"""What a training leaves to be looked at beside its metrics, of its best unit (or its last).

The figures of each row are kept of every trial, also of one that was stopped: whether the winner is
better than a baseline depends on all that it was chosen among.

Samples are of every unit: a file has the rows of all, under a column that is called as the unit.
Predictions for the rows held out lie beside the checkpoint, since they are as large, and go with
it; a family's small tables lie in the trial's own folder, and stay.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from distrib.files import atomic_path, atomic_write

if TYPE_CHECKING:
    import pandas as pd

    from distrib.trainables.base import Progress

HELD_OUT = "held_out.parquet"
ROWS = "rows.parquet"
"""The figures of each row, in a trial's folder."""

_STEP = b"step"  # of the unit, in the file's metadata


class TrialArtifacts:
    """Those of one training.

    Args:
        folder: of its checkpoints.
        rows_of: makes figures row by row of predictions for rows held out; None: there are none.
    """

    def __init__(
        self, folder: Path, rows_of: Callable[[pd.DataFrame], pd.DataFrame] | None = None
    ) -> None:
        self.folder, self.rows_of = folder, rows_of
        self._item: Progress | None = None

    def see(self, item: Progress) -> None:
        """This unit is the best so far, or the last one counts."""
        self._item = item

    def add_samples(self, item: Progress, unit: str) -> None:
        """Write those of this unit behind those of earlier ones.

        Rows that are there of it, or of later units, were of a training that was cut off.
        """
        import pandas as pd

        for name, table in (item.samples() if item.samples else {}).items():
            path = self.folder.parent / f"{name}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            rows = table.copy()
            rows.insert(0, unit, item.fidelity)
            text = rows.to_csv(index=False, lineterminator="\n")
            if path.is_file():
                # As text, so that the rows stay as they were written, to the letter.
                before = pd.read_csv(path, dtype=str, keep_default_na=False)
                before = before[before[unit].astype(int) < item.fidelity]
                old = before.to_csv(index=False, lineterminator="\n")
                text = old + text.partition("\n")[2] if len(before) else text
            atomic_write(path, text)

    def write(self, *, held_out: bool) -> None:
        """Write what was seen since the last time; predictions only where they are wanted."""
        item, self._item = self._item, None
        if item is None:
            return
        for name, table in item.tables.items():
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            with atomic_path(self.folder.parent / f"{name}.csv") as temporary:
                table().to_csv(temporary, index=False, lineterminator="\n")
        if item.held_out is None or (self.rows_of is None and not held_out):
            return
        predictions = item.held_out()
        if self.rows_of is not None:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            _write(self.folder.parent / ROWS, self.rows_of(predictions), item.fidelity)
        if held_out:
            self.folder.mkdir(parents=True, exist_ok=True)
            _write(self.folder / HELD_OUT, predictions, item.fidelity)


def read_held_out(folder: Path, step: int) -> pd.DataFrame | None:
    """The predictions that a training left in its checkpoints' folder, if they are of this unit."""
    import pyarrow.parquet as pq

    path = folder / HELD_OUT
    if not path.is_file():
        return None
    table = pq.read_table(path, use_threads=False)
    if (table.schema.metadata or {}).get(_STEP) != str(step).encode():
        return None
    return table.to_pandas()


def _write(path: Path, frame: pd.DataFrame, step: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(frame, preserve_index=False)
    metadata = {**(table.schema.metadata or {}), _STEP: str(step).encode()}
    with atomic_path(path) as temporary:
        pq.write_table(table.replace_schema_metadata(metadata), temporary)
