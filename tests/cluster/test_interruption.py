"""A lost terminal and a request to end are Ctrl-C, unless the user had them ignored."""

from __future__ import annotations

import signal
import threading

import pytest

from distrib.cluster.interruption import ended_like_ctrl_c, held_back

SIGNALS = (signal.SIGHUP, signal.SIGTERM)


@pytest.mark.parametrize("signum", SIGNALS)
def test_it_counts_as_ctrl_c_and_only_meanwhile(signum: int) -> None:
    before = signal.getsignal(signum)
    told: list[int] = []
    with pytest.raises(KeyboardInterrupt), ended_like_ctrl_c(), ended_like_ctrl_c(told.append):
        signal.raise_signal(signum)
    assert told == [signum]
    assert signal.getsignal(signum) == before


@pytest.mark.parametrize("signum", SIGNALS)
def test_what_is_ignored_stays_ignored(signum: int) -> None:
    """`nohup` ignores SIGHUP for what it starts."""
    before = signal.signal(signum, signal.SIG_IGN)
    try:
        with ended_like_ctrl_c():
            signal.raise_signal(signum)
        assert signal.getsignal(signum) == signal.SIG_IGN
    finally:
        signal.signal(signum, before)


def test_ctrl_c_itself_may_be_ignored() -> None:
    """So it is for what a script runs in the background with `&`."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with pytest.raises(KeyboardInterrupt), ended_like_ctrl_c():
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("signum", [signal.SIGINT, *SIGNALS])
def test_an_import_is_not_broken_off(signum: int) -> None:
    done: list[int] = []
    before = signal.getsignal(signum)
    with pytest.raises(KeyboardInterrupt), ended_like_ctrl_c():
        with held_back():
            signal.raise_signal(signum)
            done.append(1)
        done.append(2)
    assert done == [1]
    assert signal.getsignal(signum) == before


def test_who_asks_twice_is_heard_at_once() -> None:
    done: list[int] = []
    with pytest.raises(KeyboardInterrupt), held_back():
        signal.raise_signal(signal.SIGINT)
        done.append(1)
        signal.raise_signal(signal.SIGINT)
        done.append(2)
    assert done == [1]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_is_heard_before_ctrl_c() -> None:
    with pytest.raises(ValueError, match="of the block"), held_back():
        signal.raise_signal(signal.SIGINT)
        raise ValueError("of the block")


def test_another_thread_changes_nothing() -> None:
    seen: list[bool] = []

    def work() -> None:
        before = [signal.getsignal(signum) for signum in SIGNALS]
        with ended_like_ctrl_c():
            seen.append(before == [signal.getsignal(signum) for signum in SIGNALS])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [True]
