"""`refit` in a space: who may turn it off, and what it needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from distrib.errors import InputError
from distrib.study.plan.fixed_space import space_of_config, space_of_defaults
from distrib.study.plan.options import Options
from distrib.study.plan.plan import Plan, make_plan
from distrib.study.space.space_file import parse_space
from tests.families.token_family import Lm

LM = "tests.families.token_family:Lm"


class Never(Lm):
    refits = False


def plan(trainable: str = LM, refit: Any = None, **options: Any) -> Plan:
    settings = {} if refit is None else {"refit": refit}
    content = {"trainable": trainable, "parameters": {"width": [4, 8]}, "trials": 2, **settings}
    space = parse_space(content, name="lm", file="lm.yaml")
    return make_plan(space, Options(allow_custom=True, **options))


def test_the_space_has_the_word_and_the_family_the_default() -> None:
    assert plan().refit and plan(refit=True).refit and not plan(refit=False).refit
    never = f"{__name__}:Never"
    assert not plan(never).refit and plan(never, True).refit


@pytest.mark.parametrize(
    ("refit", "options", "words"),
    [
        ("no", {}, "refit: neither true nor false"),
        (0, {}, "refit: neither true nor false"),
        (False, {"keep": 0}, "--keep: no trial keeps its weights"),
        (False, {"confirm": 2, "keep": 1}, "--confirm: more than keep their weights"),
    ],
)
def test_what_it_needs_is_said(refit: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        plan(refit=refit, **options)


def test_a_family_whose_units_are_no_models_is_always_trained_again() -> None:
    content = {"trainable": "mlp", "parameters": {"hidden_width": [4, 8]}, "refit": False}
    space = parse_space(content, name="x", file="x.yaml")
    with pytest.raises(InputError, match="models come of training again alone"):
        make_plan(space, Options())
    assert make_plan(parse_space({**content, "refit": True}, name="x", file="x"), Options()).refit


def test_a_single_training_keeps_the_word(tmp_path: Path) -> None:
    content = {"trainable": LM, "config": {"width": 4}, "refit": False}
    space = space_of_config(content, tmp_path / "config.yaml")
    assert not make_plan(space, Options(allow_custom=True)).refit
    file = tmp_path / "lm.yaml"
    file.write_text(f"trainable: {LM}\nparameters: {{width: [4, 8]}}\nrefit: false\ntrials: 2\n")
    assert not make_plan(space_of_defaults(str(file)), Options(allow_custom=True)).refit
