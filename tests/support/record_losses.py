"""Records what every family computes, step by step: `python -m tests.support.record_losses`.

What is written lies in `tests/assets/losses`, a file a run; `tests/contracts/test_golden_losses.py`
computes it again and compares. Record again only where a change of the figures is meant; with
`--compare` nothing is written, and how far each run is off is told, down to the last bit.

Every run is computed in a process that has imported one framework alone: torch, JAX and XGBoost
each bring an OpenMP or a thread pool of their own, and what one of them sets is not to move the
figures of another.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from distrib.trainables.base import State
from distrib.trainables.framework import prepare
from tests.contracts.cases import CASES, Case

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "assets" / "losses"
PLATFORM = "platform.json"
PACKAGES = (
    "torch",
    "jax",
    "jaxlib",
    "numpy",
    "scipy",
    "xgboost-cpu",
    "transformers",
    "peft",
    "olga",
)
FRAMEWORKS = ("jax", "torch", "xgboost")  # the longest first
RESUMED_AFTER = 2
"""The unit after which a run is interrupted and goes on, beside the one that is not."""


@dataclass(frozen=True)
class Run:
    """One configuration of a family whose figures are kept.

    Attributes:
        case: a name of `tests.contracts.cases`. more: what differs from its configuration.
        rtol, atol: how far figures may lie from the recorded ones; None: what the number format
            of the family allows (`tolerances`).
        why: what of the training this run is there for.
    """

    name: str
    case: str
    why: str
    more: Mapping[str, Any] = field(default_factory=dict)
    precision: str | None = None
    rtol: float | None = None
    atol: float | None = None

    @property
    def of(self) -> Case:
        return next(c for c in CASES if c.name == self.case and c.device == "cpu")

    @property
    def framework(self) -> str:
        """Which process computes it; families in plain NumPy are computed beside JAX's."""
        return self.of.family.framework or "jax"

    @property
    def tolerances(self) -> tuple[float, float]:
        """Relative and absolute."""
        rtol, atol = {"torch": (1e-5, 1e-6), "jax": (1e-6, 1e-9), "xgboost": (1e-5, 1e-6)}[
            self.framework
        ]
        return self.rtol or rtol, self.atol or atol


BITS = ("encoder",)
"""Values of a state that are a hash of weights, of which another processor draws others."""

PACKED = (
    ("crossattention.c_attn.bias", 2, 0),
    ("attn.c_attn.bias", 3, 1),
    ("in_proj_bias", 3, 1),
)
"""Names of biases of packed projections: in how many parts, and which of them is the keys'."""

NET = "tests.families.stream_family:Net"

