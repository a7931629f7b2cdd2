"""Stopping rules against their definitions, told in any order, and told again."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrib.errors import InputError
from distrib.study.search.asha import Asha, Hyperband, milestones
from distrib.study.search.median import Median
from distrib.study.search.schedulers import NAMES, Rule, build_rule

Report = tuple[int, int, float]  # number, step, best value so far

FINITE = st.floats(-1e6, 1e6)
CURVES = st.lists(st.lists(FINITE, min_size=1, max_size=9), min_size=1, max_size=12)


def interleaved(curves: list[list[float]], seed: int) -> Iterator[Report]:
    """Every trial's best values so far, trials taking turns at random."""
    random = np.random.default_rng(seed)
    left = {n: list(enumerate(np.maximum.accumulate(c), 1)) for n, c in enumerate(curves)}
    while left:
        number = int(random.choice(sorted(left)))
        step, value = left[number].pop(0)
        yield number, step, float(value)
        if not left[number]:
            del left[number]


def told(rule: Rule, reports: Iterator[Report]) -> tuple[list[Report], dict[int, int]]:
    """What a rule was told before it stopped each trial, and where it stopped whom."""
    heard, stopped = [], {}
    for number, step, value in reports:
        if number in stopped:
            continue
        heard.append((number, step, value))
        if rule.stops(number, step, value):
            stopped[number] = step
    return heard, stopped


@pytest.mark.parametrize(
    ("grace", "factor", "most", "expected"),
    [
        (1, 3, 9, (1, 3)),
        (1, 3, 10, (1, 3, 9)),
        (4, 3, 60, (4, 12, 36)),
        (1, 2, 8, (1, 2, 4)),
        (1, 1.5, 6, (1, 2, 3, 5)),
        (5, 3, 5, ()),
        (1, 10, 5, (1,)),
    ],
)
def test_milestones(grace: int, factor: float, most: int, expected: tuple[int, ...]) -> None:
    assert milestones(grace, factor, most) == expected


@given(st.integers(1, 30), st.floats(1.1, 8), st.integers(1, 300))
def test_milestones_ascend_below_the_most_units(grace: int, factor: float, most: int) -> None:
    found = milestones(min(grace, most), factor, most)
    assert list(found) == sorted(set(found))
    assert all(grace <= m < most for m in found)


@given(CURVES, st.integers(0, 99), st.sampled_from([2.0, 3.0, 4.0]))
def test_asha_keeps_the_top_share_of_each_rung(
    curves: list[list[float]], seed: int, factor: float
) -> None:
    """The definition: of those that came to a rung so far, the best 1/factor go on."""
    rule = Asha(1, factor, 9)
    rungs: dict[int, list[float]] = {m: [] for m in rule.milestones}
    stopped: set[int] = set()
    for number, step, value in interleaved(curves, seed):
        if number in stopped:
            continue
        expected = False
        if step in rungs:
            rungs[step].append(value)
            arrived = np.sort(rungs[step])
            position = (len(arrived) - 1) * (1 - 1 / factor)
            low = int(position)
            high = min(low + 1, len(arrived) - 1)
            cut = arrived[low] + (position - low) * (arrived[high] - arrived[low])
            expected = bool(value < cut)
            if abs(value - cut) < 1e-9 * max(1, abs(cut)):
                expected = rule.stops(number, step, value)  # a matter of rounding
                if expected:
                    stopped.add(number)
                continue
        assert rule.stops(number, step, value) == expected
        if expected:
            stopped.add(number)


def test_asha_goes_on_with_the_first_and_with_the_best() -> None:
    rule = Asha(1, 3, 9)
    assert not rule.stops(0, 1, 0.5)
    assert rule.stops(1, 1, 0.4)
    assert not rule.stops(2, 1, 0.6)
    assert not rule.stops(2, 3, 0.6)
    assert rule.rung(2, 2) == 1
    assert rule.rung(2, 8) == 3
    # A unit that was missed is made up for at the next report.
    assert rule.stops(3, 2, 0.1)


