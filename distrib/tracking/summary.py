"""The summary at the end of a study, as plain text."""

from __future__ import annotations

import shlex
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from distrib.claims import PARTS, claims, count, heading, said, small_figure
from distrib.records import StudyRecord, TrialRecord
from distrib.tracking import wording

SHOWN = 3  # failures that are told with their reason
HEAD = 12  # characters of a head, beyond which it is broken between words


def summary(
    study: StudyRecord,
    place: str,
    *,
    winner: Mapping[str, Any],
    baselines: Mapping[str, Mapping[str, float]],
    notes: list[str],
    seconds: Mapping[str, float],
    size: int,
    interrupted: bool = False,
    resume: str | None = None,
    leave: str = "",
    following: Sequence[str] | None = None,
    usage: str | None = None,
) -> str:
    """The winner beside the baselines, where the time went, where everything is, what is next.

    Args:
        resume: the command that goes on with the study, where there is more to do.
        leave: what commands need that run the user's own code.
        following: what is next, where it is not the commands (from Python).
        usage: what it took of a cluster.
    """
    blocks = [_head(study, interrupted)]
    if winner:
        blocks.append(_winner(study, study.trials[winner["trial"]], winner))
        blocks.append(figures_table(study, winner, baselines))
        blocks.append("\n".join(claims(study, winner, baselines)))
        blocks.append(gains_table(winner))
    blocks.append(_time(study, seconds))
    if usage:
        blocks.append(
            f"cluster: {usage}, all its nodes, whoever used them\n"
            "  it runs on, and may cost, until you end it: ray down cluster.yaml"
        )
    if notes:
        blocks.append("\n".join(f"note: {note}" for note in notes))
    blocks.append(
        f"everything is in {place} ({size / 1e6:.1f} MB on disk)\nto look at: {place}/report.html"
    )
    commands = _commands(place, bool(winner), resume, leave) if following is None else following
    blocks.append("next:\n" + "\n".join(f"  {command}" for command in commands))
    return "\n\n".join(block for block in blocks if block)


def _head(study: StudyRecord, interrupted: bool) -> str:
    states: Counter[str] = Counter(t.state for t in study.trials.values())
    complete = [t for t in study.trials.values() if t.state == "COMPLETE"]
    whole = [t for t in complete if study.spent_whole(t)]
    early = [t for t in complete if not study.spent_whole(t)]
    parts = [f"{len(ts)} {wording.end_words(study, *ts)}" for ts in (whole, early) if ts]
    parts += [
        f"{states[state]} {word}"
        for state, word in (
            ("PRUNED", "stopped early"),
            ("FAIL", "failed"),
            ("RUNNING", wording.UNFINISHED),
            ("PAUSED", "paused at a rung"),
        )
        if states[state]
    ]
    failures = Counter(t.failure for t in study.trials.values() if t.failure)
    count = wording.trials(len(study.trials))
    lines = [f"study {study.name}: {count}: {', '.join(parts) or 'none'}"]
    lines += [f"  failed, {failure}: {count}" for failure, count in failures.most_common()]
    retries = sum(t.retries for t in study.trials.values())
    if retries:
        lines.append(f"  begun again after a lost node or process: {retries}")
    failed = [t for t in study.trials.values() if t.state == "FAIL"]
    lines += [f"    trial {trial.number}: {trial.reason}" for trial in failed[:SHOWN]]
    if len(failed) > SHOWN:
        lines.append(f"    and {len(failed) - SHOWN} more, see leaderboard.csv")
    if interrupted:
        lines.append("interrupted; nothing that ended is lost")
    elif study.best() is None:
        lines.append("no trial succeeded; see trials/*/console.log")
    return "\n".join(lines)


def _winner(study: StudyRecord, trial: TrialRecord, winner: Mapping[str, Any]) -> str:
    lines = [
        f"winner: trial {trial.number}, {study.unit} {trial.best_fidelity} of {study.max_budget}"
    ]
    if "trained" in winner:
        lines.append(f"  its model is {winner['trained']}")
    lines += [f"  {name} = {value}" for name, value in trial.params.items()]
    for line in confirmed_lines(study, winner):
        lines.append(f"  {line}")
    return "\n".join(lines)