RUNS = [
    Run(
        "mlm_everything",
        "mlm",
        "spans, a CDR3 masked more often, focal loss, dropout, accumulation",
        {
            "mean_span": 3.0,
            "cdr3_weight": 2.0,
            "focal_gamma": 1.0,
            "mask_share": 0.25,
            "dropout": 0.1,
            "attention_dropout": 0.1,
            "accumulate": 2,
        },
    ),
    Run(
        "clm_everything",
        "clm",
        "packed blocks, two layers, dropout, accumulation, decay",
        {
            "packed": True,
            "num_layers": 2,
            "dropout": 0.1,
            "attention_dropout": 0.1,
            "accumulate": 2,
            "context": 128,
            "weight_decay": 0.3,
            "samples": 0,  # a token that is drawn may be another one elsewhere
        },
    ),
    Run("heavy2light", "heavy2light", "fresh halves, all of their weights", {"samples": 0}),
    Run(
        "heavy2light_adapters",
        "heavy2light",
        "halves that stay as they are but for adapters, a projection",
        {
            "trained": "adapters",
            "adapter_reduction": 4,
            "dropout": 0.1,
            "learning_rate": 0.02,
            "samples": 0,
        },
    ),
    Run(
        "seq2seq_everything",
        "seq2seq",
        "a conditioned decoder, records without pKd, tokens by length, accumulation, dropout",
        {
            "encoder_layers": 2,
            "condition_decoder": True,
            "pkd_dropout": 0.2,
            "batch_tokens": 1500,
            "accumulate": 2,
            "dropout": 0.1,
            "attention_dropout": 0.1,
            "schedule": "plateau",
            "plateau_on": "validation",
            "samples": 0,  # one residue drawn otherwise is another antibody
        },
    ),
    Run("segmenter", "segmenter", "the case of the contracts"),
    Run(
        "segmenter_everything",
        "segmenter",
        "a perceptron with every head, drawn features, class weights, labels of its own",
        {
            "backbone": "temporal-mlp",
            "lambda_recon": 0.3,
            "variational": True,
            "velocity": True,
            "weight_classes": True,
            "semi_supervised_algo": "ups",
            "prob_threshold": 0.3,
            "anneal_start": 1,
            "anneal_end": 3,
            "epochs": 4,
        },
        rtol=1e-4,
        atol=1e-5,
    ),
    Run("segmenter_trees", "segmenter_trees", "the case of the contracts"),
    Run("mlp", "mlp", "the case of the contracts"),
    Run(
        "mlp_everything",
        "mlp",
        "dropout, batch norm, cosine with warmup, clipping, accumulation, an early stop",
        {
            "epochs": 20,
            "norm": "batch",
            "schedule": "cosine",
            "warmup": 0.2,
            "clip_norm": 0.3,
            "accumulate": 2,
            "batch_size": 16,
            "patience": 2,
            "learning_rate": 0.02,
            "activation": "gelu",
        },
        rtol=2e-4,
        atol=1e-5,
    ),
    Run(
        "mlp_plateau",
        "mlp",
        "a learning rate halved at plateaus, layer norm, cross-entropy, no clipping",
        {
            "epochs": 14,
            "norm": "layer",
            "loss": "cross_entropy",
            "schedule": "plateau",
            "learning_rate": 0.003,
            "clip_norm": 0.0,
            "dropout": 0.6,
            "taper": 0.5,
        },
        rtol=1e-4,
        atol=1e-5,
    ),
    Run(
        "mlp_one_cycle",
        "mlp",
        "one cycle, with batches that do not fill an accumulation",
        {"schedule": "one-cycle", "batch_size": 12, "accumulate": 3, "activation": "silu"},
    ),
    Run(
        "mlp_bfloat16",
        "mlp",
        "matrix products in half precision",
        precision="bfloat16",
        rtol=2e-2,
        atol=1e-4,
    ),
    Run("mlp_pairs", "mlp_pairs", "the case of the contracts"),
    Run(
        "mlp_pairs_everything",
        "mlp_pairs",
        "dropout, cosine with warmup, clipping, an early stop",
        {
            "epochs": 16,
            "dropout": 0.3,
            "schedule": "cosine",
            "warmup": 0.25,
            "clip_norm": 0.2,
            "patience": 2,
            "learning_rate": 0.003,
            "activation": "tanh",
        },
    ),
    Run(
        "mlp_pairs_plateau",
        "mlp_pairs",
        "a learning rate halved at plateaus",
        {
            "epochs": 12,
            "schedule": "plateau",
            "learning_rate": 0.003,
            "clip_norm": 0.0,
            "activation": "silu",
        },
    ),
    Run(
        "mlp_pairs_one_cycle",
        "mlp_pairs",
        "one cycle, one layer",
        {"schedule": "one-cycle", "num_layers": 1, "hidden_width": 24, "learning_rate": 0.003},
    ),
    Run("ia3", "ia3", "the case of the contracts"),
    Run("stream", NET, "the case of the contracts, by one worker"),
    Run("stream_wide", NET, "other sizes and another seed", {"hidden": 9, "batch": 25, "seed": 3}),
    Run("lel", "lel", "the case of the contracts"),
    Run("trimming", "trimming", "the case of the contracts"),
    Run("trimming_ligation", "trimming_ligation", "the case of the contracts"),
    Run("trimming_ligation_em", "trimming_ligation_em", "the case of the contracts"),
    Run("xgboost", "xgboost", "the case of the contracts"),
]


