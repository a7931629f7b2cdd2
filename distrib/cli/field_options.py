"""Command-line options out of a typed model: each of its fields is one."""

from __future__ import annotations

import argparse
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from distrib.cli.fields import described
from distrib.errors import InputError

M = TypeVar("M", bound=BaseModel)


def add_fields(group: Any, model: type[BaseModel], taken: Iterable[str] = ()) -> None:
    """Give a parser or a group of it an option for each field: `top_p` is `--top-p`.

    Values stay text until `instance_of` reads them, so that bounds are told like everything else;
    what is no option given is not in the namespace as anything but None.

    Args:
        taken: words that are the command's own.

    Raises:
        InputError: a field has the name of one of those, which its family has to mend.
    """
    own = set(taken)
    for field in described(model):
        if field.name in own:
            raise InputError(
                "this option of the family's is one of the command's",
                where=f"{model.__name__}.{field.name}",
                expected="another name",
            )
        flag = "--" + field.name.replace("_", "-")
        annotation = model.model_fields[field.name].annotation
        default = f"default {field.default}" if field.default else ""
        limits = "; ".join(filter(None, [field.bounds, default]))
        help_text = f"{field.help} ({limits})" if limits else field.help
        if annotation is bool:
            group.add_argument(
                flag,
                dest=field.name,
                action=argparse.BooleanOptionalAction,
                default=None,
                help=help_text.replace("%", "%%"),
            )
            continue
        metavar = "FILE" if Path in _parts(annotation) else _metavar(field.type)
        group.add_argument(
            flag, dest=field.name, metavar=metavar, help=help_text.replace("%", "%%")
        )


def instance_of(model: type[M], given: Mapping[str, Any]) -> M:
    """The model with what was given for its fields; None leaves a field at its default.

    Raises:
        InputError: naming the option, what was given and what was expected.
    """
    values = {
        name: _read(given[name], info.annotation)
        for name, info in model.model_fields.items()
        if given.get(name) is not None
    }
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        missing = first["type"] == "missing"
        raise InputError(
            "this option is needed" if missing else "not a valid value",
            where=f"--{name.replace('_', '-')}" if name else None,
            found=None if missing else repr(first.get("input")),
            expected=None if missing else first["msg"],
        ) from None


def _read(text: Any, annotation: Any) -> Any:
    """A text as a field of this type takes it: `5,7,9` a tuple, `none` nothing."""
    parts = _parts(annotation)
    if not isinstance(text, str):
        return text
    if type(None) in parts and text.lower() == "none":
        return None
    if any(typing.get_origin(part) in (tuple, list) for part in parts):
        return [word.strip() for word in text.split(",")] if text else []
    return text


def _parts(annotation: Any) -> tuple[Any, ...]:
    """The members of a union; of another type itself."""
    if typing.get_origin(annotation) is typing.Annotated:
        return _parts(typing.get_args(annotation)[0])
    members = typing.get_args(annotation)
    if members and type(None) in members:
        return tuple(part for member in members for part in _parts(member))
    return (annotation,)


def _metavar(words: str) -> str:
    """What stands for a value in the help: the choices, or the type."""
    words = words.removesuffix(" or none")
    if " | " in words:
        return "|".join(words.split(" | "))
    if words.startswith("list of "):
        return "A,B,..."
    return {"int": "N", "float": "X", "str": "TEXT"}.get(words, words.upper())
