"""Spaces that are not there or not to be trusted; mistakes in one: tests/commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from distrib.errors import InputError
from distrib.study.plan.options import Options
from distrib.study.plan.plan import make_plan
from distrib.study.space.space_file import find_space


def test_unsafe_yaml_runs_nothing(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    path = tmp_path / "space.yaml"
    path.write_text(f"trainable: x\nparameters: !!python/object/apply:os.mkdir ['{marker}']\n")
    with pytest.raises(InputError):
        find_space(str(path))
    assert not marker.exists()


def test_an_unknown_space_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'trimming'") as caught:
        find_space("triming")
    assert "--space" in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.yaml: no such file"):
        find_space(str(tmp_path / "none.yaml"))
    with pytest.raises(InputError, match="no such file"):
        find_space(f"{tmp_path}/")


def test_custom_code_needs_leave(tmp_path: Path) -> None:
    path = tmp_path / "space.yaml"
    path.write_text("trainable: tests.families.toys:Curve\nparameters: {}\n")
    with pytest.raises(InputError, match="--allow-custom"):
        make_plan(find_space(str(path)), Options())
