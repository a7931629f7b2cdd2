"""The policy for letters outside the twenty amino acids, as users write it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


UnknownLetters = Annotated[Literal["error", "x", "skip"], BeforeValidator(_lower)]
"""See `alphabet.OnUnknown`; X is how the residue itself is written, so that either case will do."""
