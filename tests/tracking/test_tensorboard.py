"""Runs and the HParams table, read back through TensorBoard's own HTTP endpoints."""

from __future__ import annotations

import csv
import json
import math
import re
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from distrib.records import Dimension, StudyRecord, TrialRecord
from distrib.tracking.event_file import read_events
from distrib.tracking.tensorboard import TensorBoardTracker

# TensorBoard's server, which only the tests load, brings an HTML library that warns of itself.
pytestmark = pytest.mark.filterwarnings("ignore:html5lib's sanitizer is deprecated")

SPACE = (
    Dimension("learning_rate", "range", 1e-4, 1e-2, log=True),
    Dimension("num_layers", "range", 1, 3, integer=True),
    Dimension("hidden", "choice", choices=("[16, 16]", '["wide", "deep"]')),
    Dimension("norm", "choice", choices=("layer", "none")),
    Dimension("dropout", "choice", choices=(None, 0.5)),
    Dimension("skip", "choice", choices=(True, False)),
    Dimension("batch", "choice", choices=(32, 64)),
    Dimension("momentum", "range", 0.0, 1.0),
)
PARAMS: dict[str, Any] = {
    "learning_rate": 3e-3,
    "num_layers": 2,
    "hidden": '["wide", "deep"]',
    "norm": "layer",
    "dropout": 0.5,
    "skip": True,
    "batch": 32,
}
ANY_STATUS = ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"]
STUDIES = ("mlp-0", "mlp-1", "trimming-0")
Ask = Callable[[Path, str, dict[str, Any]], Any]


def study_record(name: str = "mlp-0", dimensions: tuple[Dimension, ...] = SPACE) -> StudyRecord:
    return StudyRecord(name, "mlp", "loss", "min", "epoch", 10, 6, dimensions)


drivers: list[Driver] = []


@pytest.fixture(autouse=True)
def _end_drivers() -> Iterator[None]:
    yield
    for driver in drivers:
        driver.tracker.study_ended(driver.study, interrupted=True)
    drivers.clear()


class Driver:
    """Tells a tracker what the engine would, and keeps `metrics.csv` as it does."""

    def __init__(self, folder: Path, study: StudyRecord, begun: float = 1e9) -> None:
        self.folder, self.study, self.begun = folder, study, begun
        self.tracker = TensorBoardTracker(folder / "tensorboard")
        self.tracker.study_started(study)
        drivers.append(self)

    def start(self, number: int, **params: Any) -> TrialRecord:
        trial = TrialRecord(number, "RUNNING", params, started=self.begun)
        self.study.trials[number] = trial
        self.tracker.trial_started(trial)
        return trial

    def rows(self, trial: TrialRecord, *losses: float, unseen: int = 0) -> None:
        """Further losses; the tracker hears of all but the last `unseen`."""
        heard = []
        for loss in losses:
            trial.fidelity += 1
            heard.append(
                {"step": trial.fidelity, "loss": loss, "train/loss": loss / 2, "time": 1e9}
            )
            if math.isfinite(loss) and (trial.value is None or loss < trial.value):
                trial.value, trial.best_fidelity = loss, trial.fidelity
        path = self.folder / "trials" / f"{trial.number:04d}" / "metrics.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        new = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, list(heard[0]), lineterminator="\n")
            if new:
                writer.writeheader()
            writer.writerows(heard)
        if heard := heard[: len(heard) - unseen]:
            self.tracker.trial_progressed(trial, heard)

    def end(self, trial: TrialRecord, state: Any) -> None:
        trial.state, trial.ended = state, 2e9
        self.tracker.trial_ended(trial)

    def run(self, number: int, state: Any, *losses: float, **params: Any) -> None:
        trial = self.start(number, **params)
        if losses:
            self.rows(trial, *losses)
        self.end(trial, state)


@dataclass
class Table:
    """The HParams table as the page asks for it."""

    columns: dict[str, dict[str, Any]]
    metrics: list[str]
    rows: dict[str, dict[str, Any]]


