"""The bootstrap of a finished model: replicates in parallel, each by a seed of the study's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from distrib.errors import InputError, nearest
from distrib.study.samplers import seed_of

if TYPE_CHECKING:
    import pandas as pd

    from distrib.study.options import Options, Plan
    from distrib.study.outcome import Phase
    from distrib.study.tasks import Site
    from distrib.trainables.base import Trainable

REPLICATES = "bootstrap.parquet"
PARTS = 4  # for each worker at a time: enough to tell the time left, few enough to begin cheaply
_PURPOSE = 200  # of the seeds, apart from those of trials and of confirmations


def check_bootstrap(family: Trainable[Any, Any, Any], options: Options) -> None:
    """Raise InputError where a family cannot do the bootstrap that was asked for."""
    kinds = family.bootstraps
    if options.bootstrap and not kinds:
        raise InputError(
            "this family has no bootstrap", where="--bootstrap", found=type(family).__name__
        )
    if options.bootstrap == 1:
        raise InputError(
            "one replicate has no spread", where="--bootstrap", found=1, expected="2 or more"
        )
    if options.bootstrap_of is None:
        return
    if not options.bootstrap:
        raise InputError(
            "there is no bootstrap to draw for",
            where="--bootstrap-of",
            found=options.bootstrap_of,
            hint="add --bootstrap 100",
        )
    check_drawn(options.bootstrap_of, kinds, "this family draws nothing of that kind")


def check_drawn(asked: str, kinds: Sequence[str], problem: str) -> None:
    """Raise InputError where what is to be drawn is none of these kinds."""
    if asked not in kinds:
        raise InputError(
            problem,
            where="--bootstrap-of",
            found=asked,
            expected=" or ".join(kinds),
            hint=nearest(asked, kinds),
        )


def bootstrap(
    plan: Plan,
    site: Site,
    request: dict[str, Any],
    config: dict[str, Any],
    data: Any,
    weights: str,
    phase: Phase,
) -> pd.DataFrame:
    """A row per replicate, in the order of their seeds, which the study's seed decides.

    Args:
        request: what one worker asks of Ray. weights: the file of the finished model.
    """
    import pandas as pd
    import ray

    from distrib.study import tasks

    number, name = plan.options.bootstrap, f"bootstrap over {plan.bootstrap_of}"
    seeds = [seed_of(plan.options.seed, k, _PURPOSE) % 2**31 for k in range(number)]
    size = -(-number // (PARTS * _at_once(request)))
    parts = [seeds[begin : begin + size] for begin in range(0, number, size)]
    task = tasks.bootstrap.options(**request)
    pending = {
        task.remote(site, config, weights, data, part, plan.bootstrap_of): k
        for k, part in enumerate(parts)
    }
    found: dict[int, pd.DataFrame] = {}
    phase(name, 0, number)
    while pending:
        done, _ = ray.wait(list(pending), num_returns=1)
        k = pending.pop(done[0])
        found[k] = ray.get(done[0])
        phase(name, sum(map(len, found.values())), number)
    return pd.concat([found[k] for k in range(len(parts))], ignore_index=True)


def _at_once(request: dict[str, Any]) -> int:
    """How many workers the cluster holds."""
    import ray

    total = ray.cluster_resources()
    room = [total.get("CPU", 1.0) / request["num_cpus"]]
    if request["num_gpus"]:
        room.append(total.get("GPU", 0.0) / request["num_gpus"])
    return max(1, int(min(room)))
