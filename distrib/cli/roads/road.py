"""What a road is: options of its own that describe a study, and what it leaves behind.

`distrib.tune` and `distrib.compare` ask each road and know none by name.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from distrib.errors import InputError

if TYPE_CHECKING:
    from distrib.records import Tracker
    from distrib.study.record.run_folder import RunFolder
    from distrib.tracking.heat_map import Training

ROADS = ("distrib.cli.roads.daart:ThreeFiles",)
"""`module:Class` of each."""


class Road(Protocol):
    """One of them.

    Attributes:
        needs: names of the options that are this road, all or none of them.
        never: names of the options of `distrib.tune` that do not go with them, and what does.
    """

    needs: ClassVar[tuple[str, ...]]
    never: ClassVar[dict[str, str]]

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Its options, without heavy imports."""

    def tune(self, args: argparse.Namespace) -> int:
        """Carry out what was asked for; the exit code."""

    def trackers(self, folder: RunFolder) -> Sequence[Tracker]:
        """Who looks on at a study of this road that is resumed; nobody at another study."""

    def told(self, trackers: Sequence[Tracker], code: int) -> int:
        """Say what `trackers` left behind; the exit code, given that of the study."""

    def trainings(self, place: Path) -> Iterator[Training]:
        """The finished trainings that it left somewhere below a folder."""


def roads() -> list[Road]:
    """All of them."""
    found = []
    for path in ROADS:
        module, _, name = path.partition(":")
        found.append(getattr(import_module(module), name)())
    return found


def asked(args: argparse.Namespace) -> Road | None:
    """The road whose options are given, if any.

    Raises:
        InputError: only some of them, or an option that does not go with them.
    """
    for road in roads():
        given = [option for option in road.needs if getattr(args, option)]
        if not given:
            continue
        if lacking := [option for option in road.needs if option not in given]:
            raise InputError(
                "this option is missing",
                where=f"--{lacking[0]}",
                expected=f"all of {', '.join(f'--{option}' for option in road.needs)}",
            )
        for name, hint in road.never.items():
            if getattr(args, name):
                raise InputError(
                    f"this does not go with --{given[0]}",
                    where="--" + name.replace("_", "-"),
                    hint=hint,
                )
        return road
    return None
