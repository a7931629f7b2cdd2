"""Antibodies drawn while a model is trained, to be looked at, and what they show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from distrib.data.antibodies.alphabet import LETTERS
from distrib.data.antibodies.designs.record_rows import RecordRows
from distrib.data.antibodies.designs.tokens import text_of
from distrib.data.antibodies.identity import near_identities
from distrib.files import atomic_path
from distrib.trainables.antibodies.seq2seq.config import Seq2SeqConfig
from distrib.trainables.antibodies.seq2seq.drawing import draw
from distrib.trainables.antibodies.seq2seq.samples import (
    is_valid,
    sample_figures,
    shares,
    texts_of,
)
from distrib.trainables.base import Worker

if TYPE_CHECKING:
    from distrib.models.antibodies.seq2seq import Seq2Seq

TOP_P, SEED = 0.9, 7
"""How they are drawn: the same records and numbers in every epoch and trial."""
SAMPLES = "samples"


@dataclass(frozen=True)
class Samples:
    """Antibodies drawn for the antigens and affinities of some records.

    Attributes:
        ids: (n,) str of those records. pkd: (n,) theirs. texts: heavy|light. ended: (n,) bool,
            whether END came. natural: the antibodies of the records. light: whether there are light
            chains. near: identity of each heavy chain to the nearest of those trained on, see
            `identity`; None where these are not known.
    """

    ids: np.ndarray
    pkd: np.ndarray
    texts: list[str]
    ended: np.ndarray
    natural: list[str]
    light: bool
    near: np.ndarray | None

    def figures(self) -> dict[str, float]:
        """See `sample_figures`; also the mean identity to the nearest chain trained on."""
        found = sample_figures(self.texts, self.ended, self.natural, light=self.light)
        return found if self.near is None else {**found, "nearest_identity": self.near.mean()}

    def tables(self) -> dict[str, pd.DataFrame]:
        """A row for each sample, and how often each residue is in them and in natural ones."""
        drawn, natural = (
            shares([text.split("|")[0] for text in texts]) for texts in (self.texts, self.natural)
        )
        residues = pd.DataFrame({"residue": list(LETTERS), "drawn": drawn, "natural": natural})
        return {SAMPLES: self.table(), "residues": residues}

    def table(self) -> pd.DataFrame:
        """A row each, beside the antibody of the record."""
        valid = [is_valid(t, self.light) and bool(e) for t, e in zip(self.texts, self.ended)]
        near = {} if self.near is None else {"nearest_identity": self.near.round(4)}
        return pd.DataFrame(
            {
                "id": self.ids,
                "pKd": self.pkd,
                "sequence": self.texts,
                "natural": self.natural,
                "ended": self.ended,
                "valid": valid,
                **near,
            }
        )


def draw_samples(
    model: Seq2Seq,
    config: Seq2SeqConfig,
    values: Mapping[str, Any],
    records: RecordRows,
    trained_on: RecordRows | None,
    worker: Worker,
) -> Samples | None:
    """`config.samples` antibodies; None where none are asked for, or a training has diverged.

    Where there are fewer records, each is asked for several times.

    Args:
        values: of a state of the model. records: whose antigens and affinities are asked for.
        trained_on: records to which the samples are compared, where they are known.
    """
    import torch

    from distrib.models.antibodies.decoding import Sampling

    if not config.samples or not all(bool(p.isfinite().all()) for p in model.parameters()):
        return None
    # Few records are asked for several times: figures of 18 samples say little.
    rows = np.resize(np.random.default_rng(SEED).permutation(len(records)), config.samples)
    chosen = records.take(rows)
    scale = values["pkd_scale"][0], values["pkd_scale"][1]
    how = Sampling(top_p=TOP_P, max_length=config.target_context, guidance=config.guidance)
    generator = torch.Generator(worker.device).manual_seed(SEED)
    tokens, _ = draw(model, config, chosen, scale, how, generator, worker)
    texts, ended = texts_of(tokens)
    near = None
    if trained_on is not None:
        near = near_identities(_heavy(texts), _heavy(_texts(trained_on)))
    light = bool(values["light"])
    return Samples(chosen.ids, chosen.pkd, texts, ended, _texts(chosen), light, near)


def write_samples(samples: Samples, folder: Path) -> str:
    """The table beside the weights; what to say of it."""
    with atomic_path(folder / f"{SAMPLES}.csv") as temporary:
        samples.table().to_csv(temporary, index=False, lineterminator="\n")
    number = len(samples.texts)
    drawn = "antibody" if number == 1 else "antibodies"
    told = f"{SAMPLES}.csv: {number} {drawn} drawn for antigens of these records"
    if samples.near is None:
        return told
    return f"{told}; the heavy chains of {int((samples.near == 1).sum())} are in the training data"


def _texts(records: RecordRows) -> list[str]:
    """heavy|light of each."""
    ends = zip(records.targets[:-1].tolist(), records.targets[1:].tolist())
    return [text_of(records.antibodies[a : b - 1]) for a, b in ends]


def _heavy(texts: list[str]) -> list[str]:
    return [text.split("|")[0] for text in texts]
