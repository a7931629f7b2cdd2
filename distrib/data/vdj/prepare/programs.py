"""What a program's table of rearrangements looks like: YAML files, a user's own among them.

Where several columns are named, the first that a table has is read. See `programs/airr.yaml` for
a form to start from:

    columns     subject, v_gene, d_gene, j_gene, productive, count: the columns that hold them;
                sequence: the one that names each row's sequence, once; cdr3: one of amino acids, in
                which * or _ stands for a stop or a shifted frame, where no column is productive
    productive, nonproductive   the words for either, in any case
    ends        of v, d5, d3 and j, how the trim is told: as a number (`trim`), or as one below 0
                for lost bases and above 0 for P-nucleotides (`kept`); by where the alignment ends
                or begins in the germline gene, counted from 1 (`germline_end`, `germline_start`);
                by a CIGAR string (`cigar_end`, `cigar_start`); or by either of the last two, that
                which `prefer` says (germline or cigar) where the file tells trims by it; and the
                number of P-nucleotides (`p`), by which the trim is lowered
    alignments  of v, d and j, the columns of one alignment, by which its numbering is checked:
                germline_start, germline_end, sequence_start, sequence_end, cigar
    junctions   of vj, vd and dj, the number of inserted bases (`length`), or of those and the
                P-nucleotides (`length_with_p`; columns in inner brackets are added); the bases
                themselves (`bases`, or a `slice` of a sequence `from` a position counted from 0 or
                `before` one); where the left gene ends and the right one begins in the sequence
                (`left_end`, `right_start`, counted from 1): what overlaps is trimmed off the right;
                `until`, where the right one begins, counted from 0 as `from` is: a check of lengths
    split       columns that hold several values: `by` what they are parted, and `into` which new
                columns their parts go, {name: part, counted from 1} or {name: [part, added]}
    detect_p    whether P-nucleotides that no column counts are looked for among inserted bases
    scenarios   the columns that number the sequence and tell the probability of a scenario of it
    agree       rows are left out whose gene is another than a second column says
    only        rows are left out that another column tells to be something else
    missing     words for a value that is not there, besides NA and the like
    zero        those of them that stand for 0 in columns of trims and lengths, in files that write
                no 0 there
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from distrib.data.files.text import check_file
from distrib.errors import InputError, nearest
from distrib.safe_yaml import read_yaml_file

_FOLDER = Path(__file__).with_name("programs")


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _nested(value: Any) -> Any:
    return [_listed(item) for item in _listed(value)] if value is not None else value


Columns = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Sums = Annotated[tuple[tuple[str, ...], ...], BeforeValidator(_nested)]
EndName = Literal["v", "d5", "d3", "j"]
JunctionName = Literal["vj", "vd", "dj"]
GeneName = Literal["v", "d", "j"]
GeneColumn = Literal["v_gene", "d_gene", "j_gene"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Fields(_Strict):
    """The columns of what every rearrangement has."""

    v_gene: Columns
    j_gene: Columns
    d_gene: Columns = ()
    subject: Columns = ()
    productive: Columns = ()
    count: Columns = ()
    sequence: Columns = ()
    cdr3: Columns = ()


class End(_Strict):
    """How the trim of one gene end is told: in one way, or by germline positions or a CIGAR."""

    trim: Columns = ()
    kept: Columns = ()
    germline_end: Columns = ()
    germline_start: Columns = ()
    cigar_end: Columns = ()
    cigar_start: Columns = ()
    prefer: Literal["germline", "cigar"] = "germline"
    p: Columns = ()

    @model_validator(mode="after")
    def _one_way(self) -> End:
        ways = ("trim", "kept", "germline_end", "germline_start", "cigar_end", "cigar_start")
        told = {way for way in ways if getattr(self, way)}
        if len(told) != 1 and told not in (
            {"germline_end", "cigar_end"},
            {"germline_start", "cigar_start"},
        ):
            raise ValueError(f"exactly one of {', '.join(ways)} is expected, or the two of one end")
        return self

    @property
    def germline(self) -> tuple[str, ...]:
        """The columns of where the alignment ends, or begins, in the gene."""
        return self.germline_end or self.germline_start

    @property
    def cigar(self) -> tuple[str, ...]:
        """The columns of CIGARs."""
        return self.cigar_end or self.cigar_start

    @property
    def columns(self) -> tuple[str, ...]:
        """Those that may tell the trim."""
        own = self.trim or self.kept
        both = (
            (self.cigar, self.germline) if self.prefer == "cigar" else (self.germline, self.cigar)
        )
        return own or (*both[0], *both[1])


class Slice(_Strict):
    """The inserted bases as a piece of a sequence."""

    sequence: Columns
    start: Columns = Field(default=(), alias="from")
    before: Columns = ()


class Alignment(_Strict):
    """The columns of the alignment to one gene."""

    germline_start: Columns = ()
    germline_end: Columns = ()
    sequence_start: Columns = ()
    sequence_end: Columns = ()
    cigar: Columns = ()


class Split(_Strict):
    """A column of several values: where each goes, and what is added to it."""

    by: str
    into: dict[str, int | tuple[int, int]]


class Junction(_Strict):
    """The bases between two gene ends."""

    length: Sums = ()
    length_with_p: Sums = ()
    bases: Columns = ()
    slice: Slice | None = None
    left_end: Columns = ()
    right_start: Columns = ()
    until: Columns = ()


class Scenarios(_Strict):
    """The columns of a sequence's scenarios."""

    sequence: Columns
    probability: Columns


