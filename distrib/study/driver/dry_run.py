"""`--dry-run`: everything but the study: space resolved, one step trained, time and memory told."""

from __future__ import annotations

import time
from typing import Any

from distrib.errors import InputError
from distrib.study.driver.loading import Say, load, ray_of, request, starting
from distrib.study.driver.place import Place, check_place
from distrib.study.plan.plan import Plan
from distrib.study.search.samplers import build_sampler, seed_of
from distrib.study.space.configs import make_config
from distrib.study.space.points import finite_space, grid_points

SHOWN = 5  # configurations that are drawn and shown
EVERY = 10.0  # seconds between two lines while one of them is measured


def dry_run(plan: Plan, place: Place, say: Say) -> None:
    """Check a plan down to one trained unit, and tell of it; nothing is left behind.

    Raises:
        InputError: whatever a real run would meet first.
    """
    check_place(plan, place)
    drawn = sample(plan, min(SHOWN, plan.trials))
    searched = [p.name for p in plan.space.searched()]
    say(f"space {plan.space.name}: {plan.space.trainable}, {len(searched)} dimensions searched")
    for number, config in enumerate(drawn):
        shown = ", ".join(f"{k}={_short(config[k])}" for k in searched if k in config)
        say(f"  configuration {number}: {shown or 'the only one'}")
    say(starting(plan))
    with ray_of(plan) as cluster:
        from distrib.study.worker import tasks

        loaded = load(plan, cluster, say)
        plan, facts = loaded.plan, loaded.facts
        say(f"data: {facts['search_rows']} rows to search on, {facts['test_rows']} set aside")
        say(
            f"training configuration 0 for one {plan.unit}, or a part of it where it is a long "
            "one, to measure its time and memory"
        )
        asked = tasks.first_step.options(**request(plan)).remote(
            loaded.spec, _plain(plan, sample(plan, 1)[0]), loaded.data, not plan.refit
        )
        step = _waited_for(asked, say)
    if "error" in step:
        raise InputError(
            "the first step failed", found=step["error"], hint="--debug shows where, in full"
        )
    for line in told(plan, step, loaded.concurrent):
        say(line)


def _waited_for(asked: Any, say: Say) -> dict[str, Any]:
    """What a task gives; a line now and then until it does.

    Raises:
        InputError: its process was lost, such as for want of memory.
    """
    import ray

    from distrib.study.driver.worker_failures import why_lost

    began = time.monotonic()
    while not ray.wait([asked], timeout=EVERY)[0]:
        say(f"  still measuring, {_time(time.monotonic() - began)}")
    try:
        step: dict[str, Any] = ray.get(asked)
    except ray.exceptions.RayError as error:
        reason = why_lost(error)
        if reason is None:
            raise
        raise InputError(
            "the process that measured was lost",
            found=reason,
            hint="smaller batches (with more accumulation the steps are the same), activation "
            "checkpointing where the family has it, or a machine with more memory",
        ) from None
    return step


def told(plan: Plan, step: dict[str, Any], concurrent: int) -> list[str]:
    """What a first step says of the whole study.

    Args:
        step: see `first_units`. concurrent: how many trials run at once.
    """
    concurrent = min(concurrent, plan.trials)
    one = step["seconds"]
    if "metrics" in step:
        shown = ", ".join(f"{name} {value:.4g}" for name, value in step["metrics"].items())
        lines = [f"one {plan.unit} of configuration 0: {one:.2f} s; after the first {shown}"]
    else:
        lines = [
            f"one {plan.unit} of configuration 0: about {_time(one)} without validation, by "
            f"{step['part']:.2%} of it"
        ]
    processes = concurrent * plan.options.resources.greatest
    each = f", {processes} of these at a time" if processes > 1 else ""
    lines.append(f"memory: {step['memory'] / 1e9:.2f} GB of one process at its peak{each}")
    longest = one * plan.max_budget
    whole = longest * plan.trials / concurrent
    again = f", {_time(longest)} to train the winner again" if plan.refit else ""
    disk = step["bytes"] * (2 * (concurrent + plan.options.keep) + 1) / 1e6
    lines.append(
        f"estimate: {concurrent} trials at a time, at most {_time(whole)} without early stops"
        f"{again}, about {disk + 0.05 * plan.trials:.1f} MB on disk"
    )
    return lines


def sample(plan: Plan, count: int) -> list[dict[str, Any]]:
    """The first configurations that a study without results would draw."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    direction = "maximize" if plan.objective.direction == "max" else "minimize"
    study = optuna.create_study(direction=direction)
    points, every = grid_points(plan.space), finite_space(plan.space)
    found = []
    for number in range(count):
        fixed = points[number % len(points)]
        study.sampler = build_sampler(plan.sampler, plan.options.seed, number, fixed, every=every)
        drawn = plan.space.suggest(study.ask())
        drawn.setdefault("seed", seed_of(plan.options.seed, number, 1) % 2**31)
        make_config(plan.family, drawn)
        found.append(drawn)
    return found


def _plain(plan: Plan, drawn: dict[str, Any]) -> dict[str, Any]:
    return make_config(plan.family, drawn).model_dump(mode="json")


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _time(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"
