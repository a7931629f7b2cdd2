"""YAML: plain values come back as they are, and every mistake has its line."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from distrib.errors import InputError
from distrib.safe_yaml import read_yaml, read_yaml_file

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(PLAIN)
def test_plain_values_come_back(value: object) -> None:
    assert read_yaml(yaml.safe_dump(value), "x") == value


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\nb: 2\na: 3\n", ["x.yaml, line 3", "duplicate key 'a'", "line 1 already"]),
        ("a:\n  b: 1\n  c: {d: 1, d: 2}\n", ["line 3", "'d'"]),
        ("- {a: 1}\n- a: 1\n  'a': 1\n", ["line 3", "'a'"]),
        ("1: a\n2: b\n1: c\n", ["line 3", "duplicate key 1"]),
        ("a: [1\n", ["x.yaml, line 2", "not YAML"]),
        ("a: !!python/name:os.system\n", ["line 1", "not YAML", "python/name"]),
        ("{[1]: 2, {a: 1}: 3}", ["line 1", "not YAML", "unhashable"]),
        ("a: \x00", ["x.yaml", "not YAML"]),
    ],
)
def test_mistakes_have_their_line(text: str, says: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        read_yaml(text, "x.yaml")
    for words in says:
        assert words in str(caught.value)


def test_a_merge_may_be_overridden() -> None:
    text = "base: &base {a: 1, b: 2}\nmine: {<<: *base, a: 3}\n"
    assert read_yaml(text, "x")["mine"] == {"a": 3, "b": 2}


@pytest.mark.parametrize(
    "content",
    [
        "a: ü\r\n".encode(),
        codecs.BOM_UTF8 + "a: ü\n".encode(),
        "a: ü\n".encode("utf-16"),
        codecs.BOM_UTF16_BE + "a: ü\n".encode("utf-16-be"),
    ],
)
def test_encodings(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(content)
    assert read_yaml_file(path) == {"a": "ü"}
    path.write_bytes(b"a: \xfc\n")
    with pytest.raises(InputError, match=r"x\.yaml, byte 3: this is not UTF-8"):
        read_yaml_file(path)
