"""The folder of a mapped set: its parts, and the record by which a second call knows what is done.

    part-00003-of-00010.parquet   what the fourth of ten inputs gave; none where it gave no rows
    manifest.json                 the parts and their rows; written last, gone while they change
    .map/map.json                 function, options, version, and the keys of the inputs in order
    .map/<key>.json               one for each input that is done: as it stood, its rows and counts
    .map/<key>.parquet            a part on its way from one place to another
    .map/<key>.<n>-<call>.part    what a worker writes

Only the driver that holds the lock names a part or writes a record, the part first. Whatever a
killed driver and its workers leave behind has no record, and goes.

A part's place says which of how many inputs it comes from, so a call with other inputs moves the
parts that stay (by way of `.map/`, so that none meets another) and removes those of inputs that are
no longer asked for. A part is where `.map/` has it, else where `map.json` places it: true after
every single step below, so a driver may be killed between any two.
"""

from __future__ import annotations

import fcntl
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from distrib.cluster.mapping.inputs import LOOKS, Input
from distrib.cluster.mapping.task import Outcome
from distrib.data.streams.parquet_set_manifest import NAME as MANIFEST
from distrib.data.streams.parquet_set_manifest import SetFile, write_manifest
from distrib.errors import InputError
from distrib.files import atomic_write

FORMAT = 1
_PART = re.compile(r"part-\d+-of-\d+\.parquet")


@dataclass(frozen=True)
class Record:
    """One input that is done.

    Attributes:
        input: its path, without credentials. size, mark: the input as it stood.
        rows: of its part. bytes: of the part; 0 where there are no rows, and then no part.
        counts: what the function counted.
    """

    input: str
    size: int
    mark: str
    rows: int
    bytes: int
    counts: dict[str, int] = field(default_factory=dict)


def part_name(position: int, inputs: int) -> str:
    """The name of the part of one input, counted from 0; names sort as inputs are given."""
    width = max(5, len(str(inputs)))
    return f"part-{position:0{width}d}-of-{inputs:0{width}d}.parquet"


