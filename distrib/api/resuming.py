"""The plan of a study that is gone on with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from distrib.errors import InputError
from distrib.study.driver.study_checks import MENDED
from distrib.study.driver.study_file import options_of, read_study, space_of
from distrib.study.plan.options import Options
from distrib.study.plan.plan import Plan, make_plan
from distrib.study.record.run_folder import RunFolder


def resumed_plan(
    folder: RunFolder, options_over: Callable[[Options], Options]
) -> tuple[Plan, dict[str, Any]]:
    """The plan of a study that exists, and its stored description.

    Args:
        options_over: the options now, given those that the study was begun with.

    Raises:
        InputError: an option that it keeps as it is, fewer trials than before, or a stored number
            of units that is not the space's.
    """
    stored = read_study(folder.study_yaml)
    options = options_over(options_of(stored))
    if options.trials is not None and options.trials < stored["search"]["trials"]:
        raise InputError(
            "fewer trials than the study was begun with",
            where="--trials",
            found=options.trials,
            expected=f"{stored['search']['trials']} or more",
        )
    plan = make_plan(space_of(stored, str(folder.study_yaml)), options)
    units = stored["search"]["max_units"]
    if units != plan.max_budget:
        raise InputError(
            "this file was edited or cut",
            file=folder.study_yaml,
            where="search.max_units",
            found=units,
            expected=f"{plan.max_budget}, as the space below it has it",
            hint=MENDED,
        )
    return plan, stored
