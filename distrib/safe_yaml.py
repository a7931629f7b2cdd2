"""YAML as people write it: loaded safely, every mistake named by its line."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Any

import yaml

from distrib.errors import InputError

_MERGE = "tag:yaml.org,2002:merge"


class _Loader(yaml.SafeLoader):
    """Safe YAML in which a key may stand only once in a mapping."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        first: dict[Any, int] = {}
        for key_node, _ in node.value:
            if key_node.tag == _MERGE:
                continue
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, (str, int, float, bool)):
                line = key_node.start_mark.line + 1
                if key in first:
                    raise InputError(
                        f"duplicate key {key!r}",
                        file=self.name,
                        where=f"line {line}",
                        hint=f"it stands in line {first[key]} already",
                    )
                first[key] = line
        return super().construct_mapping(node, deep)


def read_yaml(text: str, name: str) -> Any:
    """Plain values out of YAML.

    Args:
        name: stands in the errors.

    Raises:
        InputError: for what is no YAML, or a duplicate key, with its line.
    """
    try:
        loader = _Loader(text)
        loader.name = name
        return loader.get_single_data()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}" if mark else None
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise InputError(f"this is not YAML: {problem}", file=name, where=where) from None


def read_yaml_file(path: Path) -> Any:
    """The same out of a file that exists, UTF-8, or UTF-16 with its byte-order mark.

    Raises:
        InputError: where it is neither, too.
    """
    content = path.read_bytes()
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("this is not UTF-8 text", file=path, where=f"byte {error.start}") from None
    return read_yaml(text, str(path))


Keys = tuple[str | int, ...]
"""Keys and positions from the root of a YAML file to a value."""


def line_numbers(text: str) -> dict[Keys, int]:
    """The line, from 1, on which each value of a YAML text stands; its key's where it has one.

    The text is one that `read_yaml` could read.
    """
    found: dict[Keys, int] = {}

    def visit(node: yaml.Node | None, path: Keys) -> None:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                below = (*path, str(key.value))
                found[below] = key.start_mark.line + 1
                visit(value, below)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                found[(*path, index)] = value.start_mark.line + 1
                visit(value, (*path, index))

    visit(yaml.compose(text, Loader=yaml.SafeLoader), ())
    return found
