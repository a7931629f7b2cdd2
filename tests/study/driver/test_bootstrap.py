"""A bootstrap is refused before anything starts where the family has none of that kind."""

from __future__ import annotations

import pytest

from distrib.errors import InputError
from distrib.study.plan.checks import check_drawn
from distrib.study.plan.fixed_space import space_of_defaults
from distrib.study.plan.options import Options
from distrib.study.plan.plan import make_plan
from distrib.study.space.space_file import find_space
from distrib.trainables.vdj.trimming.config import TrimmingSource
from distrib.trainables.vdj.trimming.family import Trimming


@pytest.mark.parametrize(
    ("space", "options", "words"),
    [
        ("mlp", Options(bootstrap=100), "no bootstrap"),
        ("trimming_ligation_em", Options(bootstrap=1), "2 or more"),
        ("trimming_ligation_em", Options(bootstrap=-1), "0 or more"),
        ("trimming_ligation_em", Options(bootstrap_of="clusters"), "--bootstrap 100"),
        ("trimming_ligation_em", Options(bootstrap=9, bootstrap_of="cluster"), "clusters"),
    ],
)
def test_refused(space: str, options: Options, words: str) -> None:
    with pytest.raises(InputError, match=words):
        make_plan(space_of_defaults(space), options)


@pytest.mark.parametrize(
    ("space", "asked", "drawn"),
    [
        ("trimming_ligation_em", None, "sequences"),
        ("trimming_ligation_em", "clusters", "clusters"),
        ("trimming", None, "clusters"),
        ("trimming", "sequences", "sequences"),
    ],
)
def test_what_is_drawn(space: str, asked: str | None, drawn: str) -> None:
    plan = make_plan(find_space(space), Options(bootstrap=2, bootstrap_of=asked))
    assert plan.bootstrap_of == drawn


def test_what_the_data_do_not_hold_is_refused_before_anything_is_trained() -> None:
    """Frequencies, such as OLGA's, are of no sequences."""
    family = Trimming()
    drawn = family.draws(family.load(TrimmingSource()))
    check_drawn("clusters", drawn, "nothing to draw")
    with pytest.raises(InputError, match=r"nothing to draw\n.*sequences\n.*clusters"):
        check_drawn("sequences", drawn, "nothing to draw")
