"""Packages that only some families need: asked for by name where they are not there."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from distrib.errors import InputError


def require(extra: str, *modules: str) -> Any:
    """The last of these modules, all of which an extra of this package brings.

    Raises:
        InputError: one is not installed: what to install.
    """
    found = None
    for module in modules:
        try:
            found = import_module(module)
        except ModuleNotFoundError as error:
            raise InputError(
                "a package that this family needs is not installed",
                found=f"no module {error.name!r}",
                hint=f"pip install -c constraints.txt -e '.[{extra}]'",
            ) from None
    return found
