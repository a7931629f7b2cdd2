"""The fields of a typed model in words: type, default, bounds, help."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

BOUNDS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<", "multiple_of": "a multiple of"}
LENGTHS = {"min_length": "at least", "max_length": "at most"}


@dataclass(frozen=True)
class Described:
    """One field as people read it: all of it text, empty where there is nothing to say."""

    name: str
    type: str
    default: str
    bounds: str
    help: str


def described(model: type[BaseModel]) -> list[Described]:
    """Every field of a model, in its order."""
    return [
        Described(
            name,
            type_words(info.annotation),
            "" if info.is_required() else value_words(_default(info)),
            bounds_words(info),
            info.description or "",
        )
        for name, info in model.model_fields.items()
    ]


def type_words(annotation: Any) -> str:
    """A type as a reader would say it: "int", "a | b" of two literals, "str or none"."""
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is type(None):
        return "none"
    if origin is typing.Annotated:
        return type_words(parts[0])
    if origin is typing.Literal:
        return " | ".join(map(value_words, parts))
    if origin in (typing.Union, types.UnionType):
        return " or ".join(map(type_words, parts))
    if origin is tuple and not (len(parts) == 2 and parts[1] is Ellipsis):
        return f"({', '.join(map(type_words, parts))})"
    if origin in (tuple, list, set, frozenset):
        return f"list of {type_words(parts[0])}"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"mapping of {type_words(parts[0])} to {type_words(parts[1])}"
    return getattr(annotation, "__name__", str(annotation)).lower()


def value_words(value: Any) -> str:
    """A value as `--set` takes it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(map(value_words, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{k}: {value_words(v)}' for k, v in value.items())}}}"
    return str(value) if str(value) else '""'


def bounds_words(info: FieldInfo) -> str:
    """The bounds of a number, the length or the pattern of a text."""
    words = []
    for rule in info.metadata:
        for name, sign in BOUNDS.items():
            if (value := getattr(rule, name, None)) is not None:
                words.append(f"{sign} {value:g}")
        for name, sign in LENGTHS.items():
            if (value := getattr(rule, name, None)) is not None:
                words.append(f"{sign} {value} long")
        if (pattern := getattr(rule, "pattern", None)) is not None:
            words.append(f"like {pattern}")
    return ", ".join(words)


def _default(info: FieldInfo) -> Any:
    value = info.get_default(call_default_factory=True, validated_data={})
    return None if value is PydanticUndefined else value
