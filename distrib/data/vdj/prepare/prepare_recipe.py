"""What is asked of a preparation, as plain values that travel to workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from distrib.data.vdj.germline.loci import Locus, check_group
from distrib.data.vdj.germline.parameter_groups import Group, find_group
from distrib.data.vdj.prepare.prepared import Gene
from distrib.data.vdj.prepare.prepared_checks import P_NUCLEOTIDES
from distrib.data.vdj.prepare.programs import JunctionName, Program
from distrib.data.vdj.prepare.rearrangements_scenarios import Scenarios
from distrib.errors import InputError

Weigh = Literal["rows", "counts"]
OnUnknown = Literal["skip", "error"]


@dataclass(frozen=True)
class Recipe:
    """How tables of rearrangements become counts.

    Attributes:
        locus: of the chain. group: by name. program: the form of the tables.
        genes: the germline, by name. added: those of them that only rows name which mean no other.
        trims: the window. scenarios: which of a sequence's count, drawn by `seed`.
        weigh: whether a row counts once, as one rearrangement, or as often as its count says.
        max_insertions: the most bases between both ends, None for any number.
        on_unknown: what becomes of rows whose gene is unknown or ambiguous.
        on_duplicate: what becomes of a row that repeats an earlier one of its id.
        subject_column: names people; else the program's own column, else the file's name does.
        all_are: what rearrangements are where no column tells their productivity.
        shared: rows that an earlier file has too, as `shared_rows` finds them.
        events: what IGoR's indices mean, as `igor_events` gives it.

    Raises:
        InputError: a chain without such a junction, a window that is none, or a most of
            insertions without a junction that it could be of.
    """

    locus: Locus
    group: str
    program: Program
    genes: Mapping[str, Gene]
    added: tuple[str, ...] = ()
    trims: tuple[int, int] = (-2, 14)
    scenarios: Scenarios = "sample"
    seed: int = 0
    weigh: Weigh = "rows"
    max_insertions: int | None = None
    on_unknown: OnUnknown = "skip"
    on_duplicate: OnUnknown = "skip"
    subject_column: str | None = None
    all_are: Literal["productive", "nonproductive"] | None = None
    events: Mapping[str, Sequence[Any]] | None = None
    shared: Mapping[str, Sequence[Sequence[int]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_group(self._group, self.locus)
        first, last = self.trims
        if first > last or first < -P_NUCLEOTIDES:
            raise InputError("not a window of trims", where="--trim-min, --trim-max",
                             found=f"{first} to {last}",
                             expected=f"from -{P_NUCLEOTIDES} up, in order")  # fmt: skip
        if self.seed < 0:
            raise InputError("a seed below 0", where="--seed", found=self.seed)
        if self.max_insertions is not None and self.max_insertions < 0:
            raise InputError("insertions below 0", where="--max-insertions",
                             found=self.max_insertions, expected="0 or more")  # fmt: skip
        if self.max_insertions is not None and self.junction is None:
            raise InputError("one gene end of a chain with D genes has several junctions",
                             where="--max-insertions", found=self.group)  # fmt: skip

    @property
    def _group(self) -> Group:
        return find_group(self.group)

    @property
    def junction(self) -> JunctionName | None:
        """Whose insertions are looked at."""
        names: dict[str, JunctionName] = {"vj": "vj", "vd": "vd", "dj": "dj"}
        if self._group.junction:
            return names[self._group.junction]
        limited = self.max_insertions is not None
        return "vj" if limited and not self.locus.d else None

    @property
    def needs_anchors(self) -> bool:
        """Whether the reading frame of a join decides which rows a model is about."""
        group = self._group
        return group.ligation and group.junction == "vj" and group.productivity != "both"

    def options(self) -> dict[str, Any]:
        """Plain values, as JSON keeps them."""
        plain = {
            **vars(self),
            "trims": list(self.trims),
            "added": list(self.added),
            "program": self.program.model_dump(),
        }
        plain["locus"] = asdict(self.locus)
        plain["genes"] = [list(asdict(gene).values()) for gene in self.genes.values()]
        return plain

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> Recipe:
        """What `options` gave."""
        genes = {gene[0]: Gene(*gene) for gene in options["genes"]}
        program = Program.model_validate(options["program"])
        locus = Locus(**{**options["locus"], "tables": tuple(options["locus"]["tables"])})
        trims = tuple(options["trims"])
        plain = {"locus": locus, "program": program, "genes": genes, "trims": trims,
                 "added": tuple(options["added"])}  # fmt: skip
        return cls(**{**options, **plain})
