"""A small family that draws sequences: letters by the frequencies it was trained on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from distrib.errors import InputError
from distrib.trainables.base import Config, State, Worker
from distrib.trainables.capabilities import GenerateOptions
from tests.families.toys import Curve

LETTERS = "ACDE"
BATCH = 4  # samples of a table


class Asked(GenerateOptions):
    """What may be asked for."""

    top_p: float = Field(1.0, gt=0, le=1, description="share of the mass (100%) drawn from")
    lengths: tuple[int, ...] = Field((5,), description="lengths, drawn in turn")
    case: Literal["upper", "lower"] = Field("upper", description="how letters are written")
    prefix: str | None = Field(None, description="what every sequence begins with")
    starts: Annotated[Path | None, Field(description="a file of beginnings, one a line")] = None
    numbered: bool = Field(False, description="number the sequences")


class Lettered(Curve):
    """Draws letters that are all alike."""

    Generate = Asked

    def generate(
        self, config: Config, state: State, options: Asked, worker: Worker
    ) -> Iterator[pd.DataFrame]:
        if options.starts is not None and not options.starts.is_file():
            raise InputError("no such file", where="--starts", found=options.starts)
        inputs = [""] if options.starts is None else options.starts.read_text().split()
        rng = np.random.default_rng(options.seed)
        letters = list(LETTERS if options.case == "upper" else LETTERS.lower())
        for name in inputs:
            for first in range(0, options.num, BATCH):
                rows = range(first, min(options.num, first + BATCH))
                yield pd.DataFrame([self._row(name, i, rng, letters, options) for i in rows])

    def _row(
        self, name: str, i: int, rng: np.random.Generator, letters: list[str], options: Asked
    ) -> dict[str, Any]:
        length = options.lengths[i % len(options.lengths)]
        return {
            "id": f"{name or 'sample'} {i}" if options.numbered else f"{name or 'sample'}_{i}",
            "sequence": (options.prefix or "") + name + "".join(rng.choice(letters, length)),
            "score": float("nan") if i == 1 else i / 2,
            "note": 'two "words"' if i == 2 else "one",
        }
