"""Families of the user's: where they are looked for, and what is said where they are not found."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from distrib.errors import InputError
from distrib.trainables.capabilities import CAPABILITIES, RENAMED, check_members
from distrib.trainables.registry import FAMILIES, load_family, look_beside
from tests.families.toys import Curve


def test_what_lies_beside_the_space_is_found_last_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("PYTHONPATH", "somewhere")
    code = "from tests.families.toys import Curve\n\n\nclass Mine(Curve):\n    pass\n"
    (tmp_path / "lab_beside.py").write_text(code)
    for _ in range(2):
        look_beside(tmp_path / "space.yaml")
    assert sys.path.index(str(tmp_path)) == len(sys.path) - 1
    assert os.environ["PYTHONPATH"].split(os.pathsep) == ["somewhere", str(tmp_path)]
    family = load_family("lab_beside:Mine", allow_custom=True)
    assert type(family).__name__ == "Mine"
    del sys.modules["lab_beside"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("lab_none:Mine", ["put lab_none.py beside the space's file"]),
        ("lab_none.family:Mine", ["put the package lab_none/ beside the space's file"]),
        ("tests.none:Mine", ["No module named 'tests.none'"]),
        ("tests.families.toys:None", ["has no attribute 'None'"]),
    ],
)
def test_a_family_that_is_not_there(name: str, words: list[str]) -> None:
    with pytest.raises(InputError, match="cannot be imported") as caught:
        load_family(name, allow_custom=True)
    for word in words:
        assert word in str(caught.value)
    assert ("hint" in str(caught.value)) == ("put" in words[0])


def members(capability: type) -> set[str]:
    """The names that make a capability."""
    return {n for n in (*vars(capability), *capability.__annotations__) if not n.startswith("_")}


HALVES = [
    (capability, name)
    for capability in CAPABILITIES
    for name in sorted(members(capability))
    if len(members(capability)) > 1
]


def test_there_are_capabilities_of_several_members() -> None:
    assert {c.__name__ for c, _ in HALVES} >= {"PartitionsData", "HasIntervals", "Bootstraps"}


@pytest.mark.parametrize(("capability", "name"), HALVES, ids=lambda v: getattr(v, "__name__", v))
def test_half_a_capability_is_refused(capability: type, name: str) -> None:
    half = type("Half", (Curve,), {name: lambda self: None})
    with pytest.raises(InputError, match="a family with half a capability") as caught:
        check_members(half())
    assert f"({capability.__name__})" in str(caught.value)
    assert all(other in str(caught.value) for other in members(capability))


@pytest.mark.parametrize("old", RENAMED)
def test_a_method_by_its_old_name_is_refused_with_the_new_one(old: str) -> None:
    family = type("Old", (Curve,), {old: lambda self: None})
    with pytest.raises(InputError, match=rf"Old\.{old}: .*another name now") as caught:
        check_members(family())
    assert RENAMED[old] in str(caught.value)


def test_a_family_of_the_user_s_is_asked_when_it_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    code = "from tests.families.toys import Curve\n\n\nclass Mine(Curve):\n"
    (tmp_path / "lab_half.py").write_text(f"{code}    def count(self, data):\n        return 3\n")
    with pytest.raises(InputError, match="half a capability"):
        load_family("lab_half:Mine", allow_custom=True)
    del sys.modules["lab_half"]


@pytest.mark.parametrize("name", FAMILIES)
def test_the_house_s_own_are_whole(name: str) -> None:
    load_family(name)
