"""Studies in S3, by Arrow's client, against a server on this machine."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pyarrow.fs as pafs
import pytest

from distrib.errors import InputError
from distrib.records import StudyRecord, TrialRecord
from distrib.study.record import remote_lock
from distrib.study.record.object_store import check_store, filesystem_of, refusal
from distrib.study.record.remote_store import RemoteStore, fetch, next_study
from distrib.study.record.run_folder import RunFolder
from tests.support.s3 import SETTINGS, make_bucket, s3_server, want_credentials

STUDY = StudyRecord("toy-0", "toy", "score", "max", "epoch", 3, 2)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with s3_server() as endpoint:
        yield endpoint


@pytest.fixture
def endpoint(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in {**SETTINGS, "AWS_ENDPOINT_URL": server}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(remote_lock, "BEAT", 0.1)
    monkeypatch.setattr(remote_lock, "PATIENCE", 1.0)
    monkeypatch.setattr(remote_lock, "SETTLED", 0.05)
    return server


@pytest.fixture
def out(endpoint: str) -> str:
    bucket = f"lab-{uuid.uuid4().hex[:8]}"
    make_bucket(endpoint, bucket)
    return f"s3://{bucket}/runs"


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "staging" / "toy-0")
    (folder.trial(0) / "checkpoint").mkdir(parents=True)
    folder.study_yaml.write_text("version: 1\n")
    folder.ledger.write_bytes(b'{"a": 1}\n')
    (folder.trial(0) / "checkpoint" / "state-000001.safetensors").write_bytes(b"first")
    return folder


def test_a_study_goes_on_from_its_bucket(out: str, folder: RunFolder, tmp_path: Path) -> None:
    url = next_study(out, None, "toy")
    assert url == f"{out}/toy-0"
    remote = RemoteStore(url, folder)
    remote.study_started(STUDY)
    with folder.ledger.open("ab") as file:
        file.write(b'{"b": 2}\n')
    remote.trial_ended(TrialRecord(0, "COMPLETE"))
    remote.put_rest()
    remote.lock.release()
    assert next_study(out, None, "toy") == f"{out}/toy-1"
    with pytest.raises(InputError, match="exists already"):
        next_study(out, "toy-0", "toy")
    copy = RemoteStore(url, RunFolder(tmp_path / "elsewhere" / "toy-0"))
    copy.pull()
    for path in ("study.yaml", "ledger.journal", "trials/0000/checkpoint/state-000001.safetensors"):
        assert (copy.folder.path / path).read_bytes() == (folder.path / path).read_bytes(), path
    (copy.folder.trial(0) / "checkpoint" / "state-000001.safetensors").unlink()
    copy.trial_ended(TrialRecord(1, "COMPLETE"))
    copy.lock.release()
    assert (fetch(url) / "study.yaml").read_text() == "version: 1\n"
    # Nothing else lies there: no folders, and no note of a driver.
    store, root = pafs.FileSystem.from_uri(url)
    keys = {f.path[len(root) + 1 :]: f.type for f in
            store.get_file_info(pafs.FileSelector(root, recursive=True))}  # fmt: skip
    files = {key for key, kind in keys.items() if kind == pafs.FileType.File}
    assert files == {
        "study.yaml",
        "ledger/00000000-000000000000",
        "ledger/00000001-000000000009",
        "trials/0000/checkpoint/manifest.json",
    }


def test_a_second_driver_is_refused(out: str, folder: RunFolder, tmp_path: Path) -> None:
    first = RemoteStore(f"{out}/toy-0", folder)
    first.study_started(STUDY)
    second = RemoteStore(f"{out}/toy-0", RunFolder(tmp_path / "elsewhere"))
    with pytest.raises(InputError, match="another driver runs this study"):
        second.pull()
    first.lock.release()
    second.pull()
    second.lock.release()


def test_a_bucket_that_is_not_there_is_named_soon(endpoint: str) -> None:
    began = time.monotonic()
    with pytest.raises(InputError, match="no such bucket") as told:
        next_study("s3://nothing-here/runs", None, "toy")
    assert "s3://nothing-here/runs" in str(told.value)
    assert time.monotonic() - began < 30


def test_a_bucket_without_permission_is_named_soon(
    out: str, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_store(out)
    want_credentials(endpoint, 0)
    began = time.monotonic()
    try:
        for look in (check_store, lambda url: next_study(url, None, "toy")):
            with pytest.raises(InputError) as told:
                look(out)
            assert "credentials" in str(told.value) or "permission" in str(told.value)
    finally:
        want_credentials(endpoint, -1)
    assert time.monotonic() - began < 30


def test_a_store_that_nobody_serves_is_named_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**SETTINGS, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}.items():
        monkeypatch.setenv(name, value)
    began = time.monotonic()
    with pytest.raises(InputError, match="cannot be reached"):
        next_study("s3://lab/runs", None, "toy")
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("AWS Error ACCESS_DENIED during PutObject operation", "no permission"),
        ("PERMANENT_REDIRECT: use the addressed endpoint", "another region"),
        ("something new", "cannot be used"),
    ],
)
def test_what_stores_say_is_told_in_words(said: str, problem: str) -> None:
    error = refusal("s3://lab/runs", OSError(said))
    assert problem in str(error)
    assert said in str(error)


def test_google_s_store_is_arrow_s_too(endpoint: str) -> None:
    filesystem, root = filesystem_of("gs://anonymous@lab/runs")
    assert root == "lab/runs"
    assert isinstance(filesystem.fs, pafs.GcsFileSystem)