def confirmed_lines(study: StudyRecord, winner: Mapping[str, Any]) -> list[str]:
    """What each of the best few came to under fresh seeds; the best mean makes the winner."""
    return [
        f"{study.metric} of trial {number} over {found['seeds']} fresh seeds: "
        f"{found['mean']:.4f} +- {found['sd']:.4f} "
        + ("(standard deviation)" if found["sd"] else "(the seed changes nothing)")
        for number, found in winner.get("confirmed", {}).items()
    ]


def figures_table(
    study: StudyRecord, winner: Mapping[str, Any], baselines: Mapping[str, Mapping[str, float]]
) -> str:
    """A line per metric: the winner beside the baselines, on validation and on test data."""
    lines = []
    for part, prefix in (("validation", ""), ("test", "test/")):
        if not winner[part]:
            continue
        title = f"{part} ({heading(study, winner, part)})"
        ends = winner.get("intervals", {}).get(part, {})
        rows = []
        for metric in (*study.metrics, *winner.get("finished", {})):
            values = [v.get(prefix + metric) for v in baselines.values()]
            own = winner[part].get(metric)
            if own is None and all(value is None for value in values):
                continue
            between = "{:.4f} to {:.4f}".format(*ends[metric]) if metric in ends else ""
            row = [f"  {metric}", _cell(own), between, *map(_cell, values)]
            rows.append(row if ends else row[:2] + row[3:])
        heads = ["", "winner", "95% interval", *baselines]
        lines += [title, *_aligned(heads if ends else heads[:2] + heads[3:], rows), ""]
    return "\n".join(lines).rstrip()


def gains_table(winner: Mapping[str, Any]) -> str:
    """A line per baseline: the winner's gain over it in each metric, and what may be said of it."""
    lines = []
    for part in PARTS:
        found = winner.get("gains", {}).get(part, {}).get("metrics", {})
        names = dict.fromkeys(name for gains in found.values() for name in gains)
        rows = []
        for name in names:
            row = [f"  {name}"]
            for metric, gains in found.items():
                gain, low, high = gains.get(name, (None, None, None))
                row.append("-" if gain is None else small_figure(gain))
                told = low is not None and high is not None
                row.append(f"{small_figure(low)} to {small_figure(high)}" if told else "")
                row.append(said(metric, gains, name) if name in gains else "")
            rows.append(row)
        heads = [""]
        for metric in found:
            heads += [f"gain in {metric}", "95% interval", "winner is"]
        if rows:
            lines += [f"{part}, {count(winner, part)}, row by row", *_aligned(heads, rows), ""]
    return "\n".join(lines).rstrip()


def _aligned(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table; long heads stand on several, to keep it narrow."""
    broken = [textwrap.wrap(head, HEAD, break_long_words=False) or [""] for head in heads]
    deep = max(map(len, broken))
    grid = [*zip(*([""] * (deep - len(lines)) + lines for lines in broken)), *rows]
    widths = [max(map(len, column)) for column in zip(*grid)]
    return [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()
        for row in grid
    ]


def _cell(value: float | None) -> str:
    return wording.figure(value)


def _time(study: StudyRecord, seconds: Mapping[str, float]) -> str:
    total: Counter[str] = Counter()
    for trial in study.trials.values():
        total.update(trial.seconds)
    count = max(1, len(study.trials))
    phases = ", ".join(f"{name} {value:.1f} s" for name, value in seconds.items())
    kinds = ", ".join(f"{name} {value / count:.3f}" for name, value in total.items())
    return f"time: {phases}\n  seconds per trial: {kinds}" if kinds else f"time: {phases}"


def _commands(place: str, trained: bool, resume: str | None, leave: str) -> list[str]:
    commands, word = [], shlex.quote(place)
    best = shlex.quote(f"{place}/best")
    if resume:
        commands.append(resume)
    commands.append(f"tensorboard --logdir {word}")
    if trained:
        commands.append(f"python -m distrib.predict {best} --out predictions.parquet{leave}")
        commands.append(f"python -m distrib.train --config {best}{leave}")
    if "://" not in place:
        beside = shlex.quote(place.rpartition("/")[0] or ".")
        commands.append(f"python -m distrib.compare {beside}/*")
    return commands
