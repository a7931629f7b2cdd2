"""One trial: a trainable driven, saved and told to the study as messages. No Ray in here."""

from __future__ import annotations

import errno
import math
import threading
import time
import traceback
from collections.abc import Callable, Generator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from distrib.errors import DataError, InputError, one_line
from distrib.records import FailureClass
from distrib.study.record.artifacts import TrialArtifacts
from distrib.study.record.checkpoint import BestModel, Checkpoints, without_best
from distrib.study.worker.reports import Message, Pace
from distrib.trainables.base import Config, Progress, State, Trainable, Worker
from distrib.trainables.capabilities import ComparesRows

NOTICE_EVERY = 5.0  # seconds between two looks whether the machine will be taken away
LONGEST = 300  # characters of the reason of a failure


def classify(error: BaseException) -> FailureClass:
    """The class of a failure inside a trial."""
    text = str(error).lower()
    if isinstance(error, DataError):
        return "bad data"
    if isinstance(error, InputError):
        return "bad configuration"
    if (
        isinstance(error, MemoryError)
        or "outofmemory" in type(error).__name__.lower()
        or "out of memory" in text
        or "can't allocate memory" in text
        or "resource_exhausted" in text
    ):
        return "out of memory"
    if isinstance(error, FloatingPointError):
        return "diverged"
    return "bug"


def reason(error: BaseException) -> str:
    """The failure in one line: what, and in which line of which file.

    Of wrong input that is all that its message says, of another error the first line of it.
    """
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    told = one_line(error)
    if not isinstance(error, InputError):
        told = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {told}"[: LONGEST - len(place)] + place


def of_the_disk(error: BaseException) -> bool:
    """Whether a disk that is full or read-only made this error."""
    return isinstance(error, OSError) and error.errno in (
        errno.ENOSPC,
        errno.EROFS,
        errno.EDQUOT,
        errno.EFBIG,
    )


def of_the_group(error: BaseException) -> bool:
    """Whether another worker of the group is gone, so that nothing is wrong with this training."""
    text = f"{type(error).__name__} {error}".lower()
    return any(word in text for word in ("gloo", "nccl", "distbackend", "distnetwork", "diststore"))


