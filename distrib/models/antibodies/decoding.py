"""Decoding with keys and values kept: greedy, sampling (temperature, top-k, top-p), beam search.

A row ends at END; what follows is PAD. Log-likelihoods are those of the model itself, at
temperature 1 and over all tokens, whatever the tokens were drawn from.

Guidance on the pKd (classifier-free, Ho and Salimans 2022): the logits are those without a pKd, and
`guidance` times what the pKd changes of them. The network must have seen rows without a pKd.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from distrib.models.antibodies.seq2seq import Attention, Seq2Seq


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn.

    Attributes:
        temperature: of the logits; 0 takes the likeliest.
        top_k: only the k likeliest tokens; 0: all. top_p: the fewest whose probabilities sum to it.
        beam: beams of a beam search, which draws nothing; 1: none.
        max_length: tokens after which a row ends without END.
        guidance: how many times what the pKd changes counts; 1: as the network has it.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    beam: int = 1
    max_length: int = 300
    guidance: float = 1.0


class Cache:
    """What decoding keeps of B rows: keys and values of the memory, and of the tokens so far.

    Args:
        memory: (B, S, D) of `Seq2Seq.encode`. there: (B, S) bool. length: the most tokens.
        condition: (B, 1, D) of `Seq2Seq.decoder_condition`.
    """

    def __init__(
        self,
        model: Seq2Seq,
        memory: Tensor,
        there: Tensor | None,
        length: int,
        condition: Tensor | None = None,
    ) -> None:
        self.condition = condition
        self.model, self.there = model, None if there is None else there[:, None, None]
        self.layers: list[Any] = list(model.decoder.layers)
        self.cross = [_kv(layer.multihead_attn, memory) for layer in self.layers]
        rows, heads = len(memory), model.size.heads
        shape = (rows, heads, length, model.size.width // heads)
        self.own = [(memory.new_empty(shape), memory.new_empty(shape)) for _ in self.layers]
        self.length = 0

    def step(self, tokens: Tensor) -> Tensor:
        """(B, vocabulary) logits of what follows the (B,) tokens."""
        model, at = self.model, self.length
        x = model.embed_target(tokens[:, None], self.condition, at)
        for number, layer in enumerate(self.layers):
            own, cross = layer.self_attn, layer.multihead_attn
            h = layer.norm1(x)
            keys, values = self.own[number]
            keys[:, :, at : at + 1], values[:, :, at : at + 1] = own.keys_values(h)
            seen = keys[:, :, : at + 1], values[:, :, : at + 1]
            x = x + own.attend(own.query(h), *seen)
            x = x + cross.attend(cross.query(layer.norm2(x)), *self.cross[number], self.there)
            x = x + layer.feed(layer.norm3(x))
        self.length += 1
        return model.output(model.decoder.norm(x))[:, 0].float()

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows, in this order; a row may come several times."""
        self.own = [(k[rows], v[rows]) for k, v in self.own]
        self.cross = [(k[rows], v[rows]) for k, v in self.cross]
        self.there = None if self.there is None else self.there[rows]
        self.condition = None if self.condition is None else self.condition[rows]


def _kv(attention: Attention, memory: Tensor) -> tuple[Tensor, Tensor]:
    return attention.keys_values(memory)


@torch.inference_mode()
def decode(
    model: Seq2Seq,
    source: Tensor,
    there: Tensor | None,
    pkd: Tensor,
    how: Sampling,
    *,
    special: tuple[int, int, int],
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Draw a row for each source.

    Args:
        source, there: (B, S). pkd: (B,). special: the tokens PAD, START and END.

    Returns:
        (B, T) tokens without START, PAD behind END; and (B,) log-likelihoods, END included.
    """
    model.eval()
    memory = model.encode(source, there, pkd)
    condition = model.decoder_condition(pkd)
    if how.beam > 1:
        return _beam(model, memory, there, condition, how, special)
    pad, start, end = special
    rows = len(source)
    cache = Cache(model, memory, there, how.max_length, condition)
    caches = [cache]
    if how.guidance != 1:
        none = torch.full_like(pkd, torch.nan)
        blank = model.encode(source, there, none)
        caches += [Cache(model, blank, there, how.max_length, model.decoder_condition(none))]
    tokens = torch.full((rows, how.max_length), pad, dtype=torch.long, device=source.device)
    likelihood = torch.zeros(rows, dtype=torch.float64, device=source.device)
    alive = torch.arange(rows, device=source.device)
    last = torch.full((rows,), start, dtype=torch.long, device=source.device)
    for place in range(how.max_length):
        logits, *without = [kept.step(last) for kept in caches]
        guided = without[0] + how.guidance * (logits - without[0]) if without else logits
        last = draw(guided, how, generator)
        chosen = logits.double().log_softmax(-1).gather(1, last[:, None])[:, 0]
        likelihood[alive] += chosen
        tokens[alive, place] = last
        going = last != end
        if not going.all():
            alive, last = alive[going], last[going]
            if not len(alive):
                return tokens[:, : place + 1], likelihood
            for kept in caches:
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


def _beam(
    model: Seq2Seq,
    memory: Tensor,
    there: Tensor | None,
    condition: Tensor | None,
    how: Sampling,
    special: tuple[int, int, int],
) -> tuple[Tensor, Tensor]:
    """The best of `how.beam` beams of each row, by log-likelihood a token."""
    pad, start, end = special
    found = []
    for row in range(len(memory)):
        mask = None if there is None else there[row : row + 1].repeat(how.beam, 1)
        own = memory[row : row + 1].repeat(how.beam, 1, 1)
        added = None if condition is None else condition[row : row + 1].repeat(how.beam, 1, 1)
        cache = Cache(model, own, mask, how.max_length, added)
        tokens = memory.new_full((how.beam, 0), 0, dtype=torch.long)
        score = memory.new_full((how.beam,), -torch.inf, dtype=torch.float64)
        score[0] = 0  # all beams are alike at first
        last = memory.new_full((how.beam,), start, dtype=torch.long)
        ended: list[tuple[float, float, Tensor]] = []
        for place in range(how.max_length):
            after = score[:, None] + cache.step(last).double().log_softmax(-1)
            best = after.flatten().topk(2 * how.beam)
            beams, letters = best.indices // after.shape[1], best.indices % after.shape[1]
            going: list[tuple[int, Tensor, Tensor, Tensor]] = []
            for k in range(2 * how.beam):
                b, letter = int(beams[k]), letters[k]
                text = torch.cat([tokens[b], letter[None]])
                if letter == end or place + 1 == how.max_length:
                    value = float(best.values[k])
                    ended.append((value / len(text), value, text))
                elif len(going) < how.beam:
                    going.append((b, letter, best.values[k], text))
            if len(ended) >= how.beam or not going:
                break
            cache.keep(torch.tensor([b for b, *_ in going], device=memory.device))
            last = torch.stack([letter for _, letter, _, _ in going])
            score = torch.stack([value for _, _, value, _ in going])
            tokens = torch.stack([text for *_, text in going])
        found.append(max(ended, key=lambda item: item[0]))
    longest = max(len(text) for *_, text in found)
    table = memory.new_full((len(memory), longest), pad, dtype=torch.long)
    for row, (_, _, text) in enumerate(found):
        table[row, : len(text)] = text
    return table, torch.tensor([value for _, value, _ in found], dtype=torch.float64)