def in_process(logdir: Path, path: str, body: dict[str, Any]) -> Any:
    """An answer of TensorBoard's own plugins, with its reader in Python."""
    from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
    from tensorboard.plugins import base_plugin
    from tensorboard.plugins.hparams.hparams_plugin import HParamsPlugin
    from tensorboard.plugins.scalar.scalars_plugin import ScalarsPlugin
    from werkzeug.test import Client

    runs = plugin_event_multiplexer.EventMultiplexer().AddRunsFromDirectory(str(logdir))
    runs.Reload()
    provider = data_provider.MultiplexerDataProvider(runs, str(logdir))
    context = base_plugin.TBContext(data_provider=provider, logdir=str(logdir))
    plugin = {"hparams": HParamsPlugin, "scalars": ScalarsPlugin}[path.split("/")[0]]
    client = Client(plugin(context).get_plugin_apps()["/" + path.split("/")[1].split("?")[0]])
    query = path.partition("?")[2]
    answer = client.post("/", json=body) if body is not GET else client.get("/?" + query)
    assert answer.status_code == 200, answer.text
    return json.loads(answer.text)


GET: dict[str, Any] = {}


def table(logdir: Path, ask: Ask = in_process, **column: Any) -> Table:
    """The table under a folder; `column` is one column's sorting or filter."""
    experiment = ask(logdir, "hparams/experiment", {"experimentName": "", "hparamsLimit": 1000})
    params = [
        {"hparam": info["name"], "includeInResult": True}
        | (column if column.get("hparam") == info["name"] else {})
        for info in experiment.get("hparamInfos", [])
    ]
    answer = ask(
        logdir,
        "hparams/session_groups",
        {
            "experimentName": "",
            "allowedStatuses": ANY_STATUS,
            "colParams": params,
            "startIndex": 0,
            "sliceSize": 1000,
        },
    )
    rows: dict[str, dict[str, Any]] = {}
    for group in answer.get("sessionGroups", []):
        (session,) = group["sessions"]
        number, study, *start = group["name"].split()
        run = session["name"]
        assert run.endswith(f"tensorboard/{number}") and study in STUDIES and len(start) == 2
        rows[run] = {
            **group["hparams"],
            **{m["name"]["tag"]: m["value"] for m in group.get("metricValues", [])},
            "status": session.get("status", "STATUS_UNKNOWN"),
        }
    rows = dict(sorted(rows.items()))
    return Table(
        {info["name"]: info for info in experiment.get("hparamInfos", [])},
        [info["name"]["tag"] for info in experiment.get("metricInfos", [])],
        rows,
    )


def steps(run: Path, tag: str) -> list[int]:
    """The steps at which a run has a value of this tag, as TensorBoard's scalars plugin says."""
    answer = in_process(run.parent, f"scalars/scalars?run={run.name}&tag={tag}", GET)
    return [step for _, step, _ in answer]


def every_state(folder: Path, name: str = "mlp-0", begun: float = 1e9) -> Driver:
    """Trial 0 complete, 1 pruned, 2 diverged, 3 failed before a report, 4 running, 5 begun."""
    driver = Driver(folder, study_record(name), begun)
    driver.run(0, "COMPLETE", 0.5, 0.25, 0.75, **PARAMS)
    driver.run(1, "PRUNED", 1.0, **PARAMS | {"dropout": None, "momentum": 0.5})
    driver.run(2, "FAIL", 2.0, math.nan, **PARAMS | {"hidden": "[16, 16]"})
    driver.run(3, "FAIL", **PARAMS | {"skip": False})
    driver.rows(driver.start(4, **PARAMS), 4.0)
    driver.start(5, **PARAMS)
    return driver


def test_every_trial_has_its_row_live(tmp_path: Path) -> None:
    every_state(tmp_path)
    seen = table(tmp_path)
    assert list(seen.rows) == [f"tensorboard/{number:04d}" for number in range(6)]
    rows = list(seen.rows.values())
    assert [row["status"].removeprefix("STATUS_") for row in rows] == [
        "SUCCESS",
        "SUCCESS",
        "FAILURE",
        "FAILURE",
        "UNKNOWN",
        "UNKNOWN",
    ]
    assert [row.get("ended") for row in rows] == [1, 0, -1, -1, None, None]
    assert [row.get("epoch") for row in rows] == [3, 1, 2, None, 1, None]
    assert [row.get("loss") for row in rows] == [0.75, 1.0, "NaN", None, 4.0, None]
    assert [row.get("best/loss") for row in rows] == [0.25, 1.0, 2.0, None, 4.0, None]
    assert seen.metrics == ["best/loss", "ended", "epoch", "loss", "train/loss"]
    shown = {**PARAMS, "hidden": "['wide', 'deep']", "dropout": "0.5"}
    assert {name: rows[5][name] for name in PARAMS} == shown
    assert all(set(PARAMS) <= set(row) for row in rows)
    assert [row.get("momentum") for row in rows] == [None, 0.5, None, None, None, None]


