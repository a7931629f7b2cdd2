"""`study.yaml`: enough to run a study again, and to resume it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

from distrib.cluster.connect import Resources
from distrib.files import atomic_write
from distrib.records import Dimension, StudyRecord
from distrib.safe_yaml import read_yaml_file
from distrib.study.driver.study_checks import VERSION, check_study, own_names, stored_names
from distrib.study.plan.options import DECLARED, Options
from distrib.study.plan.plan import Plan
from distrib.study.record.remote_store import is_url
from distrib.study.search.schedulers import Rule, build_rule
from distrib.study.space.space_file import parse_space

PACKAGES = ("distrib", "ray", "optuna", "torch", "jax", "numpy", "pandas", "pyarrow")


def write_study(
    path: Path, plan: Plan, record: StudyRecord, data: dict[str, Any], argv: Sequence[str]
) -> None:
    """Write a study's description, once, when it begins (and again when its trials are raised)."""
    options = stored_names(asdict(plan.options))
    for option in DECLARED:
        if not option.flag.stored:
            del options[option.field]
    options["fixed"] = dict(plan.options.fixed)
    content = {
        "version": VERSION,
        "command": strike_credentials(" ".join(argv)),
        "space_name": plan.space.name,
        "space": plan.space.plain(),
        "data": {
            "source": plan.source.model_dump(mode="json"),
            "begun_in": str(Path.cwd()),  # where a relative path leads from
            **data,
        },
        "search": {
            "trials": plan.trials,
            "max_units": plan.max_budget,
            "sampler": plan.sampler,
            "scheduler": plan.rule_name,
            "grace": plan.grace,
            "reduction_factor": plan.factor,
            "metric": plan.objective.name,
            "refit": plan.refit,
        },
        "options": options,
        "versions": versions(),
        "record": stored_names(record.header()),
    }
    text = yaml.safe_dump(_plain(content), sort_keys=False, allow_unicode=True)
    atomic_write(path, text, durable=True)


def read_study(path: Path) -> dict[str, Any]:
    """A study's description.

    Raises:
        InputError: the file is not one.
    """
    content = read_yaml_file(path)
    check_study(content, path)
    return content


def options_of(content: dict[str, Any]) -> Options:
    """The options that a study was begun with; its data come from its source."""
    stored = own_names(content["options"])
    search = content["search"]
    stored.update(
        resources=Resources(**stored["resources"]),
        fixed={},
        trials=search["trials"],
        sampler=search["sampler"],
        scheduler=search["scheduler"],
        metric=search["metric"],
        data=_source(content).get("path"),
    )
    return Options(**stored)


def _source(content: dict[str, Any]) -> dict[str, Any]:
    """Where the data are; from another folder than the study's first, too."""
    source = dict(content["data"]["source"])
    path, begun_in = source.get("path"), content["data"].get("begun_in")
    if path and begun_in and not is_url(path) and not Path(path).exists():
        there = Path(begun_in) / path
        source["path"] = str(there) if there.exists() else path
    return source


def space_of(content: dict[str, Any], file: str) -> Any:
    """The space of a study as it was searched."""
    plain = dict(content["space"])
    source = {k: v for k, v in _source(content).items() if v is not None}
    plain["data"] = source
    plain["grace"] = content["search"]["grace"]
    plain["reduction_factor"] = content["search"]["reduction_factor"]
    plain["refit"] = content["search"].get("refit", True)
    return parse_space(plain, name=content["space_name"], file=file)


def record_of(content: dict[str, Any]) -> StudyRecord:
    """The record of a study, without its trials."""
    header = own_names(content["record"])
    header["dimensions"] = tuple(
        Dimension(**{**d, "choices": tuple(d["choices"])}) for d in header["dimensions"]
    )
    for name in ("milestones", "seeds"):
        if name in header:
            header[name] = tuple(header[name])
    return StudyRecord(**header)


def rule_of(content: dict[str, Any]) -> Rule:
    """The stopping rule of a study, fresh."""
    search = content["search"]
    return build_rule(
        search["scheduler"],
        grace=search["grace"],
        factor=search["reduction_factor"],
        max_budget=search["max_units"],
        seed=content["options"]["seed"],
    )


def versions() -> dict[str, str]:
    """Python's and the packages' versions, and the commit of a checkout."""
    found = {"python": sys.version.split()[0]}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    commit = _commit()
    return {**found, "commit": commit} if commit else found


def _commit() -> str | None:
    root = Path(__file__).resolve().parents[3]
    if not (root / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None


def strike_credentials(text: str) -> str:
    """The text without passwords and keys in its URLs."""
    text = re.sub(r"(\w+://)[^/@\s]+@", r"\1***@", text)
    return re.sub(
        r"([?&][^=&\s]*(?:key|token|secret|sig|password)[^=&\s]*=)[^&\s]+",
        r"\1***",
        text,
        flags=re.IGNORECASE,
    )


def _plain(value: Any) -> Any:
    """Tuples as lists and NumPy scalars as Python's, which safe YAML can write."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if hasattr(value, "item") and not isinstance(value, (str, bytes)):
        return value.item()
    return strike_credentials(value) if isinstance(value, str) and "://" in value else value
