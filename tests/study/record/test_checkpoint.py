"""States on disk: exact, checked, and the one before where the newest is torn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors import SafetensorError

from distrib.errors import InputError
from distrib.study.record.checkpoint import (
    KEPT,
    Checkpoints,
    TornStateError,
    read_state,
    write_state,
)
from distrib.trainables.base import State

DTYPES = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?")
STATE = State(
    {"weights": np.arange(6.0, dtype=np.float32).reshape(2, 3), "step": np.array(7)},
    {"generator": {"state": 2**100, "name": "PCG64"}, "rate": 0.1, "none": None},
)


def same(a: State, b: State) -> None:
    assert dict(a.values) == dict(b.values)
    assert a.arrays.keys() == b.arrays.keys()
    for name, array in a.arrays.items():
        other = b.arrays[name]
        assert (array.dtype, array.shape) == (other.dtype, other.shape)
        assert array.tobytes() == other.tobytes()


@settings(max_examples=60)
@given(
    arrays=st.dictionaries(
        st.text("abc.", min_size=1, max_size=6),
        hnp.arrays(
            st.sampled_from(list(map(np.dtype, DTYPES))),
            hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
        ),
        max_size=3,
    ),
    values=st.dictionaries(
        st.text(max_size=4),
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        max_size=3,
    ),
)
def test_a_state_comes_back_as_it_was(
    arrays: dict[str, np.ndarray],
    values: dict[str, object],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.mktemp("state") / "state.safetensors"
    write_state(path, State(arrays, values))
    same(read_state(path), State(arrays, values))


@pytest.mark.parametrize(
    "array",
    [
        np.array(1.5),
        np.zeros((0, 3)),
        np.zeros((3, 0), np.int64),
        np.arange(12.0).reshape(3, 4).T,
        np.arange(10)[::2],
        np.array([np.nan, np.inf, -0.0]),
    ],
    ids=["0-d", "no rows", "no columns", "transposed", "strided", "not finite"],
)
def test_awkward_arrays(array: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    write_state(path, State({"array": array}))
    same(read_state(path), State({"array": array}))


@pytest.mark.parametrize("part", [0.0, 0.01, 0.5, 0.99])
def test_a_torn_newest_state_falls_back_to_the_one_before_and_says_so(
    part: float, tmp_path: Path
) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoint")
    older = State(STATE.arrays, {"step": 1})
    checkpoints.save(older)
    checkpoints.save(STATE)
    newest = checkpoints.files()[-1]
    content = newest.read_bytes()
    newest.write_bytes(content[: int(part * len(content))])
    state, notes = checkpoints.load()
    same(state, older)
    assert len(notes) == 1
    assert str(newest) in notes[0]
    assert "torn" in notes[0]
    # What follows is not misled by it.
    checkpoints.save(STATE)
    state, notes = checkpoints.load()
    same(state, STATE)
    assert notes == []


def test_a_single_altered_byte_is_noticed_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    write_state(path, STATE)
    content = path.read_bytes()
    for i in range(len(content)):
        path.write_bytes(content[:i] + bytes([content[i] ^ 1]) + content[i + 1 :])
        try:
            found = read_state(path)
        except TornStateError:
            continue
        same(found, STATE)  # a byte of padding, or the order of the header


def test_equal_states_are_equal_files(tmp_path: Path) -> None:
    contents = set()
    for i in range(20):
        write_state(tmp_path / f"{i}.safetensors", STATE)
        contents.add((tmp_path / f"{i}.safetensors").read_bytes())
    assert len(contents) == 1


def test_nothing_left_to_read_is_a_new_beginning(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoint")
    assert checkpoints.load() == (None, [])
    checkpoints.save(STATE)
    checkpoints.save(STATE)
    for file in checkpoints.files():
        file.write_bytes(b"")
    state, notes = checkpoints.load()
    assert state is None
    assert len(notes) == 2


def test_only_the_last_few_are_kept(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoint")
    for step in range(6):
        checkpoints.save(State({}, {"step": step}))
    assert len(list((tmp_path / "checkpoint").iterdir())) == KEPT
    assert checkpoints.load()[0].values == {"step": 5}


def test_a_full_disk_leaves_the_earlier_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.safetensors"
    write_state(path, STATE)

    def full(self: Path, content: bytes) -> int:
        with self.open("wb") as file:
            file.write(content[:5])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        write_state(path, State({}, {}))
    same(read_state(path), STATE)
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_state_and_another_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_state(tmp_path / "none.safetensors")
    other = tmp_path / "weights.safetensors"
    other.write_bytes(b"\x80\x04\x95pickle")
    with pytest.raises(TornStateError):
        read_state(other)


def test_objects_are_not_written(tmp_path: Path) -> None:
    """Nothing that would need pickle, neither as array nor as value."""
    with pytest.raises(SafetensorError):
        write_state(tmp_path / "a.safetensors", State({"a": np.array([object()])}))
    with pytest.raises(TypeError):
        write_state(tmp_path / "b.safetensors", State({}, {"b": object()}))
    assert not list(tmp_path.iterdir())
