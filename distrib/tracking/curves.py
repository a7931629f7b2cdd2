"""`train_curves.png` and `val_curves.png` in a trial's folder: a small panel per metric."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from distrib.files import atomic_write
from distrib.records import StudyRecord, TrialRecord
from distrib.tracking import wording
from distrib.trial_files import METRICS, read_columns, trial_folder

if TYPE_CHECKING:
    from distrib.tracking.curves_sheet import Sheet

PANELS = 12  # metrics drawn at most; the rest is in metrics.csv
PICTURES = ("val_curves.png", "train_curves.png")
SHARED = "grey: validation"
ONLY_VALID = "no training figures were reported; these are the validation ones"
ONLY_TRAIN = "no validation figures were reported; these are the training ones"


def write_curves(place: Path, study: StudyRecord, trial: TrialRecord) -> None:
    """Draw one trial's `metrics.csv`; a trial that reported nothing gets no picture.

    Raises:
        OSError: a full or read-only disk; the pictures are then as they were.
    """
    columns = read_columns(place / METRICS)
    if "step" not in columns:
        return
    names = [n for n in columns if n not in ("step", "time")]
    valid = [n for n in (*study.metrics, *names) if n in names and not n.startswith("train/")]
    valid = list(dict.fromkeys(valid))[:PANELS]
    train = [n for n in names if n.startswith("train/")][:PANELS]
    title = (
        f"{study.name}, trial {trial.number}: {study.metric} {wording.figure(trial.value)} "
        f"at {study.unit} {trial.best_fidelity}"
    )
    if not (valid or train):
        return
    shared = any(name[6:] in columns for name in train)
    pictures: list[tuple[Sequence[str], list[str], str]]
    if valid and train:
        pictures = [(PICTURES[:1], valid, ""), (PICTURES[1:], train, SHARED if shared else "")]
    else:  # the same picture under both names
        pictures = [(PICTURES, valid or train, ONLY_VALID if valid else ONLY_TRAIN)]
    steps = columns["step"]
    for files, shown, note in pictures:
        sheet = _sheet(len(shown), study.unit)
        for panel, name in zip(sheet.panels, shown):
            bare = name.removeprefix("train/")
            other = columns.get(bare) if bare != name else None
            panel.draw(name, steps, columns[name], other, trial.best_fidelity)
        sheet.label(title, wording.params_line(trial.params), note)
        png = sheet.png()
        for file in files:
            atomic_write(place / file, png)


def write_all_curves(
    folder: Path, study: StudyRecord, progress: Callable[[int, int], None]
) -> None:
    """Draw every trial that ran to its end and has no pictures newer than its metrics.

    Args:
        folder: the run folder. progress: told how many pictures' trials are done, of how many.
    """
    due = [
        (path, trial)
        for trial in study.trials.values()
        if trial.state == "COMPLETE" and not _up_to_date(path := trial_folder(folder, trial.number))
    ]
    for done, (path, trial) in enumerate(due):
        progress(done, len(due))
        write_curves(path, study, trial)
    progress(len(due), len(due))


def _up_to_date(place: Path) -> bool:
    source = place / METRICS
    pictures = [place / name for name in PICTURES]
    if not source.exists():
        return True
    if not all(p.exists() for p in pictures):
        return False
    return min(p.stat().st_mtime_ns for p in pictures) >= source.stat().st_mtime_ns


@lru_cache(maxsize=4)
def _sheet(panels: int, unit: str) -> Sheet:
    from distrib.tracking.curves_sheet import Sheet

    return Sheet(panels, unit)
