"""A family whose packages are missing says so before a study begins, and names what to install."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from distrib.errors import InputError
from distrib.study.worker.trial import reason
from distrib.trainables.capabilities import ChecksTraining
from distrib.trainables.extras import require
from tests.contracts.cases import CASES, Case

ROOT = Path(__file__).resolve().parents[2]
BROUGHT = {
    "xgboost": ["xgboost"],
    "ia3": ["transformers", "peft"],
    "antibodies": ["transformers", "Bio"],
    "behaviour": ["sklearn", "xgboost"],
}
"""What each extra brings that this package imports; each may be the one that is missing."""

TABLE = re.findall(r"^\| `(\w+)` \|(.*)\|.*\|$", (ROOT / "README.md").read_text(), re.MULTILINE)
EXTRAS = {
    name: found.group(1) for name, told in TABLE if (found := re.search(r"\(extra `(\w+)`\)", told))
}
BUILT_IN = {name for name, _ in TABLE}


def hide(monkeypatch: pytest.MonkeyPatch, packages: Sequence[str]) -> None:
    """Let none of these be imported, as where they are not installed."""
    for package in packages:
        for name in [package, *(m for m in sys.modules if m.startswith(f"{package}."))]:
            monkeypatch.setitem(sys.modules, name, None)


def begin(case: Case) -> None:
    """What a study does with a family before its first trial."""
    family = case.family
    data = family.load(family.Source())
    if isinstance(family, ChecksTraining):
        family.check(family.Config(), data)


def missing(case: Case) -> list[str]:
    return BROUGHT[EXTRAS[case.name]] if case.name in EXTRAS else []


NEEDY = [
    pytest.param(case, package, id=f"{case}-{package}")
    for case in CASES
    if case.device == "cpu"
    for package in missing(case)
    if (case.name, package) not in {("mlm", "Bio"), ("clm", "Bio")}  # which align nothing
]


def test_the_table_of_the_readme_names_the_extras() -> None:
    assert set(EXTRAS) == {"xgboost", "ia3", "mlm", "clm", "heavy2light", "segmenter_trees"}
    assert set(EXTRAS.values()) <= set(BROUGHT)


@pytest.mark.parametrize(("case", "package"), NEEDY)
def test_what_is_missing_is_named_before_a_study(
    case: Case, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide(monkeypatch, [package])
    with pytest.raises(InputError, match=rf"'{package}\b(.|\n)*pip install .*{EXTRAS[case.name]}"):
        begin(case)


def test_the_reason_of_a_failed_trial_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    hide(monkeypatch, ["xgboost"])
    with pytest.raises(InputError) as caught:
        require("behaviour", "xgboost")
    told = reason(caught.value)
    assert "\n" not in told
    assert "no module 'xgboost'" in told
    assert ".[behaviour]" in told
    assert told.endswith(")")  # the line of the file
    long = reason(InputError("wrong", found="x" * 500))
    assert len(long) == 300
