"""Records as arrays that a network is trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from distrib.data.antibodies.designs.records import Records
from distrib.data.antibodies.designs.tokens import END, SEP, tokens_of
from distrib.data.antibodies.recombine import ragged
from distrib.data.antibodies.regions import bounds_of
from distrib.data.antibodies.split import groups_and_split

FRAME, CDRH3, LIGHT, LAST = range(4)
"""What a target token belongs to: heavy chain, its CDR3 (without anchors), light chain, the end."""


@dataclass(frozen=True)
class RecordRows:
    """Records in a row; row i has `antigens[sources[i]:sources[i + 1]]` and likewise targets.

    Attributes:
        antigens: (residues,) uint8 tokens. sources: (rows + 1,) int64.
        antibodies: (tokens,) uint8 of heavy [SEP light] END. targets: (rows + 1,) int64.
        parts: (tokens,) uint8 of each token of `antibodies`, see `CDRH3`.
        pkd: (rows,) float64. ids: (rows,) str. designs: (rows,) uint64, hashes of heavy|light.
        groups: (rows,) int64, never parted: clusters, else equal antigens.
        split: (rows,) str, what the data's own column says, or None.
        notes: what was assumed or left out. simulated: whether no laboratory has seen them.
    """

    antigens: np.ndarray
    sources: np.ndarray
    antibodies: np.ndarray
    targets: np.ndarray
    parts: np.ndarray
    pkd: np.ndarray
    ids: np.ndarray
    designs: np.ndarray
    groups: np.ndarray
    split: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    simulated: bool = False

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: np.ndarray) -> RecordRows:
        """The part with these rows, in their order."""
        source, target = np.diff(self.sources)[rows], np.diff(self.targets)[rows]
        tokens = ragged(self.targets[rows], target)
        return replace(
            self,
            antigens=self.antigens[ragged(self.sources[rows], source)],
            sources=np.r_[0, np.cumsum(source)],
            antibodies=self.antibodies[tokens],
            targets=np.r_[0, np.cumsum(target)],
            parts=self.parts[tokens],
            pkd=self.pkd[rows],
            ids=self.ids[rows],
            designs=self.designs[rows],
            groups=self.groups[rows],
            split=None if self.split is None else self.split[rows],
        )

    def with_antigens(self, rows: np.ndarray) -> RecordRows:
        """Every record with the antigen of another row."""
        lengths = np.diff(self.sources)[rows]
        return replace(
            self,
            antigens=self.antigens[ragged(self.sources[rows], lengths)],
            sources=np.r_[0, np.cumsum(lengths)],
        )

    def describe(self) -> dict[str, Any]:
        """Sizes, and a fingerprint of the content."""
        content = hashlib.sha256()
        for array in (self.antigens, self.sources, self.antibodies, self.targets, self.pkd,
                      self.groups):  # fmt: skip
            content.update(np.ascontiguousarray(array).tobytes())
        for texts in (self.ids, self.split):
            content.update("\n".join([] if texts is None else texts.tolist()).encode())
        return {
            "rows": len(self),
            "groups": len(np.unique(self.groups)),
            "longest_antigen": int(np.diff(self.sources).max(initial=0)),
            "longest_antibody": int(np.diff(self.targets).max(initial=0)),
            "with_light": int(sum(np.add.reduceat(self.antibodies == SEP, self.targets[:-1]) > 0)),
            "pkd": [float(self.pkd.min()), float(self.pkd.max())],
            "simulated": self.simulated,
            "notes": list(self.notes),
            "fingerprint": content.hexdigest(),
        }


def hashes_of(designs: Sequence[str]) -> np.ndarray:
    """(designs,) uint64 of heavy|light."""
    digests = [hashlib.blake2b(text.encode(), digest_size=8).digest() for text in designs]
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def rows_of(records: Records, *, light: bool = True, simulated: bool = False) -> RecordRows:
    """Arrays of records.

    Args:
        light: whether light chains are part of the targets, where there are any.

    Raises:
        InputError: a word in the column `split` that is none, or a cluster in two parts.
    """
    heavy = [tokens_of(text) for text in records.heavy]
    lights = [tokens_of(text if light else "") for text in records.light]
    antigens = [tokens_of(text) for text in records.antigen]
    bounds = bounds_of(records.heavy, "heavy")
    antibodies, parts = [], []
    for h, lc, (begin, end) in zip(heavy, lights, bounds[:, 5:7].tolist()):
        part = np.full(len(h), FRAME, dtype=np.uint8)
        if begin >= 0:
            part[begin:end] = CDRH3
        middle = [np.array([SEP], np.uint8), lc] if len(lc) else []
        last = np.array([END], np.uint8)
        antibodies.append(np.concatenate([h, *middle, last]))
        behind = np.full(len(antibodies[-1]) - len(h) - 1, LIGHT, np.uint8)
        parts.append(np.concatenate([part, behind, np.array([LAST], np.uint8)]))
    notes = list(records.notes)
    if untold := int((bounds[:, 5] < 0).sum()):
        notes.append(f"the CDRH3 of {untold:,} of {len(records):,} antibodies cannot be told")
    groups, split = groups_and_split(records.columns, records.antigen, records.ids, "antigen")
    pairs = [f"{h}|{lc}" if light and lc else h for h, lc in zip(records.heavy, records.light)]
    return RecordRows(
        np.concatenate(antigens),
        np.r_[0, np.cumsum([len(a) for a in antigens])].astype(np.int64),
        np.concatenate(antibodies),
        np.r_[0, np.cumsum([len(a) for a in antibodies])].astype(np.int64),
        np.concatenate(parts),
        records.pkd,
        records.ids.values,
        hashes_of(pairs),
        groups,
        split,
        tuple(notes),
        simulated,
    )


def partners(groups: np.ndarray, seed: int = 0) -> np.ndarray:
    """(rows,) for each row a row of another group, drawn evenly; itself where there is no other.

    What shuffling is by: a row of the same group may have the same antigen.
    """
    rng = np.random.default_rng((seed, 17))
    codes, sizes = np.unique(groups, return_inverse=True, return_counts=True)[1:]
    order = np.argsort(codes, kind="stable")
    begin = np.r_[0, np.cumsum(sizes)]
    others = len(groups) - sizes[codes]
    drawn = (rng.random(len(groups)) * others).astype(np.int64)
    drawn += np.where(drawn >= begin[codes], sizes[codes], 0)
    return np.where(others > 0, order[np.minimum(drawn, len(groups) - 1)], np.arange(len(groups)))
