"""`console.log` of a version: the configuration of the model, and how its training went on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from distrib.trainables.behaviour.daart.keys import FILES

CONSOLE = "console.log"

SHOWN = ("loss", "f1_macro")
"""Figures of the validation that a line has; of the training the loss."""


def head(values: Mapping[str, Any], paths: Mapping[str, str]) -> str:
    """Every key with its value, by the file that it stands in."""
    lines = []
    for option, keys in FILES.items():
        lines.append(f"{option}: {paths[option]}" if option in paths else option)
        lines += [f"    {key}: {values[key]}" for key in keys if key in values]
    return "\n".join(lines) + "\n\n"


def progress(rows: Iterable[Mapping[str, float]]) -> str:
    """A line for each row of a trial's metrics: `step`, the validation's, and `train/<name>`."""
    return "".join(f"{_line(row)}\n" for row in rows)


def _line(row: Mapping[str, float]) -> str:
    names = {"tr_loss": "train/loss", **{f"val_{name}": name for name in SHOWN}}
    told = [f"{name} {row[key]:.4f}" for name, key in names.items() if row.get(key) is not None]
    return f"epoch {int(row['step'])}: {', '.join(told)}"