def run_trial(
    family: Trainable[Any, Any, Any],
    config: Config,
    data: Any,
    worker: Worker,
    checkpoints: Checkpoints,
    pace: Pace,
    objective: str,
    *,
    bar: float | None = None,
    budget: int | None = None,
    refit: bool = False,
    keeps_best: bool = False,
    pauses: bool = False,
    notice: Callable[[], bool] | None = None,
) -> Generator[Message, None, None]:
    """Drive one training to its end, a message at a time; it waits while nobody asks for the next.

    A checkpoint carries the rows that were not yet told, and is written before the message, so that
    after a crash the ledger and the checkpoint together lack nothing.

    The workers of a group all run this at once. What depends on the clock is decided by rank 0,
    since taking a state is something that they do together; rank 0 writes it.

    Args:
        bar: the value that a trial must reach to keep its last state (the study's K-th best); None
            keeps it in any case.
        refit: train on every row for `budget` units instead of selecting.
        keeps_best: whether a checkpoint also has the model of the best unit (or of the last one,
            where that counts), for it to be the study's without a `refit`.
        pauses: whether it may be stopped at a milestone and go on later: it saves its state there.
        notice: whether this machine will be taken away soon: a checkpoint is written, once.
    """
    seconds = dict.fromkeys(("train", "checkpoint", "report"), 0.0)
    unsent: list[dict[str, float]] = []
    last: Progress | None = None
    best: float | None = None
    model: BestModel | None = None
    sign = _sign(family, objective)
    rows_of = None
    if isinstance(family, ComparesRows) and not refit:
        rows_of = partial(family.held_out_rows, config, data)
    artifacts = TrialArtifacts(checkpoints.folder, rows_of)
    selects_best = family.fidelity is not None and family.fidelity.selects == "best"
    # The last unit is told with the end, which follows at once.
    final = None if family.fidelity is None else getattr(config, family.fidelity.config_key)
    try:
        saved, notes = checkpoints.load()
        state = None
        if saved is not None:
            saved, model = without_best(saved)
            state = State(saved.arrays, saved.values["family"])
            unsent = list(saved.values["unsent"])
            best = saved.values["best"]
        if notes:
            yield Message(notes=notes)
        began = saved_at = looked = time.monotonic()
        cost, noticed = 0.0, False
        steps = (
            family.refit(config, data, worker, budget, state)
            if refit
            else family.progress(config, data, worker, state)
        )
        for item in steps:
            now = time.monotonic()
            seconds["train"] += now - began
            began = now
            last, row = item, None
            if item.metrics is not None or refit:
                row = row_of(item, time.time())
                unsent.append(row)
                value = sign * row.get(objective, math.nan)
                better = best is None or value > best
                best = value if better else best
                if worker.rank == 0 and not refit:
                    artifacts.add_samples(item, family.fidelity.unit if family.fidelity else "fit")
                if better or refit or not selects_best:
                    artifacts.see(item)
                    if keeps_best and worker.rank == 0:
                        model = _model_of(item)
            speaks, saves, looks = worker.agree(
                [
                    pace.speaks(None if refit else row, objective, last=item.fidelity == final),
                    now - saved_at >= max(pace.save_every, 20 * cost)
                    or (pauses and row is not None and row["step"] in pace.milestones),
                    notice is not None and not noticed and now - looked >= NOTICE_EVERY,
                ]
            )
            if looks:
                assert notice is not None
                looked, noticed = now, notice()
            if saves or (looks and noticed):
                _save(checkpoints, artifacts, item, unsent, best, model, worker)
                saved_at = time.monotonic()
                cost = saved_at - began
                seconds["checkpoint"] += cost
                began = saved_at
            if speaks:
                rows, unsent = unsent, []
                told = pace.spoke = time.monotonic()
                yield Message(rows=rows, seconds=dict(seconds))
                pace.heard(time.monotonic() - told)
                seconds["report"] += pace.spoke - began
                began = pace.spoke
        seconds["train"] += time.monotonic() - began
        good = worker.agree([bar is None or (best is not None and best >= sign * bar)])[0]
        began = time.monotonic()
        if last is not None and good:
            _save(checkpoints, artifacts, last, unsent, best, model, worker)
        elif worker.rank == 0:
            artifacts.write(held_out=False)
        pace.spoke = time.monotonic()
        seconds["checkpoint"] += pace.spoke - began
        yield Message(rows=unsent, ended=True, seconds=seconds)
    except GeneratorExit:
        if worker.rank == 0:  # it was stopped, but is one of those that were tried
            with suppress(OSError):
                artifacts.write(held_out=False)
        raise
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        if (
            not isinstance(error, Exception)
            and threading.current_thread() is threading.main_thread()
        ):
            raise  # Ray's, to a process that is told to end
        if worker.world_size > 1 and of_the_group(error):
            raise
        if of_the_disk(error):
            yield Message(disk=str(error), seconds=seconds)
            return
        traceback.print_exc()
        yield Message(rows=unsent, failure=(classify(error), reason(error)), seconds=seconds)


def row_of(item: Progress, now: float) -> dict[str, float]:
    """A row of `metrics.csv` for one unit."""
    row: dict[str, float] = {"step": item.fidelity}
    row.update({name: _number(name, value, item) for name, value in (item.metrics or {}).items()})
    row.update({f"train/{name}": _number(name, value, item) for name, value in item.train.items()})
    row["time"] = now
    return row


def _number(name: str, value: Any, item: Progress) -> float:
    try:
        if isinstance(value, (str, bytes)):
            raise TypeError
        return float(value)
    except (TypeError, ValueError, RuntimeError):  # the last is torch's, of several numbers
        raise TypeError(f"{name!r} at unit {item.fidelity} is {value!r}, not a number") from None


def _save(
    checkpoints: Checkpoints,
    artifacts: TrialArtifacts,
    item: Progress,
    unsent: list[dict[str, float]],
    best: float | None,
    model: BestModel | None,
    worker: Worker,
) -> None:
    state = item.state()
    if worker.rank == 0:
        values = {"family": dict(state.values), "unsent": unsent, "best": best}
        artifacts.write(held_out=True)
        whole = State(state.arrays, values)
        checkpoints.save(whole if model is None else model.beside(whole))


def _model_of(item: Progress) -> BestModel:
    if item.model is None:
        raise TypeError(f"unit {item.fidelity} has no model: see Progress.model")
    return BestModel(item.model(), item.fidelity)


def _sign(family: Trainable[Any, Any, Any], objective: str) -> float:
    direction = next(m.direction for m in family.metrics if m.name == objective)
    return 1.0 if direction == "max" else -1.0
