"""Simulated repertoires of V-J junctions, as `distrib.prepare trimming` would leave them.

The truth is known, and stands in the origin of the data (see `simulate_model` for its meaning).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from distrib.data.vdj.germline.parameter_groups import Group, find_group
from distrib.data.vdj.ligation.frames import FrameRule
from distrib.data.vdj.ligation.junction_build import modelled_options
from distrib.data.vdj.ligation.simulate_model import Base, Form, Recombination, Usage, recombine
from distrib.data.vdj.prepare.prepared import Prepared
from distrib.errors import InputError


def simulate_junctions(
    num_sequences: int,
    *,
    chain: str = "TRA",
    species: str = "human",
    trims: tuple[int, int] = (-2, 14),
    int_mh: float = 0.0,
    interior: float = 0.0,
    lig_mh: float = 0.0,
    ligation: Form = "linear",
    base: Base = "olga",
    usage: Usage = "olga",
    group: str = "nonproductive_v-j_trim_ligation-mh",
    subjects: int = 1,
    num_v: int | None = None,
    num_j: int | None = None,
    frame_rule: FrameRule = "anchors",
    seed: int = 0,
) -> Prepared:
    """Draw sequences and count them, annotations known.

    Where ligation is modelled, only the sequences of the group's productivity class are kept. In
    groups of trims alone bases were inserted, which decide the frame: there all are of the class.

    Args:
        num_sequences: drawn, over all subjects, before the class is kept.
        chain, species, trims, int_mh, interior, lig_mh, ligation, base, usage, num_v,
            num_j: of the distribution, see `recombine`.
        group: one of V and J together. subjects: the sequences are dealt evenly to as many.
        frame_rule: what the class is decided by, see `frames.is_productive`.

    Raises:
        InputError: a group of other gene ends, and whatever `recombine` refuses.
    """
    kind = find_group(group, where="group")
    if (kind.left, kind.right) != ("v", "j"):
        raise InputError(
            "only junctions of V and J are simulated",
            where="group",
            found=group,
            expected="a v-j_trim group, with ligation-mh or without",
        )
    model = recombine(
        chain=chain,
        species=species,
        trims=trims,
        int_mh=int_mh,
        interior=interior,
        lig_mh=lig_mh,
        ligation=ligation,
        base=base,
        usage=usage,
        num_v=num_v,
        num_j=num_j,
    )
    kept = in_class(model, kind, frame_rule)
    parts = []
    rng = np.random.default_rng(seed)
    cumulative = np.cumsum(model.probability)
    for subject in range(subjects):
        share = num_sequences // subjects + (subject < num_sequences % subjects)
        rows, counts = _draw(rng, cumulative, share)
        within = kept[rows]
        parts.append(_table(model, kind, f"subject_{subject + 1}", rows[within], counts[within]))
    table = pd.concat(parts, ignore_index=True)
    origin: dict[str, Any] = {
        "simulated": True,
        "program": "distrib.data.vdj.ligation.simulate",
        "model": f"OLGA {model.name}",
        "sequences": num_sequences,
        "kept": int(table["count"].sum()),
        "seed": seed,
        "frame_rule": frame_rule,
        "truth": {
            "average_mh": float(int_mh),
            "average_interior_mh": float(interior),
            "ligation": ligation,
            "ligation_mh": float(lig_mh),
            "usage": usage,
            "base": base if isinstance(base, str) else [[float(b) for b in side] for side in base],
        },
    }
    notes = [f"simulated from OLGA's {model.name}, no real data"]
    if base == "olga":
        notes.append(
            "trims start from OLGA's histograms, which no model here can express: estimates lie "
            "off the truth; data.base=published, or uniform, gives one that can be found again"
        )
    genes = {gene.name: gene for gene in (*model.pairs.left, *model.pairs.right)}
    return Prepared(model.chain, kind, trims, genes, table, origin, tuple(notes))


def in_class(model: Recombination, group: Group, frame_rule: FrameRule) -> np.ndarray:
    """(rows of `ligations`,) bool: whether a group looks at the sequence of that ligation."""
    at = model.ligations
    options = modelled_options(at, model.pairs, group, frame_rule)
    return (options[at.pair, at.left, at.right] >> at.mh.astype(np.uint16) & 1).astype(bool)


def _draw(
    rng: np.random.Generator, cumulative: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Which rows were drawn, ascending, and how often."""
    places = np.sort(rng.random(size)) * cumulative[-1]  # sorted: neighbours are found together
    rows = np.searchsorted(cumulative, places, side="right")
    return np.unique(rows, return_counts=True)


def _table(
    model: Recombination, group: Group, subject: str, rows: np.ndarray, counts: np.ndarray
) -> pd.DataFrame:
    """What one subject has, in the columns of `Prepared.counts`."""
    pairs, at = model.pairs, model.ligations
    v, j = (np.array([gene.name for gene in side]) for side in (pairs.left, pairs.right))
    pair = at.pair[rows]
    columns: dict[str, Any] = {
        "subject": subject,
        "v_gene": v[pairs.left_of[pair]],
        "j_gene": j[pairs.right_of[pair]],
        "v_trim": pairs.trims[at.left[rows]],
        "j_trim": pairs.trims[at.right[rows]],
        "ligation_mh": at.mh[rows].astype(np.int64),
        "count": counts,
    }
    if group.ligation:
        return pd.DataFrame(columns)
    # Ligations of one cell are neighbours: they are one row where only trims are told.
    cell = np.stack([pair, at.left[rows], at.right[rows]])
    first = np.flatnonzero(np.r_[True, (np.diff(cell) != 0).any(axis=0)])
    del columns["ligation_mh"]
    table = pd.DataFrame(columns).iloc[first]
    return table.assign(count=np.add.reduceat(counts, first)).reset_index(drop=True)
