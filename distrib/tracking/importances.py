"""Which hyperparameters decided: Optuna's PED-ANOVA on the trials that ran to their end."""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from distrib.records import Dimension, Scalar, StudyRecord

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

LEAST = 4  # completed trials below which nothing can be said

METHOD = (
    "PED-ANOVA (Watanabe et al., IJCAI 2023): how differently the best tenth of the completed "
    "trials is distributed over each parameter, normalised to a sum of one"
)


@dataclass(frozen=True)
class Importances:
    """Shares by parameter, largest first; or why there are none.

    Attributes:
        remark: what was left out, or the reason for saying nothing; may be empty.
    """

    shares: dict[str, float] = field(default_factory=dict)
    remark: str = ""


def importances(study: StudyRecord) -> Importances:
    """Shares of the parameters in what made trials good.

    Only parameters that every completed trial drew, and drew differently, can be compared.
    """
    trials = [
        t
        for t in study.trials.values()
        if t.state == "COMPLETE" and t.value is not None and math.isfinite(t.value)
    ]
    if len(trials) < LEAST:
        return Importances(
            remark=f"Complete trials: {len(trials)}. Too few to tell (at least {LEAST})."
        )
    everywhere = [d for d in study.dimensions if all(d.name in t.params for t in trials)]
    varied = [d for d in everywhere if len({repr(t.params[d.name]) for t in trials}) > 1]
    if len(varied) < 2:
        return Importances(
            remark=f"Parameters that vary: {len(varied)}. There is nothing to compare."
        )
    if len({t.value for t in trials}) < 2:
        return Importances(remark="Every completed trial has the same value.")

    import optuna
    from optuna.trial import create_trial

    with without("sklearn"):
        from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    seen = {d.name: [t.params[d.name] for t in trials] for d in varied}
    distributions = {d.name: _distribution(d, seen[d.name]) for d in varied}
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            rebuilt = optuna.create_study(
                direction="maximize" if study.direction == "max" else "minimize"
            )
            rebuilt.add_trials(
                create_trial(
                    params={d.name: _value(d, t.params[d.name]) for d in varied},
                    distributions=distributions,
                    value=t.value,
                )
                for t in trials
            )
            shares = get_param_importances(rebuilt, evaluator=PedAnovaImportanceEvaluator())
    finally:
        optuna.logging.set_verbosity(level)
    ordered = sorted(shares.items(), key=lambda item: -item[1])
    alike = [d.name for d in everywhere if d not in varied]
    absent = [d.name for d in study.dimensions if d not in everywhere]
    remarks = [
        f"Not compared, as {why}: {', '.join(names)}."
        for why, names in (
            ("every completed trial has the same value", alike),
            ("not every completed trial drew them", absent),
        )
        if names
    ]
    return Importances(dict(ordered), " ".join(remarks))


@contextmanager
def without(package: str) -> Iterator[None]:
    """What is imported meanwhile finds no such package, unless it is imported already.

    Optuna's importances import scikit-learn where it is installed, for other methods than this one:
    three seconds of every study's end.
    """
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[package]


def _distribution(dimension: Dimension, seen: list[Scalar]) -> BaseDistribution:
    """The dimension for Optuna, wide enough for every value that was drawn."""
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if dimension.kind == "choice":
        return CategoricalDistribution(sorted({repr(v) for v in (*dimension.choices, *seen)}))
    values = [float(v) for v in seen if v is not None]
    low = min([*values, *([] if dimension.low is None else [dimension.low])])
    high = max([*values, *([] if dimension.high is None else [dimension.high])])
    if dimension.integer:
        return IntDistribution(int(low), int(high), log=dimension.log)
    return FloatDistribution(low, high, log=dimension.log)


def _value(dimension: Dimension, value: Scalar) -> Any:
    # As text: `True` and `1` are one choice to Optuna, and two to the user.
    return repr(value) if dimension.kind == "choice" else value
