"""What counts as Ctrl-C: a lost terminal, and a request to end; and when it is heard."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def ended_like_ctrl_c(first: Callable[[int], None] = lambda signum: None) -> Iterator[None]:
    """SIGHUP and SIGTERM are Ctrl-C meanwhile; one that is ignored, as under `nohup`, stays so.

    Even where Ctrl-C itself is ignored, as it is by what a script runs in the background.

    Only the main thread may say so; elsewhere nothing changes.

    Args:
        first: done before, given the signal.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(signum: int, frame: Any) -> None:
        first(signum)
        if not callable(signal.getsignal(signal.SIGINT)):
            raise KeyboardInterrupt
        signal.raise_signal(signal.SIGINT)

    previous = {
        signum: signal.signal(signum, interrupt)
        for signum in (signal.SIGHUP, signal.SIGTERM)
        if signal.getsignal(signum) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for signum, handler in previous.items():
            signal.signal(signum, handler)


@contextmanager
def held_back() -> Iterator[None]:
    """Ctrl-C, and what counts as it, is heard when the block has ended; a second one at once.

    For imports and the start of Ray: an exception that falls anywhere amid them leaves locks held
    and modules half made, on which the end of the process then hangs or breaks.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[int] = []

    def hear(signum: int, frame: Any) -> None:
        heard.append(signum)
        if len(heard) > 1:
            before[signum](signum, frame)

    before: dict[int, Any] = {
        signum: handler
        for signum in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)
        if callable(handler := signal.getsignal(signum))
    }
    for signum in before:
        signal.signal(signum, hear)
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
    if heard:
        signal.raise_signal(heard[0])
