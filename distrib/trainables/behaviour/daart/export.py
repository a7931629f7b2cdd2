"""A finished trial written as daart leaves a training behind; a process of its own does it.

`python -m distrib.trainables.behaviour.daart.export` takes an order a line, JSON, and answers each
with a line, so that torch stays out of the process that leads the study.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from distrib.data.behaviour.sequences import TEST, cut, deal, parse_splits
from distrib.data.behaviour.sessions import Sessions
from distrib.errors import InputError
from distrib.files import atomic_path, atomic_write
from distrib.trainables.base import State, Worker
from distrib.trainables.behaviour.base import Segmentation, scaling_of
from distrib.trainables.behaviour.daart.folders import write_hparams
from distrib.trainables.behaviour.daart.metrics_table import metrics_table
from distrib.trainables.behaviour.segmenter.judging import pad_of
from distrib.trainables.behaviour.segmenter.memory import chosen
from distrib.trainables.behaviour.source import SessionsSource, load_sessions
from distrib.trainables.behaviour.states import write_states
from distrib.trainables.registry import load_family

WORKER = Worker()


def export(order: Mapping[str, Any], state: State | None) -> None:
    """Write one version's folder, `hparams.yaml` last: it says that all else is there.

    Args:
        order: `trial` and `version` (folders), `family` and its `config`, `values` (daart's keys),
            `source`, `hash`, `eval_dir`. state: the trial's last; None where it did not end.
    """
    version, trial = Path(order["version"]), Path(order["trial"])
    if (trial / "console.log").exists():
        shutil.copyfile(trial / "console.log", version / "console.log")
    values = dict(order["values"])
    if state is None:
        write_hparams(version, {**values, "training_completed": False, **_told(order)})
        return
    family: Any = load_family(order["family"])
    config = family.Config.model_validate(order["config"])
    best, best_epoch = chosen(state.arrays)
    _save(best, version / "best_val_model.pt")
    if values.get("save_last_model"):
        _save(state.arrays, version / "last_model.pt")
    data = _sessions(json.dumps(order["source"]))
    _write_states(version, family, config, state, data)
    if order.get("eval_dir"):
        new = _sessions(json.dumps(order["source"]), order["eval_dir"])
        _write_states(version, family, config, state, new)
    rows = pd.read_csv(trial / "metrics.csv")
    tests = list(test_rows(family, config, state, data))
    table = metrics_table(rows, tests)
    with atomic_path(version / "metrics.csv") as temporary:
        table.to_csv(temporary, index=False)
    if values.get("plot_train_curves", True):
        from distrib.trainables.behaviour.daart.curves import draw_curves

        draw_curves(table, version)
    write_hparams(
        version,
        {
            **values,
            "expt_ids": ";".join(data.ids.tolist()),
            "sequence_pad": pad_of(config) if order["family"] == "segmenter" else 0,
            "input_size": len(data.signals),
            "output_size": len(data.classes),
            "task_size": len(data.task_names),
            "class_weights": state.values.get("class_weights"),
            "kl_weight": 1,
            "best_val_epoch": best_epoch,
            "training_completed": True,
            "class_names": {"const": list(data.classes)},
            "feature_names": {"const": list(data.signals)},
            "normalisation": scaling_of(data),
            **_told(order),
        },
    )


def _write_states(
    folder: Path, family: Segmentation[Any], config: Any, state: State, data: Sessions
) -> None:
    """Of whole sequences alone, as daart has them."""
    sequences = cut(data, config.sequence_length, config.keep_tail)
    found = family.probabilities(config, state, sequences, WORKER)
    write_states(folder, sequences, len(state.values["classes"]), [found])


def test_rows(
    family: Segmentation[Any], config: Any, state: State, data: Sessions
) -> Iterator[dict[str, float]]:
    """The figures of each test sequence, with its number and its session's."""
    sequences = cut(data, config.sequence_length, config.keep_tail)
    what = deal(sequences, parse_splits(config.trial_splits), config.split_seed)
    for row in np.flatnonzero(what == TEST).tolist():
        one = sequences.take(np.array([row]))
        figures = family.evaluate(config, state, one, WORKER)
        session = int(one.parts[0, 0])
        first = int(np.flatnonzero(sequences.groups == session)[0])
        yield {"trial": row - first, "dataset": session, **figures}


def _save(arrays: Mapping[str, np.ndarray], path: Path) -> None:
    """The network's weights, or of trees all arrays: tensors alone."""
    import torch

    of_network = [name for name in arrays if name.startswith("model.")]
    weights = {
        name.removeprefix("model."): torch.from_numpy(arrays[name].copy())
        for name in of_network or arrays
    }
    with atomic_path(path) as temporary:
        torch.save(weights, temporary)


def _told(order: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("data_config", "model_config", "train_config", "trial", "state")
    told = {key: order[key] for key in keys if key in order}
    version = Path(order["version"])
    places = {
        "expt_dir": str(version.parents[2]),
        "model_dir": str(version.parents[1]),
        "version": int(version.name.removeprefix("version_")),
        "tt_version_dir": str(version),
        "hpc_exp_number": None,
    }
    return {**places, "distrib_hash": order["hash"], **told}


@lru_cache(maxsize=4)
def _sessions(source: str, new: str | None = None) -> Sessions:
    """Those of a source, or the new ones of another folder."""
    found = SessionsSource.model_validate(json.loads(source))
    return load_sessions(found if new is None else found.elsewhere(new), labels=new is None)


def main(orders: Sequence[str] | None = None) -> None:
    """Carry out orders from standard input until it ends."""
    import torch

    torch.set_num_threads(1)
    for line in sys.stdin if orders is None else orders:
        order = json.loads(line)
        try:
            complete = order["state"] == "COMPLETE"  # no other keeps its state for certain
            export(order, read_last(Path(order["trial"])) if complete else None)
            answer: dict[str, Any] = {"version": order["version"]}
        except Exception as error:
            atomic_write(Path(order["version"]) / "export_error.txt", f"{error}\n")
            answer = {"version": order["version"], "error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


def read_last(trial: Path) -> State:
    """The last state of a trial's folder.

    Raises:
        InputError: there is none.
    """
    import safetensors

    file = max((trial / "checkpoint").glob("state-*.safetensors"), default=None)
    if file is None:
        raise InputError("the trial's last state is gone", file=trial / "checkpoint")
    with safetensors.safe_open(file, framework="numpy") as content:
        header = content.metadata()["state"]
        arrays = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118
    return State(arrays, json.loads(header.partition(" ")[2])["family"])


if __name__ == "__main__":
    main()