@pytest.mark.parametrize("name", ["asha", "hyperband", "median"])
@given(curves=CURVES, seed=st.integers(0, 99))
def test_a_rule_rebuilt_from_what_it_was_told_judges_the_same(
    name: str, curves: list[list[float]], seed: int
) -> None:
    def rule() -> Rule:
        return build_rule(name, grace=1, factor=3, max_budget=9, seed=seed)

    heard, stopped = told(rule(), interleaved(curves, seed))
    for cut in range(len(heard) + 1):
        rebuilt = rule()
        before = {n: s for n, s, v in heard[:cut] if rebuilt.stops(n, s, v)}
        after = {n: s for n, s, v in heard[cut:] if rebuilt.stops(n, s, v)}
        assert before | after == stopped


@given(st.integers(0, 1000), st.permutations(range(30)))
def test_brackets_depend_on_seed_and_number_alone(seed: int, order: list[int]) -> None:
    rule, other = Hyperband(1, 3, 27, seed), Hyperband(1, 3, 27, seed)
    expected = [rule.brackets.index(rule._bracket(n)) for n in range(30)]
    for number in order:
        other.stops(number, 1, 0.0)
    assert [other.brackets.index(other._bracket(n)) for n in range(30)] == expected


def test_brackets_get_hyperbands_shares() -> None:
    """27 units, factor 3 (Li et al. 2018, table 1): 27, 12, 6, 4 trials begin per bracket."""
    rule = Hyperband(1, 3, 27, 0)
    assert [b.milestones for b in rule.brackets] == [(1, 3, 9), (3, 9), (9,), ()]
    drawn = np.array([rule.brackets.index(rule._bracket(n)) for n in range(4000)])
    shares = np.bincount(drawn, minlength=4) / 4000
    assert shares == pytest.approx(np.array([27, 12, 6, 4]) / 49, abs=0.03)
    assert {rule.rung(n, 2) for n in range(50)} == {0, 1}


@given(CURVES, st.integers(0, 99))
def test_median_stops_below_the_median_of_running_averages(
    curves: list[list[float]], seed: int
) -> None:
    """The definition, from the whole record of what was told."""
    rule = Median(2, 9)
    record: dict[int, list[float]] = {}
    arrived: dict[int, list[float]] = {}
    stopped = set()
    for number, step, value in interleaved(curves, seed):
        if number in stopped:
            continue
        record.setdefault(number, []).append(value)
        others = list(arrived.get(step, []))
        expected = (
            2 <= step < 9
            and len(others) >= Median.least
            and bool(max(record[number]) < np.median(others))
        )
        assert rule.stops(number, step, value) == expected
        arrived.setdefault(step, []).append(float(np.mean(record[number])))
        if expected:
            stopped.add(number)


def test_median_judges_nobody_before_there_are_enough() -> None:
    rule = Median(1, 9)
    assert not any(rule.stops(n, 1, 1.0) for n in range(Median.least))
    assert rule.stops(9, 1, 0.5)


@pytest.mark.parametrize("name", NAMES)
def test_one_unit_leaves_nothing_to_judge(name: str) -> None:
    rule = build_rule(name, grace=1, factor=3, max_budget=1, seed=0)
    assert rule.milestones == ()
    assert not any(rule.stops(n, 1, -n) for n in range(9))
    assert rule.rung(0, 1) == 0


@pytest.mark.parametrize(
    ("grace", "factor", "where"),
    [(0, 3, "grace"), (10, 3, "grace"), (1, 1, "reduction_factor"), (1, float("nan"), "reduction")],
)
def test_what_cannot_judge_is_refused(grace: int, factor: float, where: str) -> None:
    with pytest.raises(InputError, match=where):
        build_rule("asha", grace=grace, factor=factor, max_budget=9, seed=0)
