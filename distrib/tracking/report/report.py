"""`report.html`: one file that shows a whole study, without the network.

Every text that comes from data (names, parameters, reasons, commands) is escaped, in the page as
in the figures, and the page's own policy runs no script but those written here.
"""

from __future__ import annotations

import base64
import html
import secrets
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distrib.claims import claims, count, heading, said, worth_words
from distrib.files import atomic_write
from distrib.records import REFITTED, StudyRecord, TrialRecord, TrialState
from distrib.tracking import wording
from distrib.tracking.importances import METHOD, importances
from distrib.tracking.report import lines, plots
from distrib.tracking.report.figure import Figure
from distrib.tracking.report.history import history
from distrib.tracking.report.page import page
from distrib.tracking.summary import confirmed_lines

LEADERS = 20  # rows of the leaderboard; all of it is in leaderboard.csv
FAILURES = 20  # failed trials listed
LARGEST = 2_000_000  # bytes of a picture that stands in the page
LONGEST = 300  # characters of a reason or a value


@dataclass(frozen=True)
class Sections:
    """What a report tells beside the trials.

    Attributes:
        winner: `trial`, `validation` and `test` figures by metric, `confirmed` where asked for;
            empty where no winner was trained.
        baselines: name -> metric -> value, test figures as `test/<metric>`.
        meanings: metric -> what it is, where its family says so.
        seconds: by phase of the study.
        command: that began the study, without credentials.
        notes: what else there is to say.
    """

    winner: Mapping[str, Any] = field(default_factory=dict)
    baselines: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    meanings: Mapping[str, str] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    command: str = ""
    notes: tuple[str, ...] = ()


def write_report(folder: Path, study: StudyRecord, sections: Sections) -> Path:
    """Write `report.html` into the run folder and return its path.

    Raises:
        OSError: a full or read-only disk; an earlier report is then as it was.
    """
    figures: dict[str, Figure] = {}

    def drawn(name: str, figure: Figure | None, otherwise: str) -> str:
        if figure is None:
            return f"<p class=none>{text(otherwise)}</p>"
        figures[name] = figure
        place = f'<div class=plot id="{name}" style="min-width: {figure.least}px"></div>'
        return f"<div class=scroll>{place}</div>" + _caption(figure.caption)

    found = importances(study)
    parts = [
        ("Winner", _winner(study, sections) + _pictures(folder / "best")),
        (
            "Optimisation history",
            drawn("history", history(study, sections.baselines), "No trial has a value."),
        ),
        (
            "Learning curves, by rung",
            drawn("curves", lines.curves(folder, study), "No trial reported more than once."),
        ),
        ("Leaderboard", _leaderboard(study)),
        (
            "Parallel coordinates",
            drawn(
                "parallel",
                lines.parallel(study, list(found.shares)),
                "Fewer than two trials have values to compare.",
            ),
        ),
        (
            "Importances",
            drawn("importances", plots.importance_bars(found.shares), found.remark)
            + (_caption(f"{METHOD}. {found.remark}") if found.shares else ""),
        ),
        ("Timeline", drawn("timeline", plots.timeline(study), "No trial has begun.")),
        (
            "Where the time went",
            drawn("seconds", plots.seconds(study), "No times were recorded.")
            + _phases(sections.seconds),
        ),
        ("Failures", _failures(study)),
        ("How to reproduce", _reproduce(sections)),
    ]
    body = _head(study) + "\n".join(
        f"<section><h2>{text(title)}</h2>\n{content}</section>" for title, content in parts
    )
    path = folder / "report.html"
    atomic_write(path, page(text(study.name), body, figures, secrets.token_hex(16)))
    return path


