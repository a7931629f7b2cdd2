"""Spaces of a single point: one configuration, for a training without a search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from distrib.errors import InputError
from distrib.study.record.remote_store import fetch, is_url
from distrib.study.space.space import Parameter, Space
from distrib.study.space.space_file import find_space, read_yaml
from distrib.trainables.behaviour.daart.folders import trial_of


def space_of_defaults(name: str) -> Space:
    """What a space sets, and the defaults of its family for what it varies.

    So a preset is trained at its size, whether or not its optimiser's settings are open.
    """
    space = find_space(name)
    parameters = tuple(p for p in space.parameters if p.kind == "const" and not p.when)
    return replace(
        space, name=f"{space.name}-train", parameters=parameters, settings=_lasting(space.settings)
    )


def space_of_config(content: dict[str, Any], file: Path, *, seeded: bool = True) -> Space:
    """The one point of a `config.yaml`, judged as it was where it was selected.

    Args:
        seeded: whether its seed is part of it; else the study gives one.
    """
    config = {k: v for k, v in content["config"].items() if seeded or k != "seed"}
    parameters = tuple(Parameter(k, "const", (v,)) for k, v in config.items())
    source = {k: v for k, v in (content.get("source") or {}).items() if v is not None}
    name = content["trainable"].rpartition(":")[2].lower()
    settings = {**_lasting(content)}
    if "metric" in content:
        settings["metric"] = content["metric"]
    return Space(f"{name}-train", content["trainable"], parameters, settings, source, str(file))


def _lasting(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What a single training keeps of a search: what becomes of the winner."""
    return {key: settings[key] for key in ("refit",) if key in settings}


def split_of_config(content: dict[str, Any], file: Path) -> dict[str, Any]:
    """The options that set the same test part aside as the study that a `config.yaml` comes from.

    What was selected there would else be judged on rows that it was selected on.

    Raises:
        InputError: it says something else there.
    """
    split = content.get("split")
    if split is None:
        return {}
    match split:
        case {"test_fraction": None, "seed": int() as seed}:
            return {"split_seed": seed}
        case {"test_fraction": int() | float() as share, "seed": int() as seed} if 0 <= share < 1:
            return {"test_fraction": float(share), "split_seed": seed}
    raise InputError(
        "not a split",
        file=file,
        where="split",
        found=split,
        expected="test_fraction: SHARE and seed: NUMBER, or no such key",
    )


def read_config(place: str | Path) -> tuple[dict[str, Any], Path]:
    """A `config.yaml` and where it lies; of a version in daart's folders that of its trial.

    Raises:
        InputError: there is none, or it is something else.
    """
    path = fetch(place) if isinstance(place, str) and is_url(place) else Path(place)
    if path.is_dir() and not (path / "config.yaml").exists():
        path = trial_of(path) or path
    file = path / "config.yaml" if path.is_dir() else path
    if not file.is_file():
        raise InputError(
            "no such file",
            file=file,
            expected="the config.yaml of a trained model",
            hint="name a best/ folder, such as runs/mlp-0/best",
        )
    content = read_yaml(file.read_text(encoding="utf-8-sig"), str(file))
    if not isinstance(content, dict) or not isinstance(content.get("config"), dict):
        raise InputError(
            "not a configuration",
            file=file,
            where="config",
            found=type(content).__name__,
            expected="trainable: NAME and config: {...}",
        )
    if not isinstance(content.get("trainable"), str):
        raise InputError("the key 'trainable' is missing", file=file)
    return content, file