def test_columns_have_one_kind_and_their_bounds(tmp_path: Path) -> None:
    every_state(tmp_path)
    columns = table(tmp_path).columns
    assert set(columns) == {d.name for d in SPACE}
    kinds = {name: info["type"].removeprefix("DATA_TYPE_") for name, info in columns.items()}
    assert kinds == {
        "learning_rate": "FLOAT64",
        "num_layers": "FLOAT64",
        "batch": "FLOAT64",
        "momentum": "FLOAT64",
        "hidden": "STRING",
        "norm": "STRING",
        "dropout": "STRING",
        "skip": "BOOL",
    }
    assert set(columns["hidden"]["domainDiscrete"]) == {"[16, 16]", "['wide', 'deep']"}
    assert set(columns["dropout"]["domainDiscrete"]) == {"null", "0.5"}


@pytest.mark.parametrize("dimension", [d.name for d in SPACE])
def test_every_column_sorts(tmp_path: Path, dimension: str) -> None:
    every_state(tmp_path)
    for order in ("ORDER_ASC", "ORDER_DESC"):
        assert len(table(tmp_path, hparam=dimension, order=order).rows) == 6


def test_ticking_every_shown_value_of_a_column_keeps_every_row(tmp_path: Path) -> None:
    every_state(tmp_path)
    columns = table(tmp_path).columns
    for name in ("hidden", "norm", "dropout", "skip"):
        chosen = table(tmp_path, hparam=name, filterDiscrete=columns[name]["domainDiscrete"])
        assert len(chosen.rows) == 6, name
    one = table(tmp_path, hparam="hidden", filterDiscrete=["[16, 16]"])
    assert list(one.rows) == ["tensorboard/0002"]


def test_scalar_names_are_clean_and_there_is_one_run_per_trial(tmp_path: Path) -> None:
    every_state(tmp_path)
    tags = in_process(tmp_path, "scalars/tags", GET)
    # Trials 3 and 5 reported nothing: the one has its end, the other no scalar at all.
    assert sorted(tags) == [f"tensorboard/{number:04d}" for number in range(5)]
    assert set(tags["tensorboard/0000"]) == {"loss", "train/loss", "best/loss", "epoch", "ended"}
    assert set(tags["tensorboard/0003"]) == {"ended"}


def test_several_rows_at_once_are_several_points(tmp_path: Path) -> None:
    driver = every_state(tmp_path)
    driver.rows(driver.study.trials[4], 3.0, 2.0)
    assert steps(tmp_path / "tensorboard" / "0004", "loss") == [1, 2, 3]
    assert table(tmp_path).rows["tensorboard/0004"]["best/loss"] == 2.0


def test_a_resumed_study_goes_on_in_its_runs(tmp_path: Path) -> None:
    first = every_state(tmp_path)
    first.tracker.study_ended(first.study, interrupted=True)
    assert table(tmp_path).rows["tensorboard/0004"]["status"] == "STATUS_UNKNOWN"
    second = Driver(tmp_path, first.study)
    trial = second.study.trials[4]
    second.tracker.trial_started(trial)
    second.rows(trial, 3.0)
    second.end(trial, "COMPLETE")
    second.tracker.study_ended(second.study, interrupted=False)
    seen = table(tmp_path)
    assert len(seen.rows) == 6
    row = seen.rows["tensorboard/0004"]
    assert (row["status"], row["epoch"], row["ended"]) == ("STATUS_SUCCESS", 2, 1)
    assert steps(tmp_path / "tensorboard" / "0004", "loss") == [1, 2]


