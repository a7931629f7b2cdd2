"""What `JunctionLikelihood` compiles: the terms of the likelihood in JAX.

Names and shapes as there: pairs p, left trims l, right trims r, kinds k, candidates n, observations
o. Cells are gone through in blocks of pairs (`BLOCKED` arrays have blocks and pairs of a block as
their first axes, the last block filled up), so that memory does not grow with the pairs. Imported
inside functions alone, since it imports JAX.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.ops import segment_max, segment_sum

Arrays = dict[str, Any]

BLOCKED = ("left", "right", "cells", "kind")


class Flags(NamedTuple):
    """As in `Design`."""

    ligation: bool
    free_ligation: bool
    weighted: bool


class Parts(NamedTuple):
    """The parameters by what they weigh."""

    left: Any
    right: Any
    cells: Any
    weighted: Any
    g: Any


class Kinds(NamedTuple):
    """(k,) what the options of a cell contribute, with derivatives by g.

    Attributes:
        log_z: ln Z, and its derivatives. log_share: ln ZR / Z. mean: of m under R.
    """

    log_z: Any
    log_z_1: Any
    log_z_2: Any
    log_share: Any
    log_share_1: Any
    log_share_2: Any
    mean: Any
    mean_1: Any
    mean_2: Any


def split(flags: Flags, arrays: Arrays, b: Any) -> Parts:
    sizes = [
        arrays["left_features"].shape[2],
        arrays["right_features"].shape[2],
        arrays["cells"].shape[1],
    ]
    left, right, cells, rest = jnp.split(b, [sizes[0], sum(sizes[:2]), sum(sizes)])
    zero = jnp.zeros((), b.dtype)
    weighted = rest[0] if flags.weighted else zero
    return Parts(left, right, cells, weighted, rest[-1] if flags.free_ligation else zero)


def kinds(flags: Flags, arrays: Arrays, g: Any) -> Kinds:
    m = jnp.arange(arrays["options"].shape[1], dtype=float)

    def moments(mask: Any) -> tuple[Any, Any, Any, Any]:
        """ln of the sum of exp(g m), mean, variance and third central moment of m."""
        log_z = jax.nn.logsumexp(jnp.where(mask, g * m, -jnp.inf), axis=1)
        p = jnp.where(mask, jnp.exp(g * m - jnp.where(mask.any(1), log_z, 0.0)[:, None]), 0.0)
        mean = p @ m
        centred = m - mean[:, None]
        return log_z, mean, (p * centred**2).sum(1), (p * centred**3).sum(1)

    log_z, mean, variance, _ = moments(arrays["options"])
    log_r, mean_r, variance_r, third_r = moments(arrays["modelled"])
    if flags.ligation:
        share = (log_r - log_z, mean_r - mean, variance_r - variance)
    else:
        zero = jnp.zeros_like(log_z)
        share = (jnp.where(arrays["exists"], 0.0, -jnp.inf), zero, zero)
    return Kinds(log_z, mean, variance, *share, mean_r, variance_r, third_r)


def by_block(
    flags: Flags, arrays: Arrays, parts: Parts, of_kind: Kinds, take: Callable[..., Any]
) -> Any:
    """What `take(block, cells, of_pair)` gives of every block, stacked.

    `of_pair` is None, unless the arrays hold it: (blocks, pairs) weights.
    """

    def one(blocked: Arrays) -> Any:
        block = {**arrays, **blocked}
        return take(block, cell_terms(flags, block, parts, of_kind), blocked.get("of_pair"))

    names = [name for name in (*BLOCKED, "of_pair") if name in arrays]
    return lax.map(one, {name: arrays[name] for name in names})


class Cells(NamedTuple):
    """Of every cell: ln P under its pair, and the columns of its score that no gene decides.

    Attributes:
        log_norm: (p,). p: (p, l, r) probabilities. columns: list of (p, l, r).
    """

    log_norm: Any
    p: Any
    columns: list[Any]


def utilities(arrays: Arrays, parts: Parts) -> tuple[Any, Any]:
    """(left genes, l) and (right genes, r)."""
    return arrays["left_features"] @ parts.left, arrays["right_features"] @ parts.right


def cell_terms(flags: Flags, arrays: Arrays, parts: Parts, of_kind: Kinds) -> Cells:
    kind = arrays["kind"]
    left, right = utilities(arrays, parts)
    h = left[arrays["left"]][:, :, None] + right[arrays["right"]][:, None, :]
    h = h + jnp.tensordot(parts.cells, arrays["cells"], axes=1)
    h = h + (parts.weighted * of_kind.mean + of_kind.log_share)[kind]
    h = jnp.where(arrays["exists"][kind], h, -jnp.inf)
    log_norm = jax.nn.logsumexp(h, axis=(1, 2))
    p = jnp.exp(h - log_norm[:, None, None])
    columns = list(arrays["cells"])
    if flags.weighted:
        columns.append(of_kind.mean[kind])
    if flags.free_ligation:
        slope = parts.weighted * of_kind.mean_1 + of_kind.log_share_1
        columns.append(jnp.where(arrays["exists"], slope, 0.0)[kind])
    return Cells(log_norm, p, columns)


def row_terms(arrays: Arrays, flags: Flags, parts: Parts, of_kind: Kinds, log_norm: Any) -> Any:
    """(n,) ln P of each candidate."""
    left, right = utilities(arrays, parts)
    value = left.ravel()[arrays["row_left"]] + right.ravel()[arrays["row_right"]]
    value = value + arrays["row_cells"] @ parts.cells
    of_kinds = parts.weighted * of_kind.mean
    if flags.ligation:
        of_kinds = of_kinds - of_kind.log_z
        value = value + parts.g * arrays["row_mh"]
    return value + of_kinds[arrays["row_kind"]] - log_norm[arrays["row_pair"]]


def log_norms(flags: Flags, arrays: Arrays, parts: Parts, of_kind: Kinds) -> Any:
    """(p,) of every pair, and of those that fill the last block."""
    take = by_block(flags, arrays, parts, of_kind, lambda block, cells, _: cells.log_norm)
    return take.ravel()


def with_pair_weights(arrays: Arrays, shares: Any) -> Arrays:
    """The arrays with the candidates' shares summed by pair."""
    shape = arrays["left"].shape
    of_pair = segment_sum(shares, arrays["row_pair"], shape[0] * shape[1])
    return {**arrays, "of_pair": of_pair.reshape(shape)}


