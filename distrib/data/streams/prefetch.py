"""An iterator run ahead of its use, by one thread in the background."""

from __future__ import annotations

import atexit
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

T = TypeVar("T")

Stopped = Callable[[], bool]
Make = Callable[[Stopped], Iterator[T]]
"""Makes the iterator; it may end early, with anything, once `Stopped` says so."""

_PATIENCE = 1.0  # seconds that closing waits for the thread to see it


class Prefetcher(Generic[T]):
    """The items of an iterator, in order, made while the earlier ones are in use.

    Items of `limit` bytes in all wait, and one more at most, so that memory is bounded however slow
    the consumer is. The thread sleeps until half of them are used: to wake it for each would cost
    the consumer more than the item.
    """

    def __init__(self, make: Make[T], size: Callable[[T], int], limit: int) -> None:
        """Start at once.

        Args:
            size: bytes of an item.
        """
        self._make, self._size, self._limit = make, size, limit
        self._ready: deque[tuple[T, int]] = deque()
        self._held = 0
        self._ended = False
        self._error: BaseException | None = None
        self._closed = False
        # A re-entrant lock: the collector may close this from within the thread that holds it.
        self._changed = threading.Condition(threading.RLock())
        self._thread = threading.Thread(target=self._run, name="distrib-stream", daemon=True)
        self._thread.start()
        _OPEN.add(self)

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        """The next item, waited for.

        Raises:
            the error of the background thread, as it is, once what it made before is used.
        """
        with self._changed:
            while not self._ready and not self._ended:
                self._changed.wait()
            if self._ready:
                item, size = self._ready.popleft()
                before, self._held = self._held, self._held - size
                if before > self._limit / 2 >= self._held or not self._ready:
                    self._changed.notify_all()
                return item
        if self._error is not None:
            raise self._error
        raise StopIteration

    def close(self) -> None:
        """End the thread, at the latest when the shard that it reads is read."""
        with self._changed:
            self._closed = True
            self._ready.clear()
            self._changed.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join(_PATIENCE)

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            for item in self._make(lambda: self._closed):
                if not self._put(item, self._size(item)):
                    return
                del item  # or it would live until the next one is made
        except BaseException as caught:
            error = caught
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

    def _put(self, item: Any, size: int) -> bool:
        """Hand an item over; False when nobody wants more."""
        with self._changed:
            if self._closed:
                return False
            self._ready.append((item, size))
            self._held += size
            if len(self._ready) == 1:
                self._changed.notify_all()
            del item
            if self._held >= self._limit:
                self._changed.wait_for(
                    lambda: self._closed or not self._ready or self._held <= self._limit / 2
                )
            return not self._closed


_OPEN: weakref.WeakSet[Prefetcher[Any]] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """End the threads before the interpreter goes: one killed inside Arrow aborts the process."""
    for ahead in list(_OPEN):
        ahead.close()
