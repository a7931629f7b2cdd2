"""What a user may ask of a study, and the checks that need neither data nor Ray."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from distrib.errors import InputError, nearest, said_in
from distrib.study.plan.checks import check_bootstrap
from distrib.study.plan.options import Options, out_of_range
from distrib.study.plan.refit import check_kept, refits
from distrib.study.plan.workers import worker_of
from distrib.study.record.remote_store import is_url
from distrib.study.search.samplers import GONE
from distrib.study.search.samplers import NAMES as SAMPLERS
from distrib.study.search.schedulers import NAMES as RULES
from distrib.study.search.schedulers import Rule, build_rule
from distrib.study.space.configs import checked, make_config
from distrib.study.space.points import grid_points
from distrib.study.space.space import Space
from distrib.study.space.space_file import number
from distrib.trainables.base import Metric, Source, Trainable, Worker
from distrib.trainables.capabilities import Bootstraps
from distrib.trainables.registry import FAMILIES, load_family, look_beside

SETTINGS = (
    "description",
    "trials",
    "sampler",
    "scheduler",
    "grace",
    "reduction_factor",
    "metric",
    "points",
    "refit",
)

MOST_BY_GP = 200
"""Of more trials `tpe` draws, where nobody says who."""


@dataclass(frozen=True)
class Plan:
    """A study whose every word was checked: what `run_study` carries out.

    Attributes:
        metrics: the family's; those that the data do not allow are left out (`fit_plan`).
        refit: whether the winner is trained again on every row, see `Trainable.refits`.
    """

    space: Space
    family: Trainable[Any, Any, Any]
    source: Source
    objective: Metric
    metrics: tuple[Metric, ...]
    trials: int
    max_budget: int
    rule_name: str
    grace: int
    factor: float
    sampler: str
    worker: Worker
    options: Options
    refit: bool = True

    def rule(self) -> Rule:
        """A fresh stopping rule."""
        return build_rule(
            self.rule_name,
            grace=self.grace,
            factor=self.factor,
            max_budget=self.max_budget,
            seed=self.options.seed,
        )

    @property
    def bootstrap_of(self) -> str:
        """What replicates draw with replacement: the user's word, else the family's first."""
        assert isinstance(self.family, Bootstraps)  # else `check_bootstrap` refuses
        return self.options.bootstrap_of or self.family.bootstraps[0]

    @property
    def selects(self) -> Literal["best", "last"]:
        fidelity = self.family.fidelity
        return fidelity.selects if fidelity else "last"

    @property
    def unit(self) -> str:
        fidelity = self.family.fidelity
        return fidelity.unit if fidelity else "fit"


def make_plan(space: Space, options: Options) -> Plan:
    """Check a space and options against each other and against the family.

    Raises:
        InputError: naming the option or key at fault.
    """
    if ":" in space.trainable and options.allow_custom:
        look_beside(space.file)
    with said_in(space.file):
        family = load_family(space.trainable, allow_custom=options.allow_custom)
    fixed = dict(options.fixed)
    data = {**space.data, **{k[5:]: v for k, v in fixed.items() if k.startswith("data.")}}
    if options.data is not None:
        data["path"] = options.data
    if data.get("path") and options.address is not None and not is_url(str(data["path"])):
        # A cluster's workers are in other folders than this process.
        data["path"] = str(Path(str(data["path"])).absolute())
    source = checked(family.Source, data, "data", space.file)
    _check_path(space.trainable, source.path, options)
    for key, value in fixed.items():
        if not key.startswith("data."):
            _check_name(key, family, "--set")
            space = space.fix(key, number(value))
    _check_parameters(space, family, fixed)
    settings = _settings(space)
    space, max_budget = _budget(space, family, options.max_budget)
    asked = options.trials or settings.get("trials")
    sampler = _one_of("sampler", options.sampler, space, default_sampler(asked), SAMPLERS)
    if sampler == "grid":
        space = space.discrete()
    rule_name = _one_of("scheduler", options.scheduler, space, "asha", RULES)
    plan = Plan(
        space=space,
        family=family,
        source=source,
        objective=_objective(family, options.metric, space),
        metrics=family.metrics,
        trials=_trials(space, sampler, options.trials, settings.get("trials")),
        max_budget=max_budget,
        rule_name=rule_name,
        grace=_grace(space, max_budget, options),
        factor=settings.get("reduction_factor", 3),
        sampler=sampler,
        worker=worker_of(family, options),
        options=options,
        refit=refits(space, family),
    )
    with said_in(space.file):
        plan.rule()
    for option, value, expected in out_of_range(options):
        raise InputError("out of range", where=option.flag.name, found=value, expected=expected)
    if options.confirm > plan.trials:
        raise InputError(
            "more than there are trials",
            where="--confirm",
            found=options.confirm,
            expected=f"at most {plan.trials}",
        )
    check_bootstrap(family, options)
    if not plan.refit:
        check_kept(options)
    return plan


def _check_path(trainable: str, path: str | None, options: Options) -> None:
    """A file that is not there is told before Ray starts; of a cluster, its nodes say it."""
    if path is None or options.address is not None or is_url(path) or trainable not in FAMILIES:
        return
    if not Path(path).exists():
        raise InputError("no such file or folder", file=path)


def _settings(space: Space) -> Mapping[str, Any]:
    for key in space.settings:
        if key not in SETTINGS:
            words = ("trainable", "parameters", "data", *SETTINGS)
            raise InputError(
                "no such key of a space",
                file=space.file,
                where=key,
                found=key,
                expected=f"one of {', '.join(words)}",
                hint=nearest(key, words),
            )
    factor = space.settings.get("reduction_factor", 3)
    if isinstance(factor, bool) or not isinstance(factor, (int, float)):
        raise InputError(
            "not a number",
            file=space.file,
            where="reduction_factor",
            found=factor,
            expected="a number above 1",
        )
    return space.settings


def _grace(space: Space, max_budget: int, options: Options) -> int:
    """The space's grace; a `--max-epochs` below it shortens it, a space that says both may not."""
    grace = _whole("grace", space.settings.get("grace", 1), space)
    return min(grace, max_budget) if options.max_budget is not None else grace


