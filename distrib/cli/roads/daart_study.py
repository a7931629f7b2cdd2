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

from distrib.trainables.behaviour.daart.keys import RENAMED, WITHOUT, family_of, settings_of
from distrib.trainables.behaviour.source import SessionsSource, load_sessions

if TYPE_CHECKING:
    from pydantic import BaseModel

    from distrib.study.space.space import Space
    from distrib.trainables.behaviour.daart.three_files import ThreeFiles

WHERE = "the three files"


@dataclass(frozen=True)
class Group:
    """Combinations of one family and one set of data.

    Attributes:
        source: of the data, as of `SessionsSource`. points: values of the grid's keys, of each.
        hashes: of configuration, data and name of each; none where there are ranges.
    """

    files: ThreeFiles
    family: str
    source: Mapping[str, Any]
    ids: tuple[str, ...]
    points: Sequence[dict[str, Any]]
    hashes: Sequence[str]

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

    def space(self) -> Space:
        """The combinations as points of a grid, ranges beside them."""
        from distrib.study.space.space_file import parse_space

        fields = config_of(self.family).model_fields
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
            **({"metric": "loss", "grace": _grace(whole)} if self.family == "segmenter" else {}),
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
        InputError: a value that the family does not take, before the data are read; or the data
            cannot be read.
    """
    from distrib.study.space.configs import checked

    kinds: dict[str, tuple[str, dict[str, Any], list[dict[str, Any]]]] = {}
    for point in points:
        values = {**files.values, **point}
        family, source = family_of(values), files.source(values)
        checked(config_of(family), settings_of(values), WHERE)
        key = json.dumps([family, source], sort_keys=True, default=str)
        kinds.setdefault(key, (family, source, []))[2].append(point)
    groups = []
    for family, source, own in kinds.values():
        data = load_sessions(checked(SessionsSource, source, "data"), labels=True)
        hashes = []
        for point in own if not files.ranges else ():
            values = {**files.values, **point}
            config = checked(config_of(family), settings_of(values), WHERE)
            told = [
                family,
                config.model_dump(mode="json"),
                data.fingerprint(),
                str(values.get("tt_experiment_name", "test")),
            ]
            text = json.dumps(told, sort_keys=True)
            hashes.append(hashlib.sha256(text.encode()).hexdigest()[:32])
        ids = tuple(data.ids[~data.test].tolist()) or tuple(data.ids.tolist())
        groups.append(Group(files, family, source, ids, own, hashes))
    return groups


def config_of(family: str) -> type[BaseModel]:
    """The configuration of a family of behaviour."""
    from distrib.trainables.registry import load_family

    return load_family(family).Config


def _grace(whole: Sequence[Mapping[str, Any]]) -> int:
    """Epochs before which no trial is stopped: not before the least, nor while weights anneal."""
    semi = [own["anneal_end"] for own in whole if own.get("semi_supervised_algo")]
    least = max([1, *(own["min_epochs"] for own in whole), *semi])
    return min(least, min(own["epochs"] for own in whole))
