"""What runs on a worker beside the trials: loading the data, the last training, the figures."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import ray

from distrib.data.splits import holdout
from distrib.errors import InputError
from distrib.study.checkpoint import Checkpoints, write_state
from distrib.study.registry import load_family
from distrib.study.trial import Pace, run_trial
from distrib.trainables.base import Source, State, Trainable, Worker
from distrib.trainables.framework import prepare


@dataclass(frozen=True)
class Site:
    """Where and with which family a task works."""

    trainable: str
    worker: Worker
    allow_custom: bool = False


def _ready(site: Site) -> tuple[Trainable[Any, Any, Any], Worker]:
    family = load_family(site.trainable, allow_custom=site.allow_custom)
    prepare(family, site.worker)
    return family, site.worker


@ray.remote(num_cpus=0, num_returns=3)
def load_data(
    site: Site, source: Source, fraction: float, seed: int, corner: dict[str, Any]
) -> tuple[Any, Any, Any]:
    """Read the data, set its test part aside, and see whether a training could begin.

    Args:
        corner: one configuration of the space.

    Returns:
        The rows to search on; the test rows, or None; and a description in plain values, or the
        text of what is wrong with the data under `error`.
    """
    began = time.monotonic()
    family = load_family(site.trainable, allow_custom=site.allow_custom)
    try:
        data = family.load(source)
        rest, test = holdout(data.groups, fraction, seed)
        search = data.take(rest) if len(test) else data
        unfit = family.unfit(data)
        family.check(family.Config.model_validate(corner), search)
    except InputError as error:
        return None, None, {"error": str(error)}
    described = data.describe()
    described["test_rows"] = len(test)
    described["search_rows"] = len(rest)
    described["unfit"] = unfit
    described["seconds"] = time.monotonic() - began
    return search, (data.take(test) if len(test) else None), described


@ray.remote(num_cpus=0)
class Finisher:
    """A process that trains the winner and judges it; it gets ready while the last trials run."""

    def __init__(self, site: Site) -> None:
        self.family, self.worker = _ready(site)

    def refit(
        self,
        config: dict[str, Any],
        units: int | None,
        data: Any,
        test: Any,
        folder: str,
        key: str,
        save_every: float,
    ) -> Iterator[dict[str, Any]]:
        """Train on every row of the search, write the weights, and judge them on the test part.

        Yields:
            {"step": n} as it goes on; last {"test": metric -> value} or {"error": text}.
        """
        family, worker = self.family, self.worker
        typed = family.Config.model_validate(config)
        checkpoints = Checkpoints(Path(folder) / f".refit-{key}")
        for message in run_trial(
            family,
            typed,
            data,
            worker,
            checkpoints,
            Pace(save_every=save_every),
            family.metrics[0].name,
            units=units,
            refit=True,
        ):
            if message.failure or message.disk:
                yield {"error": message.disk or message.failure[1]}  # type: ignore[index]
                return
            if message.rows:
                yield {"step": message.rows[-1]["step"]}
        saved, _ = checkpoints.load()
        assert saved is not None
        state = State(saved.arrays, saved.values["family"])
        write_state(Path(folder) / "weights.safetensors", state)
        figures = family.evaluate(typed, state, test, worker) if test is not None else {}
        yield {"test": figures}

    def baselines(self, config: dict[str, Any], data: Any, test: Any) -> dict[str, Any]:
        """The family's baselines on the same rows."""
        typed = self.family.Config.model_validate(config)
        return self.family.baselines(typed, data, test, self.worker)


def start_finisher(site: Site, **request: Any) -> Any:
    """A `Finisher` in a process of its own, with these resources."""
    return cast(Any, Finisher).options(**request).remote(site)


@ray.remote
def train_again(
    site: Site, config: dict[str, Any], objective: str, selects: str, data: Any, folder: str
) -> dict[str, Any]:
    """One whole training under another seed (`--confirm`): its value, or why there is none."""
    family, worker = _ready(site)
    direction = next(m.direction for m in family.metrics if m.name == objective)
    values: list[float] = []
    for message in run_trial(
        family,
        family.Config.model_validate(config),
        data,
        worker,
        Checkpoints(Path(folder)),
        Pace(save_every=1e9),
        objective,
        bar=None,
    ):
        if message.failure or message.disk:
            return {"error": message.disk or message.failure[1]}  # type: ignore[index]
        values += [row[objective] for row in message.rows]
    best = max if direction == "max" else min
    return {"value": values[-1] if selects == "last" else best(values)}


@ray.remote
def first_step(site: Site, config: dict[str, Any], objective: str, data: Any) -> dict[str, Any]:
    """One unit of one configuration (`--dry-run`): what it reports, how long, how large."""
    family, worker = _ready(site)
    typed = family.Config.model_validate(config)
    began = time.monotonic()
    for item in family.progress(typed, data, worker):
        if item.metrics is not None:
            seconds = time.monotonic() - began
            size = sum(array.nbytes for array in item.state().arrays.values())
            return {"metrics": dict(item.metrics), "seconds": seconds, "bytes": size}
    return {"error": "the training ended without a report"}
