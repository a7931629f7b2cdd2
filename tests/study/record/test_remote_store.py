"""A study copied to a URL can be made anew from it, whatever was on its way."""

from __future__ import annotations

from pathlib import Path

import pytest

from distrib.errors import InputError
from distrib.records import StudyRecord, TrialRecord
from distrib.study.record.remote_store import RemoteStore, next_study
from distrib.study.record.run_folder import RunFolder


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "staging" / "toy-0")
    checkpoint = folder.trial(0) / "checkpoint"
    checkpoint.mkdir(parents=True)
    folder.study_yaml.write_text("version: 1\n")
    folder.ledger.write_bytes(b'{"a": 1}\n')
    (folder.trial(0) / "metrics.csv").write_text("step,score\n1,0.5\n")
    (checkpoint / "state-000001.safetensors").write_bytes(b"first")
    return folder


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"file://{tmp_path}/store/toy-0"


STUDY = StudyRecord("toy-0", "toy", "score", "max", "epoch", 3, 2)


def test_the_ledger_grows_by_segments_that_never_change(
    folder: RunFolder, url: str, tmp_path: Path
) -> None:
    remote = RemoteStore(url, folder)
    remote.study_started(STUDY)
    store = tmp_path / "store" / "toy-0" / "ledger"
    before = {p.name: p.read_bytes() for p in store.iterdir()}
    with folder.ledger.open("ab") as file:
        file.write(b'{"b": 2}\n')
    remote.trial_ended(TrialRecord(0, "COMPLETE"))
    after = {p.name: p.read_bytes() for p in store.iterdir()}
    assert len(after) == len(before) + 1
    assert before.items() <= after.items()
    assert b"".join(after[name] for name in sorted(after)) == folder.ledger.read_bytes()


def test_a_study_is_made_anew_from_its_mirror_and_goes_on(
    folder: RunFolder, url: str, tmp_path: Path
) -> None:
    remote = RemoteStore(url, folder)
    remote.study_started(STUDY)
    remote.trial_ended(TrialRecord(0, "COMPLETE"))
    remote.put_rest()
    remote.lock.release()
    elsewhere = RunFolder(tmp_path / "elsewhere" / "toy-0")
    copy = RemoteStore(url, elsewhere)
    copy.pull()
    for path in (
        "study.yaml",
        "ledger.journal",
        "trials/0000/metrics.csv",
        "trials/0000/checkpoint/state-000001.safetensors",
    ):
        assert (elsewhere.path / path).read_bytes() == (folder.path / path).read_bytes(), path
    with elsewhere.ledger.open("ab") as file:
        file.write(b'{"c": 3}\n')
    copy.trial_ended(TrialRecord(1, "COMPLETE"))
    copy.lock.release()
    third = RunFolder(tmp_path / "third")
    RemoteStore(url, third).pull()
    assert third.ledger.read_bytes() == elsewhere.ledger.read_bytes()


def test_a_state_without_its_manifest_does_not_count(
    folder: RunFolder, url: str, tmp_path: Path
) -> None:
    remote = RemoteStore(url, folder)
    remote.study_started(STUDY)
    remote.trial_ended(TrialRecord(0, "PRUNED"))
    store = tmp_path / "store" / "toy-0" / "trials" / "0000" / "checkpoint"
    (store / "state-000002.safetensors").write_bytes(b"half of the sec")
    remote.lock.release()
    elsewhere = RunFolder(tmp_path / "elsewhere")
    RemoteStore(url, elsewhere).pull()
    states = [p.name for p in (elsewhere.trial(0) / "checkpoint").iterdir()]
    assert states == ["state-000001.safetensors"]


def test_states_that_gave_way_leave_the_store(folder: RunFolder, url: str, tmp_path: Path) -> None:
    remote = RemoteStore(url, folder)
    remote.study_started(STUDY)
    remote.trial_ended(TrialRecord(0, "COMPLETE"))
    states = folder.trial(0) / "checkpoint"
    (states / "state-000001.safetensors").unlink()
    (states / "state-000002.safetensors").write_bytes(b"second")
    remote.trial_ended(TrialRecord(1, "COMPLETE"))  # of another: the newer state goes there first
    store = tmp_path / "store" / "toy-0" / "trials" / "0000" / "checkpoint"
    assert {p.name for p in store.iterdir()} == {"manifest.json", "state-000002.safetensors"}
    remote.lock.release()
    copy = RemoteStore(url, RunFolder(tmp_path / "elsewhere"))
    copy.pull()
    (found,) = copy.folder.path.glob("trials/*/checkpoint/*")
    assert found.read_bytes() == b"second"
    found.unlink()  # a better trial keeps its weights
    copy.study_ended(STUDY, interrupted=False)
    assert [p.name for p in store.iterdir()] == ["manifest.json"]


def test_a_missing_segment_is_named(folder: RunFolder, url: str, tmp_path: Path) -> None:
    remote = RemoteStore(url, folder)
    remote.study_started(STUDY)
    for k in range(2):
        with folder.ledger.open("ab") as file:
            file.write(b'{"more": 1}\n')
        remote.trial_ended(TrialRecord(k, "COMPLETE"))
    segments = sorted((tmp_path / "store" / "toy-0" / "ledger").iterdir())
    segments[1].unlink()
    remote.lock.release()
    with pytest.raises(InputError, match="segment"):
        RemoteStore(url, RunFolder(tmp_path / "elsewhere")).pull()


def test_a_store_that_lets_nothing_be_removed_is_good_enough(folder: RunFolder, url: str) -> None:
    def forbidden(path: str) -> None:
        raise PermissionError(path)

    remote = RemoteStore(url, folder)
    remote.study_started(STUDY)
    remote.trial_ended(TrialRecord(0, "COMPLETE"))
    (folder.trial(0) / "checkpoint" / "state-000001.safetensors").unlink()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(remote._fs, "rm_file", forbidden)
        remote.trial_ended(TrialRecord(1, "COMPLETE"))
    remote.lock.release()


def test_a_study_that_was_only_begun_leaves_its_name_free(url: str, folder: RunFolder) -> None:
    out = url.rpartition("/")[0]
    remote = RemoteStore(url, folder)
    remote.lock.acquire()
    assert next_study(out, "toy-0", "toy") == f"{out}/toy-0"  # whoever holds it is asked later
    remote.study_started(STUDY)
    with pytest.raises(InputError, match="exists already"):
        next_study(out, "toy-0", "toy")
    remote.lock.release()


def test_names_are_counted_on_and_never_taken_twice(url: str, folder: RunFolder) -> None:
    out = url.rpartition("/")[0]
    assert next_study(out, None, "toy") == f"{out}/toy-0"
    remote = RemoteStore(url, folder)
    remote.study_started(STUDY)
    remote.lock.release()
    assert next_study(out, None, "toy") == f"{out}/toy-1"
    with pytest.raises(InputError, match="exists already"):
        next_study(out, "toy-0", "toy")


def test_an_unknown_kind_of_store_is_refused() -> None:
    with pytest.raises(InputError, match="nosuch"):
        next_study("nosuch://bucket/runs", None, "toy")
