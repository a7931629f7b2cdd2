"""Model types of a junction: which features decide the trims, and which the ligation.

A type is named by its parts, joined by `_`, as in Russell et al. (Nucleic Acids Research 2025);
their prefix `twostep_` may be left out. The model of the paper is
`motif_two-side-base-count-beyond_average-mh_ligation-mh`.
"""

from __future__ import annotations

from dataclasses import dataclass

from distrib.data.vdj.ligation.microhomology import OVERLAPS
from distrib.errors import InputError, nearest

WEIGHTED = "weighted_avg_mh"  # depends on how ligation goes, and so on its coefficient
LIGATION = "ligation_mh"

_CUT = (
    "motif",
    "length",
    "two-side-base-count",
    "two-side-base-count-beyond",
    "left-base-count-beyond",
    "right-base-count-beyond",
)
_CELLS = {
    "average-mh": ("average_mh",),
    "weighted-avg-mh": (WEIGHTED,),
    "mh-config-count": ("mh_config_count",),
    "average-interior-mh-count": ("average_interior_mh",),
    "interior-mh-count": tuple(f"mh_count_mid_overlap_{o}" for p, o in OVERLAPS if p == "mid"),
    "mh-prop": tuple(f"mh_prop_{place}_overlap_{o}" for place, o in OVERLAPS),
}
_PARTS = (*_CUT, *_CELLS, "ligation-mh")
_OTHER_NAMES = {"linear-distance": "length"}
_PREFIXES = ("standardized_", "twostep_")

NO_FEATURES = "no-features"
"""The model type that looks at nothing; published as `null`, which table readers take for NaN."""

PUBLISHED = (
    "null",
    "motif_two-side-base-count-beyond",
    "motif_two-side-base-count-beyond_average-interior-mh-count",
    "motif_two-side-base-count-beyond_interior-mh-count",
    "motif_two-side-base-count-beyond_average-mh",
    "motif_two-side-base-count-beyond_weighted-avg-mh",
    "motif_two-side-base-count-beyond_ligation-mh",
    "motif_two-side-base-count-beyond_average-mh_ligation-mh",
    "motif_two-side-base-count-beyond_weighted-avg-mh_ligation-mh",
    "motif_two-side-base-count-beyond_mh-config-count_ligation-mh",
    "mh-config-count_ligation-mh",
    "motif_left-base-count-beyond_average-mh_ligation-mh",
    "motif_left-base-count-beyond_weighted-avg-mh_ligation-mh",
    "motif_right-base-count-beyond_average-mh_ligation-mh",
    "motif_right-base-count-beyond_weighted-avg-mh_ligation-mh",
    "two-side-base-count-beyond_average-mh_ligation-mh",
    "two-side-base-count-beyond_weighted-avg-mh_ligation-mh",
)


@dataclass(frozen=True)
class ModelType:
    """What a model looks at.

    Attributes:
        cut: the feature set of each cut, as `cut_features.list_features` takes it; may be empty.
        cells: features of both trims together.
        ligation: whether microhomology decides the ligation; if not, all options are alike.
        standardised: whether features are divided by their standard deviation in the training.
    """

    cut: str
    cells: tuple[str, ...]
    ligation: bool
    standardised: bool


def parse_model_type(name: str) -> ModelType:
    """What a name such as `motif_two-side-base-count-beyond_average-mh_ligation-mh` says.

    Raises:
        InputError: naming the part that is unknown, there twice, or counts the same bases again.
    """
    rest = name
    standardised = rest.startswith("standardized_")
    for prefix in _PREFIXES:
        rest = rest.removeprefix(prefix)
    parts = (
        [] if rest in ("null", NO_FEATURES) else [_OTHER_NAMES.get(p, p) for p in rest.split("_")]
    )
    for part in parts:
        if part not in _PARTS:
            raise InputError(
                "unknown part of a model type",
                where=f"model_type {name!r}",
                found=part,
                expected=f"{NO_FEATURES}, or parts out of " + ", ".join(_PARTS) + ", joined by _",
                hint=nearest(part, _PARTS),
            )
    counts = [part for part in parts if "base-count" in part]
    twice = sorted({part for part in parts if parts.count(part) > 1} or set(counts[1:]))
    if twice:
        raise InputError(
            "a part of a model type is given twice",
            where=f"model_type {name!r}",
            found=", ".join(twice),
            expected="each part once, and one of the base counts",
        )
    cells = tuple(cell for part in _CELLS if part in parts for cell in _CELLS[part])
    return ModelType(
        cut="_".join(part for part in _CUT if part in parts),
        cells=cells,
        ligation="ligation-mh" in parts,
        standardised=standardised,
    )
