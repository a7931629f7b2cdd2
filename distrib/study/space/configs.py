"""Configurations: plain values to a family's `Config` and to YAML, every mistake named."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from distrib.errors import InputError, nearest
from distrib.safe_yaml import read_yaml_file
from distrib.trainables.base import Config, Trainable


def make_config(family: Trainable[Any, Any, Any], values: Mapping[str, Any]) -> Config:
    """The configuration with these values, the family's defaults for the rest.

    Raises:
        InputError: an unknown name, or a value outside its type or bounds.
    """
    return checked(family.Config, values, "parameters")


def checked(model: type[BaseModel], values: Mapping[str, Any], place: str, file: str = "") -> Any:
    """An instance of a typed model, its first mistake told as an `InputError`."""
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        # A key that there is not may be why another one is missing.
        first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
        key = ".".join(str(part) for part in first["loc"])
        joint = " " if place.startswith("--") else "."
        where = joint.join(part for part in (place, key) if part) or None
        if first["type"] == "extra_forbidden":
            raise InputError(
                "no such key",
                file=file or None,
                where=where,
                found=key,
                expected="one of " + ", ".join(model.model_fields),
                hint=nearest(key, model.model_fields),
            ) from None
        if first["type"] == "missing":
            about = model.model_fields[key].description if key in model.model_fields else None
            raise InputError(
                "a value is missing", file=file or None, where=where, expected=about or key
            ) from None
        # What only several values together make wrong is told by the message.
        found = repr(first.get("input")) if key else None
        raise InputError(
            "not a valid value",
            file=file or None,
            where=where,
            found=found,
            expected=first["msg"].removeprefix("Value error, "),
        ) from None


def read_config(file: Path) -> dict[str, Any]:
    """The configuration that `config_yaml` wrote into a file.

    Raises:
        InputError: it holds none.
    """
    content = read_yaml_file(file)
    if not isinstance(content, dict) or not isinstance(content.get("config"), dict):
        raise InputError("no configuration", file=file, expected="trainable: and config: {...}")
    return content["config"]


# libyaml's is five times as fast, and a trial waits for it.
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def config_yaml(trainable: str, config: Mapping[str, Any], **more: Any) -> str:
    """A configuration as the YAML that `distrib.train --config` takes."""
    content = {"trainable": trainable, "config": dict(config), **more}
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
