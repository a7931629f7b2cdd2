"""Resources node by node, and the environment that Ray must find; no Ray is started."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest
import ray
from hypothesis import given
from hypothesis import strategies as st

from distrib.cluster.connect import Cluster, Resources, connected
from distrib.cluster.environment import SETTINGS
from distrib.cluster.joining import no_answer, require_answer, silence
from distrib.cluster.scratch import scratch_folder
from distrib.errors import InputError
from tests.support.ray_cluster import foreign_environment


def cluster(*nodes: dict[str, float]) -> Cluster:
    return Cluster(
        "local",
        Path("/nowhere"),
        len(nodes),
        sum(node.get("CPU", 0) for node in nodes),
        sum(node.get("GPU", 0) for node in nodes),
        nodes,
    )


@pytest.mark.parametrize(
    ("nodes", "resources", "trials"),
    [
        ([{"CPU": 2}], Resources(), 2),
        ([{"CPU": 2}], Resources(cpus=0.5), 4),
        ([{"CPU": 3}], Resources(cpus=2), 1),
        # Two halves on two nodes do not make one.
        ([{"CPU": 3}, {"CPU": 3}], Resources(cpus=2), 2),
        ([{"CPU": 1}, {"CPU": 1}], Resources(cpus=2), 0),
        ([{"CPU": 8}], Resources(gpus=1), 0),
        ([{"CPU": 8, "GPU": 1}], Resources(gpus=0.25), 4),
        ([{"CPU": 2, "GPU": 1}], Resources(gpus=0.1), 2),
        ([{"CPU": 8, "GPU": 2}, {"CPU": 8}], Resources(gpus=1, workers=2), 1),
        ([{"CPU": 2}, {"CPU": 2}], Resources(workers=3), 1),
        (
            [{"CPU": 8, "GPU": 2, "accelerator_type:A100": 1}, {"CPU": 8, "GPU": 2}],
            Resources(gpus=1, accelerator_type="A100"),
            2,
        ),
        ([], Resources(), 0),
    ],
)
def test_how_many_trials_fit(
    nodes: list[dict[str, float]], resources: Resources, trials: int
) -> None:
    assert cluster(*nodes).holds(resources) == trials


@given(st.integers(1, 64), st.integers(1, 40))
def test_fractions_are_not_lost_to_rounding(cpus: int, parts: int) -> None:
    assert cluster({"CPU": cpus}).holds(Resources(cpus=1 / parts)) == cpus * parts


def test_the_environment_is_set_before_ray_and_leaves_the_users_word(tmp_path: Path) -> None:
    code = (
        "import sys, os\n"
        "from distrib.cluster.environment import set_environment\n"
        "set_environment(sys.argv[1] if len(sys.argv) > 1 else None)\n"
        "assert 'ray' not in sys.modules\n"
        "print('\\n'.join(f'{k}={v}' for k, v in os.environ.items()))"
    )

    def environment(*argv: str, **given: str) -> dict[str, str]:
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "TUNE_", "XLA_"))}
        done = subprocess.run(
            [sys.executable, "-c", code, *argv],
            env={**clean, **given},
            capture_output=True,
            text=True,
            check=True,
        )
        return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)

    own = environment(TUNE_WARN_THRESHOLD_S="5")
    assert SETTINGS.items() - own.items() == {("TUNE_WARN_THRESHOLD_S", "30")}
    assert own["TUNE_WARN_THRESHOLD_S"] == "5"
    assert own["RAY_AUTH_MODE"] == "token"
    assert len(own["RAY_AUTH_TOKEN"]) == 64
    assert environment()["RAY_AUTH_TOKEN"] != own["RAY_AUTH_TOKEN"]
    assert "RAY_AUTH_TOKEN" not in environment("auto")


def closed_port() -> int:
    with socket.socket() as held:
        held.bind(("", 0))
        return held.getsockname()[1]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "ray://127.0.0.1"])
def test_an_address_at_which_nobody_listens(host: str) -> None:
    address = f"{host}:{closed_port()}"
    with pytest.raises(InputError) as caught:
        require_answer(address)
    for text in ("--address: no Ray cluster answers", address, "(Connection refused)", "ray up"):
        assert text in str(caught.value)


@pytest.mark.parametrize("address", ["nowhere.invalid:6379", "127.0.0.1:99999"])
def test_an_address_that_cannot_be(address: str) -> None:
    with pytest.raises(InputError, match="no Ray cluster answers"):
        require_answer(address)


def test_an_address_at_which_somebody_listens() -> None:
    with socket.create_server(("", 0)) as server:
        require_answer(f"127.0.0.1:{server.getsockname()[1]}")


@pytest.mark.parametrize("word", ["auto", "local", "nowhere"])
def test_words_are_left_to_ray(word: str) -> None:
    require_answer(word)


@pytest.mark.parametrize(
    ("error", "written", "told"),
    [
        (
            ConnectionError("Failed to connect to Ray cluster at 10.0.0.1:6379"),
            "gcs_client.cc:210: Failed to get cluster ID from GCS server: Unauthenticated: "
            "RPC error: InvalidAuthToken: Authentication token is missing or incorrect\n",
            "wants its token",
        ),
        (
            RuntimeError("Token authentication is enabled but no authentication token was found"),
            "",
            "wants its token",
        ),
        (
            ConnectionError("Failed to connect to Ray cluster at 10.0.0.1:6379"),
            "rpc_client.h:153: Failed to connect to GCS at address 10.0.0.1:6379\n",
            "no Ray cluster answers",
        ),
    ],
)
def test_a_cluster_that_refuses_is_no_cluster_that_is_not_there(
    error: Exception, written: str, told: str
) -> None:
    said = str(no_answer("10.0.0.1:6379", error, written))
    assert told in said
    assert "RAY_AUTH_MODE=token" in said


def test_silence_ends(capfd: pytest.CaptureFixture[str]) -> None:
    with silence() as written:
        os.write(2, b"raw line\n")
        assert written() == "raw line\n"
    with silence(wanted=False):
        os.write(2, b"wanted\n")
    os.write(2, b"afterwards\n")
    assert capfd.readouterr().err == "wanted\nafterwards\n"


def test_a_cluster_that_is_not_there_is_told_in_our_words_alone(tmp_path: Path) -> None:
    address = f"127.0.0.1:{closed_port()}"
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "distrib.tune", "--space", "trimming", "--address", address],
        cwd=tmp_path,
        env={**foreign_environment(), "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    first, *others = done.stderr.splitlines()
    assert first == "error: --address: no Ray cluster answers"
    assert [line.split(":")[0].strip() for line in others] == ["found", "expected", "hint"]
    assert not list(tmp_path.iterdir())


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files whose name has room for Ray's sockets."""
    with tempfile.TemporaryDirectory(prefix="t", dir="/tmp") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def test_scratch_folders_are_ones_own_and_short(short: Path) -> None:
    """Ray's sockets lie below them, and a socket's path has at most 107 characters."""
    first, second = scratch_folder(), scratch_folder()
    assert first != second
    assert first.parent.stat().st_mode & 0o077 == 0
    assert len(str(first)) < 45
    # Of a driver that was killed long ago, and of one just now.
    old, new = first.parent / "999999998", first.parent / "999999999"
    for folder in (old, new):
        folder.mkdir()
    os.utime(old, (0, 0))
    third = scratch_folder()
    assert third.exists()
    assert not old.exists()
    assert all(folder.exists() for folder in (first, second, new))


