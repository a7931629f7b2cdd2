"""The loci of T and B cell receptors, which stand in `loci.yaml`, or a user's own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from distrib.data.files.text import check_file
from distrib.data.vdj.germline.parameter_groups import Group
from distrib.errors import InputError, nearest
from distrib.safe_yaml import read_yaml_file

_KEYS: dict[str, tuple[type, str]] = {
    "d": (bool, "true or false"),
    "genes": (str, "a regular expression"),
    "tables": (list, "a list of names"),
    "max_insertions": (int, "a whole number"),
}
_FILE = Path(__file__).with_name("loci.yaml")


@dataclass(frozen=True)
class Locus:
    """One locus.

    Attributes:
        chain: "TRA", "IGH" and so on, which its genes' names begin with. d: whether it has D genes.
        pattern: what its genes' names begin with. tables: other names of the chain.
        max_insertions: the most bases between V and J, None for any number.
    """

    chain: str
    d: bool
    pattern: str
    tables: tuple[str, ...]
    max_insertions: int | None

    def holds(self, gene: str) -> bool:
        """Whether a gene of this name belongs to it."""
        return re.match(self.pattern, gene) is not None


@cache
def loci() -> dict[str, Locus]:
    """Every locus that comes with distrib, by its chain."""
    return _read(_FILE)


def find_locus(word: str) -> Locus:
    """The locus of a chain, in any case, or the only one of a user's YAML file.

    Raises:
        InputError: there is none, or naming the key of the file that cannot be.
    """
    if word.lower().endswith((".yaml", ".yml")):
        check_file(Path(word))
        own = _read(Path(word))
        if len(own) != 1:
            raise InputError("not one locus", file=word, found=", ".join(own) or "none",
                             expected="one chain with its keys")  # fmt: skip
        return own.popitem()[1]
    known = loci()
    if word.upper() not in known:
        raise InputError(
            "unknown chain",
            where="--chain",
            found=word,
            expected=f"one of {', '.join(known)}, or a YAML file",
            hint=nearest(word.upper(), known),
        )
    return known[word.upper()]


def _read(file: Path) -> dict[str, Locus]:
    content = read_yaml_file(file)
    if not isinstance(content, dict):
        raise InputError(
            "expected a mapping of keys to values",
            file=file,
            found=repr(content),
            expected="TRX: {d: true}",
        )
    return {str(chain): _locus(str(chain), keys, file) for chain, keys in content.items()}


def _locus(chain: str, keys: Any, file: Path) -> Locus:
    if not isinstance(keys, dict):
        raise InputError(
            "expected a mapping of keys to values",
            file=file,
            where=f"key {chain!r}",
            found=repr(keys),
        )
    for key in keys:
        if key not in _KEYS:
            raise InputError("unknown key", file=file, where=f"key '{chain}.{key}'",
                             expected=", ".join(_KEYS), hint=nearest(str(key), _KEYS))  # fmt: skip
    for key, (kind, expected) in _KEYS.items():
        value = keys.get(key)
        if (value is not None or key == "d") and type(value) is not kind:
            raise InputError("invalid value", file=file, where=f"key '{chain}.{key}'",
                             found=repr(value), expected=expected)  # fmt: skip
    pattern = keys.get("genes", chain)
    try:
        re.compile(pattern)
    except re.error as error:
        raise InputError("not a regular expression", file=file, where=f"key '{chain}.genes'",
                         found=f"{pattern!r}: {error}") from None  # fmt: skip
    tables = tuple(map(str, keys.get("tables", ())))
    return Locus(chain, keys["d"], pattern, tables, keys.get("max_insertions"))


def check_group(group: Group, locus: Locus) -> None:
    """Raise InputError where a locus has no such junction."""
    if group.has_d and not locus.d:
        problem, others = "this chain has no D genes", [c for c, x in loci().items() if x.d]
    elif group.junction == "vj" and locus.d:
        problem, others = (
            "this chain joins V and J with a D gene in between",
            [c for c, x in loci().items() if not x.d],
        )
    else:
        return
    raise InputError(
        problem, where=f"--chain {locus.chain} --group {group.name}",
        expected=f"for this group one of {', '.join(others)}",
    )  # fmt: skip
