"""How far a map is, and what it came to."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from distrib.cluster.mapping.folder import Record
from distrib.cluster.mapping.inputs import Input

QUIET = 30.0  # seconds in which nothing ends, until the files at work are named
SHOW_EVERY = 0.25  # seconds between two words on the progress


@dataclass(frozen=True)
class MapProgress:
    """How far a map is.

    Attributes:
        done: inputs that are done, those of former calls among them. failed: given up. retried:
            attempts begun again. total: inputs.
        rows, bytes: of the parts of what is done.
        seconds: since the call. eta: seconds to the end, None before the first input of this call.
        news: what was begun again or given up since the last word, a line each; and what is at
            work, each time that nothing has ended for `QUIET`.
    """

    done: int
    failed: int
    retried: int
    total: int
    rows: int
    bytes: int
    seconds: float
    eta: float | None
    news: tuple[str, ...] = ()


@dataclass(frozen=True)
class Failure:
    """One input that was given up: its path, without credentials, and why."""

    input: str
    told: str


@dataclass(frozen=True)
class MapResult:
    """What a map came to.

    Attributes:
        records: the inputs that are done, in order. failures: those that were given up.
        kept: how many were done by former calls. retried: attempts begun again. seconds: it took.
    """

    records: tuple[Record, ...]
    failures: tuple[Failure, ...]
    kept: int
    retried: int
    seconds: float

    @property
    def rows(self) -> int:
        """Of all parts."""
        return sum(record.rows for record in self.records)

    @property
    def bytes(self) -> int:
        """Of all parts."""
        return sum(record.bytes for record in self.records)

    @property
    def counts(self) -> dict[str, int]:
        """The counts of all inputs, added up."""
        total: Counter[str] = Counter()
        for record in self.records:
            total.update(record.counts)
        return dict(total)


class Tally:
    """Counts while a map goes on, and says so from time to time.

    The time to the end goes by bytes of input, which tell more than files where sizes differ.
    """

    def __init__(
        self,
        inputs: Sequence[Input],
        kept: Sequence[Record],
        say: Callable[[MapProgress], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.total = len(inputs)
        self.kept = self.done = len(kept)
        self.failures: list[Failure] = []
        self.retried = 0
        self._rows = sum(record.rows for record in kept)
        self._bytes = sum(record.bytes for record in kept)
        self._left = sum(map(_weight, inputs)) - sum(map(_weight, kept))
        self._ended = 0
        self._say = say
        self._clock = clock
        self._began = clock()
        self._news: list[str] = []
        self._changed = True
        self._said = float("-inf")
        self._moved = self._began

    @property
    def seconds(self) -> float:
        """Since it began."""
        return self._clock() - self._began

    def finished(self, record: Record) -> None:
        """An input is done."""
        self.done += 1
        self._rows += record.rows
        self._bytes += record.bytes
        self._end(_weight(record))

    def begun_again(self, file: Input, told: str) -> None:
        """An attempt came to nothing and there will be another."""
        self.retried += 1
        self._moved = self._clock()
        self._news.append(f"again: {file.shown}: {told}")
        self._changed = True

    def given_up(self, file: Input, told: str) -> None:
        """An input is given up, the others go on."""
        self.failures.append(Failure(file.shown, told))
        self._news.append(f"given up: {told}" if file.shown in told
                          else f"given up: {file.shown}: {told}")  # fmt: skip
        self._end(_weight(file))

    def at_work(self, files: Mapping[str, float]) -> None:
        """Tell what is waited for, where nothing has ended for long.

        Args:
            files: path as people may see it -> when it was given out, by the tally's clock.
        """
        now = self._clock()
        if now - self._moved >= QUIET and files:
            named = ", ".join(f"{path} ({now - since:.0f} s)" for path, since in files.items())
            self._news.append(f"at work: {named}")
            self._moved, self._changed = now, True

    def show(self, *, last: bool = False) -> None:
        """Say how far it is, if that changed and was not just said."""
        now = self._clock()
        if not self._changed or (now - self._said < SHOW_EVERY and not last):
            return
        seconds = now - self._began
        self._say(
            MapProgress(
                self.done,
                len(self.failures),
                self.retried,
                self.total,
                self._rows,
                self._bytes,
                seconds,
                seconds * self._left / self._ended if self._ended else None,
                tuple(self._news),
            )
        )
        self._news.clear()
        self._changed, self._said = False, now

    def _end(self, weight: int) -> None:
        self._left -= weight
        self._ended += weight
        self._moved = self._clock()
        self._changed = True


def _weight(file: Input | Record) -> int:
    return file.size + 1  # empty files take time too