class Program(_Strict):
    """One program's form; see the head of this file."""

    columns: Fields
    productive: Columns = ()
    nonproductive: Columns = ()
    ends: dict[EndName, End]
    alignments: dict[GeneName, Alignment] = {}
    junctions: dict[JunctionName, Junction] = {}
    split: dict[str, Split] = {}
    detect_p: bool = False
    scenarios: Scenarios | None = None
    agree: dict[GeneColumn, Columns] = {}
    only: dict[str, dict[Literal["vj", "vdj"], Columns]] = {}
    missing: Columns = ()
    zero: Columns = ()

    def named(self) -> set[str]:
        """Every column that any part of it names."""
        parts = ("columns", "alignments", "junctions", "scenarios", "agree")
        ends = (set(end.columns) | set(end.p) for end in self.ends.values())
        return {
            *_names(self.model_dump(include=set(parts))),
            *(name for names in ends for name in names),
            *self.only,
            *self.split,
        }

    def lengths(self) -> set[str]:
        """The columns that count bases: trims, P-nucleotides and inserted bases."""
        ends = {name for end in self.ends.values() for name in (*end.trim, *end.p)}
        between = (_names((j.length, j.length_with_p)) for j in self.junctions.values())
        return ends.union(*between)


def program_names() -> list[str]:
    """The programs that come with distrib."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


def find_program(word: str) -> Program:
    """The form of a program, by its name or from a user's YAML file.

    Raises:
        InputError: there is none, or naming the key at fault.
    """
    if not word.lower().endswith((".yaml", ".yml")):
        if word not in program_names():
            raise InputError("unknown format", where="--format", found=word,
                             expected=", ".join([*program_names(), "or a YAML file"]),
                             hint=nearest(word, program_names()))  # fmt: skip
        return _read(_FOLDER / f"{word}.yaml")
    return _read(Path(word))


def _read(file: Path) -> Program:
    check_file(file)
    content = read_yaml_file(file)
    try:
        return Program.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise InputError("not the form of a program's table", file=file,
                         where=f"key {key!r}" if key else None,
                         found=first["input"] if key else type(content).__name__,
                         expected=first["msg"].removeprefix("Value error, "),
                         hint="programs/airr.yaml shows one that works") from None  # fmt: skip


def _names(value: Any) -> set[str]:
    """Every string in nested values."""
    if isinstance(value, str):
        return {value}
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, (tuple, list)):
        return set()
    return {name for item in value for name in _names(item)}
