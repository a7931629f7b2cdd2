"""Looks on a study of three files, and leaves each trial behind in daart's folders.

A version is taken when its trial begins, in the order of the trials, and written when it ends, by a
process of its own beside the search.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from distrib.files import atomic_write
from distrib.records import StudyRecord, Tracker, TrialRecord
from distrib.safe_yaml import read_yaml_file
from distrib.trainables.behaviour.daart.console import CONSOLE, head, progress
from distrib.trainables.behaviour.daart.folders import expt_folder, is_written, new_version
from distrib.trainables.behaviour.daart.keys import kind_of
from distrib.trial_files import CONFIG, trial_folder

ORDER, VERSIONS = "daart.json", "versions.json"
PATIENCE = 600.0
"""Seconds that the last trials may take to be written."""

IMPATIENCE = 5.0
"""The same where the study was interrupted."""


class DaartLayout(Tracker):
    """Takes versions, and has trials written to them.

    Args:
        folder: the run folder. said: what `ORDER` holds: `results`, `family`, `ids`, `values` (of
            each combination), `source`, `eval_dir`, the paths of the three files.

    Attributes:
        errors: why versions could not be written. waiting: those that are being written.
        failed: trials that failed.
    """

    def __init__(self, folder: Path, said: Mapping[str, Any]) -> None:
        self.folder, self.said = folder, said
        self.versions: dict[str, str] = {}
        self.errors: list[str] = []
        self.waiting: list[str] = []
        self.failed = 0
        self._process: subprocess.Popen[str] | None = None
        self._answers: threading.Thread | None = None

    def study_started(self, study: StudyRecord) -> None:
        atomic_write(self.folder / ORDER, json.dumps(self.said))
        if (self.folder / VERSIONS).exists():
            self.versions = json.loads((self.folder / VERSIONS).read_text())
        self.failed = sum(trial.state == "FAIL" for trial in study.trials.values())
        for trial in study.trials.values():
            version = self.versions.get(str(trial.number))
            ended = trial.state in ("COMPLETE", "PRUNED", "FAIL")
            if version and ended and not is_written(Path(version), self.said["eval_dir"]):
                self._write(trial)

    def trial_started(self, trial: TrialRecord) -> None:
        if str(trial.number) in self.versions:
            return
        values = self._values(trial)
        expt = expt_folder(Path(self.said["results"]), self.said["ids"])
        name = str(values.get("tt_experiment_name", "test"))
        self.versions[str(trial.number)] = str(new_version(expt / kind_of(values) / name))
        atomic_write(self.folder / VERSIONS, json.dumps(self.versions, indent=1))
        atomic_write(self._console(trial), head(values, self.said))

    def trial_progressed(self, trial: TrialRecord, rows: list[dict[str, float]]) -> None:
        # At the end the whole file is written; a disk that is full is told of elsewhere.
        with suppress(OSError), self._console(trial).open("a") as file:
            file.write(progress(rows))

    def _console(self, trial: TrialRecord) -> Path:
        return Path(self.versions[str(trial.number)]) / CONSOLE

    def trial_paused(self, trial: TrialRecord) -> None:
        """Written at its end."""

    def trial_ended(self, trial: TrialRecord) -> None:
        self.failed += trial.state == "FAIL"
        self._write(trial)

    def _write(self, trial: TrialRecord) -> None:
        own, hashes = trial_folder(self.folder, trial.number), self.said["hashes"]
        order = {
            **{k: self.said[k] for k in ("family", "source", "eval_dir", *self.said["files"])},
            "trial": str(own),
            "version": self.versions[str(trial.number)],
            "values": self._values(trial),
            "config": read_yaml_file(own / CONFIG)["config"],
            "hash": hashes[trial.number % len(hashes)] if hashes else None,
            "state": trial.state,
        }
        process = self._started()
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
            self.waiting.append(order["version"])
        except BrokenPipeError:
            self.errors.append(f"not written: {order['version']}: the process for it is gone")

    def tick(self) -> None:
        """Nothing is drawn."""

    def study_ended(self, study: StudyRecord, interrupted: bool) -> None:
        if self._process is None or self._answers is None:
            return
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._answers.join(IMPATIENCE if interrupted else PATIENCE)
        self.stop()

    def stop(self) -> None:
        """End the process that writes, whatever it does; what is then left waits for a resume."""
        if self._process is None or self._answers is None:
            return
        if self._answers.is_alive():
            self._process.kill()
        self._process.wait(PATIENCE)
        self._answers.join()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = self._answers = None

    def _values(self, trial: TrialRecord) -> dict[str, Any]:
        every = self.said["values"]
        return {**every[trial.number % len(every)], **self._drawn(trial)}

    def _drawn(self, trial: TrialRecord) -> dict[str, Any]:
        ranges = self.said["ranges"]
        return {key: trial.params[name] for key, name in ranges.items() if name in trial.params}

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "distrib.trainables.behaviour.daart.export"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,  # Ctrl-C is for this process, which ends that one
            )
            self._answers = threading.Thread(target=self._listen, daemon=True)
            self._answers.start()
        return self._process

    def _listen(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        for line in self._process.stdout:
            answer = json.loads(line)
            self.waiting.remove(answer["version"])
            for kind, told in (("error", "not written"), ("eval_error", "eval_dir not predicted")):
                if kind in answer:
                    self.errors.append(f"{told}: {answer['version']}: {answer[kind]}")
