"""Ray Tune around a search: three thin adapters, and the one call that runs it.

Tune asks `_Searcher` for trials, gives `_Scheduler` their messages and follows its verdict, and
lets `_Ticker` draw. What Tune's words mean is decided in `Search`.
"""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from distrib.cluster.interruption import ended_like_ctrl_c
from distrib.cluster.ray_internals.tune import (
    end_processes,
    host_of,
    lean_tune,
    memory_kills_are_failures,
    one_death_counts_once,
    processes_of,
    roomless,
    training,
)
from distrib.records import FailureClass
from distrib.study.driver.search_loop import Search
from distrib.study.driver.worker_failures import failure_of
from distrib.study.worker.reports import Message
from distrib.study.worker.trial_actor import TrialActor

RETRIES = 3  # of a trial whose process or node was lost


def run_search(
    search: Search,
    actor: Mapping[str, Any],
    bundle: Mapping[str, float],
    scratch: Path,
    when_over: Callable[[], None],
) -> None:
    """Run a search to its end, to the time budget, or to Ctrl-C (`search.interrupted`).

    Args:
        actor: what each `TrialActor` is set up with. bundle: what its process takes of the cluster.
        scratch: a folder for the files of Tune's own, of which nothing is kept.
        when_over: called once, when no further trial will begin.

    Raises:
        OSError: the disk of the run folder takes no more; the ledger can be resumed.
    """
    if search.over:
        return
    trainable = tune.with_resources(
        tune.with_parameters(TrialActor, **actor), tune.PlacementGroupFactory([dict(bundle)])
    )
    with _signals(search):
        os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(search.limits.concurrent)
        tuner = tune.Tuner(
            trainable,
            tune_config=tune.TuneConfig(
                search_alg=_Searcher(search),
                scheduler=_Scheduler(search),
                num_samples=-1,
                reuse_actors=True,
                trial_dirname_creator=lambda trial: trial.trial_id,
            ),
            run_config=tune.RunConfig(
                name="study",
                storage_path=str(scratch / "tune"),
                verbose=0,
                callbacks=[_Ticker(search, when_over)],
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                failure_config=tune.FailureConfig(max_failures=RETRIES),
            ),
        )
        try:
            with (
                warnings.catch_warnings(),
                lean_tune(),
                memory_kills_are_failures(),
                one_death_counts_once(),
            ):
                warnings.simplefilter("ignore")
                tuner.fit()
        except Exception:
            if search.error is None:
                raise
    if search.error is not None:
        raise search.error


def _guarded(method: Callable[..., Any]) -> Callable[..., Any]:
    """An error of the disk in the driver stops the study, not Tune."""

    def guarded(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self, *args, **kwargs)
        except OSError as error:
            self.search.error = self.search.error or error
            return None

    return guarded


class _Searcher(Searcher):
    """Tune's searcher: gives out the search's assignments, hears of ends."""

    def __init__(self, search: Search) -> None:
        super().__init__(metric="value", mode="max")
        self.search = search
        self.numbers: dict[str, int] = {}

    def suggest(self, trial_id: str) -> Any:
        assignment = self._ask()
        if assignment is not None:
            self.numbers[trial_id] = assignment.number
            return {"assignment": json.dumps(asdict(assignment)), "number": assignment.number}
        return Searcher.FINISHED if self.search.over else None

    @_guarded
    def _ask(self) -> Any:
        return self.search.ask()

    @_guarded
    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        number = self.numbers.pop(trial_id)
        lost: tuple[FailureClass, str] = ("lost node", "its process died again and again")
        self.search.end(number, lost if error else None)

    def save(self, checkpoint_path: str) -> None:
        """The ledger is the record."""

    def restore(self, checkpoint_path: str) -> None:
        """Tune never resumes a study of ours."""

    def __getstate__(self) -> dict[str, Any]:
        return {}