def _check_parameters(
    space: Space, family: Trainable[Any, Any, Any], fixed: Mapping[str, Any]
) -> None:
    """Every name is the family's, and both ends or every value of each are valid for it.

    What is only valid beside another value, such as a number of heads, is asked with what is fixed.
    """
    names = family.Config.model_fields
    constant = {p.name: p.values[0] for p in space.parameters if p.kind == "const" and not p.when}
    for parameter in space.parameters:
        _check_name(parameter.name, family, f"parameters.{parameter.name}", space.file)
        ends = parameter.values or (parameter.low, parameter.high)
        given = parameter.name in fixed
        place = ("--set", "") if given else ("parameters", space.file)
        for value in ends:
            try:
                checked(family.Config, {parameter.name: value}, *place)
            except InputError:
                checked(family.Config, {**constant, parameter.name: value}, *place)
    needed = [n for n, f in names.items() if f.is_required()]
    for name in needed:
        if name not in {p.name for p in space.parameters}:
            raise InputError(
                "a parameter without a default is missing",
                file=space.file,
                where="parameters",
                expected=name,
            )


def _check_name(
    name: str, family: Trainable[Any, Any, Any], where: str, file: str | None = None
) -> None:
    names = family.Config.model_fields
    if name not in names:
        raise InputError(
            "no such parameter",
            file=file,
            where=where,
            found=name,
            expected=f"one of {', '.join(names)}",
            hint=nearest(name, names),
        )


def _budget(space: Space, family: Trainable[Any, Any, Any], asked: int | None) -> tuple[Space, int]:
    """The space, and the budget of a training at most; `asked` sets it, but adds no folds."""
    if family.fidelity is None:
        if asked is not None:
            raise InputError(
                "this family reports once: it has no fidelity to limit",
                where="--max-epochs",
                found=asked,
            )
        return space, 1
    key = family.fidelity.config_key
    own = _greatest_budget(space, family, key)
    if asked is None:
        return space, own
    if asked < 1:
        raise InputError(
            "nothing to train", where="--max-epochs", found=asked, expected="1 or more"
        )
    if family.fidelity.selects == "last":
        # More epochs go on with the same training; more folds would be another validation.
        asked = min(asked, own)
    checked(family.Config, {key: asked}, "--max-epochs")
    return space.fix(key, asked), asked


def _greatest_budget(space: Space, family: Trainable[Any, Any, Any], key: str) -> int:
    here = [p for p in space.parameters if p.name == key]
    if not here:
        return int(family.Config.model_fields[key].default)
    if here[0].kind != "const":
        return int(max(here[0].values or (here[0].high,)))
    return int(make_config(family, {key: here[0].values[0]}).model_dump()[key])


def _objective(family: Trainable[Any, Any, Any], asked: str | None, space: Space) -> Metric:
    default = family.metrics[0].name
    names = {m.name: m for m in family.metrics}
    return names[_one_of("metric", asked, space, default, list(names))]


def default_sampler(trials: Any) -> str:
    """What draws where nobody says: figures in experiments/search_quality.

    Args:
        trials: as many as were asked for; None: the default number.
    """
    return "tpe" if isinstance(trials, int) and trials > MOST_BY_GP else "gp"


def _trials(space: Space, sampler: str, asked: int | None, default: Any) -> int:
    points = len(grid_points(space))
    only_grid = all(p.kind == "grid" for p in space.searched())
    own = 60 if default is None else _whole("trials", default, space)
    if asked is None:
        asked = own
        if only_grid:
            return points
    if asked < 1:
        raise InputError("no trials to run", where="--trials", found=asked, expected="1 or more")
    if sampler == "grid" and asked > points:
        raise InputError(
            "more trials than the grid has points",
            where="--trials",
            found=asked,
            expected=f"at most {points}",
        )
    return asked


def _one_of(key: str, asked: str | None, space: Space, default: str, names: Sequence[str]) -> str:
    """The user's word, else the space's, else the default; refused where it stands."""
    own = space.settings.get(key, default)
    for value, file, where in ((own, space.file, key), (asked or own, None, f"--{key}")):
        if value not in names:
            raise InputError(
                "no such choice",
                file=file,
                where=where,
                found=value,
                expected=f"one of {', '.join(names)}",
                hint=GONE.get(str(value)) or nearest(str(value), names),
            )
    return asked or own


def _whole(key: str, value: Any, space: Space) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(
            "not a whole number", file=space.file, where=key, found=value, expected="1 or more"
        )
    return value
