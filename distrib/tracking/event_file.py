"""Event files: what TensorBoard reads, written with its own protos, without TensorFlow or torch."""

from __future__ import annotations

import itertools
import os
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

_counter = itertools.count()


class EventFile:
    """A new event file of a run; TensorBoard joins all files of one folder, old names first."""

    def __init__(self, run: Path) -> None:
        run.mkdir(parents=True, exist_ok=True)
        name = (
            f"events.out.tfevents.{time.time_ns() // 1000:016d}."
            f"{socket.gethostname()}.{os.getpid()}.{next(_counter)}"
        )
        self._file = (run / name).open("xb")
        self._writer = RecordWriter(self._file)
        self._put(Event(wall_time=time.time(), file_version="brain.Event:2"))

    def _put(self, event: Event) -> None:
        self._writer.write(event.SerializeToString())

    def write(self, values: Sequence[Summary.Value], step: int, when: float | None = None) -> None:
        """Add values at a step, as of `when` (seconds since the epoch) or now."""
        self._put(Event(wall_time=when or time.time(), step=step, summary=Summary(value=values)))

    def flush(self) -> None:
        """Let a running TensorBoard see what was written."""
        self._file.flush()

    def close(self) -> None:
        """Write the rest and let go."""
        self._file.close()


def read_events(run: Path) -> Iterator[Event]:
    """The whole events of a run's files; a last one that a crash tore is passed over.

    A record is a little-endian uint64 of its length, a checksum of 4 bytes, the event, and another.
    """
    for path in sorted(run.glob("events.out.tfevents.*")):
        content, start = path.read_bytes(), 0
        while start + 12 <= len(content):
            (length,) = struct.unpack_from("<Q", content, start)
            end = start + 12 + length
            if end + 4 > len(content):
                break
            yield Event.FromString(content[start + 12 : end])
            start = end + 4