class _Scheduler(FIFOScheduler):
    """Tune's scheduler: carries each message to the search and its verdict back."""

    def __init__(self, search: Search) -> None:
        super().__init__()
        self.search = search
        self.failures: dict[str, int] = {}  # of trials that have any

    def choose_trial_to_run(self, tune_controller: Any) -> Any:
        """A trial that is to take the next process that comes free, or None in particular.

        That is one for whose own process there is no room: others hold it, or a node is gone. What
        is named while its process starts would take over a free one as well, and the other be
        ended. Short trials would be done sooner than any process starts, again and again, and never
        two of them at a time. Tune starts the rest in their order.
        """
        waiting = roomless(tune_controller)
        return min(waiting, key=lambda trial: trial.config["number"], default=None)

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        message = Message(**json.loads(result["message"]))
        stop = self._hear(trial.config["number"], message)
        return TrialScheduler.CONTINUE if stop is False else TrialScheduler.STOP

    @_guarded
    def _hear(self, number: int, message: Message) -> bool:
        return self.search.hear(number, message)

    def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
        why = failure_of(_last_error(trial))
        if not trial.should_recover():
            self.failures.pop(trial.trial_id, None)
            self.search.lost(trial.config["number"], *why, given_up=True)
            return  # the searcher hears of its end
        if trial.num_failures == self.failures.get(trial.trial_id, 0):
            return  # it had not begun: see `one_death_counts_once`
        self.failures[trial.trial_id] = trial.num_failures
        self.search.lost(trial.config["number"], *why)

    def __getstate__(self) -> dict[str, Any]:
        return {}


def _last_error(trial: Any) -> str:
    """What Tune wrote of a trial's last failure; `get_error` looks where it is copied later."""
    file = trial.error_file
    said = Path(file).read_text(errors="replace") if file and Path(file).is_file() else ""
    return re.split(r"^Failure # .*\n", said, flags=re.MULTILINE)[-1]


class _Ticker(tune.Callback):
    """Tune's callback: the beat to which trackers draw; lets go of what a trial leaves in Tune."""

    def __init__(self, search: Search, when_over: Callable[[], None]) -> None:
        self.search = search
        self.when_over: Callable[[], None] | None = when_over
        self.running: dict[int, Any] = {}
        search.processes = self._processes

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self.running[trial.config["number"]] = trial
        self.search.began(trial.config["number"])

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self.running.pop(trial.config["number"], None)

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self.running.pop(trial.config["number"], None)
        # Tune keeps statistics of a dozen numbers of its own for every trial, for ever.
        trial.run_metadata.metric_analysis.clear()
        trial.run_metadata.metric_n_steps.clear()
        trial.run_metadata.last_result = {"trial_id": trial.trial_id, "done": True}

    @_guarded
    def _tick(self) -> None:
        self.search.tick()
        for number in self.search.stalled():
            trial = self.running[number]
            trial.max_failures = 0  # it is not begun again
            end_processes(trial)

    def _processes(self, number: int) -> str:
        """The processes of a trial that may be to blame for its silence, in words."""
        found = training(processes_of(self.running[number]))
        places = " or ".join(f"{one.pid} on {host_of(one.node)}" for one in found)
        return f"its process {places}" if places else "its process"

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        self._tick()
        if self.when_over is not None and self.search.over:
            self.when_over()
            self.when_over = None
        if self.search.error is not None:
            raise self.search.error

    def __getstate__(self) -> dict[str, Any]:
        return {}


@contextmanager
def _signals(search: Search) -> Iterator[None]:
    """Ctrl-C, a lost terminal and a request to end stop the study in good order, once.

    Tune's own handler of SIGINT does the stopping; ours, set first, is what it falls back to.
    """

    def stop(signum: int) -> None:
        search.interrupted = True
        if signum == signal.SIGTERM:  # if all of Ray was told as well, there may be no summary
            print(f"asked to end; --resume {search.folder.path} goes on", flush=True)

    # Tune leaves its handler of SIGINT behind, which would swallow a Ctrl-C after the search.
    of_ctrl_c = signal.getsignal(signal.SIGINT)
    try:
        with ended_like_ctrl_c(stop):
            yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, of_ctrl_c)
        left = search.unfinished and not search.spent
        if search.error is None and (left or not search.over):
            search.interrupted = True
