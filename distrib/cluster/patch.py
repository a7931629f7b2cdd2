"""Changing for a while what a library does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def patched(owner: Any, **replacements: Any) -> Iterator[None]:
    """Attributes of a module, a class or an object are these instead.

    Raises:
        AttributeError: it has no such attribute, as in another version of the library.
    """
    for name in replacements:
        getattr(owner, name)
    own = {name: vars(owner)[name] for name in replacements if name in vars(owner)}
    try:
        for name, replacement in replacements.items():
            setattr(owner, name, replacement)
        yield
    finally:
        for name in replacements:
            if name in own:
                setattr(owner, name, own[name])
            else:
                delattr(owner, name)
