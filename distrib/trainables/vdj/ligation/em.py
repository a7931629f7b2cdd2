"""The junction family where annotations are hidden: every ligation that gives a sequence counts.

The observed likelihood is maximised by EM as Russell et al. (Nucleic Acids Research 2025) do, by EM
with extrapolation, or by Newton steps; all end at the same optimum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from distrib.data.vdj.ligation.junction_build import Annotations
from distrib.trainables.vdj.ligation.config import TrimmingLigationConfig
from distrib.trainables.vdj.ligation.family import TrimmingLigation

if TYPE_CHECKING:
    from distrib.models.vdj.junction_fit import Method


class TrimmingLigationEmConfig(TrimmingLigationConfig):
    """As of `trimming_ligation`, and the way to the optimum."""

    method: Literal["em", "squarem", "direct"] = Field(
        "direct", description="Newton steps; or EM, or EM with extrapolation, to the same optimum"
    )


class TrimmingLigationEm(TrimmingLigation):
    """Trims of both ends and ligation, annotations hidden."""

    Config = TrimmingLigationEmConfig
    annotations: ClassVar[Annotations] = "all"

    def method(self, config: TrimmingLigationConfig) -> Method:
        assert isinstance(config, TrimmingLigationEmConfig)
        return config.method
