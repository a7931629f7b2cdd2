"""Pairs drawn from OLGA's tables, with a rule by which light chains follow their heavy ones.

Heavy and light chains that are drawn each by itself have nothing to do with each other. The rule:
a heavy chain's V family has a light V family that it prefers (`PREFERRED`). With probability
`LOCUS` the light chain is of that family's locus, else of the other one; and in the preferred locus
it is of the very family with probability `FAMILY`, else as the tables draw it. Nothing else of a
light chain depends on the heavy one. This is planted, not known of B cells. With the rule off the
same light chains are dealt out at random, so that both sets have equal chains.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from distrib.data.antibodies.germlines import families_of
from distrib.data.antibodies.simulate import HEAVY, simulate_chains
from distrib.errors import InputError

PREFERRED = {
    "IGHV1": "IGKV3",
    "IGHV2": "IGLV1",
    "IGHV3": "IGLV2",
    "IGHV4": "IGKV1",
    "IGHV5": "IGLV3",
    "IGHV6": "IGKV2",
    "IGHV7": "IGKV4",
}
LOCUS, FAMILY = 0.95, 0.9
_OTHER = {"IGK": "IGL", "IGL": "IGK"}


def simulate_pairs(
    num: int, *, rule: bool = True, mutation_rate: float = 0.05, seed: int = 0
) -> pd.DataFrame:
    """A row per pair: AIRR's columns of `SimulatedChains.frame`, `_heavy` and `_light` behind.

    All light chains differ.

    Raises:
        InputError: as `simulate_chains`.
    """
    heavy = simulate_chains(num, HEAVY, mutation_rate=mutation_rate, seed=seed)
    rng = np.random.default_rng((seed, 27))
    families = families_of(heavy.v_genes).tolist()
    preferred = [PREFERRED[family] for family in families]
    right = rng.random(num) < LOCUS
    strict = rng.random(num) < FAMILY
    pools = {locus: _Pool(locus, num, mutation_rate, seed) for locus in _OTHER}
    rows = []
    for k, family in enumerate(preferred):
        locus = family[:3] if right[k] else _OTHER[family[:3]]
        rows.append(pools[locus].take(family if right[k] and strict[k] else None))
    light = pd.DataFrame(rows).reset_index(drop=True)
    if not rule:
        light = light.iloc[rng.permutation(num)].reset_index(drop=True)
    pairs = pd.concat([heavy.frame().add_suffix("_heavy"), light.add_suffix("_light")], axis=1)
    pairs.insert(0, "sequence_id", [f"simulated_{seed}_{k}" for k in range(1, num + 1)])
    return pairs.drop(columns=["sequence_id_heavy", "sequence_id_light"])


class _Pool:
    """Light chains of one locus, each given out once."""

    def __init__(self, locus: str, num: int, mutation_rate: float, seed: int) -> None:
        self.locus, self.rate, self.seed = locus, mutation_rate, seed
        self.given: set[int] = set()
        self._fill(2 * num + 50)

    def take(self, family: str | None) -> dict:
        """The next of a family, or of all."""
        queue = self.queues[family or self.locus]
        while queue:
            row = queue.pop()
            if row not in self.given:
                self.given.add(row)
                return self.rows[row]
        if len(self.rows) > 2**20:
            raise InputError("there are not so many light chains of this family", found=family)
        self._fill(2 * len(self.rows))
        return self.take(family)

    def _fill(self, size: int) -> None:
        # More chains are the same ones and others behind them.
        chains = simulate_chains(size, self.locus, mutation_rate=self.rate, distinct=True,
                                 seed=self.seed)  # fmt: skip
        self.rows = chains.frame().to_dict("records")
        families = families_of(chains.v_genes)
        order = np.arange(size)[::-1]
        self.queues = {self.locus: order.tolist()}
        self.queues |= {f: order[families[::-1] == f].tolist() for f in set(PREFERRED.values())}
