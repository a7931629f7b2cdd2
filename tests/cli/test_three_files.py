"""`distrib.tune` with three files, from the command to the folders; trials run without Ray."""

from __future__ import annotations

import io
import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from distrib import tune
from distrib.cli.roads import daart_layout
from distrib.cli.roads.daart import ThreeFiles
from distrib.cli.roads.daart_layout import DaartLayout
from distrib.records import StudyRecord, TrialRecord
from distrib.study.driver.dry_run import sample
from distrib.study.record.checkpoint import Checkpoints
from distrib.study.record.metrics_file import MetricsFile
from distrib.study.record.run_folder import RunFolder
from distrib.study.space.configs import make_config
from distrib.study.worker.reports import Pace
from distrib.study.worker.trial import run_trial
from distrib.trainables.behaviour.daart import export, keys
from tests.support.behaviour_files import dlc_frame, session
from tests.support.daart_files import write_files

SMALL_MODEL = {"n_hid_units": 4, "n_lags": 1, "lambda_pred": 0}
SMALL_TRAIN = {"sequence_length": 50, "max_epochs": 1, "learning_rate": "1e-2"}


class WithoutRay:
    """Stands for `carry_out`: every trial in this process, with the same trackers."""

    def __init__(self) -> None:
        self.configs: list[dict[str, Any]] = []
        self.plans: list[Any] = []

    def __call__(
        self,
        plan: Any,
        place: Any,
        *,
        store: Any = None,
        beside: Callable[[RunFolder], Sequence[Any]] = lambda folder: (),
    ) -> int:
        self.plans.append(plan)
        folder = RunFolder(place.out / f"test-{len(list(place.out.glob('*')))}")
        folder.path.mkdir(parents=True)
        record = StudyRecord("test", "segmenter", "loss", "min", "epoch", 1, plan.trials)
        family = plan.family
        data = family.load(plan.source)
        trackers = list(beside(folder))
        for tracker in trackers:
            tracker.study_started(record)
        for number, drawn in enumerate(sample(plan, plan.trials)):
            config = make_config(family, drawn)
            self.configs.append(config.model_dump(mode="json"))
            own = folder.trial(number)
            own.mkdir(parents=True)
            (own / "config.yaml").write_text(yaml.safe_dump({"config": self.configs[-1]}))
            trial = TrialRecord(number, "RUNNING", params=drawn)
            record.trials[number] = trial
            for tracker in trackers:
                tracker.trial_started(trial)
            metrics, kept = MetricsFile(own / "metrics.csv"), Checkpoints(own / "checkpoint")
            worker = plan.worker
            for message in run_trial(
                family, config, data, worker, kept, Pace(), plan.objective.name
            ):
                assert message.failure is None
                metrics.append(message.rows)
                for tracker in trackers:
                    tracker.trial_progressed(trial, message.rows)
            trial.state = "COMPLETE"
            for tracker in trackers:
                tracker.trial_ended(trial)
        for tracker in trackers:
            tracker.study_ended(record, False)
        return 0


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> WithoutRay:
    made = WithoutRay()
    monkeypatch.setattr("distrib.cli.execute.carry_out", made)
    return made


def words(folder: Path, **changes: Any) -> list[str]:
    model = {**SMALL_MODEL, **changes.pop("model", {})}
    train = {**SMALL_TRAIN, **changes.pop("train", {})}
    paths = write_files(folder, model=model, train=train, **changes)
    return [word for option, path in paths.items() for word in (f"--{option}", str(path))]


class InThisProcess:
    """Stands for the process that writes the versions."""

    def __init__(self, *args: Any, **options: Any) -> None:
        end, self._into = os.pipe()
        self.stdin, self.stdout = io.StringIO(), os.fdopen(end)
        self.stdin.close = self._write  # type: ignore[method-assign]

    def _write(self) -> None:
        self.stdin.close = lambda: None  # type: ignore[method-assign]
        with os.fdopen(self._into, "w") as into, redirect_stdout(into):
            export.main(self.stdin.getvalue().splitlines())

    def poll(self) -> int:
        return 0

    def wait(self, timeout: float) -> int:
        return 0


@pytest.fixture
def written_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", InThisProcess)


