"""An encoder-decoder transformer from an antigen and a pKd to an antibody.

Layers are those of `torch.nn.Transformer` with `norm_first` and GELU, under the same names, so that
its weights fit; written here so that decoding can keep keys and values. Shapes: B rows, S source
tokens, T target tokens, D width, H heads.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


@dataclass(frozen=True)
class Size:
    """The shape of a network.

    Attributes:
        affinity: whether the pKd is added to every source token.
        decoder_affinity: whether it is added to every target token too, by a projection of its own.
        attention_dropout: of attention weights; above 0 there is no fused kernel on a CPU.
    """

    vocabulary: int
    width: int
    heads: int
    encoder_layers: int
    decoder_layers: int
    ffn: int
    dropout: float = 0.1
    attention_dropout: float = 0.0
    affinity: bool = True
    fused: bool = True
    decoder_affinity: bool = False


class Attention(nn.Module):
    """Multi-head attention, its parameters those of `nn.MultiheadAttention`."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.heads, self.dropout, self.fused = size.heads, size.attention_dropout, size.fused
        self.in_proj_weight = nn.Parameter(torch.empty(3 * size.width, size.width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * size.width))
        self.out_proj = nn.Linear(size.width, size.width)

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def query(self, x: Tensor) -> Tensor:
        """(B, H, T, D / H) of (B, T, D)."""
        d = x.shape[-1]
        return self._split(F.linear(x, self.in_proj_weight[:d], self.in_proj_bias[:d]))

    def keys_values(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Both (B, H, S, D / H) of (B, S, D)."""
        d = x.shape[-1]
        both = F.linear(x, self.in_proj_weight[d:], self.in_proj_bias[d:])
        k, v = both.split(d, dim=-1)
        return self._split(k), self._split(v)

    def attend(
        self, q: Tensor, k: Tensor, v: Tensor, there: Tensor | None = None, *, causal: bool = False
    ) -> Tensor:
        """(B, T, D); `there` is (B, 1, 1, S) bool, which keys are no padding."""
        dropout = self.dropout if self.training else 0.0
        if self.fused:
            found = F.scaled_dot_product_attention(
                q, k, v, attn_mask=there, dropout_p=dropout, is_causal=causal
            )
        else:
            scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
            if there is not None:
                scores = scores.masked_fill(~there, -math.inf)
            if causal:
                later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=q.device).triu(1)
                scores = scores.masked_fill(later, -math.inf)
            found = F.dropout(scores.softmax(dim=-1), dropout) @ v
        return self.out_proj(found.transpose(1, 2).flatten(-2))


class _Feed(nn.Module):
    """What both kinds of layer share: the feed-forward part."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.linear1 = nn.Linear(size.width, size.ffn)
        self.linear2 = nn.Linear(size.ffn, size.width)
        self.dropout = nn.Dropout(size.dropout)

    def feed(self, x: Tensor) -> Tensor:
        return self.dropout(self.linear2(self.dropout(F.gelu(self.linear1(x)))))


class EncoderLayer(_Feed):
    """Self-attention and feed-forward, each behind a norm."""

    def __init__(self, size: Size) -> None:
        super().__init__(size)
        self.self_attn = Attention(size)
        self.norm1, self.norm2 = nn.LayerNorm(size.width), nn.LayerNorm(size.width)

    def forward(self, x: Tensor, there: Tensor | None) -> Tensor:
        h = self.norm1(x)
        own = self.self_attn
        x = x + self.dropout(own.attend(own.query(h), *own.keys_values(h), there))
        return x + self.feed(self.norm2(x))


class DecoderLayer(_Feed):
    """Causal self-attention, attention to the antigen, feed-forward, each behind a norm."""

    def __init__(self, size: Size) -> None:
        super().__init__(size)
        self.self_attn, self.multihead_attn = Attention(size), Attention(size)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(size.width) for _ in range(3))

    def forward(self, x: Tensor, memory: Tensor, there: Tensor | None) -> Tensor:
        h = self.norm1(x)
        own, cross = self.self_attn, self.multihead_attn
        x = x + self.dropout(own.attend(own.query(h), *own.keys_values(h), causal=True))
        kv = cross.keys_values(memory)
        x = x + self.dropout(cross.attend(cross.query(self.norm2(x)), *kv, there))
        return x + self.feed(self.norm3(x))


