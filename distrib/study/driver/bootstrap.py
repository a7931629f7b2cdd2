"""The bootstrap of a finished model: replicates in parallel, each by a seed of the study's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from distrib.study.search.samplers import seed_of

if TYPE_CHECKING:
    import pandas as pd

    from distrib.study.driver.outcome import Phase
    from distrib.study.plan.plan import Plan
    from distrib.study.worker.family_spec import FamilySpec

REPLICATES = "bootstrap.parquet"
PARTS = 4  # for each worker at a time: enough to tell the time left, few enough to begin cheaply
_PURPOSE = 200  # of the seeds, apart from those of trials and of confirmations


def bootstrap(
    plan: Plan,
    spec: FamilySpec,
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

    from distrib.study.worker import tasks

    number, name = plan.options.bootstrap, f"bootstrap over {plan.bootstrap_of}"
    seeds = [seed_of(plan.options.seed, k, _PURPOSE) % 2**31 for k in range(number)]
    size = -(-number // (PARTS * _at_once(request)))
    parts = [seeds[begin : begin + size] for begin in range(0, number, size)]
    task = tasks.bootstrap.options(**request)
    pending = {
        task.remote(spec, config, weights, data, part, plan.bootstrap_of): k
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