def candidates(flags: Flags, arrays: Arrays, b: Any) -> tuple[Any, Any]:
    """(n,) ln P of each candidate, (o,) of each observation."""
    parts = split(flags, arrays, b)
    of_kind = kinds(flags, arrays, parts.g)
    log_norm = log_norms(flags, arrays, parts, of_kind)
    rows = row_terms(arrays, flags, parts, of_kind, log_norm)
    num, of = len(arrays["observation_pair"]), arrays["observation"]
    top = segment_max(rows, of, num, indices_are_sorted=True)
    total = segment_sum(jnp.exp(rows - top[of]), of, num, indices_are_sorted=True)
    return rows, top + jnp.log(total)


def log_likelihoods(flags: Flags, arrays: Arrays, b: Any) -> Any:
    return candidates(flags, arrays, b)[1]


def observed(flags: Flags, arrays: Arrays, b: Any, weights: Any) -> tuple[Any, Any]:
    rows, total = candidates(flags, arrays, b)
    of = arrays["observation"]
    value = -jnp.where(weights > 0, weights * total, 0.0).sum()
    return value, weights[of] * jnp.exp(rows - total[of])


def gradient(flags: Flags, arrays: Arrays, b: Any, weights: Any) -> tuple[Any, Any]:
    value, shares = observed(flags, arrays, b, weights)
    parts = split(flags, arrays, b)
    of_kind = kinds(flags, arrays, parts.g)

    def take(block: Arrays, cells: Cells, of_pair: Any) -> Any:
        return expected_score(block, cells, cells.p * of_pair[:, None, None])

    expected = by_block(flags, with_pair_weights(arrays, shares), parts, of_kind, take).sum(0)
    return value, expected - row_sum(flags, arrays, parts, of_kind, shares)


def expected_score(arrays: Arrays, cells: Cells, p: Any) -> Any:
    """(features,) the sum over cells of p times the score."""
    of_left = segment_sum(p.sum(2), arrays["left"], arrays["left_features"].shape[0])
    of_right = segment_sum(p.sum(1), arrays["right"], arrays["right_features"].shape[0])
    return jnp.concatenate(
        [
            jnp.tensordot(of_left, arrays["left_features"], 2),
            jnp.tensordot(of_right, arrays["right_features"], 2),
            *[(p * column).sum()[None] for column in cells.columns],
        ]
    )


