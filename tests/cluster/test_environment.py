"""What a process of Ray's finds, and that none is forked off a process with threads."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import distrib
from distrib.cluster.environment import (
    COMPILED,
    NETWORK,
    SETTINGS,
    THREADS,
    compiled_here,
    compiled_once,
    passed_on,
    set_environment,
    thread_settings,
)

PACKAGE = Path(distrib.__file__).parent

# Ray and JAX have threads, and a fork copies their locks as they are: the child may wait for ever.
# `subprocess` is no such fork, unless it is to run Python between fork and exec.
FORKING_MODULES = {"multiprocessing", "torch.multiprocessing", "pty", "concurrent.futures.process"}
FORKING_NAMES = {"fork", "forkpty", "ProcessPoolExecutor", "DataLoader", "preexec_fn"}
# Its GPU workers all begin at GPU 0, whatever Ray has assigned to their trial.
DEAF_TO_RAY = {"JaxTrainer"}


def words_of(code: str) -> set[str]:
    """Every module, name, attribute and keyword that a piece of code mentions."""
    words: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Import(names):
                words |= {alias.name for alias in names}
            case ast.ImportFrom(module, names):
                words |= {module or ""} | {alias.name for alias in names}
                words |= {f"{module}.{alias.name}" for alias in names}
            case ast.Name(id) | ast.Attribute(attr=id):
                words.add(id)
            case ast.keyword(arg=str(id)):
                words.add(id)
    return words


def forbidden(code: str) -> set[str]:
    """What a piece of code mentions and should not."""
    return words_of(code) & (FORKING_MODULES | FORKING_NAMES | DEAF_TO_RAY)


@pytest.mark.parametrize(
    "code",
    [
        "import os\nos.fork()",
        "from os import forkpty as f",
        "import multiprocessing as mp",
        "from torch import multiprocessing",
        "from concurrent.futures import ProcessPoolExecutor",
        "subprocess.Popen(['ls'], preexec_fn=print)",
        "def f():\n    from torch.utils.data import DataLoader",
        "import ray.train.v2 as t\nt.JaxTrainer(f)",
    ],
)
def test_the_search_finds_what_it_is_for(code: str) -> None:
    assert forbidden(code)


def test_nothing_forks() -> None:
    files = sorted(PACKAGE.rglob("*.py"))
    assert len(files) > 50
    assert {f: w for f in files if (w := forbidden(f.read_text(encoding="utf-8")))} == {}


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment in which nothing of ours is set, and which is as before afterwards."""
    for name in (*SETTINGS, *THREADS, *NETWORK, "RAY_AUTH_MODE", "RAY_AUTH_TOKEN"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.mark.usefixtures("clean")
def test_the_nodes_hear_what_was_set_here(monkeypatch: pytest.MonkeyPatch) -> None:
    assert passed_on() == {}
    monkeypatch.setenv("XLA_PYTHON_CLIENT_PREALLOCATE", "true")
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setenv("NCCL_SOCKET_IFNAME", "eth1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "private")
    set_environment("auto", threads=3)
    assert passed_on() == {
        **SETTINGS,
        **thread_settings(3),  # the CPUs of a worker are the user's later word
        "XLA_PYTHON_CLIENT_PREALLOCATE": "true",
        "NCCL_SOCKET_IFNAME": "eth1",
    }


@pytest.mark.usefixtures("clean")
def test_without_a_number_the_threads_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    set_environment("auto")
    assert {k: v for k, v in os.environ.items() if k in THREADS} == {"OMP_NUM_THREADS": "7"}


OWN_RAY = """
import json, os
from distrib.cluster.environment import set_environment
set_environment(None, threads=1)
from distrib.cluster.connect import connected
def look():
    from pathlib import Path
    import jax
    jax.jit(lambda x: sum(jax.numpy.sin(i * x) for i in range(1500)))(1.0)
    # As it was when the process began, before anything was imported.
    return Path("/proc/self/environ").read_text()
with connected(None, cpus=1) as cluster:
    import ray
    found = ray.get(ray.remote(look).remote())
    compiled = [str(path) for path in (cluster.scratch / "compiled").glob("*-cache")]
print(json.dumps([found, compiled, dict(os.environ)]))
"""


@pytest.mark.ray
def test_a_worker_of_our_own_ray_finds_it_all() -> None:
    """Of JAX's memory and of BLAS's threads, which are read before any code of ours runs."""
    names = (*SETTINGS, *THREADS)
    jax = compiled_here(Path("compiled"))
    done = subprocess.run(
        [sys.executable, "-c", OWN_RAY],
        env={k: v for k, v in os.environ.items() if k not in (*names, *jax)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    text, compiled, driver = json.loads(done.stdout.splitlines()[-1])
    found = dict(line.partition("=")[::2] for line in text.split("\0"))
    assert {k: found.get(k) for k in names} == {**SETTINGS, **thread_settings(1)}
    assert found["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
    assert [Path(path).parent for path in compiled] == [Path(found[COMPILED])]
    assert not driver.keys() & jax.keys()
    assert not Path(found[COMPILED]).exists()


def test_where_the_user_keeps_what_is_compiled_it_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(COMPILED, "theirs")
    with compiled_once(Path("ours")):
        assert os.environ[COMPILED] == "theirs"
    assert os.environ[COMPILED] == "theirs"
