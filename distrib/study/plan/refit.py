"""Whether the winner is trained again on every row, or its best unit is the model (`refit`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from distrib.errors import InputError

if TYPE_CHECKING:
    from distrib.study.plan.options import Options
    from distrib.study.space.space import Space
    from distrib.trainables.base import Trainable


def refits(space: Space, family: Trainable[Any, Any, Any]) -> bool:
    """The space's word, else the family's.

    Raises:
        InputError: no truth value, or a family whose models come of training again alone.
    """
    asked = space.settings.get("refit", family.refits is None or family.refits)
    if not isinstance(asked, bool):
        raise InputError(
            "neither true nor false",
            file=space.file,
            where="refit",
            found=asked,
            expected="true (the winner is trained again on every row) or false (its best weights)",
        )
    if not asked and family.refits is None:
        raise InputError(
            "this family's models come of training again alone",
            file=space.file,
            where="refit",
            found=f"false, for {space.trainable}",
            expected="true",
        )
    return asked


def check_kept(options: Options) -> None:
    """Raise InputError where the winner may not keep the weights that are to be the model."""
    if options.keep < 1:
        raise InputError(
            "no trial keeps its weights, and those of the winner are to be the model",
            where="--keep",
            found=options.keep,
            expected="1 or more, or refit: true in the space",
        )
    if options.confirm > options.keep:
        raise InputError(
            "more than keep their weights, and those of the winner are to be the model",
            where="--confirm",
            found=options.confirm,
            expected=f"at most {options.keep}, the trials that --keep says",
        )