def row_columns(flags: Flags, arrays: Arrays, parts: Parts, of_kind: Kinds) -> list[Any]:
    """(n,) columns of the candidates' scores that no gene decides."""
    kind = arrays["row_kind"]
    columns = list(arrays["row_cells"].T)
    if flags.weighted:
        columns.append(of_kind.mean[kind])
    if flags.free_ligation:
        slope = parts.weighted * of_kind.mean_1 - of_kind.log_z_1
        columns.append(slope[kind] + arrays["row_mh"])
    return columns


def by_gene_and_trim(table: Any) -> Any:
    """(genes x trims, features) of (genes, trims, features)."""
    return table.reshape(table.shape[0] * table.shape[1], table.shape[2])


def row_sum(flags: Flags, arrays: Arrays, parts: Parts, of_kind: Kinds, shares: Any) -> Any:
    """(features,) the sum over candidates of shares times the score, without the norm's part."""
    sides = []
    for side in ("left", "right"):
        flat = by_gene_and_trim(arrays[f"{side}_features"])
        sides.append(segment_sum(shares, arrays[f"row_{side}"], len(flat)) @ flat)
    others = [shares @ column for column in row_columns(flags, arrays, parts, of_kind)]
    return jnp.concatenate([*sides, *[value[None] for value in others]])


def complete_value(flags: Flags, arrays: Arrays, b: Any, shares: Any) -> Any:
    parts = split(flags, arrays, b)
    of_kind = kinds(flags, arrays, parts.g)
    log_norm = log_norms(flags, arrays, parts, of_kind)
    rows = row_terms(arrays, flags, parts, of_kind, log_norm)
    return -jnp.where(shares > 0, shares * rows, 0.0).sum()


def complete(flags: Flags, arrays: Arrays, b: Any, shares: Any) -> tuple[Any, Any, Any]:
    parts = split(flags, arrays, b)
    of_kind = kinds(flags, arrays, parts.g)

    def take(block: Arrays, cells: Cells, of_pair: Any) -> tuple[Any, ...]:
        p = cells.p * of_pair[:, None, None]
        spread = second_moment(block, cells, p) - between(block, cells, of_pair)
        bend = cell_curvature(flags, block, parts, of_kind, p)
        return cells.log_norm, expected_score(block, cells, p), spread + bend

    weighed = with_pair_weights(arrays, shares)
    log_norm, expected, hessian = by_block(flags, weighed, parts, of_kind, take)
    rows = row_terms(arrays, flags, parts, of_kind, log_norm.ravel())
    value = -jnp.where(shares > 0, shares * rows, 0.0).sum()
    slope = expected.sum(0) - row_sum(flags, arrays, parts, of_kind, shares)
    return value, slope, hessian.sum(0) - row_curvature(flags, arrays, parts, of_kind, shares)


def second_moment(arrays: Arrays, cells: Cells, p: Any) -> Any:
    """(features, features) the sum over cells of p times the outer product of the score."""
    xl, xr = arrays["left_features"], arrays["right_features"]
    left, right = arrays["left"], arrays["right"]
    by_left = segment_sum(p.sum(2), left, len(xl))
    by_right = segment_sum(p.sum(1), right, len(xr))
    ll = jnp.einsum("gl,gla,glb->ab", by_left, xl, xl)
    rr = jnp.einsum("gr,gra,grb->ab", by_right, xr, xr)
    lr = jnp.einsum("pla,plb->ab", xl[left], jnp.einsum("plr,prb->plb", p, xr[right]))
    blocks = [[ll, lr], [lr.T, rr]]
    if cells.columns:
        weighed = [p * column for column in cells.columns]
        of_left = segment_sum(jnp.stack([w.sum(2) for w in weighed], -1), left, len(xl))
        of_right = segment_sum(jnp.stack([w.sum(1) for w in weighed], -1), right, len(xr))
        lc = jnp.einsum("gla,glc->ac", xl, of_left)
        rc = jnp.einsum("gra,grc->ac", xr, of_right)
        cc = jnp.stack([jnp.stack([(w * c).sum() for c in cells.columns]) for w in weighed])
        blocks = [[ll, lr, lc], [lr.T, rr, rc], [lc.T, rc.T, cc]]
    return jnp.block(blocks)


