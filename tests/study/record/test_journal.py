"""The ledger's file: torn, full, read by Optuna's own tools."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.storages.journal import JournalFileBackend

from distrib.errors import InputError
from distrib.study.record.journal import JournalFile, LedgerError, repair
from distrib.study.record.ledger import Ledger
from tests.support.simulate import Simulation, facts, toy_plan

LOGS = [
    {"op_code": 4, "trial_id": 0, "text": "naïve\nline"},
    {"op_code": 7, "trial_id": 0, "intermediate_value": float("nan")},
    {"op_code": 7, "trial_id": 1, "intermediate_value": 0.1},
]


def written(path: Path, logs: list[dict[str, object]]) -> bytes:
    file = JournalFile(path)
    for log in logs:
        file.append_logs([log])
    file.close()
    return path.read_bytes()


def logs_of(path: Path) -> list[str]:
    file = JournalFile(path)
    found = [repr(log) for log in file.read_logs(0)]
    file.close()
    return found


def test_a_torn_end_is_cut_off_and_told_at_every_byte(tmp_path: Path) -> None:
    path = tmp_path / "ledger.journal"
    content = written(path, LOGS)
    for end in range(len(content) + 1):
        path.write_bytes(content[:end])
        whole = content[:end].count(b"\n")
        torn = end - (content.rfind(b"\n", 0, end) + 1)
        file = JournalFile(path)
        if torn:
            assert f"{torn} bytes" in file.torn
        else:
            assert file.torn is None
        file.append_logs([{"op_code": 9}])
        file.close()
        assert logs_of(path) == [*map(repr, LOGS[:whole]), "{'op_code': 9}"]


def test_the_word_that_marks_lines_may_stand_in_a_text(tmp_path: Path) -> None:
    path = tmp_path / "ledger.journal"
    before = written(path, [{"op_code": 4, "text": "first"}])
    file = JournalFile(path)
    with file.together():
        file.append_logs([{"op_code": 4}, {"op_code": 4, "text": "together"}, {"op_code": 5}])
    file.close()
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))
    assert repair(path) is not None
    assert path.read_bytes() == before


def test_lines_written_together_count_together(tmp_path: Path) -> None:
    path = tmp_path / "ledger.journal"
    start = written(path, LOGS[:1])
    file = JournalFile(path)
    with file.together():
        for log in LOGS:
            file.append_logs([log])
        assert path.read_bytes() == start
    file.append_logs([{"op_code": 9}])
    file.close()
    content = path.read_bytes()
    together = content.rfind(b"\n", 0, -1) + 1
    for end in range(len(start) + 1, together):
        path.write_bytes(content[:end])
        assert repair(path)
        assert path.read_bytes() == start
    path.write_bytes(content[:together])
    assert repair(path) is None
    path.write_bytes(content)
    assert repair(path) is None


def test_nothing_is_written_of_what_fails_on_the_way(tmp_path: Path) -> None:
    file = JournalFile(tmp_path / "ledger.journal")
    with pytest.raises(RuntimeError), file.together():
        file.append_logs(LOGS)
        raise RuntimeError
    file.append_logs(LOGS[2:])
    file.close()
    assert logs_of(file.path) == [repr(LOGS[2])]


@pytest.mark.parametrize("tail", [b"\0" * 100, b"[1]\n", b"3\n", b'{"a"\n', b"\xff\n", b"\n"])
def test_a_last_line_that_says_nothing_is_cut_off(tail: bytes, tmp_path: Path) -> None:
    path = tmp_path / "ledger.journal"
    content = written(path, LOGS)
    path.write_bytes(content + tail)
    assert repair(path)
    assert path.read_bytes() == content


def test_a_reader_passes_over_a_torn_line_and_mends_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.journal"
    content = written(path, LOGS) + b'{"op_co'
    path.write_bytes(content)
    file = JournalFile(path, read_only=True)
    assert list(map(repr, file.read_logs(0))) == list(map(repr, LOGS))
    with pytest.raises(LedgerError):
        file.append_logs(LOGS)
    assert path.read_bytes() == content


def test_a_line_torn_in_the_middle_of_the_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.journal"
    content = written(path, LOGS)
    path.write_bytes(b'{"op_\n' + content)
    with pytest.raises(
        InputError, match=r"ledger\.journal, line 1: this line of the ledger is damaged"
    ):
        Ledger(path, "toy", "max")


@given(
    logs=st.lists(
        st.one_of(
            st.dictionaries(st.text(max_size=5), st.floats() | st.text(), max_size=3),
            st.just(None),
        ),
        max_size=12,
    )
)
@settings(max_examples=50)
def test_what_is_appended_is_read_back(
    logs: list[dict[str, object] | None], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """None stands for a reopening; the running reader and a new one see the same."""
    path = tmp_path_factory.mktemp("journal") / "ledger.journal"
    file = JournalFile(path)
    running: list[str] = []
    for log in logs:
        if log is None:
            file.close()
            file = JournalFile(path)
            running = list(map(repr, file.read_logs(0)))
        else:
            file.append_logs([log])
            running += map(repr, file.read_logs(len(running)))
    file.close()
    assert (
        running == logs_of(path) == [repr(json.loads(json.dumps(x))) for x in logs if x is not None]
    )


@pytest.mark.parametrize(
    ("room", "error"),
    [(0, errno.ENOSPC), (0, errno.EROFS), (1, errno.ENOSPC), (17, errno.ENOSPC)],
)
def test_a_disk_that_takes_no_more_leaves_whole_lines(
    room: int, error: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger.journal"
    content = written(path, LOGS)
    file = JournalFile(path)
    raw = file._file

    class Full:
        """A file on a disk with `room` bytes left, or one that has become read-only."""

        def write(self, content: bytes) -> int:
            if room == 0:
                raise OSError(error, os.strerror(error))
            return raw.write(content[:room])

        def fileno(self) -> int:
            return raw.fileno()

    monkeypatch.setattr(file, "_file", Full())
    with pytest.raises(LedgerError) as caught:
        file.append_logs(LOGS)
    assert caught.value.errno == error
    assert caught.value.filename == str(path)
    assert path.read_bytes() == content
    monkeypatch.setattr(file, "_file", raw)
    file.append_logs(LOGS[:1])
    file.close()
    assert logs_of(path) == [*map(repr, LOGS), repr(LOGS[0])]


NOTE = b'{"op_code": 3, "worker_id": "dashboard", "study_id": 0, "system_attr": {"note": "x"}}\n'


@pytest.mark.parametrize("others", ["before", "after", "both"])
def test_what_another_one_appended_outlives_a_full_disk(
    others: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """optuna-dashboard adds a note to a running study; then the disk takes a part of a line."""
    path = tmp_path / "ledger.journal"
    content = written(path, LOGS)
    file = JournalFile(path)
    raw = file._file

    def note() -> None:
        with path.open("ab", buffering=0) as other:
            other.write(NOTE)

    class Full:
        def write(self, content: bytes) -> int:
            count = raw.write(content[:17])
            if others != "before":
                note()
            return count

        def fileno(self) -> int:
            return raw.fileno()

    if others != "after":
        note()
    monkeypatch.setattr(file, "_file", Full())
    with pytest.raises(LedgerError):
        file.append_logs(LOGS)
    raw.close()
    notes = 2 if others == "both" else 1
    assert path.read_bytes().startswith(content)
    assert logs_of(path) == [*map(repr, LOGS), *[repr(json.loads(NOTE))] * notes]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Simulation:
    """A study with every kind of end."""
    plan = toy_plan({"kind": {"choice": ["curve", "nan", "bug"]}}, trials=10, seed=5)
    simulation = Simulation(plan, tmp_path_factory.mktemp("study"))
    simulation.run()
    assert {state for _, state, _, _ in facts(simulation.search).values()} == {
        "COMPLETE",
        "PRUNED",
        "FAIL",
    }
    return simulation


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_optuna_itself_opens_the_ledger(study: Simulation) -> None:
    path = study.path / "ledger.journal"
    before = path.read_bytes()
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(path)))
    (name,) = optuna.get_all_study_names(storage)
    loaded = optuna.load_study(study_name=name, storage=storage)
    assert loaded.direction == optuna.study.StudyDirection.MAXIMIZE
    ours = study.ledger.frozen()
    assert [(t.params, t.state, t.user_attrs) for t in loaded.trials] == [
        (t.params, t.state, t.user_attrs) for t in ours
    ]
    assert loaded.best_value == max(t.value for t in ours if t.state.name == "COMPLETE")
    assert path.read_bytes() == before


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_optuna_dashboard_opens_the_ledger(study: Simulation) -> None:
    dashboard = pytest.importorskip("optuna_dashboard._storage_url")
    serializer = pytest.importorskip("optuna_dashboard._serializer")
    storage = dashboard.get_storage(str(study.path / "ledger.journal"))
    (summary,) = storage.get_all_studies()
    trials = storage.get_all_trials(summary._study_id)
    shown = [serializer.serialize_frozen_trial(summary._study_id, t, {}) for t in trials]
    assert [t["state"].title() for t in shown] == [
        {"COMPLETE": "Complete", "PRUNED": "Pruned", "FAIL": "Fail"}[t.state.name] for t in trials
    ]
    assert len(shown) == 10
