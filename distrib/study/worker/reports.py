"""What a trial's process reports to the study, and when it speaks. No Ray in here."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

from distrib.records import FailureClass

REPORT_EVERY = 0.5  # seconds between messages at least; milestones and the end are told at once
SILENCE = 5.0  # seconds at most, however long a message takes


@dataclass
class Message:
    """What a trial tells the study.

    Attributes:
        rows: new rows: `step`, the metrics, `train/<name>`, `time`.
        ended: whether the training came to its end.
        failure: class and reason, where it did not.
        disk: the text of an error of the disk, which stops the study but not the trial's record.
        notes: lines for the reader, such as a torn checkpoint that was passed over.
        restarts: how often its workers were lost and began again since the last message.
        seconds: where the time went so far.
    """

    rows: list[dict[str, float]] = field(default_factory=list)
    ended: bool = False
    failure: tuple[FailureClass, str] | None = None
    disk: str | None = None
    notes: list[str] = field(default_factory=list)
    restarts: int = 0
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass
class Pace:
    """When to speak and when to save. Lives as long as the process, so that short trials are quiet.

    A message holds the training up until the next is asked for, so what need not be judged at once
    waits until that has cost at most a hundredth of the time.

    Attributes:
        milestones: the units at which the study must judge.
        save_every: least seconds between checkpoints, which also take at most a twentieth of
            the time.
        spoke: when the last message went out or had been heard. pause: seconds until the next.
    """

    milestones: frozenset[int] = frozenset()
    save_every: float = 10.0
    spoke: float = 0.0
    pause: float = REPORT_EVERY

    def speaks(self, row: dict[str, float] | None, objective: str, *, last: bool = False) -> bool:
        """Whether the rows so far must go out now; the last one may wait for the end."""
        if row is not None and (
            row["step"] in self.milestones or not math.isfinite(row.get(objective, math.nan))
        ):
            return True
        return not last and time.monotonic() - self.spoke >= self.pause

    def heard(self, cost: float) -> None:
        """A message was heard, and the next asked for, which took `cost` seconds."""
        self.spoke = time.monotonic()
        self.pause = min(max(REPORT_EVERY, 100 * cost), SILENCE)
