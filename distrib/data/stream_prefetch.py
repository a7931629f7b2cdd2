"""Windows made ahead of their use, by one thread in the background."""

from __future__ import annotations

import atexit
import threading
import weakref
from collections.abc import Callable, Mapping

from distrib.data.stream_batches import Window

Stopped = Callable[[], bool]
Make = Callable[[int, int, Stopped], Window]
"""Makes a lane's window of a number; may give up, with any window, once `Stopped` says so."""

_PATIENCE = 1.0  # seconds that closing waits for the thread to see it


class Prefetch:
    """Keeps the next window of every lane ready.

    One window a lane waits, no more, so that memory is bounded however slow the consumer is.
    """

    def __init__(self, make: Make, spans: Mapping[int, range]) -> None:
        """Start at once.

        Args:
            spans: the windows wanted of each lane, by number.
        """
        self._make = make
        self._coming = {lane: iter(span) for lane, span in spans.items()}
        self._ready: dict[int, Window] = {}
        self._wanted: int | None = None
        self._error: BaseException | None = None
        self._closed = False
        # A re-entrant lock: the collector may close this from within the thread that holds it.
        self._changed = threading.Condition(threading.RLock())
        self._thread = threading.Thread(target=self._run, name="distrib-stream", daemon=True)
        self._thread.start()
        _OPEN.add(self)

    def next(self, lane: int) -> Window:
        """A lane's next window, waited for; called once for each of its span, in order.

        Raises:
            the error of the background thread, as it is.
        """
        with self._changed:
            self._wanted = lane
            self._changed.notify_all()
            while lane not in self._ready and self._error is None:
                self._changed.wait()
            if lane not in self._ready and self._error is not None:
                raise self._error
            self._wanted = None
            self._changed.notify_all()
            return self._ready.pop(lane)

    def close(self) -> None:
        """End the thread, at the latest when the shard that it reads is read."""
        with self._changed:
            self._closed = True
            self._ready.clear()
            self._changed.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join(_PATIENCE)

    def _run(self) -> None:
        try:
            while (turn := self._turn()) is not None:
                lane, number = turn
                window = self._make(lane, number, lambda: self._closed)
                with self._changed:
                    if self._closed:
                        return
                    self._ready[lane] = window
                    self._changed.notify_all()
                del window  # or it would live until the next one is made
        except BaseException as error:
            with self._changed:
                self._error = error
                self._changed.notify_all()

    def _turn(self) -> tuple[int, int] | None:
        """The lane and the number of the window to make next, the lane waited for first."""
        with self._changed:
            while not self._closed and self._coming:
                empty = [lane for lane in self._coming if lane not in self._ready]
                if not empty:
                    self._changed.wait()
                    continue
                lane = self._wanted if self._wanted in empty else empty[0]
                number = next(self._coming[lane], None)
                if number is not None:
                    return lane, number
                del self._coming[lane]
            return None


_OPEN: weakref.WeakSet[Prefetch] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """End the threads before the interpreter goes: one killed inside Arrow aborts the process."""
    for prefetch in list(_OPEN):
        prefetch.close()
