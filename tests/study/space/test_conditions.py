"""Conditions that never hold are refused; those that can hold are left alone."""

from __future__ import annotations

import pytest

from distrib.errors import InputError
from distrib.safe_yaml import read_yaml
from distrib.study.space.space import Space
from distrib.study.space.space_file import parse_space


def space_of(text: str) -> Space:
    body = f"trainable: tests.families.toys:Curve\nparameters:\n  {text}"
    return parse_space(read_yaml(body, "x.yaml"), name="x", file="x.yaml")


# Parameters, and words that the message must hold.
NEVER = {
    "beyond a range of integers": (
        "n: {randint: [1, 3]}\n  d: {uniform: [0, 1], when: {n: 7}}", ["[7]", "randint [1, 3]"]),
    "one of several, beyond": (
        "n: {randint: [1, 3]}\n  d: {uniform: [0, 1], when: {n: [2, 7]}}", ["[7]", "[1, 3]"]),
    "between the steps": (
        "n: {randint: [2, 8], step: 2}\n  d: {uniform: [0, 1], when: {n: 5}}",
        ["[5]", "in steps of 2"]),
    "between integers": (
        "n: {lograndint: [1, 8]}\n  d: {uniform: [0, 1], when: {n: 2.5}}", ["[2.5]", "[1, 8]"]),
    "between the steps of a range": (
        "n: {uniform: [0, 1], step: 0.1}\n  d: {uniform: [0, 1], when: {n: 0.25}}",
        ["[0.25]", "in steps of 0.1"]),
    "a range of floats": (
        "n: {loguniform: [1e-4, 1e-2]}\n  d: {uniform: [0, 1], when: {n: 0.001}}",
        ["[0.001]", "loguniform [0.0001, 0.01]", "give n choices"]),
    "an operator": (
        'n: {randint: [1, 3]}\n  d: {uniform: [0, 1], when: {n: ">1"}}',
        ["['>1']", "compare nothing", "n: [value, ...]"]),
    "a truth value": (
        "n: {randint: [0, 3]}\n  d: {uniform: [0, 1], when: {n: true}}", ["[True]", "[0, 3]"]),
    "another const": (
        "n: layer\n  d: {uniform: [0, 1], when: {n: none}}", ["['none']", "['layer']"]),
    "no choice": (
        "n: {choice: [a, b]}\n  d: {uniform: [0, 1], when: {n: [a, c]}}", ["['c']", "['a', 'b']"]),
}  # fmt: skip


@pytest.mark.parametrize("case", NEVER)
def test_a_value_that_is_never_taken_is_named(case: str) -> None:
    text, words = NEVER[case]
    with pytest.raises(InputError, match="a value that n never takes") as told:
        space_of(text)
    for word in ["x.yaml, parameters.d.when", *words]:
        assert word in str(told.value)


def test_a_condition_needs_a_value() -> None:
    with pytest.raises(InputError, match="a condition without a value") as told:
        space_of("n: {choice: [1, 2]}\n  d: {uniform: [0, 1], when: {n: []}}")
    assert "x.yaml, parameters.d.when" in str(told.value)


EXCLUDING = {
    "a parent's own condition": (
        "n: {choice: [1, 2, 3]}\n  m: {choice: [a, b], when: {n: [2, 3]}}\n"
        "  d: {uniform: [0, 1], when: {m: b, n: 1}}", "n would have to be"),
    "the same, the other way round": (
        "n: {choice: [1, 2, 3]}\n  m: {choice: [a, b], when: {n: [2, 3]}}\n"
        "  d: {uniform: [0, 1], when: {n: 1, m: b}}", "n would have to be"),
    "two parents": (
        "n: {choice: [1, 2]}\n  m: {const: 1, when: {n: 1}}\n  o: {const: 1, when: {n: 2}}\n"
        "  d: {uniform: [0, 1], when: {m: 1, o: 1}}", "of which o is conditional"),
    "a grandparent": (
        "n: {randint: [1, 2]}\n  m: {choice: [a, b], when: {n: 1}}\n"
        "  o: {choice: [a, b], when: {m: a}}\n  d: {uniform: [0, 1], when: {o: a, m: b}}",
        "m would have to be"),
}  # fmt: skip


@pytest.mark.parametrize("case", EXCLUDING)
def test_conditions_that_exclude_each_other_are_named(case: str) -> None:
    text, word = EXCLUDING[case]
    with pytest.raises(InputError, match="exclude each other") as told:
        space_of(text)
    assert "x.yaml, parameters.d.when" in str(told.value) and word in str(told.value)


def test_conditions_that_can_hold_are_taken() -> None:
    space_of(
        "n: {randint: [2, 8], step: 2}\n  s: {uniform: [0, 1], step: 0.1}\n  c: {const: [1, 2]}\n"
        "  m: {choice: [a, [1, 2]], when: {n: [2, 8], s: 0.3}}\n"
        "  d: {uniform: [0, 1], when: {m: [[1, 2]], n: 2, c: [[1, 2]]}}"
    )


def test_fixing_a_parent_may_leave_a_condition_unmet() -> None:
    space = space_of("n: {randint: [1, 3]}\n  d: {choice: [1, 2], when: {n: 2}}").fix("n", 1)
    assert [p.name for p in space.parameters] == ["n", "d"]
