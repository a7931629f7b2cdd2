"""Memory of a session of 5 million frames beside that of one of 500,000, trained and predicted.

`python experiments/behaviour/long_session.py`: 16 simulated signals (noise about a level of each
class, float32) in an .npy, a hand label on every frame of a bout in ten; each session in a process
of its own, which tells the most memory that was its own (not that of mapped files).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

FRAMES, SIGNALS, CLASSES, BOUT = (500_000, 5_000_000), 16, 4, 100
SETTINGS = {
    "backbone": "temporal-mlp",
    "n_hid_layers": 1,
    "n_hid_units": 8,
    "n_lags": 1,
    "lambda_weak": 0,
    "lambda_pred": 0,
    "batch_size": 16,
    "sequence_length": 1000,
    "learning_rate": 1e-2,
    "epochs": 1,
}


def write(folder: Path, frames: int) -> None:
    """A session of so many frames, part after part."""
    rng = np.random.default_rng(0)
    for name in ("features", "labels-hand"):
        (folder / name).mkdir()
    states = np.repeat(rng.integers(1, CLASSES, frames // BOUT), BOUT)
    levels = rng.standard_normal((CLASSES, SIGNALS)).astype(np.float32)
    signals = np.lib.format.open_memmap(
        folder / "features/s.npy", "w+", np.dtype(np.float32), (frames, SIGNALS)
    )
    with (folder / "labels-hand/s.csv").open("w") as file:
        file.write(",background,a,b,c\n")
        rows = [",".join(map(str, row)) for row in np.eye(CLASSES, dtype=int).tolist()]
        for start in range(0, frames, 100_000):
            own = states[start : start + 100_000]
            noise = rng.standard_normal((len(own), SIGNALS), dtype=np.float32)
            signals[start : start + len(own)] = levels[own] + noise
            told = np.where(np.arange(start, start + len(own)) // BOUT % 10 == 0, own, 0)
            lines = (f"{start + k},{rows[state]}\n" for k, state in enumerate(told.tolist()))
            file.writelines(lines)


def own_memory() -> int:
    """Bytes of this process that no file holds."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("no RssAnon")


class Watch:
    """The most memory since the last question."""

    def __init__(self) -> None:
        self.most = 0
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self) -> None:
        while True:
            self.most = max(self.most, own_memory())
            time.sleep(0.02)

    def asked(self) -> float:
        most, self.most = self.most, 0
        return most / 2**20


def measure(folder: Path) -> None:
    """Read, train an epoch, write the states; a line for each."""
    from distrib.trainables.base import Worker
    from distrib.trainables.behaviour.segmenter.family import Segmenter

    family, worker, watch = Segmenter(), Worker(), Watch()
    config = family.Config.model_validate(SETTINGS)

    def tell(what: str, began: float) -> None:
        print(f"  {what:10s} {time.process_time() - began:6.1f} CPU s {watch.asked():7.0f} MiB")

    import torch

    torch.ones(3).softmax(0)
    tell("torch alone", time.process_time())
    began = time.process_time()
    data = family.load(family.Source(path=str(folder)))
    tell("reading", began)
    began = time.process_time()
    *_, last = family.progress(config, data, worker)
    assert last.metrics is not None
    tell(f"an epoch (macro-F1 {last.metrics['f1_macro']:.3f})", began)
    state = last.state()
    began = time.process_time()
    family.write_predictions([(config, state)], data, worker, folder)
    tell("states", began)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(Path(sys.argv[1]))
        raise SystemExit
    for count in FRAMES:
        with tempfile.TemporaryDirectory() as place:
            write(Path(place), count)
            print(f"{count:,} frames", flush=True)
            subprocess.run([sys.executable, __file__, place], check=True, timeout=3600)
