"""A finished trial written as daart leaves a training behind; a process of its own does it.

`python -m distrib.trainables.behaviour.daart.export` takes an order a line, JSON, and answers each
with a line, so that torch stays out of the process that leads the study.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from distrib.data.behaviour.sequences import TEST, cut, deal, parse_splits
from distrib.data.behaviour.sessions import Sessions
from distrib.errors import InputError
from distrib.files import atomic_path, atomic_write
from distrib.safe_yaml import read_yaml_file
from distrib.trainables.base import State, Worker
from distrib.trainables.behaviour.base import Segmentation, check_signals, scaling_of
from distrib.trainables.behaviour.daart.console import CONSOLE, head, progress
from distrib.trainables.behaviour.daart.folders import EVALUATED, FAILED, HPARAMS, write_hparams
from distrib.trainables.behaviour.daart.metrics_table import metrics_table
from distrib.trainables.behaviour.segmenter.family import Segmenter
from distrib.trainables.behaviour.segmenter.judging import pad_of
from distrib.trainables.behaviour.segmenter.memory import chosen
from distrib.trainables.behaviour.segmenter.task import SESSIONS
from distrib.trainables.behaviour.source import SessionsSource, load_sessions
from distrib.trainables.behaviour.states import write_states
from distrib.trainables.registry import load_family
from distrib.trial_files import METRICS, read_metrics

WORKER = Worker()


def export(order: Mapping[str, Any], state: State | None) -> None:
    """Write one version's folder, `hparams.yaml` last: it says that all else is there.

    Args:
        order: `trial` and `version` (folders), `family` and its `config`, `values` (daart's keys),
            `source`, `hash`, paths of the files. state: the trial's last; None where it did not
            end.
    """
    version, trial = Path(order["version"]), Path(order["trial"])
    values = dict(order["values"])
    rows = read_metrics(trial / METRICS)
    atomic_write(version / CONSOLE, _console(order, rows))
    if state is None:
        if rows:
            _write_metrics(version, metrics_table(pd.DataFrame(rows)), values)
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
    search, aside = family.set_aside(data, 0.0, 0)
    sessions = trial / f"{SESSIONS}.csv"
    table = metrics_table(
        pd.DataFrame(rows),
        [*test_rows(family, config, state, search, aside)],
        _untrained(family, config, search),
        pd.read_csv(sessions) if sessions.exists() else None,
    )
    _write_metrics(version, table, values)
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


def export_new(order: Mapping[str, Any], state: State) -> None:
    """Write the states of `eval_dir` beside what `export` wrote, and say so last."""
    version = Path(order["version"])
    family: Any = load_family(order["family"])
    config = family.Config.model_validate(order["config"])
    new = _sessions(json.dumps(order["source"]), order["eval_dir"])
    check_signals(state.values, new)
    _write_states(version, family, config, state, new)
    write_hparams(version, {**read_yaml_file(version / HPARAMS), EVALUATED: True})


def _console(order: Mapping[str, Any], rows: Sequence[Mapping[str, float]]) -> str:
    """The configuration, the epochs, and what the training wrote itself."""
    own = Path(order["trial"]) / CONSOLE
    said = own.read_text(errors="replace") if own.exists() else ""
    return head(order["values"], order) + progress(rows) + (f"\n{said}" if said else "")


def _write_metrics(version: Path, table: pd.DataFrame, values: Mapping[str, Any]) -> None:
    with atomic_path(version / "metrics.csv") as temporary:
        table.to_csv(temporary, index=False)
    if values.get("plot_train_curves", True):
        from distrib.trainables.behaviour.daart.curves import draw_curves

        draw_curves(table, version)


def _untrained(family: Any, config: Any, data: Sessions) -> dict[int, dict[str, float]]:
    """Dataset -> the figures of the training sequences before the first step, of a network.

    As in the later epochs single sessions are told of where each batch is of one.
    """
    if not isinstance(family, Segmenter):
        return {}
    found = family.untrained(config, data, WORKER)
    each = found.sessions if config.batch_size == 1 and len(found.sessions) > 1 else {}
    return {-1: found.metrics, **each}


def _write_states(
    folder: Path, family: Segmentation[Any], config: Any, state: State, data: Sessions
) -> None:
    """Of whole sequences alone, as daart has them."""
    sequences = cut(data, config.sequence_length, config.keep_tail)
    found = family.probabilities(config, state, sequences, WORKER)
    write_states(folder, sequences, len(state.values["classes"]), [found])


def test_rows(
    family: Segmentation[Any], config: Any, state: State, data: Sessions, aside: Sessions | None
) -> Iterator[dict[str, float]]:
    """The figures of each test sequence, with its number within its session, and the session's.

    Args:
        data: whose sequences are dealt; aside: sessions that are the test as a whole.
    """
    sequences = cut(data, config.sequence_length, config.keep_tail)
    what = deal(sequences, parse_splits(config.trial_splits), config.split_seed)
    parts = [(sequences, np.flatnonzero(what == TEST))]
    if aside is not None:
        whole = cut(aside, config.sequence_length, config.keep_tail)
        parts.append((whole, np.arange(len(whole))))
    for sequences, rows in parts:
        for row in rows.tolist():
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
        answer = json.dumps({"version": order["version"], **carried_out(order)})
        with suppress(BrokenPipeError):  # whoever asked is gone: its versions are written yet
            print(answer, flush=True)


def carried_out(order: Mapping[str, Any]) -> dict[str, str]:
    """Write a version; what went wrong: `error`, or of `eval_dir` alone `eval_error`."""
    version = Path(order["version"])
    state, failed = None, "error"
    try:
        if order["state"] == "COMPLETE":  # no other keeps its state for certain
            state = read_last(Path(order["trial"]))
        if not (version / HPARAMS).exists():
            export(order, state)
        if state is not None and order.get("eval_dir"):
            failed = "eval_error"
            export_new(order, state)
    except Exception as error:
        known = isinstance(error, InputError)
        told = str(error) if known else f"{type(error).__name__}: {error}"
        atomic_write(version / FAILED, f"{told}\n")
        return {failed: told}
    (version / FAILED).unlink(missing_ok=True)
    return {}


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
