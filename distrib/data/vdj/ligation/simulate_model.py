"""A model of V-J recombination whose every probability is known, to simulate from.

V and J are chosen independently, as OLGA's model uses them. The trims t of both ends follow

    P(t | V, J)  ~  P(t_v | V) P(t_j | J) exp(int_mh a(t) + interior i(t))

with a the `average_mh` and i the `average_interior_mh` of both trims, and base probabilities as
OLGA has them, uniform, or those of two one-gene models. The ligation that uses m bases of
microhomology follows P(m | t) ~ 1 + lig_mh m, or ~ exp(lig_mh m), the form of the fitted models.
So Russell et al. (Nucleic Acids Research 2025) simulate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import log_softmax

from distrib.data.vdj.germline.olga import (
    CHAINS,
    GeneEnd,
    OlgaGene,
    OlgaModel,
    Side,
    model_name,
    read_genes,
    read_model,
)
from distrib.data.vdj.ligation.junction_build import Pairs
from distrib.data.vdj.ligation.ligation import Ligations
from distrib.data.vdj.ligation.microhomology import OVERLAPS, count_overlaps, mean_mh
from distrib.data.vdj.prepare.prepared import Gene, Segment
from distrib.data.vdj.trimming.cut_features import P_NUCLEOTIDES, build_features
from distrib.data.vdj.trimming.trimming import encode_ends
from distrib.errors import InputError

Base = Literal["olga", "uniform", "published"] | tuple[Sequence[float], Sequence[float]]
Form = Literal["linear", "exponential"]
Usage = Literal["olga", "uniform"]

CHAINS_WITHOUT_D = ("TRA", "IGK", "IGL")  # of those that OLGA has
BASE_FEATURES = "motif_two-side-base-count-beyond"  # of one-gene base models, 1 x 2 motif
# Of V and of J, those that Russell et al. simulate from: GC of 5', AT and GC of 3' bases; then A, C
# and G of the first 5' base, and of the first and second 3' base.
PUBLISHED_BASE = (
    (0.0777, -0.1437, -0.3816, 0.0437, 0.0407, 0.0265, 0.4127, -0.5402, -0.0066, 0.0227, -0.1132,
     -0.1907),
    (0.2951, -0.1238, -0.3032, -0.3068, 0.3913, -0.1618, 0.2177, -0.3309, 0.0247, -0.0672, -0.0111,
     -0.1868),
)  # fmt: skip


@dataclass(frozen=True)
class Recombination:
    """Every V-J junction that can arise, and how probable it is.

    Attributes:
        chain: such as "TRA". name: of the OLGA model. pairs: every pair of the genes that it uses.
        ligations: of all pairs. probability: (rows of `ligations`,) float64 that sum to 1.
    """

    chain: str
    name: str
    pairs: Pairs
    ligations: Ligations
    probability: np.ndarray


def recombine(
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
    num_v: int | None = None,
    num_j: int | None = None,
) -> Recombination:
    """The distribution of all V-J junctions of a chain that has no D.

    Args:
        trims: the smallest and the largest, in nucleotides; at least -2 (P-nucleotides).
        int_mh, interior: effects of `average_mh` and of `average_interior_mh` on the trims.
        lig_mh: effect of a base of microhomology on the ligation, by the form `ligation`.
        base: where trims start from; a pair of coefficient vectors, for V and for J, means one-gene
            models with the columns of `list_features(BASE_FEATURES, 1, 2)`; "published" is
            `PUBLISHED_BASE`.
        usage: of V and of J genes, OLGA's or all alike: those too that OLGA never chooses, of whose
            trims it knows nothing.
        num_v, num_j: the most used genes alone (the first where all are used alike); where None,
            all that are ever chosen and trimmed within the window. Never those without a conserved
            codon: alleles known in part, whose own end is not known.

    Raises:
        InputError: for chains with a D, unknown ones, and numbers that cannot be.
    """
    name = model_name(chain, species)
    known_as = next(key for key, value in CHAINS.items() if name.endswith(value))
    _check_chain(known_as)
    model = read_model(name)
    _check_numbers(model, trims, lig_mh if ligation == "linear" else 0.0)
    if usage == "uniform" and base == "olga":
        raise InputError(
            "OLGA does not know how genes are trimmed that it never chooses",
            where="base",
            found="olga, with usage uniform",
            expected="uniform, or coefficients",
        )
    window = np.arange(trims[0], trims[1] + 1)
    genes = {gene.name: gene for gene in read_genes(name)}
    whole = {gene.name for gene in genes.values() if gene.anchor is not None}
    v = _restrict(model.v, whole, window, usage, num_v)
    j = _restrict(model.j, whole, window, usage, num_j)
    of_v, of_j = _base(base, "v", v), _base(base, "j", j)
    left_of, right_of = np.divmod(np.arange(len(v.genes) * len(j.genes)), len(j.genes))
    v_genes, j_genes = _genes(genes, "V", v.genes), _genes(genes, "J", j.genes)
    pairs = Pairs.of(v_genes, j_genes, left_of, right_of, window)
    ligations = pairs.ligations()
    cells = of_v[left_of][:, :, None] + of_j[right_of][:, None, :]
    cells += int_mh * mean_mh(ligations.options) + interior * _average_interior_mh(pairs)
    cells = np.where(ligations.options > 0, cells, -np.inf).reshape(len(left_of), -1)
    of_cell = np.exp(log_softmax(cells, axis=1)) * (v.usage[left_of] * j.usage[right_of])[:, None]

    cell = np.ravel_multi_index(
        (ligations.pair, ligations.left, ligations.right), ligations.options.shape
    )
    mh = ligations.mh.astype(float)
    weight = 1 + lig_mh * mh if ligation == "linear" else np.exp(lig_mh * mh)
    share = weight / np.bincount(cell, weight, of_cell.size)[cell]
    return Recombination(known_as, name, pairs, ligations, of_cell.ravel()[cell] * share)


def _average_interior_mh(pairs: Pairs) -> np.ndarray:
    """(pairs, left trims, right trims) mean of the pairing positions in overlaps of 1 to 4."""
    overlaps = count_overlaps(
        pairs.left_windows, pairs.right_windows, pairs.left_of, pairs.right_of, pairs.joints
    )
    return overlaps[..., [place == "mid" for place, _ in OVERLAPS]].mean(axis=-1)


def _restrict(
    end: GeneEnd, whole: set[str], window: np.ndarray, usage: Usage, most: int | None
) -> GeneEnd:
    """The genes that are used most, with usage that sums to 1, and the trims in the window."""
    probabilities = end.probabilities[:, np.isin(end.trims, window)]
    shares = np.isin(end.genes, list(whole)).astype(float)
    if usage == "olga":
        shares *= end.usage * (probabilities.sum(axis=1) > 0)
    by_usage = np.argsort(-shares, kind="stable")[: np.count_nonzero(shares)]
    used = np.sort(by_usage[:most])
    return GeneEnd(
        genes=[end.genes[i] for i in used],
        sequences=[end.sequences[i] for i in used],
        usage=shares[used] / shares[used].sum(),
        trims=window,
        probabilities=probabilities[used],
    )


def _genes(of_model: dict[str, OlgaGene], segment: Segment, names: list[str]) -> list[Gene]:
    genes = [of_model[name] for name in names]
    return [Gene(gene.name, segment, gene.sequence, gene.anchor) for gene in genes]


def _base(base: Base, side: Side, end: GeneEnd) -> np.ndarray:
    """(genes, trims) ln P(trim | gene), but for a constant of each gene."""
    if base == "uniform":
        return np.zeros(end.probabilities.shape)
    if base == "olga":
        with np.errstate(divide="ignore"):
            return np.log(end.probabilities)
    if base == "published":
        base = PUBLISHED_BASE
    ends = encode_ends(end.sequences, int(end.trims[-1]))
    features = build_features(ends, end.trims, BASE_FEATURES, 1, 2)
    coefficients = np.asarray(base[side == "j"], float)
    if coefficients.shape != (features.shape[2],):
        raise InputError(
            "not the coefficients of a one-gene model",
            where=f"base of {side.upper()}",
            found=f"{coefficients.size} numbers",
            expected=f"{features.shape[2]}: base counts and a 1 x 2 motif",
        )
    return features @ coefficients


def _check_chain(chain: str) -> None:
    if chain not in CHAINS_WITHOUT_D:
        raise InputError(
            "V is not joined to J in a chain with D genes",
            where="chain",
            found=chain,
            expected=", ".join(CHAINS_WITHOUT_D),
        )


def _check_numbers(model: OlgaModel, trims: tuple[int, int], linear: float) -> None:
    most = int(min(model.v.trims[-1], model.j.trims[-1]))
    if not -P_NUCLEOTIDES <= trims[0] <= trims[1] <= most:
        raise InputError(
            "a window of trims that cannot be simulated",
            where="trims",
            found=f"{trims[0]} to {trims[1]}",
            expected=f"-{P_NUCLEOTIDES} to at most {most}, as OLGA's {model.name} has",
        )
    if linear < 0:
        raise InputError(
            "1 + lig_mh m would be no probability",
            where="lig_mh",
            found=f"{linear:g}",
            expected="at least 0, or the exponential form",
        )
