"""What is known of a space and its family: `distrib.tune --show`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from distrib.cli.fields import described, value_words

if TYPE_CHECKING:
    from distrib.study.plan.plan import Plan
    from distrib.study.space.space import Parameter

Rows = list[tuple[str, ...]]
BETTER = {"max": "higher", "min": "lower"}


def show(plan: Plan) -> None:
    """Print every hyperparameter, data option and metric, and how the space is searched.

    Tables at a terminal; plain columns, each line whole, in a pipe or a file.
    """
    print("\n".join(_head(plan)))
    for title, heads, rows in _tables(plan):
        if sys.stdout.isatty():
            _drawn(title, heads, rows)
        else:
            print("\n" + "\n".join(_plain(title, heads, rows)))


def _head(plan: Plan) -> Iterator[str]:
    space = plan.space
    about = space.settings.get("description")
    yield f"space {space.name}" + (f": {about}" if about else "")
    fidelity = plan.family.fidelity
    counted = "it reports once: no trial can be stopped early"
    if fidelity is not None:
        worth = "best" if fidelity.selects == "best" else "last"
        counted = f"fidelity: {fidelity.unit} ({fidelity.config_key}), at most "
        counted += f"{plan.max_budget} a trial, which is worth its {worth} one"
    yield f"family {space.trainable}; {counted}"
    if not space.searched():
        yield "nothing varies: one training"
        return
    words = [f"trials {plan.trials}", f"sampler {plan.sampler}", f"scheduler {plan.rule_name}"]
    if plan.rule_name != "none":
        rungs = ", ".join(map(str, plan.rule().milestones))
        words[-1] += f" (grace {plan.grace}, reduction factor {plan.factor:g}"
        words[-1] += f"; compares at {rungs})" if rungs else ")"
    yield "; ".join(words)


def _tables(plan: Plan) -> Iterator[tuple[str, tuple[str, ...], Rows]]:
    parameters = {p.name: p for p in plan.space.parameters}
    varied = {p.name for p in plan.space.searched()}
    known = described(plan.family.Config)
    heads = ("name", "type", "default", "bounds", "help")
    searched = [(f.name, over(parameters[f.name]), *_rest(f)) for f in known if f.name in varied]
    if searched:
        yield "hyperparameters that vary", ("name", "over", *heads[1:]), searched
    others = [
        (f.name, over(parameters[f.name]) if f.name in parameters else "", *_rest(f))
        for f in known
        if f.name not in varied
    ]
    if others:
        title = "hyperparameters that do not vary (--set NAME=VALUE)"
        yield title, ("name", "fixed at", *heads[1:]), others
    given = plan.source.model_dump()
    data = [
        (
            "--data" if f.name == "path" else f"data.{f.name}",
            value_words(given[f.name]) if value_words(given[f.name]) != f.default else "",
            *_rest(f),
        )
        for f in described(plan.family.Source)
    ]
    yield "data (--set data.NAME=VALUE)", ("name", "given", *heads[1:]), data
    metrics: Rows = [
        (
            m.name,
            f"{BETTER[m.direction]} is better",
            "objective" if m == plan.objective else "",
            m.help,
        )
        for m in plan.metrics
    ]
    yield "metrics (--metric NAME)", ("name", "direction", "", "help"), metrics


def _rest(field: object) -> tuple[str, ...]:
    return tuple(getattr(field, name) for name in ("type", "default", "bounds", "help"))


def over(parameter: Parameter) -> str:
    """What a space says of a parameter: "16 to 512, log", or its values; and when it exists."""
    if parameter.values:
        words = ", ".join(map(value_words, parameter.values))
        if parameter.kind == "grid":
            words += " (grid: each gets its share of trials)"
    else:
        words = f"{value_words(parameter.low)} to {value_words(parameter.high)}"
        words += f", step {value_words(parameter.step)}" if parameter.step else ""
        words += ", log" if parameter.log else ""
    for name, values in parameter.when.items():
        words += f"; when {name} is {' or '.join(map(value_words, values))}"
    return words


def _plain(title: str, heads: Sequence[str], rows: Rows) -> Iterator[str]:
    """The lines of a table, without the columns that are empty."""
    kept = [i for i in range(len(heads)) if any(row[i] for row in rows)]
    grid = [[line[i] for i in kept] for line in (heads, *rows)]
    widths = [max(map(len, column)) for column in zip(*grid)]
    yield title
    for line in grid:
        yield "  " + "  ".join(map(str.ljust, line, widths)).rstrip()


def _drawn(title: str, heads: Sequence[str], rows: Rows) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    kept = [i for i in range(len(heads)) if any(row[i] for row in rows)]
    table = Table(
        title=Text(title, "bold"),
        title_justify="left",
        box=SIMPLE_HEAD,
        expand=True,
        pad_edge=False,
    )
    for i in kept:
        if heads[i] == "help":
            table.add_column("help", ratio=1, min_width=console.width // 3)
        else:
            table.add_column(
                heads[i],
                style="" if i else "cyan",
                overflow="fold",
                max_width=max(12, console.width // 6),
            )
    for row in rows:
        table.add_row(*(Text(row[i]) for i in kept))
    console.print(table)
