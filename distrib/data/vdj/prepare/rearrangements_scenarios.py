"""Scenarios of a sequence: one drawn by its probability, or all with their shares."""

from __future__ import annotations

import zlib
from typing import Literal

import numpy as np

from distrib.data.vdj.prepare.programs import Program
from distrib.data.vdj.prepare.rearrangements import Block
from distrib.errors import InputError

Scenarios = Literal["sample", "all"]


def file_generator(name: str, seed: int) -> np.random.Generator:
    """Random numbers of a file's own, whichever files are read beside it and in which order."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def scenario_weights(
    block: Block, program: Program, scenarios: Scenarios, generator: np.random.Generator
) -> np.ndarray:
    """(rows,) float64: what each row counts among the scenarios of its sequence; they sum to 1.

    A table that does not number sequences, or tells no probabilities, has one row for each, which
    counts 1. Probabilities are taken relative to the scenarios that are listed.

    Raises:
        InputError: naming the row of a probability that is none, or the sequence without any.
    """
    told = program.scenarios
    if told is None or not (block.has(told.sequence) and block.has(told.probability)):
        return np.ones(len(block))
    probability = block.numbers(told.probability, "probabilities of scenarios")
    wrong = ~((probability >= 0) & (probability <= 1 + 1e-6))
    if wrong.any():
        first = int(np.argmax(wrong))
        name = block.name(told.probability, "")
        raise InputError("not a probability", file=block.file,
                         where=f"{block.place(first)}, column {name!r}",
                         found=repr(block.frame[name].iloc[first]), expected="0 to 1")  # fmt: skip
    sequence = block.texts(told.sequence, "numbers of sequences").to_numpy(object)
    first_row = np.ones(len(block), bool)
    first_row[1:] = sequence[1:] != sequence[:-1]
    begin = np.flatnonzero(first_row)
    of = np.cumsum(first_row) - 1
    total = np.add.reduceat(probability, begin)
    if (total == 0).any():
        row = begin[int(np.argmax(total == 0))]
        raise InputError(
            "a sequence none of whose scenarios has a probability above 0",
            file=block.file,
            where=f"{block.place(row)}, sequence {sequence[row]}",
        )
    share = probability / total[of]
    if scenarios == "all":
        return share
    # Of exponential waiting times, the one with rate p comes first with probability p.
    waiting = generator.standard_exponential(len(block))
    times = np.divide(waiting, share, out=np.full(len(block), np.inf), where=share > 0)
    return (times == np.minimum.reduceat(times, begin)[of]).astype(float)
