"""The GPUs of this machine: which there are, which are in use, and what can compute on them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata

from distrib.cluster.check import Check

QUERY = "name,memory.total,memory.used,utilization.gpu"
IDLE = 0.05  # of its memory, and of its time: what a GPU shows that nobody uses


@dataclass(frozen=True)
class Gpu:
    """An NVIDIA GPU as its driver sees it.

    Attributes:
        memory, used: MiB. busy: percent of the last moments; 0 where it is not known.
    """

    name: str
    memory: float
    used: float
    busy: float

    @property
    def idle(self) -> bool:
        """Whether nobody seems to use it."""
        return self.used <= IDLE * self.memory and self.busy < 100 * IDLE

    def __str__(self) -> str:
        use = "unused" if self.idle else f"in use ({self.used / 1024:.1f} GiB, {self.busy:.0f}%)"
        return f"{self.name}, {self.memory / 1024:.1f} GiB, {use}"


def gpu_checks(listed: Sequence[Gpu]) -> Iterator[Check]:
    """The GPUs that the driver knows (`nvidia_gpus`), and whether torch and JAX can use them."""
    if not listed:
        yield Check("GPUs", "none")
        return
    yield Check("GPUs", "; ".join(map(str, listed)))
    idle = sum(gpu.idle for gpu in listed)
    advice = "use them: add --gpus-per-worker 1 (a fraction shares a GPU between trials)"
    found = f"{idle} of {len(listed)} unused; a study uses none unless it is asked to"
    yield Check("GPU use", found, advice if idle else None)
    if "+cpu" in metadata.version("torch"):
        yield Check("torch", "a build for CPUs", "install a CUDA build of the pinned version")
    if not any(_installed(f"jax-cuda{version}-plugin") for version in (12, 13)):
        yield Check("jax", "without CUDA", "pip install 'jax[cuda12]' in the pinned version")


def nvidia_gpus() -> list[Gpu]:
    """Every NVIDIA GPU of this machine."""
    if shutil.which("nvidia-smi") is None:
        return []
    try:
        done = subprocess.run(
            ["nvidia-smi", f"--query-gpu={QUERY}", "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [read_gpu(line) for line in done.stdout.splitlines() if line.count(",") >= 3]


def read_gpu(line: str) -> Gpu:
    """A GPU from its line of `nvidia-smi`; what it does not tell ("[N/A]") is 0."""
    name, *numbers = (part.strip() for part in line.rsplit(",", 3))
    memory, used, busy = (float(n) if n.isdecimal() else 0.0 for n in numbers)
    return Gpu(name, memory, used, busy)


def _installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True
