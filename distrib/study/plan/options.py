"""The options that shape a study, each declared here and nowhere else.

The commands make their arguments of this, `study.yaml` its section `options`, and a resume what it
takes anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from distrib.cluster.connect import Resources
from distrib.data.default_fraction import TEST_FRACTION

Group = Literal["search", "data and parameters", "where it goes", "machines", "bootstrap"]
Kind = Literal["text", "int", "float", "switch", "duration", "setting", "workers"]


@dataclass(frozen=True)
class Flag:
    """How an option is written on the command line.

    Attributes:
        group: of the help, and of the commands that have it. kind: what its word is read as.
        resumes: whether a resume takes it anew; otherwise the study keeps its own.
        least: the least that it may be; below: what a fraction stays under; None for any.
        stored: whether `study.yaml` keeps it.
    """

    name: str
    help: str
    group: Group
    kind: Kind = "text"
    metavar: str | None = None
    resumes: bool = False
    least: float | None = None
    below: float | None = None
    stored: bool = True


def _flag(
    default: Any, name: str, help: str, group: Group, kind: Kind = "text", **more: Any
) -> Any:
    flag = Flag(name, help, group, kind, **more)
    if isinstance(default, dict):
        return field(default_factory=dict, metadata={"flag": flag})
    return field(default=default, metadata={"flag": flag})


@dataclass(frozen=True)
class Options:
    """The options of a study; None leaves the choice to the space.

    Attributes:
        fixed: parameters, or data options as `data.<name>`.
        max_budget: the most of the family's units of fidelity that a trial trains.
        test_fraction: see `data.splits.share_of_test`.
        time_budget, stall_timeout, save_every: seconds.
        bootstrap_of: of the family's kinds.
        split_seed: chooses the test part; None: `seed` does.
    """

    trials: int | None = _flag(
        None, "--trials", "number of trials (default: the space's)", "search", "int",
        metavar="N", resumes=True,
    )  # fmt: skip
    concurrent: int | None = _flag(
        None, "--concurrent", "maximum number of concurrent trials", "search",
        "int", metavar="N", resumes=True,
        least=1,
    )  # fmt: skip
    sampler: str | None = _flag(
        None, "--sampler", "gp (default up to 200 trials), tpe, random or grid", "search"
    )
    scheduler: str | None = _flag(
        None, "--scheduler", "asha (default), asha-promotion, hyperband, median or none",
        "search",
    )  # fmt: skip
    time_budget: float | None = _flag(
        None, "--time-budget", "timeout of the search: 90s, 15m, 2h", "search",
        "duration", metavar="TIME",
        resumes=True,
    )  # fmt: skip
    confirm: int = _flag(
        0, "--confirm", "retrain the best N with new seeds: mean and spread", "search", "int",
        metavar="N", resumes=True, least=0,
    )  # fmt: skip
    data: str | None = _flag(
        None, "--data", "your own data; without it, real default data", "data and parameters",
        metavar="PATH", stored=False,
    )  # fmt: skip
    fixed: Mapping[str, Any] = _flag(
        {}, "--set", "fix a parameter, or a data option as data.KEY", "data and parameters",
        "setting", metavar="KEY=VALUE",
    )  # fmt: skip
    max_budget: int | None = _flag(
        None, "--max-epochs", "maximum epochs (folds, rounds) per trial", "data and parameters",
        "int", metavar="N",
    )  # fmt: skip
    metric: str | None = _flag(
        None, "--metric", "the objective (default: the family's first metric)",
        "data and parameters",
    )  # fmt: skip
    test_fraction: float | None = _flag(
        None, "--test-fraction", "fraction of the groups set aside for the test (default "
        f"{TEST_FRACTION}; of data that name their parts: only what they call so)",
        "data and parameters", "float", metavar="FRACTION", below=1,
    )  # fmt: skip
    seed: int = _flag(0, "--seed", "random seed", "data and parameters", "int", least=0)
    keep: int = _flag(
        3, "--keep", "number of best trials that keep their weights", "where it goes",
        "int", metavar="K",
        resumes=True, least=0,
    )  # fmt: skip
    save_every: float = _flag(
        10.0, "--checkpoint-every", "minimum time between checkpoints of a trial", "where it goes",
        "float", metavar="SECONDS", resumes=True, least=0,
    )  # fmt: skip
    resources: Resources = field(default_factory=Resources)
    address: str | None = _flag(
        None, "--address", "address of a Ray cluster, such as auto; else Ray starts here",
        "machines",
        resumes=True, stored=False,
    )  # fmt: skip
    device: str | None = _flag(
        None, "--device", "cpu or cuda; cuda with --gpus-per-worker", "machines", resumes=True
    )
    precision: str | None = _flag(
        None, "--precision", "float32, bfloat16, ... (what the family supports)", "machines",
        resumes=True,
    )  # fmt: skip
    stall_timeout: float | None = _flag(
        None, "--stall-timeout", "end a trial after this time without progress, such as 10m; "
        "never, where it is not given", "machines", "duration", metavar="TIME", resumes=True,
    )  # fmt: skip
    # Leave to run custom code is given anew by whoever resumes, perhaps a stranger's study.
    allow_custom: bool = _flag(
        False, "--allow-custom", "run the code that a space names as package.module:Class",
        "machines", "switch", resumes=True, stored=False,
    )  # fmt: skip
    debug: bool = _flag(
        False, "--debug", "tracebacks, and everything that Ray and the trials write", "machines",
        "switch", resumes=True, stored=False,
    )  # fmt: skip
    bootstrap: int = _flag(
        0, "--bootstrap", "fit the model again to N resamplings of the data: its standard errors",
        "bootstrap", "int", metavar="N", resumes=True, least=0,
    )  # fmt: skip
    bootstrap_of: str | None = _flag(
        None, "--bootstrap-of", "what is drawn: sequences or clusters, as the family has them",
        "bootstrap", metavar="KIND", resumes=True,
    )  # fmt: skip
    split_seed: int | None = None

    @property
    def seed_of_parts(self) -> int:
        """The seed that chooses the test part."""
        return self.seed if self.split_seed is None else self.split_seed


_OF_RESOURCES = {
    "workers": Flag(
        "--workers-per-trial",
        "data-parallel workers; N:M: elastic, as many as the cluster can hold",
        "machines", "workers", metavar="N|N:M", resumes=True,
    ),
    "cpus": Flag(
        "--cpus-per-worker", "CPUs of each worker", "machines", "float", "N", resumes=True
    ),
    "gpus": Flag(
        "--gpus-per-worker", "GPUs of each worker; a fraction shares one", "machines", "float", "N",
        resumes=True,
    ),
    "accelerator_type": Flag(
        "--accelerator-type", "GPU type that a trial needs, such as A100",
        "machines", metavar="TYPE", resumes=True
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Declared:
    """An option, the field that it fills, and the default of that.

    Attributes:
        owner: the class of the field, `Options` or its `Resources`.
    """

    field: str
    flag: Flag
    default: Any = None
    owner: type = Options

    @property
    def word(self) -> str:
        """The option as a name of Python's: `--max-epochs` is `max_epochs`."""
        return self.flag.name.removeprefix("--").replace("-", "_")


DECLARED = (
    *(Declared(one.name, one.metadata["flag"], one.default)
      for one in fields(Options) if "flag" in one.metadata),
    *(Declared(name, flag, owner=Resources) for name, flag in _OF_RESOURCES.items()),
)  # fmt: skip


def out_of_range(options: Options) -> Iterator[tuple[Declared, Any, str]]:
    """Each option outside its range: its declaration, its value, and what is expected."""
    for option in DECLARED:
        owner = options if option.owner is Options else options.resources
        value, flag = getattr(owner, option.field), option.flag
        if value is not None and flag.least is not None and not value >= flag.least:
            yield option, value, f"{flag.least:g} or more"
        elif value is not None and flag.below is not None and not 0 <= value < flag.below:
            yield option, value, f"0 to below {flag.below:g}"
        elif value is not None and flag.kind == "duration" and not value > 0:
            yield option, value, "above 0"
