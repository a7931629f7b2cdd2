"""A simulated screen whose truth is known: responses of low rank, and noise.

Perturbation p is that of one of the genes that are read out. Genes and perturbations lie in one
space of `rank` dimensions: the response of gene g to perturbation p is b_g + u_p' A u_g, with
u of the perturbed gene for u_p and a rotation A, and noise on top. Embeddings are those u turned
into more dimensions, with noise of their own.
"""

from __future__ import annotations

import numpy as np

from distrib.data.screens.screen import Screen

PERTURBATIONS, GENES, RANK, NOISE = 377, 4_912, 10, 0.1
WIDTH = 64
"""Of the embeddings, unless told otherwise."""

SIGNAL = 0.2
"""Standard deviation of the responses without noise."""


def simulated_screen(
    perturbations: int = PERTURBATIONS,
    genes: int = GENES,
    rank: int = RANK,
    noise: float = NOISE,
    seed: int = 0,
) -> Screen:
    """Perturbations of the first `perturbations` of `genes`, called `SIM00001` and so on."""
    return simulate(perturbations, genes, rank, noise, seed)[0]


def simulate(
    perturbations: int, genes: int, rank: int, noise: float, seed: int, width: int = WIDTH
) -> tuple[Screen, np.ndarray]:
    """The screen, and (perturbations, genes) its responses without noise.

    Args:
        width: of both kinds of embeddings.
    """
    rng = np.random.default_rng(seed)
    place = rng.standard_normal((genes, rank))
    effect = np.linalg.qr(rng.standard_normal((rank, rank)))[0]
    truth = place[:perturbations] @ effect @ place.T
    truth *= SIGNAL / truth.std()
    truth += SIGNAL * rng.standard_normal(genes)
    measured = truth + noise * rng.standard_normal(truth.shape)
    turn = rng.standard_normal((2, rank, width)) / np.sqrt(rank)
    blurred = [side + 0.1 * rng.standard_normal(side.shape) for side in place @ turn]
    names = np.array([f"SIM{number:05d}" for number in range(1, genes + 1)])
    screen = Screen(
        ids=names[:perturbations],
        inputs=blurred[0][:perturbations].astype(np.float32),
        targets=measured.astype(np.float32),
        columns=names,
        groups=np.arange(perturbations),
        gene_inputs=blurred[1].astype(np.float32),
        notes=("these data are simulated: no claim about any cell",),
    )
    return screen, truth
