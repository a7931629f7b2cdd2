"""What is sent to the nodes of a cluster: all the code that they need and nothing else."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import distrib
from distrib.cluster import shipping
from distrib.cluster.shipping import gather
from distrib.errors import InputError
from tests.support.driver import Driver, trials_of, write_space
from tests.support.ray_cluster import foreign_environment, ray_cluster


def write(root: Path, *paths: str, content: str = "x = 1\n") -> None:
    """Files below a folder."""
    for path in paths:
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)


def sent(folder: Path) -> set[str]:
    """The files in a folder, but for this package's own."""
    files = {str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file()}
    return {f for f in files if not f.startswith("distrib/")}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path, as the current one is for a study's driver."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    yield folder
    for name in [n for n in sys.modules if n.partition(".")[0].startswith("lab_")]:
        del sys.modules[name]


def test_this_package_is_sent_whole(tmp_path: Path) -> None:
    package = Path(distrib.__file__).parent
    gather(tmp_path / "code", ())
    for file in [*package.rglob("*.py"), *package.rglob("*.yaml"), *package.rglob("*.gz")]:
        copy = tmp_path / "code" / "distrib" / file.relative_to(package)
        assert copy.read_bytes() == file.read_bytes()
    assert sent(tmp_path / "code") == set()


def test_a_family_brings_its_package_and_the_modules_beside_it(
    project: Path, tmp_path: Path
) -> None:
    code = ("lab_a/__init__.py", "lab_a/family.py", "lab_a/deep/layers.py", "lab_a/deep/table.csv")
    code += ("lab_b.py",)
    write(project, *code, "lab_c/__init__.py", "data.csv", "runs/lab-0/study.yaml")
    gather(
        tmp_path / "code", ["lab_a.family:Mine", "mlp", "distrib.trainables.screens.mlp.family:Mlp"]
    )
    assert sent(tmp_path / "code") == set(code)


def test_single_modules_and_packages_without_init(project: Path, tmp_path: Path) -> None:
    write(project, "lab_b.py", "lab_d/one.py", "lab_d/two.py")
    gather(tmp_path / "code", ["lab_b:Mine", "lab_d.one:Mine"])
    assert sent(tmp_path / "code") == {"lab_b.py", "lab_d/one.py", "lab_d/two.py"}


def test_what_a_module_imports_from_beside_it_comes_along(project: Path, tmp_path: Path) -> None:
    """Modules in any case, for they may be imported late; packages where they are imported."""
    write(project, "lab_h.py", "lab_p/__init__.py", "lab_p/deep/x.py", "lab_q/__init__.py")
    write(project, "lab_b.py", content="import lab_p\n")
    importlib.import_module("lab_b")
    gather(tmp_path / "code", ["lab_b:Mine"])
    code = {"lab_b.py", "lab_h.py", "lab_p/__init__.py", "lab_p/deep/x.py"}
    assert sent(tmp_path / "code") == code


