"""How sequences are drawn from any model that goes on token by token.

Greedy, sampling (temperature, top-k, top-p), beam search, diverse beam search. A row ends at END;
what follows is PAD. Log-likelihoods are those of the model itself, at temperature 1 and over all
tokens, whatever the tokens were drawn from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn.

    Attributes:
        temperature: of the logits; 0 takes the likeliest.
        top_k: only the k likeliest tokens; 0: all. top_p: the fewest whose probabilities sum to it.
        beam: beams of a beam search, which draws nothing; 1: none. best: how many of them are
            wanted, at most `beam`.
        max_length: tokens after which a row ends without END.
        guidance: how many times what a condition changes of the logits counts, beside a model that
            is not told it; 1: as the model has it.
        min_length: tokens before which no row ends.
        forbidden: tokens that are never drawn.
        groups: of beams, each of which avoids what those before it chose (Vijayakumar et al. 2018).
        diversity: nats that a token loses for each beam of an earlier group that has chosen it.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    beam: int = 1
    max_length: int = 300
    guidance: float = 1.0
    min_length: int = 0
    forbidden: tuple[int, ...] = ()
    groups: int = 1
    diversity: float = 0.0
    best: int = 1


class Steps(Protocol):
    """A model that goes on with B rows, keeping what it computed of the tokens so far."""

    def step(self, tokens: Tensor) -> Tensor:
        """(B, vocabulary) logits of what follows the (B,) tokens."""

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows, in this order; a row may come several times."""


@torch.inference_mode()
def sample(
    steps: Steps,
    rows: int,
    how: Sampling,
    *,
    special: tuple[int, int, int],
    device: torch.device | str,
    generator: torch.Generator | None = None,
    blank: Steps | None = None,
) -> tuple[Tensor, Tensor]:
    """Draw `rows` rows, each token from what the rows before it leave (`draw`).

    Args:
        special: the tokens PAD, START and END.
        blank: the same rows without what they are conditioned on, for `how.guidance`.

    Returns:
        (B, T) tokens without START, PAD behind END; and (B,) log-likelihoods, END included.
    """
    pad, start, end = special
    tokens = torch.full((rows, how.max_length), pad, dtype=torch.long, device=device)
    likelihood = torch.zeros(rows, dtype=torch.float64, device=device)
    alive = torch.arange(rows, device=device)
    last = torch.full((rows,), start, dtype=torch.long, device=device)
    for place in range(how.max_length):
        logits = steps.step(last)
        guided = logits
        if blank is not None:
            unled = blank.step(last)
            guided = unled + how.guidance * (logits - unled)
        last = draw(_allowed(guided, how, place, end), how, generator)
        chosen = logits.double().log_softmax(-1).gather(1, last[:, None])[:, 0]
        likelihood[alive] += chosen
        tokens[alive, place] = last
        going = last != end
        if not going.all():
            alive, last = alive[going], last[going]
            if not len(alive):
                return tokens[:, : place + 1], likelihood
            for kept in (steps, *([] if blank is None else [blank])):
                kept.keep(going.nonzero()[:, 0])
    return tokens, likelihood


def draw(logits: Tensor, how: Sampling, generator: torch.Generator | None) -> Tensor:
    """(B,) tokens of (B, vocabulary) logits."""
    if how.temperature == 0:
        return logits.argmax(-1)
    logits = logits / how.temperature
    if how.top_k:
        least = logits.topk(min(how.top_k, logits.shape[-1])).values[:, -1:]
        logits = logits.masked_fill(logits < least, -torch.inf)
    if how.top_p < 1:
        ordered, order = logits.sort(descending=True)
        shares = ordered.softmax(-1)
        beyond = shares.cumsum(-1) - shares >= how.top_p  # the first is never beyond
        logits = logits.masked_fill(beyond.gather(1, order.argsort(-1)), -torch.inf)
    return torch.multinomial(logits.softmax(-1), 1, generator=generator)[:, 0]


def _allowed(logits: Tensor, how: Sampling, place: int, end: int) -> Tensor:
    """The same with what may not come next at minus infinity."""
    banned = [*how.forbidden, *([end] if place < how.min_length else [])]
    if not banned:
        return logits
    return logits.index_fill(-1, torch.tensor(banned, device=logits.device), -torch.inf)


@dataclass(frozen=True)
class Ended:
    """What a beam came to: (T,) tokens, END included, and their log-likelihood."""

    tokens: Tensor
    likelihood: float

    @property
    def score(self) -> float:
        """By which beams of different lengths are compared: log-likelihood a token."""
        return self.likelihood / len(self.tokens)


@torch.inference_mode()
def beam_search(
    steps: Steps, how: Sampling, *, special: tuple[int, int, int], device: torch.device | str
) -> list[Ended]:
    """The best of each group of beams, then the second best, and so on; the likeliest first.

    Args:
        steps: of `how.beam` rows, all of the same source.
        special: the tokens PAD, START and END.
    """
    _, start, end = special
    size = how.beam // how.groups
    tokens = torch.empty((how.beam, 0), dtype=torch.long, device=device)
    score = torch.full((how.beam,), -torch.inf, dtype=torch.float64, device=device)
    score[::size] = 0  # all beams of a group are alike at first
    last = torch.full((how.beam,), start, dtype=torch.long, device=device)
    ended: list[list[Ended]] = [[] for _ in range(how.groups)]
    open_groups = set(range(how.groups))
    for place in range(how.max_length):
        logits = steps.step(last)
        after = _allowed(logits.double().log_softmax(-1), how, place, end) + score[:, None]
        chosen = torch.zeros(after.shape[1], dtype=after.dtype, device=device)
        going: list[tuple[int, int, float]] = []  # beam, letter, log-likelihood
        for group in range(how.groups):
            first = group * size
            found: list[tuple[int, int, float]] = []
            if group in open_groups:
                own = after[first : first + size]
                for at, letter in _best(own - how.diversity * chosen, 2 * size):
                    value = float(own[at, letter])
                    if letter == end or place + 1 == how.max_length:
                        text = torch.cat([tokens[first + at], last.new_tensor([letter])])
                        ended[group].append(Ended(text, value))
                    elif len(found) < size:
                        found.append((first + at, letter, value))
                        chosen[letter] += 1
                if len(ended[group]) >= size or not found:
                    open_groups.discard(group)
                    found = []
            going += found + [(first, start, -torch.inf)] * (size - len(found))
        if not open_groups:
            break
        beams, letters, values = zip(*going)
        kept = torch.tensor(beams, device=device)
        steps.keep(kept)
        last = torch.tensor(letters, device=device)
        score = torch.tensor(values, dtype=torch.float64, device=device)
        tokens = torch.cat([tokens[kept], last[:, None]], dim=1)
    for items in ended:
        items.sort(key=lambda item: -item.score)
    ordered = []
    for rank in range(max(map(len, ended))):
        level = [items[rank] for items in ended if rank < len(items)]
        ordered += sorted(level, key=lambda item: -item.score)
    return ordered


def _best(values: Tensor, most: int) -> Sequence[tuple[int, int]]:
    """Row and column of the greatest of (rows, columns) values, without minus infinity."""
    found = values.flatten().topk(min(most, values.numel()))
    pairs = [divmod(int(place), values.shape[1]) for place in found.indices]
    return [pair for pair, value in zip(pairs, found.values) if value > -torch.inf]
