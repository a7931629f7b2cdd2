"""The worker that a user's options make, and the checks of what one may ask for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from distrib.cluster.connect import Resources
from distrib.errors import InputError
from distrib.trainables.base import Trainable, Worker

if TYPE_CHECKING:
    from distrib.study.plan.options import Options


def worker_of(family: Trainable[Any, Any, Any], options: Options) -> Worker:
    """Device, threads and precision of each worker, as asked for.

    Raises:
        InputError: naming the option that the family cannot have, or that makes no sense.
    """
    r = options.resources
    _check_workers(family, r)
    if not 0 < r.cpus < math.inf or (r.cpus > 1 and r.cpus % 1):
        raise InputError(
            "not a number of CPUs",
            where="--cpus-per-worker",
            found=r.cpus,
            expected="1 or more, or a fraction below 1",
        )
    if not 0 <= r.gpus < math.inf or (r.gpus > 1 and r.gpus % 1):
        raise InputError(
            "not a number of GPUs",
            where="--gpus-per-worker",
            found=r.gpus,
            expected="0, a fraction, or a whole number",
        )
    device = options.device or ("cuda" if r.gpus else "cpu")
    if device not in family.devices:
        raise InputError(
            "this family does not run there",
            where="--device",
            found=device,
            expected=" or ".join(family.devices),
        )
    if device == "cuda" and not r.gpus:
        raise InputError(
            "a GPU that no trial asks for",
            where="--device",
            found=device,
            hint="add --gpus-per-worker 1",
        )
    precision = options.precision or family.precisions[0]
    if precision not in family.precisions:
        raise InputError(
            "this family has no such precision",
            where="--precision",
            found=precision,
            expected=" or ".join(family.precisions),
        )
    return Worker(device=device, threads=max(1, int(r.cpus)), precision=precision)  # type: ignore[arg-type]


def _check_workers(family: Trainable[Any, Any, Any], r: Resources) -> None:
    option = "--workers-per-trial"
    if r.workers < 1:
        raise InputError(
            "not a number of workers", where=option, found=r.workers, expected="1 or more"
        )
    if r.most is not None and r.most < r.workers:
        raise InputError(
            "the most workers are fewer than the least",
            where=option,
            found=f"{r.workers}:{r.most}",
            expected="LEAST:MOST",
        )
    allowed = family.max_workers
    if allowed is not None and max(r.workers, r.most or 1) > allowed:
        raise InputError(
            "this family trains in one process" if allowed == 1 else "too many for this family",
            where=option,
            found=r.most or r.workers,
            expected=f"at most {allowed}",
        )
    if r.group and r.gpus % 1:
        raise InputError(
            "workers that train together cannot share a GPU",
            where="--gpus-per-worker",
            found=r.gpus,
            expected="0, or a whole number",
        )
