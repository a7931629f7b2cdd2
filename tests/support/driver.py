"""A driver of a study as a process of its own, to be killed, interrupted and looked after.

Every process that comes of it, Ray's included, inherits a mark in its environment, by which
`leftovers` finds it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import optuna
import yaml

from distrib.study.record.ledger import Ledger
from tests.support.tiers import may_start_ray

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 240.0  # seconds before a process that should have ended counts as hanging

SPACE = {
    "trainable": "tests.families.toys:Curve",
    "parameters": {
        "height": {"uniform": [0, 1]},
        "rate": {"loguniform": [0.1, 1]},
        "noise": 0.05,
        "pause": 0.03,
        "epochs": 9,
    },
}


def write_space(path: Path, parameters: Mapping[str, object] = {}, **settings: object) -> Path:
    """A space file of the toy family: `SPACE` with changes."""
    content = {**SPACE, **settings, "parameters": {**SPACE["parameters"], **parameters}}
    path.write_text(yaml.safe_dump(content))
    return path


@dataclass
class Driver:
    """`python -m` some command with these arguments, in a session of its own like a terminal's."""

    argv: list[str]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    command: str = "distrib.tune"

    def __post_init__(self) -> None:
        may_start_ray()
        self.mark = f"DISTRIB_TEST_MARK={uuid.uuid4().hex}"
        name, _, value = self.mark.partition("=")
        log = self.folder / f"driver-{value}.log"
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self.command, "--allow-custom", *self.argv],
                cwd=self.folder,
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
                    "OMP_NUM_THREADS": "1",
                    name: value,
                    **self.environment,
                },
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.log = log

    def said(self) -> str:
        """Everything it wrote."""
        return self.log.read_text(errors="replace")

    def wait(self, patience: float = PATIENCE) -> int:
        """Its exit code."""
        try:
            return self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.end()
            raise AssertionError(f"the driver hangs:\n{self.said()}") from None

    def until(self, reached: Callable[[], bool]) -> None:
        """Wait until something is reached while the driver runs."""
        end = time.monotonic() + PATIENCE
        while not reached():
            assert self.process.poll() is None, f"ended too soon:\n{self.said()}"
            assert time.monotonic() < end, f"not reached:\n{self.said()}"
            time.sleep(0.02)

    def interrupt(self) -> None:
        """Ctrl-C, as a terminal sends it: to the whole process group."""
        os.killpg(self.process.pid, signal.SIGINT)

    def kill(self) -> None:
        """`kill -9` of the driver alone."""
        self.process.kill()
        self.process.wait()

    def running(self) -> list[str]:
        """Its processes: id and command line."""
        return self._marked()

    def process_id(self, name: str, count: int = 1) -> int:
        """The id of its last process of such a name, once there are so many.

        Ray's processes name themselves after what they do: for a moment in between they have none.
        """
        found: list[str] = []

        def there() -> bool:
            found[:] = [line for line in self.running() if name in line]
            return len(found) == count

        self.until(there)
        return int(found[-1].split()[0])

    def leftovers(self, patience: float = 60.0) -> list[str]:
        """What still runs of it after `patience`: Ray's agents take their time."""
        end = time.monotonic() + patience
        while (found := self._marked()) and time.monotonic() < end:
            time.sleep(0.25)
        return found

    def end(self) -> None:
        """Kill whatever is left of it."""
        for pid in map(int, (line.split()[0] for line in self._marked())):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait()

    def _marked(self) -> list[str]:
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if self.mark.encode() in (entry / "environ").read_bytes().split(b"\0"):
                    command = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
                    found.append(f"{entry.name} {command.decode(errors='replace')[:100]}")
            except OSError:
                continue
        return found


def ended_trials(study: Path) -> int:
    """How many trials of a study have ended, so far as its ledger tells."""
    path = study / "ledger.journal"
    return path.read_bytes().count(b'"best_step"') if path.exists() else 0


def trials_of(study: Path) -> list[optuna.trial.FrozenTrial]:
    """The trials of a study that nobody runs."""
    return Ledger(study / "ledger.journal", "", read_only=True).frozen()