def pair_means(arrays: Arrays, cells: Cells) -> Any:
    """(p, features) the expected score of each pair."""
    xl, xr = arrays["left_features"], arrays["right_features"]
    means = [
        jnp.einsum("pl,pla->pa", cells.p.sum(2), xl[arrays["left"]]),
        jnp.einsum("pr,pra->pa", cells.p.sum(1), xr[arrays["right"]]),
        *[(cells.p * column).sum((1, 2))[:, None] for column in cells.columns],
    ]
    return jnp.concatenate(means, axis=1)


def between(arrays: Arrays, cells: Cells, of_pair: Any) -> Any:
    """(features, features) the outer products of the pairs' mean scores."""
    means = pair_means(arrays, cells)
    return (means * of_pair[:, None]).T @ means


def cell_curvature(flags: Flags, arrays: Arrays, parts: Parts, of_kind: Kinds, p: Any) -> Any:
    """(features, features) the sum over cells of p times the second derivatives of ln P."""
    return by_g(
        flags,
        arrays,
        parts,
        parts.weighted * of_kind.mean_2 + of_kind.log_share_2,
        of_kind.mean_1,
        lambda of_kinds: (p * of_kinds[arrays["kind"]]).sum(),
    )


def row_curvature(flags: Flags, arrays: Arrays, parts: Parts, of_kind: Kinds, shares: Any) -> Any:
    """(features, features) the sum over candidates of shares times the second derivatives."""
    return by_g(
        flags,
        arrays,
        parts,
        parts.weighted * of_kind.mean_2 - of_kind.log_z_2,
        of_kind.mean_1,
        lambda of_kinds: shares @ of_kinds[arrays["row_kind"]],
    )


def by_g(
    flags: Flags, arrays: Arrays, parts: Parts, twice: Any, mean_1: Any, total: Callable[[Any], Any]
) -> Any:
    """(features, features) zero but for g with itself, and with the weight of its mean."""
    size = sum(x.shape[0] for x in (parts.left, parts.right, parts.cells))
    size += flags.weighted + flags.free_ligation
    hessian = jnp.zeros((size, size))
    if not flags.free_ligation:
        return hessian
    exists = arrays["exists"]
    hessian = hessian.at[-1, -1].set(total(jnp.where(exists, twice, 0.0)))
    if flags.weighted:
        cross = total(jnp.where(exists, mean_1, 0.0))
        hessian = hessian.at[-1, -2].set(cross).at[-2, -1].set(cross)
    return hessian


def row_scores(flags: Flags, arrays: Arrays, b: Any, rows: Any) -> Any:
    """(rows, features) the candidates' scores, without the part of their pair's norm."""
    parts = split(flags, arrays, b)
    of_kind = kinds(flags, arrays, parts.g)
    names = ("row_left", "row_right", "row_cells", "row_kind", "row_mh")
    some = {**arrays, **{name: arrays[name][rows] for name in names}}
    sides = [
        by_gene_and_trim(some[f"{side}_features"])[some[f"row_{side}"]]
        for side in ("left", "right")
    ]
    columns = [c[:, None] for c in row_columns(flags, some, parts, of_kind)]
    return jnp.concatenate([*sides, *columns], axis=1)


def scores(flags: Flags, arrays: Arrays, b: Any) -> Any:
    """(o, features) the gradient of ln P of each observation."""
    rows, total = candidates(flags, arrays, b)
    of = arrays["observation"]
    share = jnp.exp(rows - total[of])
    of_rows = row_scores(flags, arrays, b, jnp.arange(len(rows)))
    mean = segment_sum(
        share[:, None] * of_rows, of, len(total), indices_are_sorted=True
    )  # (o, features)
    parts = split(flags, arrays, b)
    of_kind = kinds(flags, arrays, parts.g)
    means = by_block(
        flags, arrays, parts, of_kind, lambda block, cells, _: pair_means(block, cells)
    )
    of_pairs = means.reshape(means.shape[0] * means.shape[1], len(b))
    return mean - of_pairs[arrays["observation_pair"]]


def cells(flags: Flags, arrays: Arrays, b: Any) -> Any:
    """(p, l, r) ln P(cell | pair, class)."""
    parts = split(flags, arrays, b)
    of_kind = kinds(flags, arrays, parts.g)
    found = by_block(flags, arrays, parts, of_kind, lambda block, cells, _: jnp.log(cells.p))
    return found.reshape(found.shape[0] * found.shape[1], *found.shape[2:])
