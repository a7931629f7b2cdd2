"""The combinations of three files as studies: one for each family and set of data that they name.

A study has one family and one set of data; a list over either (`model_class`, `input_type`) makes
several, which are carried out one after the other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from distrib.errors import InputError, said_in
from distrib.trainables.behaviour.daart.keys import (
    MOVES_LOSS,
    NO_RANGE,
    RENAMED,
    WITHOUT,
    family_of,
    settings_of,
)
from distrib.trainables.registry import load_family

if TYPE_CHECKING:
    from pydantic import BaseModel

    from distrib.study.space.space import Space
    from distrib.trainables.behaviour.daart.three_files import ThreeFiles


@dataclass(frozen=True)
class Group:
    """Combinations of one family and one set of data.

    Attributes:
        source: of the data, as of `SessionsSource`. points: values of the grid's keys, of each.
        hashes: of configuration, data and name of each; none where there are ranges.
        labelled: whether there are hand labels to validate on, in all of them.
    """

    files: ThreeFiles
    family: str
    source: Mapping[str, Any]
    ids: tuple[str, ...]
    points: Sequence[dict[str, Any]]
    hashes: Sequence[str]
    labelled: bool = True

    def without(self, known: Mapping[str, Path]) -> tuple[Group, list[Path]]:
        """The combinations whose hash is not known, and the folders of the others."""
        if not self.hashes:
            return self, []
        rest = [k for k, own in enumerate(self.hashes) if own not in known]
        done = [known[own] for own in self.hashes if own in known]
        left = replace(
            self, points=[self.points[k] for k in rest], hashes=[self.hashes[k] for k in rest]
        )
        return left, done

    def values(self, point: Mapping[str, Any]) -> dict[str, Any]:
        """Every key of a combination with its value."""
        return {**self.files.values, **point}

    def incomparable(self) -> list[str]:
        """Keys that differ between the trials, and with them what the loss is a sum of."""
        if self.family != "segmenter":
            return []
        values = [{**WITHOUT, **self.values(point)} for point in self.points]
        differ = [k for k in MOVES_LOSS if any(own.get(k) != values[0].get(k) for own in values)]
        return [*differ, *(k for k in MOVES_LOSS if k in self.files.ranges)]

    @property
    def metric(self) -> str:
        """What trials are ranked by: the loss, as in daart, or F1 where losses differ in kind."""
        return "f1_macro" if self.incomparable() and self.labelled else "loss"

    def space(self) -> Space:
        """The combinations as points of a grid, ranges beside them."""
        from distrib.study.space.space_file import parse_space

        fields = load_family(self.family).Config.model_fields
        settings = [settings_of(self.values(point)) for point in self.points]
        whole = [{**{name: f.default for name, f in fields.items()}, **own} for own in settings]
        parameters: dict[str, Any] = {}
        varied = []
        for name in (n for n in fields if any(n in own for own in settings)):
            options: list[Any] = []
            for own in whole:
                if own[name] not in options:
                    options.append(own[name])
            varied += [name] if len(options) > 1 else []
            parameters[name] = {"grid": options} if len(options) > 1 else {"const": options[0]}
        for key, content in self.files.ranges.items():
            parameters[RENAMED.get(key, key)] = dict(content)
        content = {
            "trainable": self.family,
            "data": dict(self.source),
            "scheduler": "none",
            "sampler": "random",
            "refit": self.family != "segmenter",
            **(
                {"metric": self.metric, "grace": _grace(whole)}
                if self.family == "segmenter"
                else {}
            ),
            "points": [{name: own[name] for name in varied} for own in whole],
            "parameters": parameters,
        }
        name = str(self.values(self.points[0]).get("tt_experiment_name", "test"))
        return parse_space(content, name=name, file=str(self.files.paths["model_config"]))

    def order(self, results: Path) -> dict[str, Any]:
        """What `DaartLayout` is told."""
        eval_dir = self.files.folder("eval_dir")
        paths = {option: str(path.absolute()) for option, path in self.files.paths.items()}
        every = [{**WITHOUT, **self.values(point)} for point in self.points]
        return {
            "results": str(results.absolute()),
            "family": self.family,
            "ids": list(self.ids),
            "values": [
                {k: v for k, v in values.items() if not isinstance(v, list)} for values in every
            ],
            "ranges": {key: RENAMED.get(key, key) for key in self.files.ranges},
            "hashes": list(self.hashes),
            "source": dict(self.source),
            "eval_dir": None if eval_dir is None else str(eval_dir.absolute()),
            "files": list(paths),
            **paths,
        }


def groups_of(files: ThreeFiles, points: Sequence[dict[str, Any]]) -> list[Group]:
    """The combinations in their order, those of one family and one set of data together.

    Raises:
        InputError: a value that the family does not take, before the data are read; the data cannot
            be read, or nothing be trained on them so.
    """
    from distrib.study.space.configs import checked

    _check_ranges(files, points[0])
    kinds: dict[str, tuple[str, dict[str, Any], list[dict[str, Any]]]] = {}
    for point in points:
        values = {**files.values, **point}
        kind, source = family_of(values), files.source(values)
        _config(files, values)
        key = json.dumps([kind, source], sort_keys=True, default=str)
        kinds.setdefault(key, (kind, source, []))[2].append(point)
    groups = []
    for name, source, own in kinds.values():
        family: Any = load_family(name)
        data = family.load(checked(family.Source, source, "data"))
        search, _ = family.set_aside(data, 0.0, 0)
        _check_new(files, family, source, data)
        hashes, labelled = [], True
        for point in own:
            values = {**files.values, **point}
            config = _config(files, values)
            family.check(config, search)
            if not getattr(config, "lambda_strong", 1):  # else `check` has looked for labels
                _, validation = family.split(config, search)
                labelled &= bool(validation.counts(validation.hand)[1:].any())
            if files.ranges:
                continue
            told = [
                name,
                config.model_dump(mode="json"),
                data.fingerprint(),
                str(values.get("tt_experiment_name", "test")),
            ]
            text = json.dumps(told, sort_keys=True)
            hashes.append(hashlib.sha256(text.encode()).hexdigest()[:32])
        ids = tuple(search.ids[np.unique(search.groups)].tolist())
        groups.append(Group(files, name, source, ids, own, hashes, labelled))
    return groups


def _check_new(files: ThreeFiles, family: Any, source: Mapping[str, Any], data: Any) -> None:
    """Raise InputError where the sessions of `eval_dir` cannot be predicted after the training."""
    from distrib.study.space.configs import checked
    from distrib.trainables.behaviour.base import check_signals

    if (folder := files.folder("eval_dir")) is None:
        return
    with said_in(f"{files.paths['data_config']}, eval_dir"):
        if not folder.is_dir():
            raise InputError("no such folder", file=folder)
        own = checked(family.Source, source, "data").elsewhere(str(folder.absolute()))
        with said_in(folder):
            check_signals({"signals": list(data.signals)}, family.load(own, targets=False))


def _check_ranges(files: ThreeFiles, point: Mapping[str, Any]) -> None:
    """Raise InputError, naming file and key, where a range is none or the key takes none."""
    from distrib.study.space.space_file import parse_parameter

    values = {**files.values, **point}
    fields = load_family(family_of(values)).Config.model_fields
    for key, content in files.ranges.items():
        if key in NO_RANGE or RENAMED.get(key, key) not in fields:
            raise InputError(
                "this key takes no range",
                file=files.file_of(key),
                where=key,
                found=dict(content),
                expected="a value, or a list of them",
            )
        found = parse_parameter(key, content, str(files.file_of(key)), key)
        for end in found.values or (found.low, found.high):
            _config(files, {**values, key: end})


def _config(files: ThreeFiles, values: Mapping[str, Any]) -> BaseModel:
    """The configuration of a combination; what it does not take is told by daart's own key."""
    from pydantic import ValidationError

    model = load_family(family_of(values)).Config
    settings = settings_of(values)
    try:
        return model.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        key = next((key for key in values if RENAMED.get(key, key) == name), name)
        raise InputError(
            "not a valid value",
            file=files.file_of(key),
            where=key,
            found=repr(first["input"]),
            expected=first["msg"],
        ) from None


def _grace(whole: Sequence[Mapping[str, Any]]) -> int:
    """Epochs before which no trial is stopped: not before the least, nor while weights anneal."""
    semi = [own["anneal_end"] for own in whole if own.get("semi_supervised_algo")]
    least = max([1, *(own["min_epochs"] for own in whole), *semi])
    return min(least, min(own["epochs"] for own in whole))