@pytest.mark.usefixtures("written_here")
def test_four_then_none_then_one_again(
    tmp_path: Path, runner: WithoutRay, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(2):
        session(tmp_path / "data", f"s{number}", 600, seed=number)
    asked = words(tmp_path, model={"lambda_weak": [0, 1], "n_hid_layers": [1, 2]})
    assert tune.main([*asked, "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "4 trials" in told and "2: lambda_weak=1, n_hid_layers=1" not in told
    assert "learning_rate: 0.01" in told
    assert not (tmp_path / "results").exists() or not list(tmp_path.glob("results/multi-0"))

    assert tune.main(asked) == 0
    versions = sorted(tmp_path.glob("results/multi-0/dtcn/test/version_*"))
    assert [v.name for v in versions] == [f"version_{n}" for n in range(4)]
    hparams = [yaml.safe_load((v / "hparams.yaml").read_text()) for v in versions]
    pairs = [(h["n_hid_layers"], h["lambda_weak"]) for h in hparams]
    assert pairs == [(1, 0), (1, 1), (2, 0), (2, 1)]  # as the keys stand in the file
    assert [(c["n_hid_layers"], c["lambda_weak"]) for c in runner.configs] == pairs
    assert all((v / "s0_states.npy").exists() for v in versions)
    assert str(versions[3]) in capsys.readouterr().out

    assert tune.main(asked) == 0
    assert len(runner.configs) == 4
    told = capsys.readouterr().out
    assert "4 of 4 were trained already" in told and "nothing is left" in told

    fixed = ["--set", "n_hid_layers=2", "--set", "lambda_weak=1"]
    assert tune.main([*asked, *fixed, "--rerun"]) == 0
    assert len(runner.configs) == 5
    again = tmp_path / "results/multi-0/dtcn/test/version_4/hparams.yaml"
    assert yaml.safe_load(again.read_text())["n_hid_layers"] == 2


def test_the_cap_is_said(
    tmp_path: Path, runner: WithoutRay, capsys: pytest.CaptureFixture[str]
) -> None:
    session(tmp_path / "data", "s0", 600)
    asked = words(
        tmp_path,
        data={"expt_ids": ["s0"]},
        model={"n_hid_layers": [1, 2], "n_hid_units": [2, 4]},
        train={"tt_n_cpu_trials": 1},
    )
    assert tune.main(asked) == 0
    assert "1 of 4 combinations run" in capsys.readouterr().out
    assert (tmp_path / "results/s0/dtcn/test/version_0/best_val_model.pt").exists()


@pytest.mark.usefixtures("written_here")
def test_every_drawing_of_a_range_leaves_its_model(
    tmp_path: Path, runner: WithoutRay, capsys: pytest.CaptureFixture[str]
) -> None:
    session(tmp_path / "data", "s0", 600)
    ranged = {"loguniform": ["1e-5", "1e-2"]}
    asked = words(tmp_path, data={"expt_ids": ["s0"]}, train={"learning_rate": ranged})
    assert tune.main([*asked, "--trials", "2", "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "2 trials\n  learning_rate is drawn from {loguniform: [1e-5, 1e-2]}" in told
    assert tune.main([*asked, "--trials", "2"]) == 0
    plan = runner.plans[0]
    assert (plan.trials, plan.options.concurrent) == (2, 2)
    assert plan.options.keep > plan.trials  # also of a resume that adds trials
    for number, config in enumerate(runner.configs):
        assert f"  {number}: learning_rate={config['learning_rate']:.4g}" in told
        version = tmp_path / f"results/s0/dtcn/test/version_{number}"
        hparams = yaml.safe_load((version / "hparams.yaml").read_text())
        assert hparams["learning_rate"] == config["learning_rate"]
        assert (version / "best_val_model.pt").exists()
    asked = words(tmp_path, data={"expt_ids": ["s0"]}, train={"tt_n_cpu_trials": 3})
    assert tune.main([*asked, "--trials", "9", "--rerun"]) == 0
    assert runner.plans[1].trials == 1  # a combination is trained once


@pytest.mark.parametrize(
    ("train", "said"),
    [
        ({"learning_rate": {"loguniform": ["1e-2", "1e-5"]}}, "learning_rate: the lower bound is"),
        ({"learning_rate": {"loguniforn": [1e-5, 1e-2]}}, "learning_rate: not a kind"),
        ({"learning_rate": {"uniform": [0, 1]}}, "learning_rate: not a valid value"),
        ({"device": {"uniform": [0, 1]}}, "device: this key takes no range"),
    ],
)
def test_a_range_that_cannot_be_is_named_by_file_and_key(
    tmp_path: Path, train: dict[str, Any], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tune.main(words(tmp_path, train=train)) == 2
    out, err = capsys.readouterr()
    assert f"train.yaml, {said}" in err and "1 trial" not in out


@pytest.mark.usefixtures("written_here")
def test_every_list_is_a_dimension(
    tmp_path: Path,
    runner: WithoutRay,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Also over the data, and over the class of models: a study for each."""
    monkeypatch.setattr(keys, "TREES_IN_ALL", {"random-forest": 40, "xgboost": 20})
    session(tmp_path / "data", "s0", 600)
    markers = pd.read_csv(tmp_path / "data/markers/s0_labeled.csv", header=None, skiprows=3)
    (tmp_path / "data/features").mkdir()
    features = markers.iloc[:, 1:4].set_axis(["a", "b", "c"], axis=1)
    features.to_csv(tmp_path / "data/features/s0.csv", index=False)
    asked = words(
        tmp_path,
        data={
            "expt_ids": ["s0"],
            "input_type": ["markers", "features"],
            "weight_classes": [False, True],
        },
        model={"model_class": ["segmenter", "random-forest", "xgboost"]},
    )
    assert tune.main(asked) == 0
    told = capsys.readouterr().out
    assert "12 combinations, of which 8 differ" in told  # trees weigh no classes
    versions = sorted(tmp_path.glob("results/s0/*/test/version_*"))
    kinds = [v.parts[-3] for v in versions]
    assert kinds == ["dtcn"] * 4 + ["random-forest"] * 2 + ["xgboost"] * 2
    for version in versions:
        assert not (version / "export_error.txt").exists()
        assert np.load(version / "s0_states.npy").shape == (600, 4)
        table = pd.read_csv(version / "metrics.csv")
        assert table["val_f1_macro"].notna().any()
        assert "best_val_model.pt" in {p.name for p in version.iterdir()}
    hparams = [yaml.safe_load((v / "hparams.yaml").read_text()) for v in versions]
    sizes = [(h["input_type"], h["weight_classes"], h["input_size"]) for h in hparams[:4]]
    wanted = [(i, w, n) for i, n in (("markers", 4), ("features", 3)) for w in (False, True)]
    assert sizes == wanted
    assert hparams[0]["class_weights"] is None and hparams[1]["class_weights"] is not None
    assert tune.main(asked) == 0
    assert "8 of 8 were trained already" in capsys.readouterr().out


def test_a_failed_training_is_told_by_the_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layout = DaartLayout(tmp_path, {})
    record = StudyRecord("test", "segmenter", "loss", "min", "epoch", 1, 2)
    for number, state in enumerate(("COMPLETE", "FAIL")):
        record.trials[number] = TrialRecord(number, state)  # type: ignore[arg-type]
    layout.study_started(record)
    assert ThreeFiles().told([layout], 0) == 1
    assert "1 failed: their console.log says why" in capsys.readouterr().out
    assert ThreeFiles().told([layout], 130) == 130
    assert ThreeFiles().told([DaartLayout(tmp_path, {})], 0) == 0


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--space", "mlp"], "either a space or the three files"),
        (["--set", "n_hid_layer=1"], "'n_hid_layers'"),
    ],
)
def test_mistakes_are_told(
    tmp_path: Path, more: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tune.main([*words(tmp_path), *more]) == 2
    assert said in capsys.readouterr().err


def test_a_value_that_cannot_be_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tune.main(words(tmp_path, model={"backbone": ["dtcn", "tcn"]})) == 2
    assert "model.yaml, backbone: not a valid value" in capsys.readouterr().err
    assert tune.main(words(tmp_path, train={"max_epochs": 0})) == 2
    assert "train.yaml, max_epochs: not a valid value" in capsys.readouterr().err
    session(tmp_path / "data", "s0", 600)
    long = words(tmp_path, data={"expt_ids": ["s0"]}, train={"sequence_length": 500})
    assert tune.main([*long, "--dry-run"]) == 2
    assert "session s0: too few sequences for the split" in capsys.readouterr().err


def test_an_eval_dir_that_cannot_be_predicted_is_told_before_anything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    session(tmp_path / "data", "s0", 600)
    asked = words(tmp_path, data={"expt_ids": ["s0"], "eval_dir": str(tmp_path / "new")})
    for more in ([], ["--dry-run"]):
        assert tune.main([*asked, *more]) == 2
        assert f"{tmp_path}/new: no such folder" in capsys.readouterr().err
    (tmp_path / "new").mkdir()
    dlc_frame(90, parts=("nose", "tail", "ear")).to_csv(tmp_path / "new/later.csv")
    assert tune.main(asked) == 2
    err = capsys.readouterr().err
    assert "data.yaml, eval_dir" in err and "the signals are not those" in err


def test_what_is_not_written_yet_is_told_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The process that writes versions is in a session of its own, which Ctrl-C does not reach."""
    monkeypatch.setattr(daart_layout, "IMPATIENCE", 0.1)
    said = {"values": [{}], "ranges": {}, "results": str(tmp_path), "ids": ["s0"], "hashes": []}
    said |= {"family": "segmenter", "source": {}, "eval_dir": None, "files": []}
    layout = DaartLayout(tmp_path, said)
    record, trial = StudyRecord("test", "segmenter", "loss", "min", "epoch", 1, 1), TrialRecord(0)
    layout.study_started(record)
    layout.trial_started(trial)
    (tmp_path / "trials/0000").mkdir(parents=True)
    (tmp_path / "trials/0000/config.yaml").write_text("config: {}\n")
    trial.state = "COMPLETE"
    layout.trial_ended(trial)
    assert layout._process is not None
    process = layout._process
    assert os.getsid(process.pid) == process.pid
    layout.study_ended(record, True)
    assert process.returncode == -signal.SIGKILL
    assert ThreeFiles().told([layout], 130) == 130
    out, err = capsys.readouterr()
    assert "1 of these is not written: --resume does" in out and not err
    again = DaartLayout(tmp_path, said)
    monkeypatch.setattr(again, "_write", again.waiting.append)
    record.trials[0] = trial
    again.study_started(record)
    assert again.waiting == [trial]


@pytest.mark.parametrize(
    ("model", "more", "said", "metric"),
    [
        ({"n_hid_layers": [1, 2]}, [], "", "loss"),
        ({"lambda_weak": [0, 1]}, [], "ranked by f1_macro: losses of different lam", "f1_macro"),
        ({"lambda_weak": {"uniform": [0, 1]}}, [], "ranked by f1_macro", "f1_macro"),
        ({"lambda_weak": [0, 1]}, ["--metric", "loss"], "note: losses of different lambda", "loss"),
    ],
)
def test_losses_of_different_weights_rank_nothing(
    tmp_path: Path,
    model: dict[str, Any],
    more: list[str],
    said: str,
    metric: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plans: list[Any] = []

    def carried_out(plan: Any, place: Any, **options: Any) -> int:
        plans.append(plan)
        return 0

    monkeypatch.setattr("distrib.cli.execute.carry_out", carried_out)
    session(tmp_path / "data", "s0", 600)
    asked = words(tmp_path, data={"expt_ids": ["s0"]}, model=model)
    assert tune.main([*asked, *more]) == 0
    out = capsys.readouterr().out
    assert said in out and ("losses of different" in out) == bool(said)
    assert plans[0].objective.name == metric


def test_a_folder_for_states_is_offered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from distrib import predict

    assert predict.main([str(tmp_path), "--out", str(tmp_path / "states")]) == 2
    assert "states/ is a folder, for a file per recording" in capsys.readouterr().err


def test_two_files_are_not_three(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tune.main(words(tmp_path)[:4]) == 2
    assert "--train_config: this option is missing" in capsys.readouterr().err


def test_no_trial_is_stopped_while_weights_anneal(tmp_path: Path) -> None:
    from distrib.cli.roads.daart_study import Group
    from distrib.study.plan.options import Options
    from distrib.study.plan.plan import make_plan
    from distrib.trainables.behaviour.daart.three_files import read_three_files

    for model, least in (({}, 10), ({"semi_supervised_algo": "ups"}, 50)):
        files = read_three_files(write_files(tmp_path, model=model), {})
        group = Group(files, "segmenter", files.source(files.values), (), [{}], ())
        plan = make_plan(group.space(), Options(scheduler="asha"))
        assert min(plan.rule().milestones) == least
    assert plan.objective.name == "loss"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--show"], "--show"),
        (["--warm-start", "mlp-0"], "--warm-start"),
        (["--data", "here"], "--data"),
        (["--resume", "mlp-0"], "--data_config"),
        (["--keep", "2"], "--keep"),
    ],
)
def test_what_the_three_files_do_not_go_with(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from distrib.tune import main

    files = ["--data_config", "d.yaml", "--model_config", "m.yaml", "--train_config", "t.yaml"]
    assert main([*files, *words]) == 2
    assert f"error: {says}" in capsys.readouterr().err