def test_other_threads_import_meanwhile(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Growing(dict[str, Any]):
        def items(self) -> Any:
            for k, pair in enumerate(super().items()):
                self[f"imported_meanwhile_{k}"] = sys
                yield pair

    before = list(shipping._beside(project))
    monkeypatch.setattr(shipping, "sys", SimpleNamespace(modules=Growing(sys.modules)))
    assert list(shipping._beside(project)) == before


def test_what_is_installed_is_on_the_nodes_already(tmp_path: Path) -> None:
    gather(tmp_path / "code", ["numpy.linalg:Mine", "json:Mine"])
    assert sent(tmp_path / "code") == set()


def test_credentials_results_and_caches_stay_here(project: Path, tmp_path: Path) -> None:
    code = (
        "lab_a/__init__.py",
        "lab_a/credentials.py",  # a module: its package would not be one without it
        "lab_a/tokenizer.json",
        "lab_a/secretome.csv",
        "lab_a/keys.py",
        "lab_a/runs_of_genes.py",
    )
    private = (
        "lab_a/.env",
        "lab_a/.netrc",
        "lab_a/.git/config",
        "lab_a/.aws/credentials",
        "lab_a/credentials",
        "lab_a/my_credentials.json",
        "lab_a/secrets.yaml",
        "lab_a/server.pem",
        "lab_a/deep/id_rsa",
        "lab_a/deep/id_ed25519.pub",
        "lab_a/service_account.json",
        "lab_a/runs/lab-0/study.yaml",
        "lab_a/deep/runs/x.csv",
        "lab_a/__pycache__/a.cpython-311.pyc",
        "lab_a/lab.egg-info/PKG-INFO",
        "lab_a/environment/pyvenv.cfg",
        "lab_a/environment/lib/x.py",
    )
    write(project, *code, *private)
    gather(tmp_path / "code", ["lab_a.keys:Mine"])
    assert sent(tmp_path / "code") == set(code)


def test_a_package_may_be_called_runs(project: Path, tmp_path: Path) -> None:
    write(project, "lab_a/__init__.py", "lab_a/runs/__init__.py", "lab_a/runs/one.py")
    gather(tmp_path / "code", ["lab_a.runs.one:Mine"])
    assert "lab_a/runs/one.py" in sent(tmp_path / "code")


def test_links_to_files_are_followed_and_to_folders_not(project: Path, tmp_path: Path) -> None:
    write(project, "lab_a/__init__.py", "big/data.csv", "big/shared.py")
    (project / "lab_a" / "data").symlink_to(project / "big")
    (project / "lab_a" / "shared.py").symlink_to(project / "big" / "shared.py")
    (project / "lab_a" / "gone.py").symlink_to(project / "gone.py")
    gather(tmp_path / "code", ["lab_a:Mine"])
    assert sent(tmp_path / "code") == {"lab_a/__init__.py", "lab_a/shared.py"}
    assert (tmp_path / "code" / "lab_a" / "shared.py").read_text() == "x = 1\n"


def test_data_in_a_package_are_too_large(project: Path, tmp_path: Path) -> None:
    write(project, "lab_a/__init__.py", "lab_a/small.csv")
    for name, size in (("a.npy", 30), ("deep/b.npy", 40)):
        write(project, f"lab_a/{name}")
        with (project / "lab_a" / name).open("wb") as file:
            file.truncate(size * 10**6)
    with pytest.raises(InputError) as error:
        gather(tmp_path / "code", ["lab_a:Mine"])
    said = str(error.value)
    assert said.index("deep/b.npy 40.0 MB") < said.index("a.npy 30.0 MB")
    assert "at most 50.0 MB" in said
    assert not (tmp_path / "code").exists()


def test_exactly_the_limit_is_allowed(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project, "lab_b.py")
    gather(tmp_path / "code", ["lab_b:Mine"])
    size = sum(f.stat().st_size for f in (tmp_path / "code").rglob("*") if f.is_file())
    monkeypatch.setattr(shipping, "LIMIT", size)
    gather(tmp_path / "again", ["lab_b:Mine"])
    monkeypatch.setattr(shipping, "LIMIT", size - 1)
    with pytest.raises(InputError, match="too large"):
        gather(tmp_path / "third", ["lab_b:Mine"])


@pytest.mark.parametrize("name", ["__main__:Mine", "lab_nowhere.family:Mine", "sys:Mine"])
def test_code_in_no_file_cannot_be_sent(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="in no file"):
        gather(tmp_path / "code", [name])


NAMES = st.sampled_from(["a", "b.py", ".git", "runs", "__pycache__", "x.pem", "venv", "data.csv"])


@given(st.sets(st.lists(NAMES, min_size=1, max_size=4).map("/".join), max_size=12))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_sent_is_what_no_rule_keeps(
    tmp_path_factory: pytest.TempPathFactory, paths: set[str]
) -> None:
    """The rules again, said of whole paths."""
    root = tmp_path_factory.mktemp("tree") / "lab"
    for path in sorted(paths):
        file = root / path / "leaf.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(path)
    kept = {".git", "runs", "__pycache__", "venv"}
    expected = {f"lab/{p}/leaf.txt" for p in paths if not kept & set(p.split("/"))}
    assert {str(path) for path, _ in shipping._files(root)} == expected


WORKER = """
import json
from distrib.cluster.connect import connected
def look():
    import os, distrib, lab_e.family
    return os.getcwd(), distrib.__file__, lab_e.family.__file__, dict(os.environ)
with connected(__import__("sys").argv[1], ship=["lab_e.family:Mine"]):
    import ray
    print(json.dumps(ray.get(ray.remote(look).remote())))
"""


@pytest.mark.ray
def test_a_worker_elsewhere_imports_what_was_sent(tmp_path: Path) -> None:
    """The cluster was started in another folder, without this one's paths."""
    write(tmp_path, "lab_e/__init__.py", "lab_e/helper.py", "large.csv")
    write(tmp_path, "lab_e/family.py", content="from lab_e.helper import x\n")
    with ray_cluster(cpus=1) as (address, folder):
        done = subprocess.run(
            [sys.executable, "-c", WORKER, address],
            cwd=tmp_path,
            env={**foreign_environment(), "OPENBLAS_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        here, *files, found = json.loads(done.stdout.splitlines()[-1])
        assert Path(here).is_relative_to(folder)
        assert files == [f"{here}/distrib/__init__.py", f"{here}/lab_e/family.py"]
        assert found["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
        assert found["OPENBLAS_NUM_THREADS"] == "1"
        assert "RAY_AUTH_TOKEN" not in found
        assert not Path(here, "large.csv").exists()


FAMILY = '''
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.families.toys import Curve


class Mine(Curve):
    """A family of the user's, in a folder that only the driver knows."""

    def load(self, source, *, targets=True):
        from lab_helper import EXPECTED  # as late as can be

        assert Path(source.path).read_text() == EXPECTED
        return super().load(source, targets=targets)
'''


@pytest.mark.ray
@pytest.mark.parametrize("elsewhere", [True, pytest.param(False, marks=pytest.mark.exhaustive)])
def test_a_study_of_ones_own_family_runs_elsewhere(tmp_path: Path, elsewhere: bool) -> None:
    """With data in the current folder and the code beside the space, also on a cluster."""
    write(tmp_path, "lab/lab_f.py", content=FAMILY)
    write(tmp_path, "lab/lab_helper.py", content="EXPECTED = 'its data'")
    write(tmp_path, "rows.csv", content="its data")
    write_space(tmp_path / "lab" / "toy.yaml", trainable="lab_f:Mine")
    with ExitStack() as stack:
        where, environment = [], {}
        if elsewhere:
            address, _ = stack.enter_context(ray_cluster(cpus=1))
            where, environment = ["--address", address], {"RAY_AUTH_MODE": "disabled"}
        argv = ["--space", "lab/toy.yaml", "--data", "rows.csv", "--trials", "1", "--name", "s"]
        driver = Driver([*argv, *where], tmp_path, environment)
        assert driver.wait() == 0, driver.said()
        assert driver.leftovers() == []
    assert [t.state.name for t in trials_of(tmp_path / "runs" / "s")] == ["COMPLETE"]