def record(run: Run) -> dict[str, Any]:
    """Everything that is kept of a run, computed now."""
    case = run.of
    family, data, config = case.family, case.data(), case.typed(**run.more)
    worker = replace(case, precision=run.precision).worker
    prepare(family, worker)
    rows, states = _rows(family.progress(config, data, worker))
    rest, _ = _rows(family.progress(config, data, worker, states[RESUMED_AFTER - 1]))
    *_, last = family.refit(config, data, worker, case.budget)
    model = last.state()
    return {
        "run": {
            "name": run.name,
            "trainable": run.case,
            "why": run.why,
            "precision": worker.precision,
            "data": data.describe()["fingerprint"],
            "config": config.model_dump(mode="json"),
        },
        "progress": rows,
        "resumed": {"after": RESUMED_AFTER, "progress": rest},
        "last_state": arrays_of(states[-1]),
        "refit": {"arrays": arrays_of(model), "values": plain(model.values)},
        "evaluate": floats(family.evaluate(config, model, data, worker)),
        "predict": columns_of(family.predict(config, model, data, worker)),
    }


def _rows(items: Iterable[Any]) -> tuple[list[dict[str, Any]], list[State]]:
    """What a training reports, a row an item with metrics, and its state after each."""
    rows, states = [], []
    for item in items:
        if item.metrics is not None:
            row = {"metrics": floats(item.metrics), "train": floats(item.train)}
            rows.append({"step": item.fidelity, **row})
            states.append(item.state())
    return rows, states


def floats(values: Mapping[str, Any]) -> dict[str, float]:
    """Plain floats, which JSON keeps to the last digit."""
    return {name: float(value) for name, value in values.items()}


def arrays_of(state: State) -> dict[str, Any]:
    """The figures of each array of a state by which a change of it is seen."""
    return {
        name: figures(_without_keys(name, np.asarray(state.arrays[name])))
        for name in sorted(state.arrays)
    }


def _without_keys(name: str, array: np.ndarray) -> np.ndarray:
    """A bias of attention's packed projections with zeros for its keys.

    What is added to all keys moves no softmax: its gradient is rounding alone, of which Adam makes
    steps of full size, and other ones on another processor.
    """
    for end, parts, keys in PACKED:
        if name.endswith(end):
            array = array.copy()
            size = array.shape[-1] // parts
            array[..., keys * size : (keys + 1) * size] = 0
            return array
    return array


def columns_of(frame: pd.DataFrame) -> dict[str, Any]:
    """The figures of each column of a table."""
    found = {str(name): figures(frame[name].to_numpy()) for name in frame.columns}
    return {"rows": len(frame), "columns": found}


