"""Simulated records with a planted rule, so that it can be told whether a model reads antigens.

Antigens come in families, each of one of four compositions. Residues inside the CDRH3 (without its
first and last two) become complementary to the composition: opposite charges, like with like. Each
does with a probability that rises with the affinity, from 0 at a pKd of 3 to 1 at 11.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from distrib.data.antibodies.alphabet import LETTERS
from distrib.data.antibodies.designs.record_rows import RecordRows, rows_of
from distrib.data.antibodies.designs.records import Records
from distrib.data.antibodies.simulate import HEAVY, simulate_chains
from distrib.data.antibodies.simulate import LIGHT as LIGHT_LOCI
from distrib.data.antibodies.split import CLUSTER
from distrib.data.files.ids import as_ids

COMPOSITIONS = ("DE", "KR", "ILVF", "STNQ")
"""Letters of which half of an antigen of each kind is made: acidic, basic, hydrophobic, polar."""
COMPLEMENTS = ("KR", "DE", "FWLI", "NQHT")
"""Letters that inner CDRH3 residues become, by the antigen's kind."""

FLANK = 2  # residues at either end of a CDRH3 that the rule leaves alone
LEAST, MOST = 3.0, 11.0  # pKd at which no residue follows the rule, and every one


def simulate_records(
    num: int,
    *,
    rule: bool = True,
    light: bool = False,
    families: int = 120,
    mutation_rate: float = 0.05,
    seed: int = 0,
) -> Records:
    """Heavy chains drawn from OLGA's tables, and light ones, each with an antigen and a pKd.

    Args:
        rule: whether the CDRH3 depends on antigen and pKd; without, nothing does.
        families: of antigens; the members of one differ in a twentieth of their residues, and are
            one `cluster`.

    Raises:
        InputError: as `simulate.simulate_chains`.
    """
    rng = np.random.default_rng((seed, 23))
    chains = simulate_chains(num, HEAVY, mutation_rate=mutation_rate, seed=seed)
    family = rng.integers(families, size=num)
    kind = rng.permutation(np.arange(families) % len(COMPOSITIONS))
    ancestors = [_antigen(COMPOSITIONS[k], rng) for k in kind]
    antigen = [_mutated(ancestors[f], rng) for f in family.tolist()]
    pkd = np.clip(rng.normal(7.5, 1.5, num), 4.0, 12.0).round(2)
    heavy = list(chains.sequences)
    if rule:
        chance = np.clip((pkd - LEAST) / (MOST - LEAST), 0, 1)
        for i, (begin, end) in enumerate(chains.bounds[:, 5:7].tolist()):
            inner = slice(begin + FLANK, max(begin + FLANK, end - FLANK))
            letters = np.array(list(heavy[i]))
            follows = rng.random(len(letters[inner])) < chance[i]
            words = list(COMPLEMENTS[kind[family[i]]])
            letters[inner] = np.where(follows, rng.choice(words, len(follows)), letters[inner])
            heavy[i] = "".join(letters)
    lights = [""] * num
    if light:
        kappa = simulate_chains((num + 1) // 2, LIGHT_LOCI[0], seed=seed).sequences
        rest = simulate_chains(num // 2, LIGHT_LOCI[1], seed=seed).sequences if num > 1 else []
        lights = [[*kappa, *rest][i] for i in rng.permutation(num)]
    file = Path("simulated")
    columns = pd.DataFrame({CLUSTER: [f"family{f}" for f in family]})
    ids = as_ids([f"s{i}" for i in range(num)], file, list(range(1, num + 1)))
    return Records(ids, heavy, lights, antigen, pkd, columns)


def simulated_rows(
    num: int, *, rule: bool = True, light: bool = False, mutation_rate: float = 0.05, seed: int = 0
) -> RecordRows:
    """The same as arrays, with a note that they are simulated."""
    records = simulate_records(num, rule=rule, light=light, mutation_rate=mutation_rate, seed=seed)
    planted = "CDRH3 depends on antigen and pKd by a planted rule" if rule else "no rule is planted"
    note = f"simulated from OLGA's tables, {planted}: no real data"
    return replace(rows_of(records, light=light, simulated=True), notes=(note,))


def _antigen(letters: str, rng: np.random.Generator) -> str:
    length = int(rng.integers(40, 81))
    of_kind = rng.choice(list(letters), length)
    return "".join(np.where(rng.random(length) < 0.5, of_kind, rng.choice(list(LETTERS), length)))


def _mutated(antigen: str, rng: np.random.Generator) -> str:
    letters = np.array(list(antigen))
    other = rng.choice(list(LETTERS), len(letters))
    return "".join(np.where(rng.random(len(letters)) < 0.05, other, letters))