def text(value: object) -> str:
    """Any value as inert text of a page."""
    shown = str(value)
    return html.escape(shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…")


def _caption(words: str) -> str:
    return f"<p class=caption>{text(words)}</p>" if words else ""


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "") -> str:
    """A table of cells that are already escaped."""
    top = "".join(f"<th>{head}</th>" for head in heads)
    body = "\n".join("<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in rows)
    return (
        f'<div class=scroll><table class="{kind}"><thead><tr>{top}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _head(study: StudyRecord) -> str:
    goal = "highest" if study.direction == "max" else "lowest"
    best = study.best()
    tiles = [
        ("best " + study.metric, wording.figure(best.value) if best else "-"),
        ("trials", f"{wording.ended(study)} of {study.num_trials}"),
        *((wording.STATE_WORDS[s], str(n)) for s, n in _states(study)),
    ]
    shown = "".join(f"<div><b>{text(b)}</b><span>{text(a)}</span></div>" for a, b in tiles)
    return (
        f"<header><h1>{text(study.name)}</h1>"
        f"<p>A search over <b>{text(study.trainable)}</b> for the {goal} "
        f"<b>{text(study.metric)}</b>, at most {study.max_budget} {text(study.unit)}s a trial.</p>"
        f"<div class=tiles>{shown}</div></header>\n"
    )


def _states(study: StudyRecord) -> list[tuple[str, int]]:
    states = Counter(t.state for t in study.trials.values())
    order: tuple[TrialState, ...] = ("COMPLETE", "PRUNED", "FAIL", "RUNNING", "PAUSED")
    return [(s, states[s]) for s in order if states[s] or s == "COMPLETE"]


def _winner(study: StudyRecord, sections: Sections) -> str:
    winner = sections.winner
    trial = study.trials.get(winner["trial"]) if winner else study.best()
    if trial is None:
        return "<p class=none>No trial succeeded.</p>"
    words = (
        f"Trial {trial.number}, {study.unit} {trial.best_fidelity} of {study.max_budget}; its "
        f"model is {winner.get('trained', REFITTED)}. {worth_words(winner)}."
        if winner
        else f"Trial {trial.number} is the best so far; no winner has been trained on every row."
    )
    words = " ".join([words, *(f"{line}." for line in confirmed_lines(study, winner))])
    told = claims(study, winner, sections.baselines)
    bold = told[:1] if "gains" in winner else told
    behind = "".join(f"<p><b>{text(line)}.</b></p>" for line in bold)
    if told[len(bold) :]:
        behind += "<ul>" + "".join(f"<li>{text(t)}.</li>" for t in told[len(bold) :]) + "</ul>"
    params = [(f"<code>{text(k)}</code>", text(wording.param(v))) for k, v in trial.params.items()]
    return (
        f"{behind}<p>{text(words)}</p><div class=pair>{_figures(study, sections)}"
        f"{_table(['parameter', 'value'], params)}</div>{_gains(study, sections)}"
        f"{_meanings(study, sections)}"
    )


def _pictures(best: Path) -> str:
    """The pictures that the winner's family left beside its weights, in the page itself."""
    shown = []
    for path in sorted(best.glob("*.png")) if best.is_dir() else []:
        content = path.read_bytes()
        if len(content) <= LARGEST:
            data = base64.b64encode(content).decode()
            name = text(path.stem.replace("_", " "))
            shown.append(
                f'<figure><img src="data:image/png;base64,{data}" alt="{name}">'
                f"<figcaption>{name}</figcaption></figure>"
            )
    return f"<div class=pictures>{''.join(shown)}</div>" if shown else ""


def _gains(study: StudyRecord, sections: Sections) -> str:
    """Every baseline by part and metric: the winner's gain over it, and what may be said."""
    rows = []
    for part, found in sorted(sections.winner.get("gains", {}).items()):
        for metric, gains in found["metrics"].items():
            for name, (gain, low, high) in gains.items():
                ends = f"{wording.figure(low)} to {wording.figure(high)}" if low is not None else ""
                where = f"{part}, {count(sections.winner, part)}"
                words = said(metric, gains, name)
                rows.append([*map(text, (where, metric, name, wording.figure(gain), ends, words))])
    if not rows:
        return ""
    heads = ["", "metric", "baseline", "gain", "95% interval of the gain", "the winner is"]
    title = "The winner's gain over each baseline, row by row"
    return f"<details><summary>{title}</summary>{_table(heads, rows)}</details>"


def _meanings(study: StudyRecord, sections: Sections) -> str:
    """What each metric is, folded away: the reader unfolds it once."""
    names = (*study.metrics, *sections.winner.get("finished", {}))
    told = [(name, sections.meanings.get(name, "")) for name in names]
    terms = "".join(f"<dt>{text(n)}</dt><dd>{text(m)}</dd>" for n, m in told if m)
    title = "What the metrics are"
    return f"<details><summary>{title}</summary><dl>{terms}</dl></details>" if terms else ""


def _metric(study: StudyRecord, sections: Sections, name: str) -> str:
    """A metric's name with the direction that is better; what it is, where the mouse rests."""
    meaning = sections.meanings.get(name, "")
    shown = f'<abbr title="{text(meaning)}">{text(name)}</abbr>' if meaning else text(name)
    direction = study.metrics.get(name) or sections.winner["finished"][name]
    return shown + wording.arrow(name, direction)


def _figures(study: StudyRecord, sections: Sections) -> str:
    """Of validation and test data each a table: a row per metric, of the winner and each baseline.

    Below each stands the interval of their mean over rows, where it is known.
    """
    winner = sections.winner or {}
    tables = []
    for part, prefix in (("validation", ""), ("test", "test/")):
        worth = heading(study, winner, part).replace(", n = ", "\nn = ")
        title = "<br>".join([part, *(f"<small>{text(w)}</small>" for w in worth.split("\n"))])
        ends = {"winner": winner.get("intervals", {}).get(part, {})}
        for name, of_parts in winner.get("baseline_intervals", {}).items():
            ends[name] = of_parts.get(part, {})
        columns = {"winner": winner[part]} if winner.get(part) else {}
        metrics = [*study.metrics, *winner.get("finished", {})]
        for name, values in sections.baselines.items():
            those = {m: values[prefix + m] for m in metrics if prefix + m in values}
            if those:
                columns[name] = those
        rows = []
        for metric in sorted(metrics, key=lambda m: m != study.metric):
            if not any(metric in values for values in columns.values()):
                continue
            cells = [_metric(study, sections, metric)]
            for name, values in columns.items():
                cells.append(wording.figure(values.get(metric)))
                if metric in ends.get(name, {}):
                    low, high = map(wording.figure, ends[name][metric])
                    cells[-1] += f"<br><small>{low} to&nbsp;{high}</small>"
            rows.append(cells)
        if rows:
            tables.append(_table([title, *map(text, columns)], rows, "figures first"))
    return "\n".join(tables)


def _leaderboard(study: StudyRecord) -> str:
    ranked = study.ranked()
    if not ranked:
        return "<p class=none>No trial has a value.</p>"
    names = [d.name for d in study.dimensions]
    heads = ["", "trial", "state", text(study.metric), text(study.unit)]
    heads += [f"<code>{text(n)}</code>" for n in names]
    rows = []
    for rank, trial in enumerate(ranked[:LEADERS], 1):
        cells = [str(rank), str(trial.number), _state(trial), wording.figure(trial.value)]
        cells.append(f"{trial.best_fidelity}")
        cells += [text(wording.param(trial.params[n])) if n in trial.params else "" for n in names]
        rows.append(cells)
    more = f"The best {LEADERS} of {len(ranked)}; all are in leaderboard.csv."
    return _table(heads, rows, "first") + _caption(more if len(ranked) > LEADERS else "")


def _state(trial: TrialRecord) -> str:
    return f"<span class={trial.state}>{wording.STATE_WORDS[trial.state]}</span>"


def _failures(study: StudyRecord) -> str:
    failed = [t for t in study.trials.values() if t.state == "FAIL"]
    again = sum(t.retries for t in study.trials.values())
    lost = f"<p>Begun again after a lost node or process: {again}.</p>" if again else ""
    if not failed:
        return f"<p class=none>No trial failed.</p>{lost}"
    classes = Counter(t.failure or "unknown" for t in failed)
    counted = ", ".join(f"{count} {name}" for name, count in classes.most_common())
    rows = [
        (str(t.number), text(t.failure or "unknown"), str(t.fidelity), text(t.reason or ""))
        for t in failed[:FAILURES]
    ]
    more = f"The first {FAILURES} of {len(failed)}." if len(failed) > FAILURES else ""
    table = _table(["trial", "class", text(study.unit), "reason"], rows, "reasons")
    return f"<p>{text(counted)}.</p>{table}{_caption(more)}{lost}"


def _phases(seconds: Mapping[str, float]) -> str:
    if not seconds:
        return ""
    words = ", ".join(f"{name} {wording.span(value)}" for name, value in seconds.items())
    return f"<p>The study itself: {text(words)}.</p>"


def _reproduce(sections: Sections) -> str:
    notes = "".join(f"<li>{text(note)}</li>" for note in sections.notes)
    command = html.escape(sections.command)
    return (
        (f"<pre>{command}</pre>" if command else "")
        + "<p><code>study.yaml</code>, beside this file, has the space, the data's fingerprint, "
        "the seed and the versions; <code>ledger.journal</code> is the record of every trial"
        + ", and <code>best/config.yaml</code> the winner's full configuration"
        * bool(sections.winner)
        + ".</p>"
        + (f"<ul>{notes}</ul>" if notes else "")
    )
