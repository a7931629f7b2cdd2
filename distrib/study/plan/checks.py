"""Checks of what is asked of a bootstrap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from distrib.errors import InputError, nearest
from distrib.trainables.capabilities import Bootstraps

if TYPE_CHECKING:
    from distrib.study.plan.options import Options
    from distrib.trainables.base import Trainable


def check_bootstrap(family: Trainable[Any, Any, Any], options: Options) -> None:
    """Raise InputError where a family cannot do the bootstrap that was asked for."""
    kinds = family.bootstraps if isinstance(family, Bootstraps) else ()
    if options.bootstrap and not kinds:
        raise InputError(
            "this family has no bootstrap", where="--bootstrap", found=type(family).__name__
        )
    if options.bootstrap == 1:
        raise InputError(
            "one replicate has no spread", where="--bootstrap", found=1, expected="2 or more"
        )
    if options.bootstrap_of is None:
        return
    if not options.bootstrap:
        raise InputError(
            "there is no bootstrap to draw for",
            where="--bootstrap-of",
            found=options.bootstrap_of,
            hint="add --bootstrap 100",
        )
    check_drawn(options.bootstrap_of, kinds, "this family draws nothing of that kind")


def check_drawn(asked: str, kinds: Sequence[str], problem: str) -> None:
    """Raise InputError where what is to be drawn is none of these kinds."""
    if asked not in kinds:
        raise InputError(
            problem,
            where="--bootstrap-of",
            found=asked,
            expected=" or ".join(kinds),
            hint=nearest(asked, kinds),
        )
