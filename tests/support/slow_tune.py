"""`distrib.tune` in which every process of a trial but the first takes seconds to start.

`BEGAN` names a folder: the first process makes `first` in it, and each that trains its own file.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import distrib.tune
from distrib.study.driver import tuner
from distrib.study.worker.trial_actor import TrialActor

SLOW = 3.0


class SlowSlot(TrialActor):
    """Late, unless it is the first."""

    def setup(self, *args: Any, **kwargs: Any) -> None:
        try:
            self.folder().joinpath("first").touch(exist_ok=False)
        except FileExistsError:
            time.sleep(SLOW)
        super().setup(*args, **kwargs)

    def step(self) -> dict[str, Any]:
        self.folder().joinpath(f"trains-{os.getpid()}").touch()
        return super().step()

    def folder(self) -> Path:
        return Path(os.environ["BEGAN"])


if __name__ == "__main__":
    tuner.TrialActor = SlowSlot  # type: ignore[misc]
    raise SystemExit(distrib.tune.main())
