"""States on disk: one safetensors file each, checked when read; no pickle anywhere.

Arrays are the file's tensors; the plain values travel as JSON in its header, with a checksum of
everything, so that a torn or altered file is known as such.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from distrib.errors import InputError
from distrib.files import atomic_path
from distrib.trainables.base import State

BEST = "best unit:"  # before the names of a best unit's arrays, beside those of the last state
KEPT = 2  # the newest, and the one before it in case the newest cannot be read


class TornStateError(InputError):
    """A state file that cannot be read whole."""


def _checksum(arrays: Mapping[str, np.ndarray], values: str) -> str:
    total = zlib.crc32(values.encode())
    for name in sorted(arrays):
        total = zlib.crc32(name.encode(), total)
        total = zlib.crc32(
            np.ascontiguousarray(arrays[name]).data.cast("B") if arrays[name].size else b"", total
        )
    return f"{total:08x}"


def write_state(path: Path, state: State) -> None:
    """Write a state in one piece.

    Raises:
        OSError: a full or read-only disk; an earlier file at `path` is untouched.
    """
    # ascontiguousarray makes a vector of a scalar, hence the shape.
    arrays = {k: np.ascontiguousarray(v).reshape(np.shape(v)) for k, v in state.arrays.items()}
    values = json.dumps(dict(state.values))
    # One entry: safetensors writes several in an order that differs from file to file.
    header = {"state": f"{_checksum(arrays, values)} {values}"}
    content = safetensors.numpy.save(arrays, metadata=header)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def read_state(path: Path) -> State:
    """Read a state.

    Raises:
        TornStateError: the file is cut short or altered.
        InputError: there is no such file.
    """
    if not path.is_file():
        raise InputError("no such file", file=path, expected="the state of a model")
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            header: dict[str, Any] = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise TornStateError("this state is torn", file=path, found=str(error)) from None
    checksum, _, values = header.get("state", "").partition(" ")
    if checksum != _checksum(arrays, values):
        raise TornStateError("this state is torn", file=path, found="a checksum that does not fit")
    return State(arrays, json.loads(values))


@dataclass(frozen=True)
class BestModel:
    """The model of a training's best unit so far, and which unit that is."""

    state: State
    fidelity: int

    def beside(self, state: State) -> State:
        """Both in one, so that one file holds them and neither is there without the other."""
        arrays = {f"{BEST}{name}": array for name, array in self.state.arrays.items()}
        own = {"values": dict(self.state.values), "fidelity": self.fidelity}
        return State({**state.arrays, **arrays}, {**state.values, "best_model": own})


def without_best(state: State) -> tuple[State, BestModel | None]:
    """What `BestModel.beside` put together; None where a state has no such model."""
    values = dict(state.values)
    own = values.pop("best_model", None)
    if own is None:
        return state, None
    arrays: dict[bool, dict[str, np.ndarray]] = {False: {}, True: {}}
    for name, array in state.arrays.items():
        arrays[name.startswith(BEST)][name.removeprefix(BEST)] = array
    best = BestModel(State(arrays[True], own["values"]), own["fidelity"])
    return State(arrays[False], values), best


class Checkpoints:
    """The last states of one training, in a folder of their own, newest last."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def files(self) -> list[Path]:
        """The state files by the number of their save, oldest first."""
        return sorted(self.folder.glob("state-*.safetensors"))

    def save(self, state: State) -> None:
        """Write a state and let go of all but the last `KEPT`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        files = self.files()
        last = int(files[-1].stem.removeprefix("state-")) if files else 0
        write_state(self.folder / f"state-{last + 1:06d}.safetensors", state)
        for old in files[: max(0, len(files) + 1 - KEPT)]:
            old.unlink(missing_ok=True)

    def has_best(self) -> bool:
        """Whether the newest state has the model of a best unit beside it, by its header alone."""
        if not (files := self.files()):
            return False
        try:
            with safetensors.safe_open(files[-1], framework="numpy") as file:
                values = (file.metadata() or {}).get("state", "").partition(" ")[2]
        except (safetensors.SafetensorError, OSError, ValueError):
            return False
        return "best_model" in json.loads(values or "{}")

    def load(self) -> tuple[State | None, list[str]]:
        """The newest state that can be read, and a line about each that cannot.

        A torn file is put aside under the ending `.torn`.
        """
        state, torn = None, []
        for path in reversed(self.files()):
            try:
                state = read_state(path)
                break
            except TornStateError as error:
                torn.append(" ".join(str(error).split()))
                with suppress(OSError):
                    path.rename(path.with_suffix(".torn"))
        if torn:
            torn[-1] += "; it begins again" if state is None else "; the one before is taken"
        return state, torn
