"""Decoding of the generator of antibodies, keys and values kept: see `search`.

Guidance on the pKd (classifier-free, Ho and Salimans 2022): the logits are those without a pKd, and
`guidance` times what the pKd changes of them. The network must have seen rows without a pKd.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from distrib.models.antibodies.search import Sampling, beam_search, sample
from distrib.models.antibodies.seq2seq import Attention, Seq2Seq


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
    """Draw a row for each source; of a beam search the best `how.best`, one after another.

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
    cache = Cache(model, memory, there, how.max_length, condition)
    blank = None
    if how.guidance != 1:
        none = torch.full_like(pkd, torch.nan)
        unled = model.encode(source, there, none)
        blank = Cache(model, unled, there, how.max_length, model.decoder_condition(none))
    return sample(cache, len(source), how, special=special, device=source.device,
                  generator=generator, blank=blank)  # fmt: skip


def _beam(
    model: Seq2Seq,
    memory: Tensor,
    there: Tensor | None,
    condition: Tensor | None,
    how: Sampling,
    special: tuple[int, int, int],
) -> tuple[Tensor, Tensor]:
    """The best `how.best` of `how.beam` beams of each row, by log-likelihood a token."""
    found = []
    for row in range(len(memory)):
        mask = None if there is None else there[row : row + 1].repeat(how.beam, 1)
        own = memory[row : row + 1].repeat(how.beam, 1, 1)
        added = None if condition is None else condition[row : row + 1].repeat(how.beam, 1, 1)
        cache = Cache(model, own, mask, how.max_length, added)
        found += beam_search(cache, how, special=special, device=memory.device)[: how.best]
    longest = max(len(item.tokens) for item in found)
    table = memory.new_full((len(found), longest), special[0], dtype=torch.long)
    for row, item in enumerate(found):
        table[row, : len(item.tokens)] = item.tokens
    return table, torch.tensor([item.likelihood for item in found], dtype=torch.float64)