def figures(array: np.ndarray) -> dict[str, Any]:
    """Shape, type, sum and sum of squares, in which those that are not finite are only counted.

    Of what is no number there is a hash.
    """
    known = {"shape": list(array.shape), "dtype": array.dtype.name}
    if array.dtype.kind not in "fiub":
        words = "\n".join(map(str, array.ravel().tolist()))
        known["dtype"] = "text"
        return {**known, "sha256": hashlib.sha256(words.encode()).hexdigest()}
    numbers = array.astype(np.float64).ravel()
    finite = numbers[np.isfinite(numbers)]
    return {
        **known,
        "finite": int(finite.size),
        "sum": float(finite.sum()),
        "squares": float((finite * finite).sum()),
    }


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of a state as JSON gives them back, long lists by their hash."""
    found = json.loads(json.dumps(dict(values), sort_keys=True, default=float))
    return {
        name: value
        if len(text := json.dumps(value)) < 200
        else {"sha256": hashlib.sha256(text.encode()).hexdigest()}
        for name, value in found.items()
        if name not in BITS
    }


def deviations(
    found: Any, golden: Any, rtol: float, atol: float, place: str = ""
) -> Iterator[tuple[float, str]]:
    """Where two records differ: how far, in parts of what is allowed, and the place in words.

    A sum may cancel, so it is measured by the greatest that it could be for its sum of squares.
    What is no float must be equal, else it is infinitely far.
    """
    if isinstance(golden, dict) and isinstance(found, dict):
        for name in sorted({*found, *golden}):
            here = f"{place}/{name}"
            if name not in found or name not in golden:
                yield math.inf, f"{here}: {'new' if name in found else 'gone'}"
            elif name == "sum" and "squares" in golden:
                size = math.sqrt(golden["squares"] * max(golden["finite"], 1))
                far = abs(found[name] - golden[name]) / (atol + rtol * size)
                if far:
                    yield far, f"{here}: {found[name]!r}, was {golden[name]!r}"
            else:
                yield from deviations(found[name], golden[name], rtol, atol, here)
    elif isinstance(golden, list) and isinstance(found, list):
        if len(found) != len(golden):
            yield math.inf, f"{place}: {len(found)} items, were {len(golden)}"
        for number, (one, other) in enumerate(zip(found, golden)):
            yield from deviations(one, other, rtol, atol, f"{place}/{number}")
    elif found != golden and not (found != found and golden != golden):
        numbers = type(found) is type(golden) is float and math.isfinite(found - golden)
        far = abs(found - golden) / (atol + rtol * abs(golden)) if numbers else math.inf
        yield far, f"{place}: {found!r}, was {golden!r}"


def compare(run: Run, folder: Path) -> list[tuple[float, str]]:
    """How a run in `folder` differs from the recorded one, the farthest first."""
    found, golden = (
        json.loads((place / f"{run.name}.json").read_text(encoding="utf-8"))
        for place in (folder, GOLDEN)
    )
    return sorted(deviations(found, golden, *run.tolerances), reverse=True)


def where() -> dict[str, Any]:
    """The machine and the packages that the figures come from."""
    found = {"machine": platform.machine(), "system": platform.system()}
    found |= {"processor": _processor(), "python": platform.python_version()}
    return found | {name: metadata.version(name) for name in PACKAGES}


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def compute(folder: Path) -> None:
    """All runs into a folder, those of each framework in a process of their own, two at a time.

    Raises:
        AssertionError: one failed; what it said.
    """
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda framework: _compute(framework, folder), FRAMEWORKS))


def _compute(framework: str, folder: Path) -> None:
    words = [sys.executable, "-m", "tests.support.record_losses"]
    words += ["--here", framework, "--out", str(folder)]
    plain = {k: v for k, v in os.environ.items() if k != "XLA_FLAGS"}  # compiled as a user's are
    done = subprocess.run(words, cwd=ROOT, env=plain, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def write(path: Path, content: Mapping[str, Any]) -> None:
    """As JSON with floats to the last digit."""
    path.write_text(json.dumps(content, indent=1, sort_keys=False) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=GOLDEN, help="the folder that is written")
    parser.add_argument("--here", choices=FRAMEWORKS, help="only these runs, in this process")
    parser.add_argument(
        "--compare", action="store_true", help="write nothing; say how far each run is off"
    )
    args = parser.parse_args()
    if args.compare:
        with tempfile.TemporaryDirectory() as folder:
            compute(Path(folder))
            for run in RUNS:
                far = compare(run, Path(folder))
                said = f"{far[0][0]:.2g} of what is allowed at {far[0][1]}" if far else "equal"
                print(f"{run.name:24s} {said}")
        return
    args.out.mkdir(parents=True, exist_ok=True)
    if args.here:
        for run in RUNS:
            if run.framework == args.here:
                write(args.out / f"{run.name}.json", record(run))
        return
    compute(args.out)
    write(args.out / PLATFORM, where())


if __name__ == "__main__":
    main()
