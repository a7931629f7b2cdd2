"""What a resume refuses before Ray or data start, and what `--rebuild-ledger` makes of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from distrib.doctor import main as doctor
from distrib.errors import InputError
from distrib.study.driver.recovery.resumable import check_resumable
from distrib.study.driver.study_file import read_study, write_study
from distrib.study.record.ledger import Ledger
from distrib.study.record.run_folder import RunFolder
from distrib.tracking.tables import write_tables
from tests.support.simulate import Simulation, check_whole, facts, toy_plan

pytestmark = pytest.mark.usefixtures("random_clock")

SPACE = {
    "kind": {"choice": ["curve", "nan", "curve "]},
    "options": {"choice": [[1, 2], {"a": None}, None], "when": {"kind": ["curve"]}},
    "at": 2,
}
PLAN = toy_plan(SPACE, trials=10, seed=5, sampler="tpe")


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Simulation:
    simulation = Simulation(PLAN, tmp_path_factory.mktemp("studies") / "toy-0", actors=2)
    with pytest.MonkeyPatch.context() as patch:
        from distrib.study.worker import trial
        from tests.support.simulate import Clock

        patch.setattr(trial, "time", Clock(3))
        simulation.run()
    record = simulation.search.study
    write_study(simulation.path / "study.yaml", PLAN, record, {"fingerprint": "x"}, ["tune"])
    assert {state for _, state, _, _ in facts(simulation.search).values()} == {
        "COMPLETE", "PRUNED", "FAIL",
    }  # fmt: skip
    return simulation


@pytest.fixture
def study(ended: Simulation, tmp_path: Path) -> RunFolder:
    shutil.copytree(ended.path, tmp_path / "toy-0")
    return RunFolder(tmp_path / "toy-0")


def check(study: RunFolder) -> None:
    check_resumable(study, read_study(study.study_yaml), PLAN.space)


def refused(study: RunFolder, *says: str) -> str:
    before = {p: p.read_bytes() for p in study.path.rglob("*") if p.is_file()}
    with pytest.raises(InputError) as caught:
        check(study)
    for text in says:
        assert text in str(caught.value), str(caught.value)
    assert {p: p.read_bytes() for p in study.path.rglob("*") if p.is_file()} == before
    return str(caught.value)


def test_a_whole_study_can_go_on(study: RunFolder) -> None:
    check(study)


def _lines(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[RunFolder], None]:
    def damage(study: RunFolder) -> None:
        lines = study.ledger.read_bytes().splitlines(keepends=True)
        study.ledger.write_bytes(b"".join(change(lines)))

    return damage


def _zeros(study: RunFolder) -> None:
    study.ledger.write_bytes(bytes(study.ledger.stat().st_size))


def _gone(study: RunFolder) -> None:
    study.ledger.unlink()


def _without_a_parameter(lines: list[bytes]) -> list[bytes]:
    gone = next(k for k, line in enumerate(lines) if b'"param_name":"height"' in line)
    return lines[:gone] + lines[gone + 1 :]


DAMAGES = {
    "empty": (_lines(lambda lines: []), ["knows less", "no trial", "10 trials"]),
    "zeros": (_zeros, ["knows less", "no trial", "10 trials"]),
    "gone": (_gone, ["knows less"]),
    "cut": (_lines(lambda lines: lines[:12]), ["knows less", "trials/000"]),
    "no object": (_lines(lambda lines: [*lines[:5], b"[1,2]\n", *lines[5:]]), ["line 6"]),
    "zeros within": (_lines(lambda lines: [*lines[:5], bytes(99) + b"\n", *lines[6:]]),
                     ["line 6", "nothing but zero bytes"]),
    "a parameter": (_lines(_without_a_parameter), ["trial 0, parameter height"]),
}  # fmt: skip


@pytest.mark.parametrize("tables", [False, True])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_lost_ledger_is_refused_and_made_again(
    damage: str, tables: bool, study: RunFolder, ended: Simulation,
    capsys: pytest.CaptureFixture[str], tmp_path: Path,
) -> None:  # fmt: skip
    apply, says = DAMAGES[damage]
    if tables:
        write_tables(study.path, ended.search.study)
    apply(study)
    refused(study, *says, f"distrib.doctor {study.path} --rebuild-ledger")
    old = study.ledger.read_bytes() if study.ledger.exists() else b""
    argv = [str(study.path), "--allow-custom"]
    assert doctor(argv) == 2
    assert doctor([*argv, "--rebuild-ledger"]) == 0
    said = capsys.readouterr().out
    assert "10 trials: " in said
    if old:
        assert (study.path / "ledger.journal.damaged").read_bytes() == old
    check(study)
    again = Simulation(PLAN, study.path)
    again.open()
    found, before = facts(again.search), facts(ended.search)
    assert {n: f[:3] for n, f in found.items()} == {n: f[:3] for n, f in before.items()}
    assert {n: f[3] for n, f in found.items() if f[1] == "FAIL"} == {
        n: f[3] for n, f in before.items() if f[1] == "FAIL"
    }
    for number, trial in enumerate(again.search.ledger.frozen()):
        assert trial.value == ended.search.ledger.frozen()[number].value
    again.close()
    assert doctor([*argv, "--rebuild-ledger"]) == 0
    assert "its ledger is whole" in capsys.readouterr().out


def test_an_interrupted_study_goes_on_with_a_ledger_that_was_made_again(tmp_path: Path) -> None:
    """To the same trials, as far as each had come."""
    simulation = Simulation(PLAN, tmp_path / "toy-0", actors=2)
    simulation.open()
    simulation.drive(until=lambda search: len(search.study.trials) >= 5)
    record = simulation.search.study
    simulation.close()
    write_study(tmp_path / "toy-0" / "study.yaml", PLAN, record, {}, ["tune"])
    before = {n: dict(f[0]) for n, f in facts(simulation.search).items()}
    simulation.ledger.file.path.write_bytes(b"")
    assert doctor([str(tmp_path / "toy-0"), "--rebuild-ledger", "--allow-custom"]) == 0
    simulation.run()
    check_whole(simulation)
    after = facts(simulation.search)
    assert {n: dict(after[n][0]) for n in before} == before


def test_metrics_that_are_lost_as_well_come_from_the_table(
    study: RunFolder, ended: Simulation
) -> None:
    write_tables(study.path, ended.search.study)
    kept = {}
    for number in (0, 1):
        file = study.trial(number) / "metrics.csv"
        kept[file] = file.read_text().splitlines()
        file.write_bytes(b"")
    study.ledger.write_bytes(b"")
    assert doctor([str(study.path), "--rebuild-ledger", "--allow-custom"]) == 0
    ledger = Ledger(study.ledger, "toy-0", read_only=True)
    assert [t.intermediate_values for t in ledger.frozen()] == [
        t.intermediate_values for t in ended.search.ledger.frozen()
    ]
    for file, lines in kept.items():
        assert len(file.read_text().splitlines()) == len(lines)


def test_trials_that_waited_do_so_again(tmp_path: Path) -> None:
    """What a lost ledger knew of pauses follows from the values: the study ends as it would."""
    plan = toy_plan({"noise": 0}, trials=14, seed=5, scheduler="asha-promotion", sampler="random")
    whole = Simulation(plan, tmp_path / "whole").run()
    study = Simulation(plan, tmp_path / "toy-0")
    record = study.open().study
    write_study(study.path / "study.yaml", plan, record, {"fingerprint": "x"}, ["tune"])
    study.drive(until=lambda s: len(s.paused.rule.waiting) == 5)
    study.close()
    (study.path / "ledger.journal").write_bytes(b"")
    assert doctor([str(study.path), "--rebuild-ledger", "--allow-custom"]) == 0
    study.run()
    check_whole(study)
    assert facts(study.search) == facts(whole)


def test_a_trial_that_left_nothing_is_drawn_again(
    study: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(study.trial(3))
    study.ledger.write_bytes(b"")
    assert doctor([str(study.path), "--rebuild-ledger", "--allow-custom"]) == 0
    assert "trial 3 left no configuration: it is drawn again" in capsys.readouterr().out
    simulation = Simulation(PLAN, study.path)
    simulation.run()
    check_whole(simulation)
    assert simulation.ran == [3]


def test_the_tables_alone_make_a_ledger(study: RunFolder, ended: Simulation) -> None:
    write_tables(study.path, ended.search.study)
    shutil.rmtree(study.path / "trials")
    study.ledger.write_bytes(b"")
    assert doctor([str(study.path), "--rebuild-ledger", "--allow-custom"]) == 0
    ledger = Ledger(study.ledger, "toy-0", read_only=True)
    assert [(t.state, t.values) for t in ledger.frozen()] == [
        (t.state, t.values) for t in ended.search.ledger.frozen()
    ]


def test_a_configuration_of_zero_bytes_is_passed_over(
    study: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    file = study.trial(2) / "config.yaml"
    file.write_bytes(bytes(file.stat().st_size))
    study.ledger.write_bytes(b"")
    assert doctor([str(study.path), "--rebuild-ledger", "--allow-custom"]) == 0
    said = capsys.readouterr().out
    assert f"trial 2: its configuration is passed over, {file}" in said
    assert "trial 2 left no configuration: it is drawn again" in said


def test_a_complete_trial_whose_values_are_lost_is_named(
    study: RunFolder, ended: Simulation, capsys: pytest.CaptureFixture[str]
) -> None:
    number = next(t.number for t in ended.search.study.trials.values() if t.state == "COMPLETE")
    (study.trial(number) / "metrics.csv").write_bytes(b"")
    study.ledger.write_text(study.ledger.read_text()[1:])  # its first line is damaged
    assert doctor([str(study.path), "--rebuild-ledger", "--allow-custom"]) == 0
    assert f"trial {number} was complete, but its values are lost" in capsys.readouterr().out


def test_nothing_to_make_a_ledger_of(study: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(study.path / "trials")
    study.ledger.unlink()
    (study.path / "best").mkdir()
    assert doctor([str(study.path), "--rebuild-ledger", "--allow-custom"]) == 2
    assert "no trial left anything" in capsys.readouterr().err


def test_a_study_that_was_only_begun_goes_on(study: RunFolder) -> None:
    shutil.rmtree(study.path / "trials")
    study.ledger.write_bytes(b"")
    check(study)


@pytest.mark.parametrize(
    "name",
    ["trials", "trials/0008", "trials/0003/metrics.csv", "trials/0003/checkpoint", "best",
     "report.html", "tensorboard", "ledger.journal", "study.yaml", "trials.parquet"],
)  # fmt: skip
@pytest.mark.parametrize("dangling", [False, True])
def test_a_link_in_the_folder_is_refused(
    name: str, dangling: bool, study: RunFolder, tmp_path: Path
) -> None:
    path, elsewhere = study.path / name, tmp_path / "elsewhere"
    stored = read_study(study.study_yaml)
    if path.exists():
        path.rename(elsewhere)
    if dangling:
        elsewhere = tmp_path / "nowhere"
    path.symlink_to(elsewhere)
    with pytest.raises(InputError, match="a link stands in the study's folder") as caught:
        check_resumable(study, stored, PLAN.space)
    assert f"{path}: " in str(caught.value)
    assert f"a link to {elsewhere}" in str(caught.value)


def test_a_study_of_another_direction_is_refused(study: RunFolder) -> None:
    text = study.study_yaml.read_text()
    study.study_yaml.write_text(text.replace("direction: max", "direction: min"))
    with pytest.raises(InputError, match=r"record\.direction: this file was edited"):
        read_study(study.study_yaml)
    study.study_yaml.write_text(text.replace("direction: max", "direction: min")
                                    .replace("score: max", "score: min"))  # fmt: skip
    refused(study, "record.direction", "found:    min", "expected: max")


def test_a_study_of_another_metric_is_refused(study: RunFolder) -> None:
    text = study.study_yaml.read_text()
    changed = text.replace("metric: score", "metric: loss").replace("loss: min", "loss: max")
    study.study_yaml.write_text(changed)
    refused(study, "record.metric", "found:    loss, which is", "put back what was edited")


def test_a_space_that_was_edited_is_refused(study: RunFolder) -> None:
    stored = read_study(study.study_yaml)
    parameters = tuple(
        replace(p, values=("nan", "x")) if p.name == "kind" else p for p in PLAN.space.parameters
    )
    with pytest.raises(InputError, match=r"study\.yaml, space\.parameters\.kind"):
        check_resumable(study, stored, replace(PLAN.space, parameters=parameters))


def test_a_range_that_was_edited_is_refused(study: RunFolder) -> None:
    stored = read_study(study.study_yaml)
    ranged = next(p for p in PLAN.space.searched() if not p.values)
    for edited in (replace(ranged, high=ranged.high + 1), None):
        parameters = tuple(
            edited if p is ranged else p for p in PLAN.space.parameters if edited or p is not ranged
        )
        where = rf"study\.yaml, space\.parameters\.{ranged.name}"
        with pytest.raises(InputError, match=where):
            check_resumable(study, stored, replace(PLAN.space, parameters=parameters))


def test_the_case_of_a_distribution_without_its_name(study: RunFolder) -> None:
    lines: list[Any] = [json.loads(line) for line in study.ledger.read_bytes().splitlines()]
    k = next(k for k, log in enumerate(lines) if log["op_code"] == 5)
    content = json.loads(lines[k]["distribution"])
    del content["name"]
    lines[k]["distribution"] = json.dumps(content)
    study.ledger.write_text("".join(json.dumps(log) + "\n" for log in lines))
    name = lines[k]["param_name"]
    refused(study, f"ledger.journal, line {k + 1}, trial 0, parameter {name}", "no 'name'")


def _complete(study: RunFolder) -> tuple[list[dict[str, Any]], int]:
    """The lines of the ledger, and the place of the first end of a trial that is COMPLETE."""
    logs = [json.loads(line) for line in study.ledger.read_bytes().splitlines()]
    return logs, next(k for k, log in enumerate(logs) if log.get("state") == 1)


def _put(study: RunFolder, logs: list[dict[str, Any]]) -> None:
    study.ledger.write_text("".join(json.dumps(log) + "\n" for log in logs))


def test_a_value_that_is_missing_or_was_edited_is_told(study: RunFolder) -> None:
    whole, end = _complete(study)
    trial, (value,) = whole[end]["trial_id"], whole[end]["values"]
    best = next(
        k for k, log in enumerate(whole)
        if log["op_code"] == 7 and log["trial_id"] == trial and log["intermediate_value"] == value
    )  # fmt: skip
    for logs in (
        whole[:best] + whole[best + 1 :],
        [*whole[:end], {**whole[end], "values": [value - 7]}, *whole[end + 1 :]],
    ):
        _put(study, logs)
        refused(study, f"trial {trial}", "contradict each other", "--rebuild-ledger")
    argv = [str(study.path), "--allow-custom"]
    assert doctor([*argv, "--rebuild-ledger"]) == 0
    check(study)
    logs, _ = _complete(study)
    ends = {log["trial_id"]: log["values"] for log in logs if log.get("state") == 1}
    assert ends[trial] == [value]


def test_a_ledger_is_made_again_whatever_its_lines_say(study: RunFolder) -> None:
    logs, end = _complete(study)
    trial = logs[end]["trial_id"]
    logs[end]["datetime_complete"] = "x"
    logs.append({**logs[end], "trial_id": [0]})
    for attributes in ({"retries": "two"}, {"latest": [1]}, {"seconds": None}):
        logs.append({"op_code": 8, "worker_id": "x", "trial_id": trial, "user_attr": attributes})
    _put(study, logs)
    refused(study, "datetime_complete: 'x'")
    assert doctor([str(study.path), "--rebuild-ledger", "--allow-custom"]) == 0
    check(study)


@pytest.mark.parametrize("argv", [[], ["--rebuild-ledger"]])
def test_a_folder_in_the_ledgers_place_is_told(
    argv: list[str], study: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    study.ledger.unlink()
    study.ledger.mkdir()
    assert doctor([str(study.path), "--allow-custom", *argv]) == 2
    told = capsys.readouterr().err
    assert f"{study.ledger}: a folder stands in the place of the ledger" in told
    assert "move that folder away" in told


@pytest.mark.parametrize("name", ["study.yaml", "ledger.journal"])
@pytest.mark.parametrize("there", [True, False])
def test_a_link_in_the_place_of_a_file_is_refused(
    name: str, there: bool, study: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "precious"
    file = study.path / name
    if there:
        target.write_bytes(file.read_bytes())
    file.unlink()
    file.symlink_to(target)
    assert doctor([str(study.path), "--allow-custom"]) == 2
    told = capsys.readouterr().err
    assert f"{file}: a link stands in the study's folder" in told and str(target) in told
