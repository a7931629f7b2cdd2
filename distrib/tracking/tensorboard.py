"""TensorBoard: one run per trial, and a row in the HParams table for every trial from its start.

No summary of an experiment is written. TensorBoard then takes the columns from the trials of every
study under its folder, where otherwise one study's summary, picked at random, would hide the
columns of the others.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from google.protobuf.struct_pb2 import Value
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, metadata
from tensorboard.plugins.hparams.plugin_data_pb2 import (
    HParamsPluginData,
    SessionEndInfo,
    SessionStartInfo,
)

from distrib.records import Scalar, StudyRecord, TrialRecord
from distrib.tracking.event_file import EventFile, read_events
from distrib.trial_files import METRICS, read_metrics, trial_folder, trial_name

ENDED = {"COMPLETE": 1.0, "PRUNED": 0.0, "FAIL": -1.0}


class TensorBoardTracker:
    """Writes `folder/0007` for trial 7: hyperparameters, scalars, and the end that the ledger told.

    The scalars are the metrics by their names, `train/<name>`, `best/<metric>`, the unit of the
    fidelity (so that the table shows how far a trial came), and at its end `ended`: 1 complete,
    0 pruned, -1 failed (TensorBoard itself knows only success and failure).

    A crash may cut off what the ledger and `metrics.csv` already hold. A resumed study writes
    that first: the ends of earlier trials, and the rows of those that go on.

    Args:
        folder: `tensorboard/` in the run folder, beside `trials/`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: dict[int, EventFile] = {}
        self._study: StudyRecord | None = None
        self._texts: frozenset[str] = frozenset()

    def study_started(self, study: StudyRecord) -> None:
        self._study = study
        self._texts = frozenset(
            d.name for d in study.dimensions if len({_kind(choice) for choice in d.choices}) > 1
        )
        for trial in study.trials.values():
            if trial.state in ENDED and not self._is_ended(trial):
                self.trial_started(trial)
                self.trial_ended(trial)

    def trial_started(self, trial: TrialRecord) -> None:
        known = _last_step(self._run(trial)) if trial.fidelity else 0
        file = self._files[trial.number] = EventFile(self._run(trial))
        # TensorBoard keeps the first start of a run and passes over that of a resumed one.
        file.write([_session_start(self._name(trial), trial, self._texts)], trial.fidelity)
        file.flush()
        if trial.fidelity > known:
            rows = self._rows(trial)
            self.trial_progressed(trial, [r for r in rows if known < r["step"] <= trial.fidelity])

    def trial_progressed(self, trial: TrialRecord, rows: list[dict[str, float]]) -> None:
        assert self._study is not None
        file = self._files[trial.number]
        for row in rows:
            named = {name: value for name, value in row.items() if name not in ("step", "time")}
            named[self._study.unit] = row["step"]
            if trial.value is not None and row is rows[-1]:
                named[f"best/{self._study.metric}"] = trial.value
            file.write(_scalars(named), int(row["step"]), row.get("time"))
        file.flush()

    def trial_paused(self, trial: TrialRecord) -> None:
        # As an interrupted one: no end is told, and a second file is begun if it goes on.
        if (file := self._files.pop(trial.number, None)) is not None:
            file.close()

    def trial_ended(self, trial: TrialRecord) -> None:
        # A trial whose end a crash cut off is closed before the study starts again, unseen here.
        if (file := self._files.pop(trial.number, None)) is not None:
            file.write(
                [*_scalars({"ended": ENDED[trial.state]}), _session_end(trial)], trial.fidelity
            )
            file.close()

    def tick(self) -> None:
        """Nothing is drawn."""

    def study_ended(self, study: StudyRecord, interrupted: bool) -> None:
        for file in self._files.values():
            file.close()
        self._files.clear()

    def _name(self, trial: TrialRecord) -> str:
        """The row's: the number first, as the page shows some 14 letters.

        TensorBoard takes rows of one name for repetitions and shows their mean; the time of the
        start keeps those of equally named studies apart.
        """
        assert self._study is not None
        start = datetime.fromtimestamp(trial.started or time.time(), UTC)
        return f"{trial_name(trial.number)} {self._study.name} {start:%Y-%m-%d %H:%M:%S.%f}"

    def _run(self, trial: TrialRecord) -> Path:
        return self.folder / trial_name(trial.number)

    def _is_ended(self, trial: TrialRecord) -> bool:
        tag = metadata.SESSION_END_INFO_TAG.encode()
        return any(tag in path.read_bytes() for path in self._run(trial).glob("events.*"))

    def _rows(self, trial: TrialRecord) -> list[dict[str, float]]:
        return read_metrics(trial_folder(self.folder.parent, trial.number) / METRICS)


def _last_step(run: Path) -> int:
    """The last step at which a run has scalars; TensorBoard would show a second one twice."""
    steps = [
        event.step
        for event in read_events(run)
        if any(value.HasField("simple_value") for value in event.summary.value)
    ]
    return max(steps, default=0)


def _scalars(named: Mapping[str, float]) -> list[Summary.Value]:
    return [Summary.Value(tag=tag, simple_value=value) for tag, value in named.items()]


def _session_start(row: str, trial: TrialRecord, texts: frozenset[str]) -> Summary.Value:
    hparams = {name: _value(value, name in texts) for name, value in trial.params.items()}
    start = SessionStartInfo(
        hparams=hparams, group_name=row, start_time_secs=trial.started or time.time()
    )
    return _of_the_plugin(
        metadata.SESSION_START_INFO_TAG, HParamsPluginData(session_start_info=start)
    )


def _session_end(trial: TrialRecord) -> Summary.Value:
    status = api_pb2.STATUS_FAILURE if trial.state == "FAIL" else api_pb2.STATUS_SUCCESS
    end = SessionEndInfo(status=status, end_time_secs=trial.ended or time.time())
    return _of_the_plugin(metadata.SESSION_END_INFO_TAG, HParamsPluginData(session_end_info=end))


def _of_the_plugin(tag: str, data: HParamsPluginData) -> Summary.Value:
    return Summary.Value(
        tag=tag, metadata=metadata.create_summary_metadata(data), tensor=metadata.NULL_TENSOR
    )


def _kind(value: Scalar) -> str:
    """What a column of the table holds; TensorBoard sorts and filters only columns of one kind."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)) and math.isfinite(value):
        return "number"
    return "text"


def _value(value: Scalar, as_text: bool) -> Value:
    kind = "text" if as_text else _kind(value)
    if kind == "bool":
        return Value(bool_value=value)
    if kind == "number":
        return Value(number_value=value)
    text = value if isinstance(value, str) else json.dumps(value)
    # TensorBoard's filter escapes double quotes and would then find no row.
    return Value(string_value=text.replace('"', "'"))
