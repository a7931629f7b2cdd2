"""Which data units are wanted, by what their metadata say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from distrib.errors import InputError, nearest

KEYS = ("Species", "Chain", "Disease", "Vaccine", "BType", "BSource", "Isotype", "Subject", "Age",
        "Longitudinal", "Author", "Run")  # fmt: skip
"""Keys of the metadata that can be asked for."""

Wanted = Mapping[str, Sequence[str]]
"""Key -> the values that are wanted; keys that are not there do not matter."""


def parse_wanted(given: Mapping[str, str | None]) -> dict[str, list[str]]:
    """Values parted by commas; a comma of a value's own has a backslash before it.

    `None` is a word of the database's: a unit without a disease says `None`.

    Raises:
        InputError: an unknown key, or nothing between two commas.
    """
    wanted = {}
    for key, text in given.items():
        if text is None:
            continue
        known = {name.lower(): name for name in KEYS}
        if key.lower() not in known:
            raise InputError("unknown key of the metadata", found=key, expected=", ".join(KEYS),
                             hint=nearest(key.lower(), known))  # fmt: skip
        values = [value.replace("\0", ",").strip() for value in
                  text.replace("\\,", "\0").split(",")]  # fmt: skip
        if not all(values):
            raise InputError("an empty value", where=f"--{key.lower()}", found=repr(text))
        wanted[known[key.lower()]] = values
    return wanted


def unwanted(metadata: Mapping[str, Any], wanted: Wanted) -> str | None:
    """The first key by which a unit is not wanted; None where it is."""
    for key, values in wanted.items():
        found = str(metadata.get(key, "")).replace("\\,", ",").lower()
        if found not in {value.lower() for value in values}:
            return key
    return None
