"""The code that the nodes of a cluster need: this package, and the user's own families.

It is gathered in one folder, which Ray makes the working directory of every worker and puts before
everything else that is installed there. Nothing else of the driver's folders is sent.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path

from distrib.errors import InputError

LIMIT = 50 * 10**6  # bytes; code is small, so more is data
LARGEST = 5  # files that an error names

# Never sent, at any depth; nor is anything whose name begins with a dot (.git, .env, .netrc).
FOLDERS = ("__pycache__", "node_modules", "venv", "*.egg-info")
RESULTS = "runs"  # where it is no package
FILES = ("*.pyc", "*~")
CREDENTIALS = (
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    "*.keytab",
    "id_rsa*",
    "id_dsa*",
    "id_ecdsa*",
    "id_ed25519*",
    "*credentials*",
    "secrets.*",
    "service_account*",
)


def gather(folder: Path, families: Iterable[str]) -> Path:
    """Copy the code into `folder`, a new one, as it is to be found on a worker's path.

    Args:
        families: names as in spaces; of each `package.module:Class` the whole top-level package is
            taken (or the module's one file), and what the family may import from beside it: the
            modules there, and those packages there that this process has imported. Nothing of this
            where it is installed: nodes have the same packages.

    Raises:
        InputError: it is larger than `LIMIT`, and the files that make it so; or a family's module
            is in no file.
    """
    files: dict[Path, Path] = {}
    for root in _roots(families):
        for path, source in _files(root):
            files.setdefault(path, source)  # the first place on the path wins, as in an import
    sizes = {source: source.stat().st_size for source in files.values()}
    total = sum(sizes.values())
    if total > LIMIT:
        largest = sorted(sizes, key=sizes.__getitem__, reverse=True)[:LARGEST]
        raise InputError(
            "the code is too large to be sent to the nodes",
            where="--address",
            found=f"{_mb(total)}, of which "
            + ", ".join(f"{source} {_mb(sizes[source])}" for source in largest),
            expected=f"at most {_mb(LIMIT)}",
            hint="keep data and results out of the folders of packages, and the family's module in "
            "a folder of its own",
        )
    for path, source in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    return folder


def _roots(families: Iterable[str]) -> Iterator[Path]:
    """The folders and files to be sent."""
    yield Path(__file__).absolute().parents[1]
    modules = (name.partition(":")[0] for name in families if ":" in name)
    for top in dict.fromkeys(module.partition(".")[0] for module in modules):
        if top != "distrib":
            for place in _places(top):
                yield place
                yield from _beside(place.parent)


def _places(top: str) -> list[Path]:
    """Where a top-level package or module lies, if it is not installed."""
    spec = None if top == "__main__" else importlib.util.find_spec(top)
    if spec is None or not (spec.has_location or spec.submodule_search_locations):
        raise InputError(
            "this module is in no file, so it cannot be sent to the nodes",
            where="trainable",
            found=top,
            expected="a package or module in the current folder or on PYTHONPATH",
        )
    names = spec.submodule_search_locations or [str(spec.origin)]
    places = [Path(name).absolute() for name in names]
    installed = [Path(sysconfig.get_path(name)) for name in ("purelib", "platlib", "stdlib")]
    return [place for place in places if not any(place.is_relative_to(i) for i in installed)]


def _beside(folder: Path) -> Iterator[Path]:
    """The modules in a folder, and the packages there that are imported."""
    yield from sorted(folder.glob("*.py"))
    # A copy, made at once: other threads import meanwhile.
    imported = [module for name, module in sys.modules.copy().items() if "." not in name]
    for module in imported:
        for place in map(Path, getattr(module, "__path__", ())):
            if place.absolute().parent == folder:
                yield place.absolute()


def _files(root: Path) -> Iterator[tuple[Path, Path]]:
    """The path on the worker and the source of each file; folders that are links are left out."""
    if root.is_file():
        yield Path(root.name), root
        return
    for name, folders, files in os.walk(root):
        here = Path(name)
        folders[:] = [f for f in folders if _is_code(here / f)]
        for file in files:
            source = here / file
            if source.is_file() and not _is_private(file):
                yield source.relative_to(root.parent), source


def _is_code(folder: Path) -> bool:
    """Whether a folder may hold code."""
    if folder.name == RESULTS:
        return (folder / "__init__.py").exists()
    if (folder / "pyvenv.cfg").exists():
        return False
    return not any(fnmatch(folder.name, pattern) for pattern in (".*", *FOLDERS))


def _is_private(file: str) -> bool:
    """Whether a file stays here: hidden, made by a program, or a credential that is no module."""
    if any(fnmatch(file, pattern) for pattern in (".*", *FILES)):
        return True
    return not file.endswith(".py") and any(fnmatch(file, p) for p in CREDENTIALS)


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
