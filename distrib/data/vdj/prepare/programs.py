"""What a program's table of rearrangements looks like: YAML files, a user's own among them.

Where several columns are named, the first that a table has is read. See `programs/airr.yaml` for
a form to start from:

    columns     subject, v_gene, d_gene, j_gene, productive, count: the columns that hold them
    productive, nonproductive   the words for either, in any case
    ends        of v, d5, d3 and j, how the trim is told: as a number (`trim`), by where the
                alignment ends or begins in the germline gene, counted from 1 (`germline_end`,
                `germline_start`), or by a CIGAR string (`cigar_end`, `cigar_start`); and the number
                of P-nucleotides (`p`), by which the trim is lowered
    junctions   of vj, vd and dj, the number of inserted bases (`length`), or of those and the
                P-nucleotides (`length_with_p`; columns in inner brackets are added); the bases
                themselves (`bases`, or a `slice` of a sequence `from` a position counted from 0 or
                `before` one); where the left gene ends and the right one begins in the sequence
                (`left_end`, `right_start`, counted from 1): what overlaps is trimmed off the right
    detect_p    whether P-nucleotides that no column counts are looked for among inserted bases
    scenarios   the columns that number the sequence and tell the probability of a scenario of it
    agree       rows are left out whose gene is another than a second column says
    only        rows are left out that another column tells to be something else
    missing     words for a value that is not there, besides NA and the like
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


class End(_Strict):
    """How the trim of one gene end is told: in exactly one way."""

    trim: Columns = ()
    germline_end: Columns = ()
    germline_start: Columns = ()
    cigar_end: Columns = ()
    cigar_start: Columns = ()
    p: Columns = ()

    @model_validator(mode="after")
    def _one_way(self) -> End:
        ways = ("trim", "germline_end", "germline_start", "cigar_end", "cigar_start")
        told = [way for way in ways if getattr(self, way)]
        if len(told) != 1:
            raise ValueError(f"exactly one of {', '.join(ways)} is expected")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """Those that may tell the trim."""
        return (
            self.trim
            or self.germline_end
            or self.germline_start
            or self.cigar_end
            or self.cigar_start
        )


class Slice(_Strict):
    """The inserted bases as a piece of a sequence."""

    sequence: Columns
    start: Columns = Field(default=(), alias="from")
    before: Columns = ()


class Junction(_Strict):
    """The bases between two gene ends."""

    length: Sums = ()
    length_with_p: Sums = ()
    bases: Columns = ()
    slice: Slice | None = None
    left_end: Columns = ()
    right_start: Columns = ()


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
    junctions: dict[JunctionName, Junction] = {}
    detect_p: bool = False
    scenarios: Scenarios | None = None
    agree: dict[GeneColumn, Columns] = {}
    only: dict[str, dict[Literal["vj", "vdj"], Columns]] = {}
    missing: Columns = ()

    def named(self) -> set[str]:
        """Every column that any part of it names."""
        return {
            *_names(self.model_dump(exclude={"productive", "nonproductive", "missing", "only"})),
            *self.only,
        }


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