@pytest.mark.parametrize("goes_on", [True, False])
def test_a_trial_that_waits_has_no_end_before_it_has_one(tmp_path: Path, goes_on: bool) -> None:
    driver = Driver(tmp_path, study_record())
    trial = driver.start(0, **PARAMS)
    driver.rows(trial, 0.5, 0.25)
    trial.state = "PAUSED"
    driver.tracker.trial_paused(trial)
    (row,) = table(tmp_path).rows.values()
    assert (row["status"], row.get("ended")) == ("STATUS_UNKNOWN", None)
    if goes_on:
        trial.state = "RUNNING"
    driver.tracker.trial_started(trial)
    if goes_on:
        driver.rows(trial, 0.125)
    driver.end(trial, "COMPLETE" if goes_on else "PRUNED")
    (row,) = table(tmp_path).rows.values()
    assert (row["status"], row["ended"]) == ("STATUS_SUCCESS", int(goes_on))
    assert steps(tmp_path / "tensorboard" / "0000", "loss") == [1, 2, 3][: 2 + goes_on]


def test_a_study_that_is_opened_again_writes_nothing_new(tmp_path: Path) -> None:
    first = every_state(tmp_path)
    first.tracker.study_ended(first.study, interrupted=True)
    before = sorted(tmp_path.rglob("events.*"))
    Driver(tmp_path, first.study)
    assert sorted(tmp_path.rglob("events.*")) == before


@pytest.mark.parametrize("state", ["COMPLETE", "PRUNED", "FAIL"])
def test_an_end_that_a_crash_cut_off_is_made_good(tmp_path: Path, state: Any) -> None:
    first = Driver(tmp_path, study_record())
    trial = first.start(0, **PARAMS)
    first.rows(trial, 3.0, 2.0, 1.0, unseen=2)
    trial.state = state  # the ledger has it; then the driver is killed
    second = Driver(tmp_path, first.study)
    assert second.tracker._files == {}
    (row,) = table(tmp_path).rows.values()
    expected = "STATUS_FAILURE" if state == "FAIL" else "STATUS_SUCCESS"
    assert (row["status"], row["loss"], row["best/loss"]) == (expected, 1.0, 1.0)
    assert steps(tmp_path / "tensorboard" / "0000", "loss") == [1, 2, 3]
    ends = [e for e in read_events(tmp_path / "tensorboard" / "0000") if _has(e, "session_end")]
    assert len(ends) == 1


def test_an_end_told_before_the_study_starts_again_is_written_once(tmp_path: Path) -> None:
    first = every_state(tmp_path)
    trial = first.study.trials[4]
    trial.state = "PRUNED"
    tracker = TensorBoardTracker(tmp_path / "tensorboard")
    tracker.trial_ended(trial)  # a replayed judgement, before the study is announced
    tracker.study_started(first.study)
    row = table(tmp_path).rows["tensorboard/0004"]
    assert (row["status"], row["ended"]) == ("STATUS_SUCCESS", 0)
    run = tmp_path / "tensorboard" / "0004"
    assert sum(_has(event, "session_end") for event in read_events(run)) == 1


@pytest.mark.parametrize("cut", [1, 9, 40])
def test_a_torn_event_file_loses_no_row(tmp_path: Path, cut: int) -> None:
    first = Driver(tmp_path, study_record())
    trial = first.start(0, **PARAMS)
    first.rows(trial, 3.0, 2.0)
    (path,) = (tmp_path / "tensorboard" / "0000").iterdir()
    path.write_bytes(path.read_bytes()[:-cut])
    second = Driver(tmp_path, first.study)
    second.tracker.trial_started(trial)
    second.rows(trial, 1.0)
    second.end(trial, "COMPLETE")
    assert steps(path.parent, "loss") == [1, 2, 3]
    (row,) = table(tmp_path).rows.values()
    assert (row["status"], row["epoch"]) == ("STATUS_SUCCESS", 3)


def two_of_one_space(runs: Path) -> None:
    every_state(runs / "mlp-0", "mlp-0")
    every_state(runs / "mlp-1", "mlp-1")


def test_two_studies_of_one_space_stand_in_one_table(tmp_path: Path) -> None:
    two_of_one_space(tmp_path)
    seen = table(tmp_path)
    expected = [f"mlp-{s}/tensorboard/{number:04d}" for s in (0, 1) for number in range(6)]
    assert list(seen.rows) == expected
    assert all(set(PARAMS) <= set(row) for row in seen.rows.values())
    assert len(table(tmp_path / "mlp-1").rows) == 6


def test_studies_of_one_name_in_two_places_keep_their_rows(tmp_path: Path) -> None:
    every_state(tmp_path / "a" / "mlp-0", begun=1e9)
    every_state(tmp_path / "b" / "mlp-0", begun=1e9 + 0.001)
    assert len(table(tmp_path).rows) == 12


