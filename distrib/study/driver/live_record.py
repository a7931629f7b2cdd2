"""The record of a study out of its run folder, while it runs or after; the study is not touched."""

from __future__ import annotations

from pathlib import Path

from distrib.records import StudyRecord, TrialRecord
from distrib.study.driver.study_file import read_study, record_of, rule_of
from distrib.study.record.ledger import Ledger
from distrib.study.record.run_folder import RunFolder, open_run_folder
from distrib.trainables.capabilities import Advises
from distrib.trainables.registry import FAMILIES, load_family
from distrib.trial_files import METRICS, read_metrics


def read_record(path: str | Path) -> StudyRecord:
    """The record as it stands; nothing is written or locked.

    Raises:
        InputError: not a study's folder.
    """
    folder = open_run_folder(path)
    stored = read_study(folder.study_yaml)
    study = record_of(stored)
    ledger = Ledger(folder.ledger, study.name, read_only=True)
    study.trials = ledger.records(study, rule_of(stored))
    for trial in study.trials.values():
        if not trial.is_over:
            _latest(trial, folder)
    best = study.best()
    if best is not None and study.trainable in FAMILIES:  # whoever only looks runs no other code
        family = load_family(study.trainable)
        if isinstance(family, Advises):
            best.advice = family.advice(read_metrics(folder.trial(best.number) / METRICS))
    return study


def is_running(path: str | Path) -> bool:
    """Whether a driver holds the study now."""
    from distrib.errors import InputError

    try:
        with RunFolder(Path(path)).locked(quiet=True):
            return False
    except InputError:
        return True


def _latest(trial: TrialRecord, folder: RunFolder) -> None:
    rows = read_metrics(folder.trial(trial.number) / METRICS)
    if rows:
        trial.latest = {k: v for k, v in rows[-1].items() if k not in ("step", "time")}
