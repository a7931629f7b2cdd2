"""A search from Python: the options of `distrib.tune` as keywords."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distrib.api.options import OPTIONS, options_from
from distrib.api.places import RUNS, find_study, new_place
from distrib.api.session import carry_out
from distrib.api.study import Study
from distrib.study.plan.plan import make_plan
from distrib.study.space.space import Space
from distrib.study.space.space_file import find_space, parse_space


def search(
    space: str | Path | Mapping[str, Any],
    data: str | Path | None = None,
    *,
    trials: int | None = None,
    sampler: str | None = None,
    scheduler: str | None = None,
    time_budget: float | str | None = None,
    concurrent: int | None = None,
    confirm: int | None = None,
    warm_start: str | Path | Study | None = None,
    set: Mapping[str, Any] | None = None,
    max_epochs: int | None = None,
    metric: str | None = None,
    test_fraction: float | None = None,
    seed: int | None = None,
    out: str | Path | None = None,
    name: str | None = None,
    keep: int | None = None,
    checkpoint_every: float | None = None,
    address: str | None = None,
    workers_per_trial: int | str | None = None,
    cpus_per_worker: float | None = None,
    gpus_per_worker: float | None = None,
    accelerator_type: str | None = None,
    device: str | None = None,
    precision: str | None = None,
    stall_timeout: float | str | None = None,
    allow_custom: bool | None = None,
    debug: bool | None = None,
    progress: bool = True,
) -> Study:
    """Search for good hyperparameters of one model family, as `python -m distrib.tune` does.

    The study runs on a Ray of its own, which is gone when it ends, unless `address` names one. It
    needs no `if __name__ == "__main__"`: no process of it runs the script again.

    Args:
        space: what may vary: the name of a space, a YAML file, or what such a file says, as a
            mapping: `{"trainable": "mlp", "parameters": {"dropout": {"uniform": [0, 0.5]}}}`.
        data: your own data; without it, the family's default data.
        trials: configurations to try. sampler: gp, tpe, random or grid. scheduler: asha,
            asha-promotion, hyperband, median or none. time_budget: seconds, or such as "15m".
            concurrent: trials at a time. confirm: train the best N again with fresh seeds.
        warm_start: a study whose best configurations this one begins with.
        set: fixed parameters, and data options as `data.<name>`: `{"hidden_width": 64}`.
        max_epochs: maximum epochs (folds, rounds) per trial.
        metric: what is optimised; the family's first metric by default.
        test_fraction: share of the groups set aside before anything else. seed: of everything
            random.
        out: the folder or URL where studies are kept ("runs"). name: the study's; else
            `<space>-<number>`. keep: trials that keep their weights. checkpoint_every: least
            seconds between two checkpoints of a trial.
        address: a Ray cluster, such as "auto". workers_per_trial: processes that train a trial
            together, or such as "2:8". cpus_per_worker, gpus_per_worker, accelerator_type, device,
            precision: of each of them. stall_timeout: end a trial after this time without
            progress.
        allow_custom: run the code that a space names as "package.module:Class".
        debug: print everything that Ray and the trials write.
        progress: print how far the study is, and its summary.

    Raises:
        InputError: as the command tells it, by the command's spelling of an option
            (`--max-epochs` is `max_epochs`).
        KeyboardInterrupt: by Ctrl-C; nothing that ended is lost, and the message says how to go on.
    """
    given = {k: v for k, v in locals().items() if v is not None}
    options = options_from({k: v for k, v in given.items() if k in OPTIONS})
    plan = make_plan(_space(space), options)
    kept = Path(out) if out else Path(RUNS)
    warm = None
    if warm_start is not None:
        warm = warm_start.folder if isinstance(warm_start, Study) else None
        warm = warm or find_study(str(warm_start), kept).path
    place, store = new_place(str(out) if out else None, name, plan.space.name, warm)
    words = [f"{key}={value!r}" for key, value in given.items() if key != "space"]
    command = f"distrib.search({', '.join([repr(space), *words])})"
    folder = carry_out(plan, place, command=command, stored=None, store=store, progress=progress)
    url = store.url if store else None
    return Study(folder.path, url=url, allow_custom=bool(allow_custom))


def _space(space: str | Path | Mapping[str, Any]) -> Space:
    """A space by name, from its file, or as it is written here."""
    if isinstance(space, Mapping):
        family = str(space.get("trainable", "space")).rpartition(":")[2].lower()
        return parse_space(dict(space), name=family, file="the space")
    return find_space(str(space))
