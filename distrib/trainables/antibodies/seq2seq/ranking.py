"""Given antibodies scored, filtered and ranked; by the model's likelihood, or by a user's score."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from distrib.data.antibodies.designs.record_rows import RecordRows, hashes_of, rows_of
from distrib.data.antibodies.designs.records import ANTIGEN, HEAVY, LIGHT, PKD, read_records
from distrib.data.files.tables import as_text
from distrib.errors import InputError
from distrib.trainables.antibodies.seq2seq.config import Seq2SeqConfig, Seq2SeqSource
from distrib.trainables.antibodies.seq2seq.drawing import cut_notes
from distrib.trainables.antibodies.seq2seq.samples import is_domain
from distrib.trainables.capabilities import Ranking

KINDS = 12
"""Most rows of a summary that has one for each pKd."""

Predict = Callable[[RecordRows], pd.DataFrame]
Scorer = Callable[[pd.DataFrame], Any]
OWN = ("score", "perplexity", "log_likelihood", "cdrh3_log_likelihood", "in_training_data")


def rank(
    config: Seq2SeqConfig,
    source: Seq2SeqSource,
    known: np.ndarray,
    predict: Predict,
    scorer: Scorer | None,
) -> Ranking:
    """See `capabilities.RanksRows`.

    Left out are what did not end, what has other letters than the twenty, no heavy chain of a
    variable domain's length with its cysteines and WGxG, what does not fit the model's contexts,
    and what came before. The score is minus the perplexity, of the whole antibody for its antigen
    and pKd, unless a scorer gives another.

    Args:
        source: with the path of a table or JSON file of records; `distrib.generate` writes such.
        known: (designs,) uint64, hashes of the antibodies trained on. predict: of records.
        scorer: a score, the higher the better, for each row of a table with `id`,
            `antibody_heavy`, `antibody_light`, `antigen_sequence`, `pKd`, the other columns of the
            file, and the model's figures.
    """
    assert source.path is not None
    records = read_records(Path(source.path), on_unknown="skip", empty_heavy=True)
    frame = records.frame()
    left_out = {}
    for note in records.notes:  # of those that are left out, if any
        what, _, reason = note.partition(" with ")
        left_out[f"with {reason.partition(':')[0]}"] = int(what.split()[0].replace(",", ""))
    good = np.ones(len(frame), dtype=bool)
    for reason, fails in _filters(config, source.light, frame):
        left_out[reason] = int((fails & good).sum())
        good &= ~fails
    if not good.any():
        told = ", ".join(f"{number:,} {reason}" for reason, number in left_out.items() if number)
        raise InputError("no antibody is left", file=source.path, found=told)
    places = np.flatnonzero(good)
    rows = rows_of(records.take(places), light=source.light)
    found = predict(rows).set_index("id").loc[rows.ids.tolist()].reset_index(drop=True)
    frame = frame.iloc[places].reset_index(drop=True)
    frame = frame.drop(columns=[name for name in ("rank", *OWN) if name in frame])
    own = found[["perplexity", "log_likelihood", "cdrh3_log_likelihood"]].copy()
    pairs = [f"{h}|{lc}" if source.light and lc else h for h, lc in zip(frame[HEAVY], frame[LIGHT])]
    own["in_training_data"] = np.isin(hashes_of(pairs), known)
    own.insert(0, "score", _scores(scorer, pd.concat([frame, own], axis=1)))
    table = pd.concat([frame[["id"]], own, frame.drop(columns="id")], axis=1)
    table = table.sort_values("score", ascending=False, kind="stable", ignore_index=True)
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    shown = ["rank", "id", PKD, "score", "perplexity", "cdrh3_log_likelihood", "in_training_data"]
    notes = cut_notes(config, frame[ANTIGEN].str.len().to_numpy())
    return Ranking(table, left_out, shown, by_pkd(table), notes)


def _filters(
    config: Seq2SeqConfig, light: bool, frame: pd.DataFrame
) -> Iterator[tuple[str, np.ndarray]]:
    """Reasons, and (rows,) bool which rows are left out for them."""
    if "ended" in frame:
        ended = frame["ended"].map(as_text).str.lower()
        yield "that did not end", ended.isin(["false", "0"]).to_numpy(dtype=bool)
    yield (
        "without a heavy chain of a variable domain (length, two cysteines, WGxG)",
        np.array([not is_domain(chain) for chain in frame[HEAVY]], dtype=bool),
    )
    antigens = frame[ANTIGEN].str.len().to_numpy()
    if config.antigen and config.on_long == "error":
        most = config.source_context - 2
        yield (
            f"for an antigen of more than {most} residues (--on-long truncate cuts them)",
            antigens > most,
        )
    chains = frame[HEAVY].str.len().to_numpy()
    if light:
        lights = frame[LIGHT].str.len().to_numpy()
        chains = chains + lights + (lights > 0)
    most = config.target_context - 2
    yield f"of more than {most} tokens", chains > most
    twice = frame.duplicated([HEAVY, LIGHT, ANTIGEN, PKD]).to_numpy(dtype=bool)
    yield "that came before, for the same antigen and pKd", twice


def _scores(scorer: Scorer | None, frame: pd.DataFrame) -> np.ndarray:
    if scorer is None:
        return -frame["perplexity"].to_numpy()
    try:
        found = np.asarray(scorer(frame.copy()), dtype=np.float64)
    except Exception as error:
        raise InputError("the scorer failed", where="--scorer",
                         found=f"{type(error).__name__}: {error}") from error  # fmt: skip
    if found.shape != (len(frame),) or not np.isfinite(found).all():
        told = f"of shape {found.shape}"
        if found.shape == (len(frame),):
            told = f"{int((~np.isfinite(found)).sum())} that are not finite"
        raise InputError("not the scores of the antibodies", where="--scorer", found=told,
                         expected=f"{len(frame)} finite numbers, one a row")  # fmt: skip
    return found


def by_pkd(table: pd.DataFrame) -> pd.DataFrame:
    """A row for each pKd that was asked for: how many, their scores, and how new they are.

    Measured ones all differ: of more than `KINDS` there is a row for each whole number and what
    lies above it, below the next.
    """
    kinds = table[PKD]
    if kinds.nunique() > KINDS:
        whole = np.floor(kinds.to_numpy()).astype(int)
        kinds = pd.Series([f"{k:2d} to {k + 1}" for k in whole], index=table.index, name=PKD)
    groups = table.groupby(kinds, sort=True)
    return pd.DataFrame(
        {
            "antibodies": groups.size(),
            "different": groups[HEAVY].nunique(),
            "mean score": groups["score"].mean(),
            "best score": groups["score"].max(),
            "mean perplexity": groups["perplexity"].mean(),
            "in training data": groups["in_training_data"].sum().astype(int),
        }
    ).reset_index()