def other_space(folder: Path) -> None:
    dimensions = (
        Dimension("l2", "range", 1e-6, 1.0, log=True),
        Dimension("dropout", "range", 0.0, 0.7),  # a number here, a mixed choice there
    )
    study = replace(study_record("trimming-0", dimensions), metric="nll", unit="fold")
    driver = Driver(folder, study)
    driver.run(0, "COMPLETE", 1.5, l2=0.5, dropout=0.25)
    driver.run(1, "FAIL", l2=0.25, dropout=0.125)


def test_studies_of_different_spaces_stand_in_one_table(tmp_path: Path) -> None:
    every_state(tmp_path / "mlp-0")
    other_space(tmp_path / "trimming-0")
    seen = table(tmp_path)
    assert len(seen.rows) == 8
    assert set(seen.columns) == {d.name for d in SPACE} | {"l2"}
    assert {"best/nll", "best/loss", "fold", "epoch"} <= set(seen.metrics)
    foreign = seen.rows["trimming-0/tensorboard/0000"]
    assert (foreign["l2"], foreign["dropout"], foreign["fold"]) == (0.5, 0.25, 1)
    assert "learning_rate" not in foreign
    own = seen.rows["mlp-0/tensorboard/0000"]
    assert own["learning_rate"] == 3e-3
    assert "l2" not in own


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Callable[[Path], Ask]]:
    """Starts TensorBoard as people do, and ends it."""
    started: list[subprocess.Popen[str]] = []

    def start(logdir: Path) -> Ask:
        log = tmp_path / "tensorboard.log"
        command = [sys.executable, "-m", "tensorboard.main", "--host", "127.0.0.1", "--port", "0"]
        command += ["--reload_interval", "1"]
        with log.open("w") as output:
            process = subprocess.Popen(
                [*command, "--logdir", str(logdir)],
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
            )
        started.append(process)
        deadline = time.monotonic() + 90
        while not (found := re.search(r"http://127\.0\.0\.1:\d+", log.read_text())):
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        url = found.group()

        def ask(_: Path, path: str, body: dict[str, Any]) -> Any:
            data = None if body is GET else json.dumps(body).encode()
            request = urllib.request.Request(
                f"{url}/data/plugin/{path}", data, {"Content-Type": "application/json"}
            )
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.loads(answer.read())

        return ask

    yield start
    for process in started:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def test_a_running_tensorboard_follows_a_study(
    tmp_path: Path, server: Callable[[Path], Ask]
) -> None:
    runs = tmp_path / "runs"
    driver = every_state(runs / "mlp-0")
    other_space(runs / "trimming-0")
    ask = server(runs)
    _until(lambda: len(table(runs, ask).rows) == 8)
    assert set(table(runs, ask).columns) == set(table(runs).columns)
    assert (table(runs, ask).rows, table(runs, ask).metrics) == (
        table(runs).rows,
        table(runs).metrics,
    )
    driver.rows(driver.study.trials[4], 0.125)
    driver.end(driver.study.trials[4], "COMPLETE")
    name = "mlp-0/tensorboard/0004"
    _until(lambda: table(runs, ask).rows[name]["status"] == "STATUS_SUCCESS")
    assert table(runs, ask).rows[name]["loss"] == 0.125
    tags = ask(runs, "scalars/tags", GET)
    assert set(tags[name]) == {"loss", "train/loss", "best/loss", "epoch", "ended"}
    counted = Counter(run.split("/")[0] for run in tags)
    assert counted == {"mlp-0": 5, "trimming-0": 2}

    (torn,) = (runs / "mlp-0" / "tensorboard" / "0005").iterdir()
    with torn.open("ab") as file:
        file.write(b"\x20\0\0\0")  # a record that a crash cut off
    resumed = Driver(runs / "mlp-0", driver.study)
    trial = resumed.study.trials[5]
    resumed.tracker.trial_started(trial)
    resumed.rows(trial, 8.0, 7.0)
    resumed.end(trial, "PRUNED")
    name = "mlp-0/tensorboard/0005"
    _until(lambda: table(runs, ask).rows[name]["status"] == "STATUS_SUCCESS")
    assert table(runs, ask).rows == table(runs).rows
    assert table(runs, ask).rows[name]["epoch"] == 2


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.3)


def _has(event: Any, tag: str) -> bool:
    return any(tag in value.tag for value in event.summary.value)
