"""Parameter groups: which gene ends a model is about, and which rearrangements it looks at.

They stand in `parameter_groups.yaml`, under the names of Russell et al. (2025).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from distrib.errors import InputError, nearest
from distrib.safe_yaml import read_yaml_file

Left = Literal["v", "d"]
Right = Literal["j", "d"]
Productivity = Literal["nonproductive", "productive", "both"]
Insertions = Literal["all", "zero", "nonzero"]

_FILE = Path(__file__).with_name("parameter_groups.yaml")


@dataclass(frozen=True)
class Group:
    """One parameter group.

    Attributes:
        left: the gene whose 3' end is trimmed. right: the gene whose 5' end is trimmed. One of
            them is None where a model is about one gene end.
        productivity: of the rearrangements; of the whole one, also where D is modelled.
        insertions: of the junction between both ends.
        ligation: whether the ligation is modelled beside the trimming.
    """

    name: str
    left: Left | None
    right: Right | None
    productivity: Productivity
    insertions: Insertions
    ligation: bool

    @property
    def left_gene(self) -> str | None:
        """The column of the left gene: `v_gene` or `d_gene`."""
        return f"{self.left}_gene" if self.left else None

    @property
    def right_gene(self) -> str | None:
        """The column of the right gene: `j_gene` or `d_gene`."""
        return f"{self.right}_gene" if self.right else None

    @property
    def left_trim(self) -> str | None:
        """The column of the left trim: `v_trim`, or `d3_trim` of a D gene's 3' end."""
        return {"v": "v_trim", "d": "d3_trim"}[self.left] if self.left else None

    @property
    def right_trim(self) -> str | None:
        """The column of the right trim: `j_trim`, or `d5_trim` of a D gene's 5' end."""
        return {"j": "j_trim", "d": "d5_trim"}[self.right] if self.right else None

    @property
    def genes(self) -> tuple[str, ...]:
        """The gene columns that there are, left before right."""
        return tuple(column for column in (self.left_gene, self.right_gene) if column)

    @property
    def trims(self) -> tuple[str, ...]:
        """The trim columns that there are, left before right."""
        return tuple(column for column in (self.left_trim, self.right_trim) if column)

    @property
    def segments(self) -> tuple[str, ...]:
        """The segments of `genes`: "V", "D" or "J"."""
        return tuple(column[0].upper() for column in self.genes)

    @property
    def junction(self) -> str | None:
        """Between which genes the insertions lie: "vj", "vd" or "dj"; None with one end."""
        return f"{self.left}{self.right}" if self.left and self.right else None

    @property
    def has_d(self) -> bool:
        """Whether an end of the D gene is one of them."""
        return "d" in (self.left, self.right)


@cache
def parameter_groups() -> dict[str, Group]:
    """Every group by its name."""
    content = read_yaml_file(_FILE)
    return {
        name: Group(
            name,
            left=None if keys["left"] == "none" else keys["left"],
            right=None if keys["right"] == "none" else keys["right"],
            productivity=keys["productivity"],
            insertions=keys["insertions"],
            ligation=keys["ligation"],
        )
        for name, keys in content.items()
    }


def find_group(name: str, *, file: object = None, where: str = "--group") -> Group:
    """The group of this name.

    Raises:
        InputError: there is none, with the nearest that there is.
    """
    groups = parameter_groups()
    if name not in groups:
        raise InputError(
            "unknown parameter group",
            file=file,
            where=where,
            found=name,
            expected="one of " + ", ".join(groups),
            hint=nearest(str(name), groups),
        )
    return groups[name]
