"""A study from Python: what its folder holds, and the way to go on with it."""

from __future__ import annotations

import html
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distrib.api.models import Model, open_model
from distrib.api.options import options_from
from distrib.api.places import RUNS, fetched, find_study, gone_at_exit
from distrib.api.report import Report
from distrib.api.resuming import resumed_plan
from distrib.api.running import shown
from distrib.api.session import carry_out
from distrib.errors import InputError
from distrib.records import StudyRecord
from distrib.study.driver.live_record import read_record
from distrib.study.plan.fixed_space import read_config
from distrib.study.record.remote_store import is_url
from distrib.study.record.run_folder import RunFolder

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Best:
    """The winner of a study.

    Attributes:
        trial: its number.
        metric: the objective. value: what it came to on validation data, by which it was selected.
        params: the hyperparameters that were searched. config: all of them, with which
            `build(family, **config)` makes an untrained model like it.
        validation, test: every metric by name, empty where no winner was trained yet; only test
            figures are a claim about new data.
        baselines: name -> metric -> value, test figures as `test/<metric>`.
    """

    trial: int
    metric: str
    value: float
    params: dict[str, Any]
    config: dict[str, Any] = field(repr=False)
    validation: dict[str, float] = field(default_factory=dict, repr=False)
    test: dict[str, float] = field(default_factory=dict, repr=False)
    baselines: dict[str, dict[str, float]] = field(default_factory=dict, repr=False)


class Study:
    """One search, running or ended, read from its folder anew whenever it is asked something.

    Attributes:
        folder: the run folder; of a study at a URL, a copy that goes when the process ends.
        url: where it lies, if not on this machine.
    """

    def __init__(self, folder: Path, *, url: str | None = None, allow_custom: bool = False) -> None:
        self.folder = folder
        self.url = url
        self._allow_custom = allow_custom

    def __repr__(self) -> str:
        return f"Study({self._place!r})"

    def _repr_html_(self) -> str:
        """In a notebook: its place, and the best few trials."""
        table = self.leaderboard.head(10).to_html(index=False, border=0)
        return f"<p>{html.escape(repr(self))}</p>{table}"

    @property
    def record(self) -> StudyRecord:
        """Everything that is recorded: objective and its direction, every trial as it stands."""
        return read_record(self.folder)

    @property
    def best(self) -> Best:
        """The winner, or of a study that has not ended the best trial so far.

        Raises:
            InputError: no trial has succeeded.
        """
        record = self.record
        file = self._run.best / "metrics.json"
        known = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        trial = record.trials[known["trial"]] if known else record.best()
        if trial is None or trial.value is None:
            raise InputError("no trial has succeeded", file=self._place)
        config = read_config(self._run.trial(trial.number))[0]["config"]
        return Best(
            trial.number,
            record.metric,
            trial.value,
            {name: config.get(name, value) for name, value in trial.params.items()},
            config,
            known.get("validation", {}),
            known.get("test", {}),
            known.get("baselines", {}),
        )

    @property
    def trials(self) -> pd.DataFrame:
        """A row per trial: state, value, parameters (`param/<name>`), times (`seconds/<name>`)."""
        from distrib.tracking.tables import trials_frame

        return trials_frame(self.record)

    @property
    def epochs(self) -> pd.DataFrame:
        """A row per trial and unit of fidelity (epoch, fold, round), a column per metric."""
        from distrib.tracking.tables import epochs_frame

        return epochs_frame(self.folder, self.record)

    @property
    def leaderboard(self) -> pd.DataFrame:
        """The trials that have a value, best first, with their `rank`."""
        from distrib.tracking.tables import leaderboard_frame

        return leaderboard_frame(self.record)

    @property
    def report(self) -> Report:
        """The report: a path that a notebook shows, with `.show()` for a browser.

        Raises:
            InputError: there is none before the search has ended.
        """
        path = self.folder / "report.html"
        if not path.is_file():
            raise InputError(
                "there is no report yet", file=path, expected="a study whose search has ended"
            )
        return Report(path)

    @property
    def model(self) -> Model:
        """The winner: trained on every row but the test part, or as its best epoch left it.

        Raises:
            InputError: there is none, since the study was interrupted or no trial succeeded.
        """
        if not (self._run.best / "config.yaml").is_file():
            raise InputError(
                "no winner was trained",
                file=self._place,
                hint="study.resume() goes on with a study that was interrupted",
            )
        return open_model(self._run.best, allow_custom=self._allow_custom)

    def resume(
        self,
        *,
        trials: int | None = None,
        time_budget: float | str | None = None,
        concurrent: int | None = None,
        confirm: int | None = None,
        bootstrap: int | None = None,
        bootstrap_of: str | None = None,
        keep: int | None = None,
        checkpoint_every: float | None = None,
        address: str | None = None,
        workers_per_trial: int | str | None = None,
        cpus_per_worker: float | None = None,
        gpus_per_worker: float | None = None,
        accelerator_type: str | None = None,
        device: str | None = None,
        precision: str | None = None,
        stall_timeout: float | str | None = None,
        allow_custom: bool | None = None,
        debug: bool | None = None,
        progress: bool = True,
    ) -> Study:
        """Go on with a study that was interrupted, or further with one that has ended.

        Trials that ended stay as they are, unfinished ones go on from their last checkpoint.

        Args:
            trials: so many in all; not fewer than before. The other options are those of `search`;
                those that are not given stay as they were.

        Returns:
            This study.

        Raises:
            InputError: such as fewer trials, changed data, or another driver that runs it.
        """
        given = {k: v for k, v in locals().items() if k not in ("self", "progress")}
        given["allow_custom"] = allow_custom or self._allow_custom or None
        store = fetched(self.url) if self.url else None
        folder = store.folder if store else self._run
        try:
            plan, stored = resumed_plan(folder, lambda base: options_from(given, base))
        except BaseException:
            if store is not None:
                store.put_away()
            raise
        self.folder = folder.path
        command = stored["command"]
        carry_out(plan, folder, command=command, stored=stored, store=store, progress=progress)
        return self

    @property
    def _run(self) -> RunFolder:
        return RunFolder(self.folder)

    @property
    def _place(self) -> str:
        return self.url or shown(self.folder.absolute())


def open_study(place: str | Path, *, out: str | Path = RUNS, allow_custom: bool = False) -> Study:
    """A study that exists, running or ended.

    Args:
        place: its folder or URL, its name under `out`, or "last" for the one begun last there.
        out: the folder that keeps studies.
        allow_custom: whether the code may be run that the study names as "package.module:Class".

    Raises:
        InputError: there is none.
    """
    if is_url(str(place)):
        store = fetched(str(place), hold=False)
        gone_at_exit(store)
        return Study(store.folder.path, url=store.url, allow_custom=allow_custom)
    return Study(find_study(place, Path(out)).path, allow_custom=allow_custom)
