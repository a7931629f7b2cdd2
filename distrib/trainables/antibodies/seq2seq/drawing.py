"""Antibodies drawn from a model: for the user, beside the weights, and each epoch to be judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from distrib.data.antibodies.alphabet import clean
from distrib.data.antibodies.designs.record_rows import RecordRows, hashes_of
from distrib.data.antibodies.designs.tokens import END, PAD, START, text_of, tokens_of
from distrib.data.files.fasta import read_fasta
from distrib.errors import InputError
from distrib.files import atomic_path
from distrib.trainables.antibodies.seq2seq.batch import scaled, sources
from distrib.trainables.antibodies.seq2seq.config import Seq2SeqConfig, Seq2SeqGenerate
from distrib.trainables.antibodies.seq2seq.samples import (
    advice,
    is_valid,
    sample_figures,
    texts_of,
)
from distrib.trainables.base import State, Worker

if TYPE_CHECKING:
    from distrib.models.antibodies.decoding import Sampling
    from distrib.models.antibodies.seq2seq import Seq2Seq

KNOWN = "training_designs"
"""Of the array in a finished state: (designs,) uint64, hashes of the antibodies trained on."""

SPECIAL = (PAD, START, END)
WATCHED_TOP_P = 0.9
"""What is drawn each epoch is drawn so, with a seed that is always the same."""
SAMPLES = "samples.csv"


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
                   options.max_length)  # fmt: skip
    number = 0
    for name, antigen in antigens:
        for pkd in options.pkd:
            for first in range(0, options.num, options.batch):
                rows = min(options.batch, options.num - first)
                generator = torch.Generator(worker.device).manual_seed(options.seed + number)
                number += 1
                rows_of = _repeated(antigen, pkd, rows)
                tokens, likelihood = _draw(model, config, rows_of, scale, how, generator, worker)
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


def figures_of_samples(
    config: Seq2SeqConfig,
    model: Any,
    data: RecordRows,
    values: Mapping[str, Any],
    worker: Worker,
) -> dict[str, float]:
    """Figures of `config.samples` antibodies for antigens and affinities of these records.

    Every worker draws the same ones: there are few.
    """
    if not all(bool(parameter.isfinite().all()) for parameter in model.parameters()):
        return {}  # a training that diverged, which its loss says
    texts, ended, natural = _samples(config, model, data, values, worker)
    light = bool(any("|" in text for text in natural))
    return sample_figures(texts, ended, natural, light=light)


def write_samples(
    model: Seq2Seq,
    config: Seq2SeqConfig,
    state: State,
    data: RecordRows,
    worker: Worker,
    folder: Path,
) -> list[str]:
    """`samples.csv` beside the weights; lines on what to do about them."""
    if not config.samples:
        return []
    texts, ended, natural = _samples(config, model, data, state.values, worker)
    with atomic_path(folder / SAMPLES) as temporary:
        frame = pd.DataFrame({"sequence": texts, "ended": ended})
        frame["in_training_data"] = np.isin(hashes_of(texts), data.designs)
        frame.to_csv(temporary, index=False, lineterminator="\n")
    light = bool(any("|" in text for text in natural))
    return [
        f"{SAMPLES}: antibodies drawn for antigens of the training records",
        *advice(sample_figures(texts, ended, natural, light=light)),
    ]


def _samples(
    config: Seq2SeqConfig, model: Any, data: RecordRows, values: Mapping[str, Any], worker: Worker
) -> tuple[list[str], np.ndarray, list[str]]:
    import torch

    from distrib.models.antibodies.decoding import Sampling

    rows = np.random.default_rng(7).permutation(len(data))[: config.samples]
    chosen = data.take(rows)
    scale = values["pkd_scale"][0], values["pkd_scale"][1]
    how = Sampling(top_p=WATCHED_TOP_P, max_length=config.target_context)
    generator = torch.Generator(worker.device).manual_seed(7)
    tokens, _ = _draw(model, config, chosen, scale, how, generator, worker)
    texts, ended = texts_of(tokens)
    natural = [
        text_of(chosen.antibodies[a : b - 1])
        for a, b in zip(chosen.targets[:-1].tolist(), chosen.targets[1:].tolist())
    ]
    return texts, ended, natural


def _draw(
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
