"""A function of the user's own, named `package.module:function`."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from distrib.errors import InputError

FORM = "package.module:function, there to be imported"


def load_function(name: str, where: str, *, allow_custom: bool) -> Callable[..., Any]:
    """Import it; its module is also looked for in the folder that the command is started from.

    Args:
        where: the option that names it.

    Raises:
        InputError: no leave to run it, no such module or function, or nothing that can be called.
    """
    module, _, attribute = name.partition(":")
    if not (module and attribute):
        raise InputError("not a function's name", where=where, found=name, expected=FORM)
    if not allow_custom:
        raise InputError("this runs code of your own", where=where, found=name,
                         hint="if you trust it, add --allow-custom")  # fmt: skip
    with suppress(FileNotFoundError):  # the folder may be gone
        here = str(Path.cwd())
        if here not in sys.path:
            sys.path.append(here)
    try:
        function = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise InputError("this function cannot be imported", where=where,
                         found=f"{name} ({error})", expected=FORM) from None  # fmt: skip
    if not callable(function):
        raise InputError("not a function", where=where, found=f"{name}, {type(function).__name__}",
                         expected=FORM)  # fmt: skip
    return function
