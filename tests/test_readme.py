"""What the README and the pages of docs/ show holds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from distrib.study.space.points import grid_points
from distrib.study.space.space_file import parse_space, read_yaml

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BESIDE = [ROOT / "experiments" / "README.md", ROOT / "distrib" / "trainables" / "README.md"]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *BESIDE]


def block(beginning: str) -> str:
    """The indented block whose first line begins so."""
    start = README.index(f"    {beginning}")
    lines = []
    for line in README[start:].splitlines():
        if line.strip() and not line.startswith("    "):
            break
        lines.append(line[4:])
    return "\n".join(lines).rstrip() + "\n"


def test_the_two_commands_set_everything_up_by_themselves() -> None:
    commands = re.findall(r"^    (python3 -m venv .*)$", README, flags=re.MULTILINE)
    assert len(commands) == 2
    assert commands[0].endswith("python -m distrib.tune --space mlp")
    assert commands[1].endswith("python -m pytest -n 2 --dist loadfile")
    assert all("-c constraints.txt" in command for command in commands)


def test_it_is_short() -> None:
    assert len(README.split()) <= 900


def test_every_command_and_every_space_is_named() -> None:
    from distrib.__main__ import COMMANDS
    from distrib.trainables.registry import FAMILIES

    pages = README + "".join(page.read_text("utf-8") for page in (ROOT / "docs").glob("*.md"))
    assert {verb for verb in COMMANDS if f"distrib.{verb}" not in pages} == set()
    assert {family for family in FAMILIES if f"| `{family}` |" not in README} == set()


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_every_experiment_stands_in_the_table() -> None:
    table = (ROOT / "experiments" / "README.md").read_text("utf-8")
    folders = {path.parent.name for path in (ROOT / "experiments").glob("*/README.md")}
    assert {name for name in folders if f"]({name})" not in table} == set()


def test_the_space_is_valid() -> None:
    from distrib.study.plan.options import Options
    from distrib.study.plan.plan import make_plan

    space = parse_space(read_yaml(block("trainable: mlp"), "README"), name="x", file="README")
    plan = make_plan(space, Options())
    assert plan.trials == 100
    assert len(grid_points(plan.space)) == 2
