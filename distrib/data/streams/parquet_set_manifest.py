"""Whether a folder holds a whole set: its manifest, or the numbers in its files' names."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from distrib.data.streams.parquet_set_files import absolute, locate, read_bytes
from distrib.errors import InputError
from distrib.files import atomic_write

NAME = "manifest.json"

_NUMBERED = re.compile(r"(?P<before>.*?)(?P<number>\d+)-of-(?P<total>\d+)(?P<after>.*)\.parquet")


class SetFile(NamedTuple):
    """One file of a set, by its name in the folder."""

    name: str
    rows: int
    bytes: int


class _Entry(BaseModel):
    model_config = ConfigDict(strict=True)
    name: str
    rows: int = Field(ge=0)
    bytes: int = Field(ge=0)


class _Manifest(BaseModel):
    model_config = ConfigDict(strict=True)
    format: int = Field(ge=1, le=1)
    rows: int = Field(ge=0)
    files: list[_Entry]


def write_manifest(folder: str | Path, files: Iterable[SetFile]) -> None:
    """Say which files a folder's set consists of; write it last, when all of them are there.

    Raises:
        OSError: where it cannot be written.
    """
    entries = [SetFile(*file)._asdict() for file in files]
    content = {"format": 1, "rows": sum(entry["rows"] for entry in entries), "files": entries}
    text = json.dumps(content, indent=1) + "\n"
    place = f"{absolute(folder).rstrip('/')}/{NAME}"
    if "://" not in place:
        atomic_write(Path(place), text)
        return
    filesystem, path = locate(place)
    with filesystem.open_output_stream(path) as stream:
        stream.write(text.encode())


def read_manifest(folder: str) -> tuple[SetFile, ...] | None:
    """The files that a folder's manifest lists, or None where it has no manifest.

    Raises:
        InputError: where it is not a manifest of this format.
    """
    place = f"{folder}/{NAME}"
    content = read_bytes(place)
    if content is None:
        return None
    try:
        manifest = _Manifest.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(
            "not a manifest of a Parquet set",
            file=place,
            where=".".join(map(str, first["loc"])) or None,
            found=first["msg"],
            expected='{"format": 1, "rows": n, "files": [{"name": ..., "rows": n, "bytes": n}]}',
        ) from None
    if manifest.rows != (total := sum(entry.rows for entry in manifest.files)):
        raise InputError(
            "the manifest contradicts itself",
            file=place,
            where="rows",
            found=manifest.rows,
            expected=f"{total}, the sum over its files",
        )
    return tuple(SetFile(entry.name, entry.rows, entry.bytes) for entry in manifest.files)


def check_listing(folder: str, listed: Iterable[SetFile], sizes: Mapping[str, int]) -> None:
    """Raise where a folder's files (`sizes`: bytes by name) are not those that are listed."""
    expected = {file.name: file for file in listed}
    for name, file in expected.items():
        if name not in sizes:
            raise InputError(
                "a file of the manifest is missing",
                file=f"{folder}/{name}",
                expected=f"{file.rows} rows in {file.bytes} bytes",
            )
        if sizes[name] != file.bytes:
            raise InputError(
                "the file is not the one of the manifest",
                file=f"{folder}/{name}",
                found=f"{sizes[name]} bytes",
                expected=f"{file.bytes} bytes",
                hint="was it cut short, or written again?",
            )
    for name in sizes:
        if name not in expected:
            raise InputError(
                "a file that the manifest does not list",
                file=f"{folder}/{name}",
                hint=f"remove it, or write {NAME} again",
            )


def check_numbers(folder: str, names: Iterable[str]) -> None:
    """Raise where files called like `part-00003-of-00010.parquet` are not all there.

    They may be counted from 0 or from 1.
    """
    families: dict[tuple[str, str], dict[str, dict[int, str]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    for name in names:
        if match := _NUMBERED.fullmatch(name):
            family = families[match["before"], match["after"]]
            family[match["total"]][int(match["number"])] = match["number"]
    for (before, after), totals in families.items():
        if len(totals) > 1:
            raise InputError(
                "files of two sets in one folder",
                file=folder,
                found=" and ".join(f"{before}...-of-{total}{after}.parquet" for total in totals),
            )
        [(total, numbers)] = totals.items()
        start = 1 if 0 not in numbers and int(total) in numbers else 0
        width = len(next(iter(numbers.values())))
        for number in range(start, int(total) + start):
            if number not in numbers:
                raise InputError(
                    "a file of the set is missing",
                    file=f"{folder}/{before}{number:0{width}d}-of-{total}{after}.parquet",
                    found=f"{len(numbers)} files of {int(total)}",
                )
