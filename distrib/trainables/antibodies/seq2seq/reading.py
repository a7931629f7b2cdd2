"""The records that a generator is trained on: of the user's files, or simulated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from distrib.data.antibodies.designs.record_rows import RecordRows, rows_of
from distrib.data.antibodies.designs.records import Records, read_records
from distrib.data.antibodies.designs.simulate import simulated_rows
from distrib.data.antibodies.split import CLUSTER
from distrib.data.files.ids import as_ids
from distrib.data.files.split_words import SPLIT
from distrib.errors import InputError
from distrib.trainables.antibodies.seq2seq.config import Seq2SeqSource


def load_rows(source: Seq2SeqSource, *, targets: bool = True) -> RecordRows:
    """Read, check and encode them.

    Raises:
        InputError: as `records.read_records` and `record_rows.rows_of`, or one antigen only.
    """
    if source.path is None:
        return simulated_rows(source.records, rule=source.rule, light=source.light)
    records = read_records(Path(source.path), on_unknown=source.on_unknown)
    if source.validation is not None:
        records = _joined(source, records)
    elif source.max_samples is not None:
        records = records.take(np.arange(min(len(records), source.max_samples)))
    rows = rows_of(records, light=source.light)
    if targets and rows.split is None and len(np.unique(rows.groups)) < 2:
        raise InputError(
            "one antigen only: nothing can be held out by antigen",
            file=source.path,
            expected="two antigens or more, or a column `cluster` or `split`",
        )
    return rows


def _joined(source: Seq2SeqSource, train: Records) -> Records:
    """Training and validation records in one, which a column `split` tells apart."""
    held_out = read_records(Path(str(source.validation)), on_unknown=source.on_unknown)
    if source.max_samples is not None:
        train = train.take(np.arange(min(len(train), source.max_samples)))
        few = max(source.max_samples // 10, 1)
        held_out = held_out.take(np.arange(min(len(held_out), few)))
    both = pd.concat([train.columns, held_out.columns], ignore_index=True).fillna("")
    # An antigen may stand in both files: that is told, and is the user's word.
    both[CLUSTER] = [f"t:{a}" for a in train.antigen] + [f"v:{a}" for a in held_out.antigen]
    both[SPLIT] = ["train"] * len(train) + ["validation"] * len(held_out)
    names = [f"{name}" for name in train.ids.values] + [f"v:{n}" for n in held_out.ids.values]
    rows = list(range(1, len(names) + 1))
    seen = set(zip(train.heavy, train.light, train.antigen))
    shared = sum(key in seen for key in zip(held_out.heavy, held_out.light, held_out.antigen))
    if shared:
        raise InputError(
            "records that stand in both files",
            file=source.validation,
            found=f"{shared:,} of {len(held_out):,}",
            expected="no record that is trained on",
        )
    alike = len(set(train.antigen) & set(held_out.antigen))
    stand = "antigen stands" if alike == 1 else "antigens stand"
    note = f"{alike:,} {stand} in both files" if alike else ""
    return Records(
        as_ids(names, Path(str(source.path)), rows),
        [*train.heavy, *held_out.heavy],
        [*train.light, *held_out.light],
        [*train.antigen, *held_out.antigen],
        np.r_[train.pkd, held_out.pkd],
        both,
        (*train.notes, *held_out.notes, *([note] if note else [])),
    )
