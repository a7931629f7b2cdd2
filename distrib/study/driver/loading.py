"""What a study and its dry run begin with: a Ray, the data in it, and the plan that fits both."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distrib.cluster.connect import Cluster, connected
from distrib.cluster.machine import usable_cpus
from distrib.cluster.ray_watch import Lost
from distrib.errors import InputError
from distrib.study.driver.study_file import strike_credentials
from distrib.study.plan.checks import check_drawn
from distrib.study.plan.data_limits import fit_plan, with_budget
from distrib.study.plan.plan import Plan

if TYPE_CHECKING:
    from distrib.study.worker.carrier import Carrier
    from distrib.study.worker.family_spec import FamilySpec

Say = Callable[[str], None]

ELSEWHERE = (
    "this machine has it; another node reads it, so it must lie on a file system that all nodes "
    "mount, or at a URL"
)
SPARE = 8  # processes that may import ahead for nothing, at 0.2 GB each


@dataclass(frozen=True)
class Loaded:
    """Data in Ray, and what they make of a plan.

    Attributes:
        plan: without what the data do not allow. concurrent: how many trials run at once.
        data, test: references to the rows to search on, and to the test part or None.
        facts: the description of the data.
        assistant: what loaded them, where it may stay without taking anything from the trials.
    """

    plan: Plan
    concurrent: int
    spec: FamilySpec
    data: Any
    test: Any
    facts: dict[str, Any]
    assistant: Any = None


def starting(plan: Plan) -> str:
    """What is done first, in a line: it takes seconds, of which the reader sees nothing else."""
    if plan.options.address is not None:
        return f"joining Ray at {plan.options.address}"
    return "starting Ray on this machine"


def ray_of(plan: Plan, lost: Lost | None = None) -> AbstractContextManager[Cluster]:
    """A Ray with as many CPUs as the plan asks for, or the cluster that it names.

    Args:
        lost: see `connected`.
    """
    return connected(
        plan.options.address,
        cpus=own_cpus(plan),
        threads=plan.worker.threads,
        debug=plan.options.debug,
        ship=[plan.space.trainable],
        preload="distrib.study.worker.preload" if _ready_processes_pay(plan) else None,
        framework=plan.family.framework,
        # Who knows what a family of the user's asks for.
        environments=plan.options.allow_custom,
        lost=lost,
    )


def _ready_processes_pay(plan: Plan) -> bool:
    """Whether what Ray's ready processes import ahead, one for each CPU, is used by most of them.

    Of a group only the workers train, which Ray Train starts with an environment of its own.
    """
    options, cpus = plan.options, own_cpus(plan)
    if cpus is None or options.resources.group:
        return False
    actors = cpus // max(options.resources.cpus, 1)
    return cpus - min(actors, options.concurrent or actors) <= SPARE


def load(plan: Plan, cluster: Cluster, say: Say, carrier: Carrier | None = None) -> Loaded:
    """Load the data on a worker, and see what of the plan they and the machines allow.

    Args:
        carrier: how workers come by the study's files; None where all see its folder.

    Raises:
        InputError: the data cannot be used, or what the plan asks for cannot be had.
    """
    import ray

    from distrib.cluster import shared
    from distrib.study.worker import tasks

    if cluster.nodes > 1:
        shared.check_versions()
    options, resources = plan.options, plan.options.resources
    concurrent = concurrency(plan, cluster)
    path = plan.source.path
    say("reading the data" + (f": {strike_credentials(path)}" if path else ""))
    spec = tasks.FamilySpec(plan.space.trainable, plan.worker, options.allow_custom, carrier)
    # On a cluster the head is for the driver: a node with CPUs reads the data.
    share = {"num_cpus": resources.cpus if options.address else 0}
    assistant = tasks.start_assistant(spec, **share)
    data, test, described = assistant.load.options(num_returns=3).remote(
        plan.source,
        options.test_fraction,
        options.seed_of_parts,
        plan.space,
        resources.greatest,
        resources.workers,
    )
    if plan.worker.device != "cpu":
        what = ray.get(tasks.look_at_device.options(**request(plan)).remote(spec))
        if what is not None:
            raise InputError(what)
    facts = ray.get(described)
    if "error" in facts:
        here = path and cluster.nodes > 1 and Path(path).exists()
        raise InputError(facts["error"], hint=ELSEWHERE if here else None)
    if facts.pop("read_later") and cluster.nodes > 1:
        shared.check_data(data)
    for note in facts.get("notes", ()):
        say(f"note: {note}")
    draws = facts.pop("draws")
    if options.bootstrap:
        check_drawn(plan.bootstrap_of, draws, "these data have nothing of that kind to draw")
    plan = fit_plan(plan, facts.pop("unfit"), say)
    plan = with_budget(plan, facts.pop("budget"), say)
    if (allowed := facts.pop("workers")) < resources.greatest:
        say(f"note: at most {allowed} workers train together on these data")
        plan = replace(plan, options=replace(options, resources=replace(resources, most=allowed)))
        concurrent = concurrency(plan, cluster)
    if options.max_budget is not None and plan.rule_name != "none" and not plan.rule().milestones:
        say(f"note: no trial is stopped early: all end within their grace of {plan.grace}")
    if options.address is None and cluster.cpus > usable_cpus():
        say(f"note: {concurrent} trials at a time share {usable_cpus()} CPUs: each takes longer")
    if (left := unused_gpus(plan, cluster, concurrent)) is not None:
        say(f"note: {left}")
    if options.address or resources.gpus:  # the winner needs what a trial needs
        ray.kill(assistant)
        assistant = None
    return Loaded(plan, concurrent, spec, data, test, facts, assistant)


def request(plan: Plan) -> dict[str, Any]:
    """What one worker of this study asks of Ray."""
    r = plan.options.resources
    return {"num_cpus": r.cpus, "num_gpus": r.gpus, "accelerator_type": r.accelerator_type}


def concurrency(plan: Plan, cluster: Cluster) -> int:
    """How many trials run at once: what the cluster holds or may grow to, or fewer if so asked.

    A group that may grow is given room to: there are as many as fit at their greatest. Where nobody
    knows what a cluster may grow to, it is as many as are asked for: the others wait for nodes.

    Raises:
        InputError: not even one trial fits, on any node that there is or may be.
    """
    options, resources, asked = plan.options, plan.options.resources, plan.options.concurrent
    waited_for = asked if cluster.growth.unknown and asked else 0
    room = max(cluster.may_hold(resources), waited_for)
    if room < 1:
        gpus = resources.gpus and cluster.gpus < resources.gpus * resources.workers
        one = cluster.holds(replace(resources, workers=1)) > 0
        slim = resources.cpus > 1 and cluster.holds(replace(resources, cpus=1))
        kind = "--gpus-per-worker" if gpus else "--cpus-per-worker"
        if resources.accelerator_type and cluster.holds(replace(resources, accelerator_type=None)):
            kind = "--accelerator-type"
        raise InputError(
            "one trial asks for more than there is",
            where="--workers-per-trial" if one and not slim else kind,
            found=resources,
            expected=f"at most {cluster.cpus:g} CPUs and {cluster.gpus:g} GPUs on "
            f"{cluster.nodes} node(s), accelerators: {', '.join(cluster.accelerators()) or 'none'}"
            + _grown(cluster),
            hint="with more machines it fits: max_workers, or worker_ips, in the file of `ray up`"
            if options.address
            else None,
        )
    if resources.most is not None:
        greatest = replace(resources, workers=resources.most)
        room = max(1, cluster.may_hold(greatest), waited_for)
    return min(room, asked or room)


def _grown(cluster: Cluster) -> str:
    """What its autoscaler may add to a cluster, in words."""
    growth = cluster.growth
    if not growth.nodes:
        return ""
    nodes = min(growth.most, len(growth.nodes))
    cpus, gpus = (max(node.get(key, 0) for node in growth.nodes) for key in ("CPU", "GPU"))
    return f"; it may grow to {nodes} workers of at most {cpus:g} CPUs and {gpus:g} GPUs each"


def unused_gpus(plan: Plan, cluster: Cluster, concurrent: int) -> str | None:
    """The GPUs that this study leaves alone though its family could use them, in a line."""
    resources = plan.options.resources
    used = concurrent * resources.greatest * resources.gpus
    left = int(cluster.gpus - used + 1e-9)
    if left < 1 or "cuda" not in plan.family.devices:
        return None
    advice = "they wait for CPUs or a larger --concurrent"
    if not resources.gpus:
        advice = "--gpus-per-worker 1 gives each trial one, a fraction lets trials share"
    return f"{left} of {cluster.gpus:g} GPUs stay unused: {advice}"


def own_cpus(plan: Plan) -> int | None:
    """CPUs that a Ray of our own offers: those of the machine, or more if more are asked for.

    `--concurrent` beyond the cores is the user's word: the machine is then shared. But not by the
    workers of a group, which wait for each other, nor by one trial that asks for more than it has.
    """
    options = plan.options
    if options.address is not None:
        return None
    whole = usable_cpus()
    if options.resources.group or options.resources.cpus > whole:
        return whole
    at_once = min(options.concurrent or 0, plan.trials)
    return max(whole, math.ceil(at_once * options.resources.cpus))
