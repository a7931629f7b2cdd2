"""The page on how to add a family, and the space that it shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from distrib.trainables import example_family

PAGE = Path(example_family.__file__).with_name("README.md").read_text(encoding="utf-8")


def shown_space() -> dict[str, Any]:
    """The content of the page's `my_space.yaml`."""
    found = re.search(r"(?m)^    trainable: .*\n(    .*\n)*", PAGE)
    assert found is not None
    content: dict[str, Any] = yaml.safe_load(re.sub(r"(?m)^    ", "", found.group()))
    return content
