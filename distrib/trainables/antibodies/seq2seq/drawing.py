"""Antibodies drawn from a model for the antigens and affinities that are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from distrib.data.antibodies.alphabet import clean
from distrib.data.antibodies.designs.record_rows import RecordRows, hashes_of
from distrib.data.antibodies.designs.tokens import END, PAD, START, text_of, tokens_of
from distrib.data.files.fasta import read_fasta
from distrib.errors import InputError
from distrib.trainables.antibodies.seq2seq.batch import scaled, sources
from distrib.trainables.antibodies.seq2seq.config import Seq2SeqConfig, Seq2SeqGenerate
from distrib.trainables.antibodies.seq2seq.samples import is_valid, texts_of
from distrib.trainables.base import State, Worker

if TYPE_CHECKING:
    from distrib.models.antibodies.decoding import Sampling
    from distrib.models.antibodies.seq2seq import Seq2Seq

KNOWN = "training_designs"
"""Of the array in a finished state: (designs,) uint64, hashes of the antibodies trained on."""

SPECIAL = (PAD, START, END)


def generate(
    model: Seq2Seq,
    config: Seq2SeqConfig,
    state: State,
    options: Seq2SeqGenerate,
    worker: Worker,
) -> Iterator[pd.DataFrame]:
    """See `capabilities.Generates`; `num` antibodies for each antigen and pKd."""
    antigens = _read_antigens(options.antigen, config)
    for value in options.pkd:
        if not 0 < value < 20:
            raise InputError("not an affinity", where="--pkd", found=value,
                             expected="a pKd above 0 and below 20")  # fmt: skip
    _guidance(config, options)
    scale = state.values["pkd_scale"][0], state.values["pkd_scale"][1]
    known = state.arrays.get(KNOWN, np.empty(0, np.uint64))
    light = bool(state.values["light"])
    return _tables(model, config, antigens, options, scale, light, known, worker)


def _tables(
    model: Seq2Seq,
    config: Seq2SeqConfig,
    antigens: list[tuple[str, np.ndarray]],
    options: Seq2SeqGenerate,
    scale: tuple[float, float],
    light: bool,
    known: np.ndarray,
    worker: Worker,
) -> Iterator[pd.DataFrame]:
    import torch

    from distrib.models.antibodies.decoding import Sampling

    how = Sampling(options.temperature, options.top_k, options.top_p, options.beam,
                   options.max_length, _guidance(config, options))  # fmt: skip
    number = 0
    for name, antigen in antigens:
        for pkd in options.pkd:
            for first in range(0, options.num, options.batch):
                rows = min(options.batch, options.num - first)
                generator = torch.Generator(worker.device).manual_seed(options.seed + number)
                number += 1
                rows_of = _repeated(antigen, pkd, rows)
                tokens, likelihood = draw(model, config, rows_of, scale, how, generator, worker)
                table = _described(tokens, likelihood, light, known)
                table.insert(0, "id", [f"{name}_{pkd:g}_{first + k + 1}" for k in range(rows)])
                table.insert(1, "antigen", name)
                table.insert(2, "antigen_sequence", text_of(antigen))
                table.insert(3, "pKd", pkd)
                yield table


def _described(
    tokens: np.ndarray, likelihood: np.ndarray, light: bool, known: np.ndarray
) -> pd.DataFrame:
    texts, ended = texts_of(tokens)
    length = np.array([len(text) for text in texts]) + ended
    return pd.DataFrame(
        {
            "sequence": texts,
            "antibody_heavy": [text.split("|")[0] for text in texts],
            "antibody_light": [text.partition("|")[2] for text in texts],
            "log_likelihood": likelihood,
            "perplexity": np.exp(-likelihood / np.maximum(length, 1)),
            "ended": ended,
            "valid": [is_valid(text, light) and bool(e) for text, e in zip(texts, ended)],
            "in_training_data": np.isin(hashes_of(texts), known),
        }
    )


def draw(
    model: Any,
    config: Seq2SeqConfig,
    rows: RecordRows,
    scale: tuple[float, float],
    how: Sampling,
    generator: Any,
    worker: Worker,
) -> tuple[np.ndarray, np.ndarray]:
    import torch

    from distrib.models.antibodies.decoding import decode

    source, there = sources(config, rows)
    tokens, likelihood = decode(
        model,
        torch.from_numpy(source).to(worker.device),
        None if there.all() else torch.from_numpy(there).to(worker.device),
        torch.from_numpy(scaled(rows.pkd, scale)).to(worker.device),
        how,
        special=SPECIAL,
        generator=generator,
    )
    return tokens.cpu().numpy(), likelihood.cpu().numpy()


def _guidance(config: Seq2SeqConfig, options: Seq2SeqGenerate) -> float:
    """The scale that is asked for, else that of the model, which a beam search leaves out."""
    asked = options.guidance
    if asked is not None and asked != 1:
        if not config.pkd_dropout:
            raise InputError(
                "this model never saw a record without its pKd, as guidance needs",
                where="--guidance",
                found=asked,
                expected="1",
                hint="train with --set pkd_dropout=0.1",
            )
        if options.beam > 1:
            raise InputError(
                "a beam search knows no guidance", where="--guidance", found=asked, expected="1"
            )
    if options.beam > 1:
        return 1.0
    return config.guidance if asked is None else asked


def _repeated(antigen: np.ndarray, pkd: float, rows: int) -> RecordRows:
    none = np.zeros(rows + 1, np.int64)
    return RecordRows(
        np.tile(antigen, rows),
        np.arange(rows + 1) * len(antigen),
        np.empty(0, np.uint8),
        none,
        np.empty(0, np.uint8),
        np.full(rows, pkd),
        np.arange(rows).astype(str),
        np.zeros(rows, np.uint64),
        np.zeros(rows, np.int64),
    )


def _read_antigens(path: Path, config: Seq2SeqConfig) -> list[tuple[str, np.ndarray]]:
    records = [(row, (header.split() or ["antigen"])[0], s) for row, header, s in read_fasta(path)]
    found = clean(
        [sequence for *_, sequence in records],
        file=path,
        place=lambda i: f"record {records[i][1]}",
    )
    most = config.source_context - 2
    for (_, name, _), sequence in zip(records, found.sequences):
        if len(sequence) > most and config.on_long == "error" and config.antigen:
            raise InputError(
                "an antigen longer than the model's context",
                file=path,
                where=f"record {name}",
                found=f"{len(sequence)} residues",
                expected=f"at most {most}",
                hint="give the part that is bound, or train with on_long=truncate",
            )
    return [(name, tokens_of(s)) for (_, name, _), s in zip(records, found.sequences)]
