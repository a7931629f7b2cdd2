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
from distrib.trainables.antibodies.number_drawn import check_number
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
    config = asked_of(config, options)
    antigens = _read_antigens(options.antigen, config)
    _check(config, options)
    scale = state.values["pkd_scale"][0], state.values["pkd_scale"][1]
    known = state.arrays.get(KNOWN, np.empty(0, np.uint64))
    light = bool(state.values["light"])
    return _tables(model, config, antigens, options, scale, light, known, worker)


def asked_of(config: Seq2SeqConfig, options: Seq2SeqGenerate) -> Seq2SeqConfig:
    """The configuration with what is asked of long antigens, if anything is."""
    if options.on_long is None:
        return config
    return config.model_copy(update={"on_long": options.on_long})


def notes_of(config: Seq2SeqConfig, options: Seq2SeqGenerate) -> list[str]:
    """What becomes of antigens longer than the context, a line if there are any."""
    config = asked_of(config, options)
    antigens = _read_antigens(options.antigen, config)
    lengths = np.array([len(tokens) for _, tokens in antigens])
    return cut_notes(config, lengths)


def _check(config: Seq2SeqConfig, options: Seq2SeqGenerate) -> None:
    for at, value in enumerate(options.pkd):
        if not 0 < value < 20:
            raise InputError("not an affinity", where="--pkd", found=value,
                             expected="a pKd above 0 and below 20")  # fmt: skip
        if value in options.pkd[:at]:
            raise InputError(
                "an affinity that is asked for twice", where="--pkd", found=_text_of(value),
                expected="each once; --num has more of them",
            )  # fmt: skip
    check_number(
        options.num, temperature=options.temperature, top_k=options.top_k, beam=options.beam
    )
    _guidance(config, options)


def _text_of(pkd: float) -> str:
    """As short as it can be without being another number."""
    short = f"{pkd:g}"
    return short if float(short) == pkd else repr(float(pkd))


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
                   options.max_length, _guidance(config, options), best=options.num)  # fmt: skip
    number = 0
    at_once = options.num if how.beam > 1 else options.batch  # beams are of one search
    for name, antigen in antigens:
        for pkd in options.pkd:
            for first in range(0, options.num, at_once):
                rows = min(at_once, options.num - first)
                generator = torch.Generator(worker.device).manual_seed(options.seed + number)
                number += 1
                rows_of = _repeated(antigen, pkd, 1 if how.beam > 1 else rows)
                tokens, likelihood = draw(model, config, rows_of, scale, how, generator, worker)
                table = _described(tokens, likelihood, light, known)
                names = [f"{name}_{_text_of(pkd)}_{first + k + 1}" for k in range(len(table))]
                table.insert(0, "id", names)
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


def cut_notes(config: Seq2SeqConfig, lengths: np.ndarray) -> list[str]:
    """How many antigens of these (rows,) lengths are cut, in a line, if any are."""
    most = config.source_context - 2
    cut = int((lengths > most).sum())
    if not cut or not config.antigen or config.on_long == "error":
        return []
    are = "is" if cut == 1 else "are"
    all_of = f"{len(lengths):,} antigen{'s' * (len(lengths) != 1)}"
    return [f"{cut:,} of {all_of} {are} longer than the context and {are} cut to "
            f"the first {most} residues"]  # fmt: skip


def _read_antigens(path: Path, config: Seq2SeqConfig) -> list[tuple[str, np.ndarray]]:
    records = [(row, (header.split() or ["antigen"])[0], s) for row, header, s in read_fasta(path)]
    first_of: dict[str, int] = {}
    for row, name, _ in records:
        if name in first_of:
            raise InputError(
                "two antigens of one name, the first word of a header",
                file=path,
                where=f"rows {first_of[name]} and {row}",
                found=name,
                expected="a name of its own for each: designs are told apart by it",
            )
        first_of[name] = row
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
                hint="--on-long truncate cuts it to the first ones; or give the part that is bound",
            )
    return [(name, tokens_of(s)) for (_, name, _), s in zip(records, found.sequences)]