class MapFolder:
    """The folder of one map; see `opened`.

    Attributes:
        records: what is done, by the inputs' keys.
    """

    def __init__(
        self, out: Path, function: str, options: Mapping[str, Any], inputs: Sequence[Input]
    ) -> None:
        self.out = out.absolute()
        self.function = function
        self.options: dict[str, Any] = json.loads(json.dumps(options, allow_nan=False))
        self.inputs = inputs
        self.records: dict[str, Record] = {}
        self._inner = self.out / ".map"
        self._plan = self._inner / "map.json"
        self._places = {
            file.key: part_name(position, len(inputs)) for position, file in enumerate(inputs)
        }
        self._work = {
            "format": FORMAT,
            "distrib": metadata.version("distrib"),
            "function": function,
            "options": self.options,
        }

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Hold the folder, with the parts that still count in place and in `records`.

        Raises:
            InputError: the folder holds something else, or another driver holds it.
            OSError: the disk is full or read-only.
        """
        self._check_place()
        self._inner.mkdir(parents=True, exist_ok=True)
        with (self._inner / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError("another driver maps into this folder", file=self.out) from None
            self._settle()
            try:
                yield
            finally:
                self._sweep()

    def missing(self) -> list[Input]:
        """The inputs that are not done, in order."""
        return [file for file in self.inputs if file.key not in self.records]

    def attempt(self, file: Input, number: int, call: str) -> Path:
        """Where a worker writes: a place of this attempt's own, as a lost worker may write on."""
        return self._inner / f"{file.key}.{number}-{call}.part"

    def publish(self, file: Input, written: Path, outcome: Outcome) -> Record:
        """Count an input as done: its part goes to its place, then its record appears."""
        record = Record(
            file.shown, file.size, file.mark, outcome.rows, outcome.bytes, outcome.counts
        )
        if record.rows:
            written.replace(self.out / self._places[file.key])
        atomic_write(self._inner / f"{file.key}.json", json.dumps(asdict(record), indent=1))
        self.records[file.key] = record
        return record

    def finish(self) -> None:
        """Write the manifest of the parts that there are, unless it stands already."""
        if not (self.out / MANIFEST).is_file():
            done = [(file.key, self.records[file.key]) for file in self.inputs
                    if file.key in self.records]  # fmt: skip
            write_manifest(
                self.out,
                [SetFile(self._places[key], record.rows, record.bytes)
                 for key, record in done if record.rows],
            )  # fmt: skip

    def _check_place(self) -> None:
        if self.out.exists() and not self.out.is_dir():
            raise InputError("not a folder", file=self.out, expected="a folder")
        if self._inner.is_dir() or not self.out.is_dir():
            return
        foreign = [*self.out.glob("*.parquet"), *self.out.glob(MANIFEST)]
        if foreign:
            raise InputError("this folder holds a set that no map made", file=self.out,
                             found=min(foreign).name, expected="an empty folder")  # fmt: skip

    def _settle(self) -> None:
        """Bring the folder from the former call's inputs to this one's; see the file's head."""
        old = self._old_places()
        parts = {p.name: p.stat().st_size for p in self.out.iterdir() if _PART.fullmatch(p.name)}
        moving = {p.stem: p.stat().st_size for p in self._inner.glob("*.parquet")}
        with ThreadPoolExecutor(LOOKS) as threads:
            records = list(threads.map(self._read, self.inputs))
        for file, record in zip(self.inputs, records):
            if record is None or (record.size, record.mark) != (file.size, file.mark):
                continue
            there = moving.get(file.key, parts.get(old.get(file.key, ""), 0))
            if record.bytes == there or not record.rows:
                self.records[file.key] = record
        stay = {name for key, name in old.items()
                if key in self.records and name == self._places[key]}  # fmt: skip
        leave = [key for key in self.records if old.get(key) in parts and old[key] not in stay]
        gone = [name for name in parts if name not in stay | {old[key] for key in leave}]
        if self.missing() or self._places != old:
            (self.out / MANIFEST).unlink(missing_ok=True)
        self._sweep()
        for key in leave:
            if key not in moving:
                (self.out / old[key]).replace(self._inner / f"{key}.parquet")
        for name in gone:
            (self.out / name).unlink()
        if self._places != old:
            plan = {**self._work, "inputs": list(self._places)}
            atomic_write(self._plan, json.dumps(plan, indent=1))
        for path in list(self._inner.glob("*.parquet")):
            path.replace(self.out / self._places[path.stem])

    def _old_places(self) -> dict[str, str]:
        """Where the former call placed the part of each of its inputs.

        Raises:
            InputError: it did other work, and some of that is done.
        """
        if not self._plan.is_file():
            return {}
        try:
            plan = json.loads(self._plan.read_text())
            keys = plan.pop("inputs")
        except (ValueError, KeyError, AttributeError):
            raise InputError("the record of this map cannot be read", file=self._plan,
                             hint="map into another folder") from None  # fmt: skip
        if not any((self._inner / f"{key}.json").is_file() for key in keys):
            return {}  # a call that began with a wrong word, say
        for name, found, asked in _differences(plan, self._work):
            raise InputError(
                "this folder holds the work of another map",
                file=self.out,
                where=name,
                found=found,
                expected=f"{asked}, as this call asks",
                hint="map into another folder, or remove this one",
            )
        return {key: part_name(position, len(keys)) for position, key in enumerate(keys)}

    def _read(self, file: Input) -> Record | None:
        """The record of an input, if there is one that can be read."""
        try:
            return Record(**json.loads((self._inner / f"{file.key}.json").read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def _sweep(self) -> None:
        """Remove from `.map/` what belongs to no input that is done."""
        for path in self._inner.iterdir():
            of_done = path.suffix in (".json", ".parquet") and path.stem in self.records
            if not of_done and path.name not in ("map.json", "lock"):
                path.unlink(missing_ok=True)


def _differences(
    old: Mapping[str, Any], new: Mapping[str, Any], inside: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """Key, old and new value wherever two mappings differ."""
    for key in sorted(old.keys() | new.keys()):
        one, other = old.get(key, "nothing"), new.get(key, "nothing")
        if isinstance(one, dict) and isinstance(other, dict):
            yield from _differences(one, other, f"{inside}{key}.")
        elif (key in old) != (key in new) or _text(one) != _text(other):
            yield f"{inside}{key}", one, other


def _text(value: Any) -> str:
    # To Python True equals 1, to a function it need not.
    return json.dumps(value, sort_keys=True)