class _Stack(nn.Module):
    def __init__(self, layers: list[nn.Module], width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.norm = nn.LayerNorm(width)


class Seq2Seq(nn.Module):
    """(B, S) antigens, (B,) pKd and (B, T) tokens so far -> (B, T, vocabulary) logits.

    A pKd that is NaN is none: nothing is added, as where the network is to guess without it.
    """

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.size = size
        d = size.width
        self.source_embedding = nn.Embedding(size.vocabulary, d)
        self.target_embedding = nn.Embedding(size.vocabulary, d)
        self.affinity = _projection(d) if size.affinity else None
        self.decoder_affinity = _projection(d) if size.decoder_affinity else None
        self.encoder = _Stack([EncoderLayer(size) for _ in range(size.encoder_layers)], d)
        self.decoder = _Stack([DecoderLayer(size) for _ in range(size.decoder_layers)], d)
        self.output = nn.Linear(d, size.vocabulary)
        self.dropout = nn.Dropout(size.dropout)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)

    def encode(self, source: Tensor, there: Tensor | None, pkd: Tensor) -> Tensor:
        """(B, S, D) of an antigen; `there` is (B, S) bool, None where nothing is padding."""
        x = self.embed(self.source_embedding, source)
        if self.affinity is not None:
            x = x + _projected(self.affinity, pkd)
        x, mask = self.dropout(x), _mask(there)
        for layer in self.encoder.layers:
            x = layer(x, mask)
        return self.encoder.norm(x)

    def forward(self, source: Tensor, there: Tensor | None, pkd: Tensor, target: Tensor) -> Tensor:
        memory = self.encode(source, there, pkd)
        x = self.embed_target(target, self.decoder_condition(pkd))
        x, mask = self.dropout(x), _mask(there)
        for layer in self.decoder.layers:
            x = layer(x, memory, mask)
        return self.output(self.decoder.norm(x))

    def decoder_condition(self, pkd: Tensor) -> Tensor | None:
        """(B, 1, D) that is added to every target token; None where nothing is."""
        return None if self.decoder_affinity is None else _projected(self.decoder_affinity, pkd)

    def embed_target(self, tokens: Tensor, condition: Tensor | None, start: int = 0) -> Tensor:
        """(B, T, D) of tokens from place `start` on."""
        x = self.embed(self.target_embedding, tokens, start)
        return x if condition is None else x + condition

    def embed(self, embedding: nn.Embedding, tokens: Tensor, start: int = 0) -> Tensor:
        """(B, T, D): scaled embeddings and sinusoidal positions from `start` on."""
        x = embedding(tokens) * math.sqrt(self.size.width)
        return x + positions(start, tokens.shape[1], self.size.width).to(x)


def positions(start: int, num: int, width: int) -> Tensor:
    """(num, width) sines and cosines of the positions from `start` on (Vaswani et al. 2017)."""
    at = torch.arange(start, start + num, dtype=torch.float32)[:, None]
    rate = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000.0) / width))
    table = torch.empty(num, width)
    table[:, 0::2] = torch.sin(at * rate)
    table[:, 1::2] = torch.cos(at * rate[: width // 2])
    return table


def count_parameters(size: Size) -> int:
    """Parameters of a network of this size, by the formula of its parts."""
    d, f, v = size.width, size.ffn, size.vocabulary
    attention, feed = 4 * d * d + 4 * d, 2 * d * f + f + d
    layers = size.encoder_layers * (attention + feed + 4 * d)
    layers += size.decoder_layers * (2 * attention + feed + 6 * d)
    affinity = (size.affinity + size.decoder_affinity) * (2 * d + d * d + d)
    return layers + 4 * d + 2 * v * d + (d * v + v) + affinity


def _projection(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(1, width), nn.GELU(), nn.Linear(width, width))


def _projected(projection: nn.Sequential, pkd: Tensor) -> Tensor:
    """(B, 1, D) of (B,) pKd, zeros where it is NaN."""
    known = ~pkd.isnan()
    found = projection(pkd.nan_to_num()[:, None].to(next(projection.parameters()).dtype))
    return (found * known[:, None])[:, None]


def _mask(there: Tensor | None) -> Tensor | None:
    return None if there is None else there[:, None, None]
