"""Every option of a study: declared once, given, refused or taken by a resume as it says."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from distrib.cli.command import Parser
from distrib.cli.study_options import add_group, add_options, add_search_options, options_from
from distrib.cluster.connect import Resources
from distrib.errors import InputError
from distrib.study.plan.options import DECLARED, Declared, Options

WORDS = {"text": "x", "int": "4", "float": "0.5", "duration": "2m", "setting": "epochs=3",
         "workers": "2:4", "switch": None}  # fmt: skip
VALUES = {"text": "x", "int": 4, "float": 0.5, "duration": 120.0, "setting": {"epochs": 3},
          "workers": 2, "switch": True}  # fmt: skip


def given(*words: str) -> Any:
    parser = Parser("tune", "", "")
    add_search_options(parser)
    add_options(parser)
    add_group(parser, "bootstrap")
    return parser.parse_args(list(words))


def test_every_option_has_a_flag_of_its_own() -> None:
    def named(owner: type) -> set[str]:
        return {option.field for option in DECLARED if option.owner is owner}

    assert named(Options) == {field.name for field in fields(Options)} - {"resources", "split_seed"}
    assert named(Resources) == {field.name for field in fields(Resources)} - {"most"}
    assert len({option.flag.name for option in DECLARED}) == len(DECLARED)


@pytest.mark.parametrize("option", DECLARED, ids=lambda option: option.flag.name)
def test_what_is_given_arrives_and_a_resume_takes_what_it_says(option: Declared) -> None:
    flag, word = option.flag, WORDS[option.flag.kind]
    args = given(flag.name, *([word] if word else []))

    def taken(options: Options) -> Any:
        owner = options if option.owner is Options else options.resources
        return getattr(owner, option.field)

    assert taken(options_from(args)) == VALUES[flag.kind]
    base = Options(metric="score", seed=9, keep=7)
    if flag.resumes:
        options = options_from(args, base)
        assert taken(options) == VALUES[flag.kind]
        assert (options.metric, options.seed) == ("score", 9)
        return
    with pytest.raises(InputError, match=f"{flag.name}: a resumed study keeps its own") as told:
        options_from(args, base)
    assert "only --trials, --concurrent," in str(told.value)


def test_nothing_given_is_nothing_changed() -> None:
    assert options_from(given()) == Options()
    base = Options(metric="score", seed=9, keep=7, stall_timeout=3.0, time_budget=5.0)
    resumed = options_from(given(), base)
    assert resumed.time_budget is None  # the budget of the first part alone
    assert (resumed.keep, resumed.stall_timeout, resumed.seed) == (7, 3.0, 9)
