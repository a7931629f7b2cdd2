"""Room for a trial on a cluster whose nodes come and go."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from distrib.study.driver.loading import Say

LOOK = 5.0  # seconds between two looks
TELL = 30.0  # seconds without room after which the reader is told
PATIENCE = 900.0  # seconds without room after which the study ends; a cloud replaces a node sooner


@contextmanager
def capacity_watched(holds: Callable[[], int], say: Say) -> Iterator[None]:
    """End what is done inside as Ctrl-C does, once there is no room for a single trial for long.

    Ray would wait for ever: the node may come back. Only from the main thread, as for any Ctrl-C.

    Args:
        holds: how many trials the living nodes hold. say: tells the reader a line.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    over = threading.Event()
    watch = threading.Thread(target=_watch, args=(holds, say, over), daemon=True)
    watch.start()
    try:
        yield
    finally:
        over.set()


def _watch(holds: Callable[[], int], say: Say, over: threading.Event) -> None:
    since: float | None = None
    told = False
    while not over.wait(LOOK):
        try:
            room = holds() > 0
        except Exception:
            continue  # the head does not answer: if that lasts, Ray itself ends the driver
        if room:
            if told:
                say("there is room for a trial again")
            since, told = None, False
            continue
        now = time.monotonic()
        since = now if since is None else since
        if now - since >= PATIENCE and not over.is_set():
            say(f"no room for a trial for {PATIENCE / 60:.0f} min: the study ends here")
            main = threading.main_thread().ident
            assert main is not None
            signal.pthread_kill(main, signal.SIGINT)
            return
        if now - since >= TELL and not told:
            told = True
            say(
                "the cluster has no room for a single trial any more; waiting for a node, "
                f"{PATIENCE / 60:.0f} min at most"
            )
