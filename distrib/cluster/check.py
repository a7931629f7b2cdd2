"""What the doctor says of one thing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One line of the doctor's.

    Attributes:
        name: what. found: what was found. advice: what to do where something is amiss.
        fault: whether no study can run before that is mended.
    """

    name: str
    found: str
    advice: str | None = None
    fault: bool = False
