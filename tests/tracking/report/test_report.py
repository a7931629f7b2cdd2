"""The report holds together for any study, and nothing in it but its own scripts ever runs."""

from __future__ import annotations

import importlib
import importlib.util
import json
import math
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest

from distrib.records import Dimension, StudyRecord, TrialRecord
from distrib.tracking.importances import importances, without
from distrib.tracking.report.figure import chosen, frame, inert
from distrib.tracking.report.history import NAMED, history
from distrib.tracking.report.lines import AXIS, CURVES, LINES, curves, parallel
from distrib.tracking.report.page import script_json
from distrib.tracking.report.plots import timeline
from distrib.tracking.report.report import Sections, write_report

EVIL = (
    "</script><script>document.title='pwned'</script>",
    "<img src=x onerror=\"document.title='pwned'\">",
    "<a href=\"javascript:document.title='pwned'\">x</a>",
    "<b>bold</b><br>&lt;i&gt; ' \" ` ${1} %{x}",
    "<!-- <script>",
)
PLOTS = {"history", "curves", "parallel", "importances", "timeline", "seconds"}


class Page(HTMLParser):
    """What a browser would make of a page: elements, attributes, texts."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.scripts: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] == ["script"] and len(self.scripts) < self.tags.count("script"):
            self.scripts.append(data)
        else:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    @property
    def figures(self) -> dict[str, Any]:
        return json.loads(self.scripts[0]) if self.scripts else {}


def sections(study: StudyRecord) -> Sections:
    best = study.best()
    assert best is not None
    return Sections(
        winner={
            "trial": best.number,
            "state": "COMPLETE",
            "validation": {"score": 0.8125, "loss": 0.25},
            "test": {"score": 0.7875, "loss": 0.375},
            "confirmed": {7: {"mean": 0.8, "sd": 0.01, "seeds": 3}},
        },
        baselines={"ridge": {"score": 0.625, "test/score": 0.6125}},
        meanings={"score": "share of rows that are right", "loss": ""},
        seconds={"start": 2.0, "search": 61.0},
        command="python -m distrib.tune --space toy --seed 7",
        notes=("two rows were left out",),
    )


def test_everything_is_told(tmp_path: Path, fake_study: Any, write_rows: Any) -> None:
    study = fake_study(60)
    study.trials[0].retries = 2
    write_rows(tmp_path, study)
    path = write_report(tmp_path, study, sections(study))
    assert path == tmp_path / "report.html"
    page = Page(path)
    for words in (
        "validation selected on winner ridge score ↑ 0.8125 0.6250 loss ↓ 0.2500 -",
        "test a claim about new data winner ridge score ↑ 0.7875 0.6125 loss ↓ 0.3750 -",
        "score of trial 7 over 3 fresh seeds: 0.8000 +- 0.0100",
        "python -m distrib.tune --space toy --seed 7",
        "two rows were left out",
        "search 1:01 min",
        "diverged",
        "score is nan",
        "Begun again after a lost node or process: 2.",
        "What the metrics are score share of rows that are right",
        "and best/config.yaml the winner's full configuration.",
        "PED-ANOVA",
        "Not compared, as not every completed trial drew them: momentum.",
    ):
        assert words in page.text
    assert set(page.figures) == PLOTS
    for figure in page.figures.values():
        go.Figure(figure)  # refuses every property that plotly does not have
    assert page.attributes.count(("title", "share of rows that are right")) == 2
    names = [trace["name"] for trace in page.figures["curves"]["data"]]
    best = study.best()
    assert names == ["ran to the end", "stopped at epoch 3", "failed", f"best, trial {best.number}"]
    assert not list(tmp_path.glob(".*part*"))


def test_no_network(tmp_path: Path, fake_study: Any, write_rows: Any) -> None:
    study = fake_study(8)
    write_rows(tmp_path, study)
    page = Page(write_report(tmp_path, study, sections(study)))
    assert not {"link", "iframe", "img", "object", "embed"} & set(page.tags)
    assert not [a for a in page.attributes if a[0] in ("src", "href")]
    policies = [v for name, v in page.attributes if name == "content" and "default-src" in str(v)]
    assert len(policies) == 1
    assert str(policies[0]).startswith("default-src 'none'; script-src 'nonce-")


def wicked(make: Any) -> StudyRecord:
    study = make(24, name=EVIL[0])
    study.trainable, study.unit = EVIL[1], EVIL[0]
    evil = EVIL[0] + "x"
    dims = [replace(d, name=EVIL[i % 5] + str(i)) for i, d in enumerate(study.dimensions)]
    for trial in study.trials.values():
        trial.params = {EVIL[i % 5] + str(i): v for i, v in enumerate(trial.params.values())}
        trial.params[evil] = EVIL[trial.number % 5]
        if trial.state == "FAIL":
            trial.reason = EVIL[trial.number % 5]
        trial.seconds[EVIL[1]] = 1.0
    study.dimensions = (*dims[:3], Dimension(evil, "choice", choices=EVIL))
    return study


def wicked_sections(study: StudyRecord) -> Sections:
    return replace(
        sections(study),
        baselines={EVIL[1]: {"score": 0.5, EVIL[0]: 1.0}},
        meanings={"score": EVIL[3] + EVIL[1]},
        seconds={EVIL[0]: 1.0},
        command=EVIL[0],
        notes=EVIL,
    )


def test_texts_from_data_are_inert(tmp_path: Path, fake_study: Any, write_rows: Any) -> None:
    study = fake_study(24)
    write_rows(tmp_path, study)
    plain = Page(write_report(tmp_path, study, sections(study)))
    study = wicked(fake_study)
    page = Page(write_report(tmp_path, study, wicked_sections(study)))
    assert page.tags.count("script") == 3
    assert set(page.tags) == set(plain.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert ("title", EVIL[3] + EVIL[1]) in page.attributes
    for evil in EVIL[:3]:
        assert evil in page.text  # shown as it is written
    for said in strings(page.figures):
        # plotly reads HTML in texts: only the marks that the report itself sets may be there.
        assert not re.search(r"<(?!/?b>|br>)", said), said
    for figure in page.figures.values():
        go.Figure(figure)


def strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [s for item in value.values() for s in strings(item)]
    if isinstance(value, list):
        return [s for item in value for s in strings(item)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("policy", [True, False])
def test_in_a_browser(tmp_path: Path, fake_study: Any, write_rows: Any, policy: bool) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        pytest.skip("no Chromium")
    write_rows(tmp_path, fake_study(24))
    study = wicked(fake_study)
    path = write_report(tmp_path, study, wicked_sections(study))
    if not policy:  # escaping must do without its safety net
        page = path.read_text(encoding="utf-8")
        path.write_text(re.sub(r"<meta http-equiv[^>]*>", "", page), encoding="utf-8")
    done = subprocess.run(
        [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--virtual-time-budget=10000",
            "--enable-logging=stderr",
            "--dump-dom",
            path.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "CONSOLE" not in done.stderr
    title = re.search("<title>(.*?)</title>", done.stdout)
    assert title is not None
    assert "pwned" not in title[1].replace("document.title='pwned'", "")
    assert title[1].startswith("&lt;/script&gt;")
    assert "<img" not in done.stdout
    drawn = re.findall(r'<div class="plot js-plotly-plot" id="(\w+)"', done.stdout)
    assert set(drawn) == PLOTS


def empty(**changes: Any) -> StudyRecord:
    return StudyRecord("s", "toy", "score", "max", "epoch", 9, 3, **changes)


def odd_studies(make: Any) -> dict[str, StudyRecord]:
    one = make(1)
    failed = make(6)
    for trial in failed.trials.values():
        trial.state, trial.failure, trial.value = "FAIL", "bug", None
    constant = make(12)
    for trial in constant.trials.values():
        trial.params = {"num_layers": 2, "norm": None}
        trial.value = 0.5
    unsearched = make(12)
    unsearched.dimensions = ()
    for trial in unsearched.trials.values():
        trial.params = {}
    infinite = make(12)
    infinite.trials[0].value = math.inf
    infinite.trials[2].value = math.nan
    infinite.trials[3].value = 1e300
    running = make(6, running=6)
    bare = empty(trials={0: TrialRecord(0, "RUNNING"), 1: TrialRecord(1)})
    return {
        "none": empty(),
        "one": one,
        "failed": failed,
        "constant": constant,
        "unsearched": unsearched,
        "infinite": infinite,
        "running": running,
        "bare": bare,
    }


@pytest.mark.parametrize(
    "kind",
    ["none", "one", "failed", "constant", "unsearched", "infinite", "running", "bare"],
)
def test_odd_studies(tmp_path: Path, fake_study: Any, write_rows: Any, kind: str) -> None:
    study = odd_studies(fake_study)[kind]
    if kind not in ("none", "bare", "unsearched", "constant"):
        write_rows(tmp_path, study)
    page = Page(write_report(tmp_path, study, Sections()))
    for figure in page.figures.values():
        go.Figure(figure)
    if kind in ("none", "failed"):
        assert "No trial succeeded." in page.text
    assert "best/config.yaml" not in page.text  # no winner was trained
    if kind == "one":
        assert "Complete trials: 1. Too few to tell (at least 4)" in page.text
    if kind in ("constant", "unsearched"):
        assert "There is nothing to compare." in page.text
    if kind == "failed":
        assert "6 bug." in page.text


def test_two_thousand_trials_are_bounded(tmp_path: Path, fake_study: Any, write_rows: Any) -> None:
    small, large = fake_study(300), fake_study(2000)
    for trial in large.trials.values():
        trial.state, trial.reason = ("FAIL", "x" * 5000) if trial.number % 3 else ("COMPLETE", "")
    write_rows(tmp_path, small)
    least = write_report(tmp_path, small, Sections()).stat().st_size
    path = write_report(tmp_path, large, Sections())
    assert path.stat().st_size < least + 2e6
    page = Page(path)
    assert f"{CURVES} of 2000 trials are drawn" in page.text
    assert f"{LINES} of 667 trials are drawn" in page.text
    assert "Each bar is the mean of 10 trials." in page.text
    assert "The first 20 of 1333." in page.text


def test_a_package_that_is_there_is_left_out_for_a_while() -> None:
    name = "antigravity"  # which nobody imports
    with without(name), pytest.raises(ImportError):
        importlib.import_module(name)
    assert name not in sys.modules
    assert importlib.util.find_spec(name) is not None
    with without("json"):
        assert importlib.import_module("json") is json


def test_importances_find_the_parameter_that_matters() -> None:
    study = empty(
        dimensions=(
            Dimension("matters", "range", 0.0, 1.0),
            Dimension("does_not", "range", 1e-3, 1.0, log=True),
            Dimension("which", "choice", choices=(True, 1, "1", None)),
        )
    )
    choices = (True, 1, "1", None)
    for n in range(80):
        x, y = (n * 0.618) % 1, 10 ** (-3 * ((n * 0.3247) % 1))
        params: dict[str, Any] = {"matters": x, "does_not": y, "which": choices[n % 4]}
        study.trials[n] = TrialRecord(n, "COMPLETE", params, value=-((x - 0.25) ** 2))
    shares = importances(study).shares
    assert set(shares) == {"matters", "does_not", "which"}
    assert next(iter(shares)) == "matters"
    assert shares["matters"] > 0.6
    assert math.isclose(sum(shares.values()), 1.0)


def test_what_needs_a_width_is_scrolled_in_a_narrower_window(
    tmp_path: Path, fake_study: Any, write_rows: Any
) -> None:
    study = fake_study(12)
    write_rows(tmp_path, study)
    page = Page(write_report(tmp_path, study, sections(study)))
    styles = [value for name, value in page.attributes if name == "style"]
    axes = len(study.dimensions) + 1
    for least in (NAMED, AXIS * axes, 0):
        assert f"min-width: {least}px" in styles


def test_axes_of_few_trials_and_units_have_ticks_at_whole_numbers(
    tmp_path: Path, fake_study: Any, write_rows: Any
) -> None:
    for count, ticks in ((3, 1), (40, None)):
        study = fake_study(count)
        write_rows(tmp_path, study)
        figures = Page(write_report(tmp_path, study, sections(study))).figures
        for name in ("history", "seconds"):
            assert figures[name]["layout"]["xaxis"].get("dtick") == ticks
        assert figures["curves"]["layout"]["xaxis"]["dtick"] == 1  # nine epochs


def test_curves_that_ended_by_themselves_are_told_apart(
    tmp_path: Path, fake_study: Any, write_rows: Any
) -> None:
    study = fake_study(12)
    for number in (0, 2):
        study.trials[number].fidelity = 5
    write_rows(tmp_path, study)
    drawn = curves(tmp_path, study)
    assert drawn is not None
    colours = {trace["name"]: trace["line"]["color"] for trace in drawn.data}
    early = colours["ended by themselves before epoch 9"]
    assert early != colours["ran to the end"]


def test_trials_beyond_the_parallel_coordinates_are_told(fake_study: Any) -> None:
    study = fake_study(40)
    inside = parallel(study, [])
    assert inside is not None
    assert "Beyond" not in inside.caption
    shown = study.ranked()
    for trial, value in zip(shown[-3:], (-900.0, -50.0, 70.0)):
        trial.value = value
    drawn = parallel(study, [])
    assert drawn is not None
    assert "Beyond the frame, drawn at its edge: 3 trials." in drawn.caption
    ends = [note["text"] for note in drawn.layout["annotations"] if note["x"] == 4]
    assert [text[:2] for text in ends[:2]] == ["≤ ", "≥ "]


def test_curves_that_leave_the_frame_are_told(
    tmp_path: Path, fake_study: Any, write_rows: Any
) -> None:
    study = fake_study(40)
    write_rows(tmp_path, study)
    inside = curves(tmp_path, study)
    assert inside is not None
    assert "Beyond" not in inside.caption
    file = tmp_path / "trials" / "0000" / "metrics.csv"
    head, *rows = file.read_text().splitlines()
    at = head.split(",").index("score")
    cells = rows[1].split(",")
    cells[at] = "1e12"
    file.write_text("\n".join([head, rows[0], ",".join(cells), *rows[2:]]) + "\n")
    drawn = curves(tmp_path, study)
    assert drawn is not None
    assert drawn.caption.endswith("Beyond the frame: values of 1 trial.")


def test_what_the_completed_trials_share_is_not_said_to_be_absent(fake_study: Any) -> None:
    study = fake_study(40)
    for trial in study.trials.values():
        if trial.state == "COMPLETE":
            trial.params["num_layers"] = 2
    remark = importances(study).remark
    assert "as every completed trial has the same value: num_layers." in remark
    assert "as not every completed trial drew them: momentum." in remark


def test_baselines_for_which_there_is_no_room_are_named_below(fake_study: Any) -> None:
    study = fake_study(12)
    worth = study.best().value
    names = ("random embedding", "training mean", "additive")
    drawn = history(study, {name: {"score": worth} for name in (*names, "ridge")})
    assert drawn is not None
    (label,) = (note["text"] for note in drawn.layout["annotations"])
    assert label == f"{worth:.4f} ridge and 3 more"
    assert drawn.caption == f"{worth:.4f}: random embedding, training mean, additive, ridge."


def test_importances_cope_with_values_beyond_their_dimension() -> None:
    # A study that was resumed with another space, or a sampler's rounding.
    study = empty(
        dimensions=(Dimension("a", "range", 0, 4, integer=True), Dimension("b", "range", 0.0, 1.0))
    )
    for n in range(12):
        params: dict[str, Any] = {"a": n, "b": n / 7}
        study.trials[n] = TrialRecord(n, "COMPLETE", params, value=float(n))
    assert set(importances(study).shares) == {"a", "b"}


def test_json_for_a_script_is_the_same_json() -> None:
    value = {"</script>": ["<!--", "&amp;", "\u2028", math.nan, 0.1234567890, 3, True, None]}
    written = script_json(value)
    assert "<" not in written
    assert json.loads(written) == {
        "</script>": ["<!--", "&amp;", "\u2028", None, 0.123457, 3, True, None]
    }


def test_inert_texts() -> None:
    assert inert("<b>&\n") == "&lt;b&gt;&amp;"
    assert inert("x" * 100, 10) == "x" * 9 + "…"


def test_a_frame_leaves_out_what_would_press_the_rest_flat() -> None:
    low, high, beyond = frame([1.0, 1.1, 1.2, 1.3, 1e12]) or (0.0, 0.0, 0)
    assert low < 1.0
    assert 1.3 < high < 3.0
    assert beyond == 1
    assert frame([]) is None
    low, high, beyond = frame([2.0]) or (0.0, 0.0, 0)
    assert low < 2.0 < high
    assert beyond == 0


def test_baselines_stand_beside_the_history_and_not_upon_each_other(fake_study: Any) -> None:
    """Those of one value on one line; one far away is told instead, and presses nothing flat."""
    study = fake_study(60)
    values = [trial.value for trial in study.trials.values()]
    near = {"mean": 0.5, "additive": 0.5, "ridge": 0.501, "tuned": 0.502}
    figures = {name: {"score": value} for name, value in {**near, "nothing": -40.0}.items()}
    drawn = history(study, figures)
    assert drawn is not None
    low, high = drawn.layout["yaxis"]["range"]
    assert low > min(values) - 1
    assert high < max(values) + 1
    places = [note["y"] for note in drawn.layout["annotations"]]
    texts = [note["text"] for note in drawn.layout["annotations"]]
    assert texts == ["0.5000 mean, additive", "0.5010 ridge", "0.5020 tuned"]
    assert min(b - a for a, b in pairwise(places)) > 0.05 * (high - low)
    assert places[-1] <= high
    assert drawn.caption == "Baselines beyond the frame: nothing (-40.0000)."
    study.selects, study.unit = "last", "fold"
    assert "Pruned trials stand at fewer folds than the others" in history(study, {}).caption


def test_chosen_trials_hold_the_best() -> None:
    trials = [TrialRecord(n) for n in range(1000)]
    some = chosen(trials, 100)
    assert [t.number for t in some[:50]] == list(range(50))
    assert len({t.number for t in some}) == 100
    assert chosen(trials[:7], 100) == trials[:7]


def test_a_pause_is_no_time_in_a_lane() -> None:
    """One worker: the first trial waits while the second runs, and then goes on."""
    study = StudyRecord("toy", "toy", "score", "max", "epoch", 9, 2)
    study.trials = {
        0: TrialRecord(0, "COMPLETE", started=0.0, ended=40.0, pauses=[[10.0, 20.0]]),
        1: TrialRecord(1, "PRUNED", started=10.0, ended=41.0, pauses=[[20.0]]),
    }
    figure = timeline(study)
    assert figure is not None
    bars = [(b, x, y) for d in figure.data for b, x, y in zip(d["base"], d["x"], d["y"])]
    assert sorted(bars) == [(0.0, 10.0, 1), (10.0, 10.0, 1), (20.0, 20.0, 1)]
    assert "at most 1 at a time, busy 100%" in figure.caption
