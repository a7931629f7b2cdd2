"""TensorBoard: one run per trial, and a row in the HParams table for every trial from its start.

No summary of an experiment is written. TensorBoard then takes the columns from the trials of every
study under its folder, where otherwise one study's summary, picked at random, would hide the
columns of the others. The messages are TensorBoard's own protos; neither TensorFlow nor torch.
"""

from __future__ import annotations

import itertools
import json
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distrib.records import Scalar, StudyRecord, TrialRecord

if TYPE_CHECKING:
    from tensorboard.compat.proto.event_pb2 import Event

_counter = itertools.count()


class TensorBoardTracker:
    """Writes `folder/0007` for trial 7: hyperparameters, scalars, and the end that the ledger told.

    The scalars are the metrics by their names, `train/<name>`, `best/<metric>`, the unit of the
    fidelity (so that the table shows how far a trial came), and at its end `ended`: 1 complete,
    0 pruned, -1 failed (TensorBoard itself knows only success and failure).
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: dict[int, _EventFile] = {}
        self._study: StudyRecord | None = None

    def study_started(self, study: StudyRecord) -> None:
        self._study = study

    def trial_started(self, trial: TrialRecord) -> None:
        file = _EventFile(self.folder / f"{trial.number:04d}")
        self._files[trial.number] = file
        file.write([_session_start(self._record, trial)], trial.step)

    def trial_progressed(self, trial: TrialRecord, rows: list[dict[str, float]]) -> None:
        study = self._record
        file = self._files[trial.number]
        best = study.metric if trial.value is not None else None
        for row in rows:
            named = {k: v for k, v in row.items() if k not in ("step", "time")}
            named[study.unit] = row["step"]
            if best and row is rows[-1]:
                named[f"best/{best}"] = trial.value or 0.0
            file.write(_scalars(named), int(row["step"]), row.get("time"))
        file.flush()

    def trial_ended(self, trial: TrialRecord) -> None:
        file = self._files.pop(trial.number, None)
        if file is None:
            file = _EventFile(self.folder / f"{trial.number:04d}")
        ended = {"COMPLETE": 1.0, "PRUNED": 0.0}.get(trial.state, -1.0)
        file.write([*_scalars({"ended": ended}), _session_end(trial)], trial.step)
        file.close()

    def tick(self) -> None:
        """Nothing is drawn."""

    def study_ended(self, study: StudyRecord, interrupted: bool) -> None:
        for file in self._files.values():
            file.close()
        self._files.clear()

    @property
    def _record(self) -> StudyRecord:
        assert self._study is not None
        return self._study


class _EventFile:
    """One event file of a run; a resumed trial adds another to the same run."""

    def __init__(self, run: Path) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.summary.writer.record_writer import RecordWriter

        run.mkdir(parents=True, exist_ok=True)
        name = (
            f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}."
            f"{os.getpid()}.{next(_counter)}"
        )
        self._file = (run / name).open("wb")
        self._writer = RecordWriter(self._file)
        self._put(Event(wall_time=time.time(), file_version="brain.Event:2"))
        self._file.flush()

    def _put(self, event: Event) -> None:
        self._writer.write(event.SerializeToString())

    def write(self, values: list[Any], step: int, when: float | None = None) -> None:
        """Add summary values at a step."""
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        event = Event(wall_time=when or time.time(), step=step, summary=Summary(value=values))
        self._put(event)

    def flush(self) -> None:
        """Let a running TensorBoard see what was written."""
        self._file.flush()

    def close(self) -> None:
        """Write the rest and let go."""
        self._file.close()


def _scalars(named: Mapping[str, float]) -> list[Any]:
    from tensorboard.compat.proto.summary_pb2 import Summary

    return [Summary.Value(tag=tag, simple_value=value) for tag, value in named.items()]


def _session_start(study: StudyRecord, trial: TrialRecord) -> Any:
    from tensorboard.plugins.hparams import metadata, plugin_data_pb2

    info = plugin_data_pb2.SessionStartInfo(
        group_name=f"{study.name}/{trial.number:04d}", start_time_secs=trial.started or time.time()
    )
    for name, value in trial.params.items():
        _set(info.hparams[name], value)
    data = plugin_data_pb2.HParamsPluginData(session_start_info=info)
    return _plugin_value(metadata.SESSION_START_INFO_TAG, data)


def _session_end(trial: TrialRecord) -> Any:
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    status = api_pb2.STATUS_FAILURE if trial.state == "FAIL" else api_pb2.STATUS_SUCCESS
    info = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=trial.ended or time.time())
    data = plugin_data_pb2.HParamsPluginData(session_end_info=info)
    return _plugin_value(metadata.SESSION_END_INFO_TAG, data)


def _plugin_value(tag: str, data: Any) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import metadata

    return Summary.Value(
        tag=tag, metadata=metadata.create_summary_metadata(data), tensor=metadata.NULL_TENSOR
    )


def _set(value: Any, content: Scalar) -> None:
    """A protobuf Value; bool before int, which it is a kind of."""
    if isinstance(content, bool):
        value.bool_value = content
    elif isinstance(content, (int, float)):
        value.number_value = content
    elif isinstance(content, str):
        value.string_value = content
    else:
        value.string_value = json.dumps(content)
