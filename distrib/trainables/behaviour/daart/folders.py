"""daart's folders: `<results>/<session or multi-M>/<backbone>/<name>/version_N`."""

from __future__ import annotations

import csv
import errno
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from distrib.files import atomic_write
from distrib.safe_yaml import read_yaml_file

HPARAMS = "hparams.yaml"
EVALUATED = "eval_dir_predicted"
"""The key that is true where the states of `eval_dir` are there too."""

FAILED = "export_error.txt"
"""Why a version is not whole."""


def expt_folder(results: Path, ids: Sequence[str]) -> Path:
    """The folder of these sessions: the session's id, or `multi-M` with their list.

    The same set of sessions has the same folder, whoever asks at once: it appears with its list.
    """
    if len(ids) == 1:
        folder = results / ids[0]
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    results.mkdir(parents=True, exist_ok=True)
    lines = "".join(f"{name}\n" for name in ("expt", *sorted(ids)))
    with TemporaryDirectory(prefix=".multi-", dir=results) as made:
        new = Path(made) / "new"
        new.mkdir()
        atomic_write(new / "expt_info.csv", lines)
        number = 0
        while True:
            folder = results / f"multi-{number}"
            if _sessions_of(folder) == set(ids):
                return folder
            try:
                new.rename(folder)  # takes the place of an empty folder, and of no other
                return folder
            except OSError as error:
                if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
                    raise
            if _sessions_of(folder) != set(ids):
                number += 1


def _sessions_of(folder: Path) -> set[str]:
    try:
        with (folder / "expt_info.csv").open(newline="") as file:
            return {row["expt"] for row in csv.DictReader(file)}
    except (OSError, KeyError):
        return set()


def new_version(folder: Path) -> Path:
    """A new `version_N` in a folder, which no other process has: making it is taking it."""
    folder.mkdir(parents=True, exist_ok=True)
    taken = [
        int(entry.name.removeprefix("version_"))
        for entry in os.scandir(folder)
        if entry.name.removeprefix("version_").isdecimal()
    ]
    number = max(taken, default=-1) + 1
    while True:
        version = folder / f"version_{number}"
        try:
            version.mkdir()
            return version
        except FileExistsError:
            number += 1


def is_written(version: Path, eval_dir: object) -> bool:
    """Whether a version of a training that has ended lacks nothing."""
    if not (version / HPARAMS).exists():
        return False
    values = read_yaml_file(version / HPARAMS)
    return eval_dir is None or not values["training_completed"] or EVALUATED in values


def trial_of(version: Path) -> Path | None:
    """The trial whose model a version holds, where its study is still there."""
    try:
        values = read_yaml_file(version / HPARAMS)
    except (OSError, ValueError):
        return None
    trial = Path(str(values["trial"])) if isinstance(values, dict) and "trial" in values else None
    return trial if trial is not None and trial.is_dir() else None


def completed_below(place: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The versions that were trained to their end, somewhere below a folder, and their values."""
    for file in sorted(place.rglob(f"version_*/{HPARAMS}")):
        try:
            content = read_yaml_file(file)
        except ValueError:
            continue
        if isinstance(content, dict) and content.get("training_completed") is True:
            yield file.parent, content


def completed(results: Path) -> dict[str, Path]:
    """Hash of configuration and data -> the version that was trained with them to its end."""
    found: dict[str, Path] = {}
    for version, values in completed_below(results):
        found.setdefault(str(values.get("distrib_hash")), version)
    return found


def write_hparams(folder: Path, values: dict[str, object]) -> None:
    """The flat file of everything that a training was asked for, and what came of it."""
    text = yaml.safe_dump(values, sort_keys=False, default_flow_style=None, width=100)
    atomic_write(folder / HPARAMS, text)