def test_who_holds_the_lock_of_a_folder_lives(short: Path) -> None:
    """Whatever its process is called: another container that shares the place numbers its own."""
    home = scratch_folder().parent
    with subprocess.Popen(
        [sys.executable, "-c", "from distrib.cluster.scratch import scratch_folder\n"
         "print(scratch_folder(), flush=True)\ninput()"],
        env={**os.environ, "TMPDIR": str(short)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True,
    ) as driver:  # fmt: skip
        assert driver.stdout is not None
        theirs = Path(driver.stdout.readline().strip())
        assert theirs.parent == home
        alive = home / "999999998"  # no process of this namespace
        theirs.rename(alive)
        os.utime(alive, (0, 0))
        scratch_folder()
        assert alive.exists()
        driver.kill()
        driver.wait()
        dead = home / "1"  # a process of this namespace, and another one's folder
        alive.rename(dead)
        os.utime(dead, (0, 0))
        scratch_folder()
        assert not dead.exists()


def test_a_scratch_folder_is_nobody_elses(short: Path) -> None:
    home = short / f"distrib-ray-{os.getuid()}"
    home.mkdir()
    home.chmod(0o777)
    assert scratch_folder().parent == home
    assert home.stat().st_mode & 0o077 == 0
    home.rename(short / "elsewhere")
    home.symlink_to(short / "elsewhere")
    with pytest.raises(InputError, match="cannot keep its files") as caught:
        scratch_folder()
    assert "belongs to another user, or is a link" in str(caught.value)


@pytest.mark.parametrize("error", [errno.EROFS, errno.EACCES, errno.ENOSPC, None])
def test_a_place_that_takes_no_scratch_folder_is_told(
    error: int | None, short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None: a file stands where the folder should."""
    home = short / f"distrib-ray-{os.getuid()}"
    if error is None:
        home.touch()
    else:
        monkeypatch.setattr(Path, "mkdir", Mock(side_effect=OSError(error, os.strerror(error))))
    with pytest.raises(InputError, match=f"{home}: Ray cannot keep its files here") as caught:
        scratch_folder()
    for text in (os.strerror(error or errno.EEXIST), "can be written to", "TMPDIR"):
        assert text in str(caught.value)


def test_a_ray_that_does_not_start_is_told(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a disk that is full: Ray waits half a minute, and raises a plain exception."""
    words = "The current node timed out during startup. This could happen because"
    monkeypatch.setattr(ray, "init", Mock(side_effect=Exception(words)))
    with pytest.raises(InputError, match="Ray could not be started") as caught, connected(None):
        raise AssertionError("connected")
    for text in (words, f"room for their files in {short}", "TMPDIR"):
        assert text in str(caught.value)
    assert not list(short.glob("*/*"))
