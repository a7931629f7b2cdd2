"""Studies that an older version left, used as their owners would: with the commands of today.

They lie in `tests/assets/studies`; `tests/assets/README.md` says how they were made. What their
models said of their data then is `answers.json`. `python -m tests.support.older_studies` wrote it,
and is not to write it again: a later version's figures are compared with it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from tests.support.record_losses import columns_of, write

ROOT = Path(__file__).resolve().parents[2]
FAMILY = ROOT / "tests" / "families" / "stream_family.py"
"""The module of the family `stream_family:Net`, as it is today."""

STUDIES = ROOT / "tests" / "assets" / "studies"
ANSWERS = STUDIES / "answers.json"
ENDED = ("lel", "mlp_ended", "stream", "trimming")
INTERRUPTED = "mlp"
PATIENCE = 240.0  # seconds before a command counts as hanging


def unpack(folder: Path) -> Path:
    """The studies in a folder as they were in that of their owner, from which commands are run."""
    (folder / "runs").mkdir(parents=True)
    for name in (*ENDED, INTERRUPTED):
        shutil.copytree(STUDIES / name, folder / "runs" / name)
    shutil.copytree(STUDIES / "data", folder / "data")
    shutil.copy(FAMILY, folder / "stream_family.py")
    return folder


def command(folder: Path, verb: str, *words: str) -> str:
    """Run `python -m distrib.<verb>` in a folder to its good end; what it said.

    Raises:
        AssertionError: it ended otherwise.
    """
    done = subprocess.run(
        [sys.executable, "-m", f"distrib.{verb}", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "COLUMNS": "120"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}"
    assert "Traceback" not in done.stdout
    return done.stdout


def custom(study: str) -> list[str]:
    """Leave to run the family's code, for the study that needs it."""
    return ["--allow-custom"] if study == "stream" else []


def answers(folder: Path, study: str, run: Callable[..., str] = command) -> dict[str, Any]:
    """What the winner of a study says of the data it was given: its figures, its predictions.

    Args:
        run: goes through a command, in a process of its own or not.
    """
    best, table, rows = f"runs/{study}/best", f"{study}.tsv", f"{study}.parquet"
    said = run(folder, "evaluate", best, "--append", table, *custom(study))
    run(folder, "predict", best, "--out", rows, *custom(study))
    found = pd.read_csv(folder / table, sep="\t").iloc[0]
    words = {line.split()[0] for line in said.splitlines() if line.strip()}
    return {
        "evaluate": {name: float(found[name]) for name in found.index if name in words},
        "predict": columns_of(pd.read_parquet(folder / rows)),
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = unpack(Path(name) / "place")
        write(ANSWERS, {study: answers(folder, study) for study in ENDED})


if __name__ == "__main__":
    main()
