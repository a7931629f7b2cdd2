"""The cluster files of this project, filled in as a user would, and broken one edit at a time."""

from __future__ import annotations

import shutil
from pathlib import Path

from distrib.cluster.check import Check
from distrib.cluster.launch.cluster_file import ClusterFile, read_cluster_file
from distrib.cluster.launch.doctor import cluster_checks

ROOT = Path(__file__).resolve().parents[2]
MOUNTED = ("deploy", "constraints.txt", "pyproject.toml", "README.md", "LICENSE")
FILES = ("cluster.yaml", "deploy/onprem.yaml", "deploy/gcp.yaml", "deploy/kuberay.yaml")


def project(folder: Path) -> Path:
    """A folder with what the files mount, and a home with a token; to be the working folder."""
    for name in MOUNTED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        else:
            shutil.copy(source, folder / name)
    (folder / "distrib").mkdir()
    home = folder / "home"
    (home / ".ray-cluster").mkdir(parents=True, mode=0o700)
    (home / ".ssh").mkdir()
    for path in (home / ".ray-cluster" / "auth_token", home / ".ssh" / "id_ed25519"):
        path.write_text("0123456789abcdef" * 4)
        path.chmod(0o600)
    return folder


def filled_in(name: str) -> str:
    """The text of one of the files after a user has changed the marked lines."""
    text = (ROOT / name).read_text()
    text = text.replace("CHANGE-ME-1, CHANGE-ME-2", "worker-1, worker-2")
    return text.replace("CHANGE-ME", "mine")


def edited(folder: Path, name: str, old: str, new: str) -> ClusterFile:
    """The same with another edit, written to the folder."""
    text = filled_in(name)
    assert old in text, old
    path = folder / "edited.yaml"
    path.write_text(text.replace(old, new))
    return read_cluster_file(path)


def faults(file: ClusterFile) -> list[Check]:
    """What must be mended."""
    return [check for check in cluster_checks(file) if check.fault]
