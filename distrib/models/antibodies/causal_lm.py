"""A causal language model of amino acids: GPT-2 (Radford et al. 2019) as `transformers` has it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache, EncoderDecoderCache, GPT2Config, GPT2LMHeadModel

from distrib.data.antibodies.alphabet import CLS, PAD, SEP, VOCABULARY
from distrib.data.antibodies.chain_rows import IGNORED, NUM_CELLS
from distrib.models.antibodies.size import Size


@dataclass(frozen=True)
class CausalSize(Size):
    """The same of a decoder.

    Attributes:
        cross_attention: whether each layer also attends to an encoder's output.
    """

    cross_attention: bool = False


def gpt2_config(size: CausalSize) -> GPT2Config:
    """The configuration: chains begin with [CLS] and end with [SEP] of `alphabet.VOCABULARY`.

    Weights begin with GPT-2's deviation of 0.02 at its width of 768, and wider in narrower ones,
    whose sums have fewer terms: in a few epochs they learn far more (experiments/heavy2light).
    """
    return GPT2Config(
        vocab_size=len(VOCABULARY),
        n_embd=size.hidden_size,
        n_layer=size.num_layers,
        n_head=size.num_heads,
        n_inner=size.intermediate_size,
        n_positions=size.context,
        resid_pdrop=size.dropout,
        embd_pdrop=size.dropout,
        attn_pdrop=size.attention_dropout,
        bos_token_id=CLS,
        eos_token_id=SEP,
        pad_token_id=PAD,
        initializer_range=0.02 * math.sqrt(768 / size.hidden_size),
        decoder_start_token_id=CLS,
        add_cross_attention=size.cross_attention,
        is_decoder=True,
        attn_implementation="sdpa" if size.fused else "eager",
    )


def count_causal(size: CausalSize) -> int:
    """Parameters; the embeddings of tokens are the output's weights as well."""
    v, h, f = len(VOCABULARY), size.hidden_size, size.intermediate_size
    layer = 4 * (h * h + h) + 2 * h * f + f + h + 4 * h
    if size.cross_attention:
        layer += count_cross_attention(h)
    return v * h + size.context * h + size.num_layers * layer + 2 * h


def count_cross_attention(hidden: int) -> int:
    """Parameters of a layer's attention to the encoder, its norm included."""
    return 4 * (hidden * hidden + hidden) + 2 * hidden


class CausalLm(nn.Module):
    """Logits of what follows each token.

    Args:
        size: of the network, whose weights are drawn from torch's global numbers.
    """

    def __init__(self, size: CausalSize) -> None:
        super().__init__()
        self.lm = GPT2LMHeadModel(gpt2_config(size))

    def forward(self, tokens: Tensor) -> Tensor:
        """(rows, places, vocabulary) of (rows, places) int64 tokens.

        What stands behind a chain's end has no influence on what is before: there is no mask.
        """
        logits: Tensor = self.lm(input_ids=tokens, use_cache=False).logits
        return logits


class CachedSteps:
    """`search.Steps` of GPT-2: keys and values of the tokens so far, and of what it attends to.

    Args:
        lm: of `transformers`, with or without attention to an encoder.
        memory: (B, S, hidden) output of the encoder. there: (B, S) bool, which are no padding.
    """

    def __init__(
        self, lm: GPT2LMHeadModel, memory: Tensor | None = None, there: Tensor | None = None
    ) -> None:
        self.lm, self.memory, self.there = lm, memory, there
        own = DynamicCache(config=lm.config)
        self.cache: Any = own
        if memory is not None:
            self.cache = EncoderDecoderCache(own, DynamicCache(config=lm.config))

    def step(self, tokens: Tensor) -> Tensor:
        """(B, vocabulary) logits of what follows the (B,) tokens."""
        output = self.lm(
            input_ids=tokens[:, None],
            cache=self.cache,
            use_cache=True,
            encoder_hidden_states=self.memory,
            encoder_attention_mask=None if self.there is None else self.there.long(),
        )
        self.cache = output.cache
        logits: Tensor = output.logits[:, 0].float()
        return logits

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows, in this order; a row may come several times."""
        self.cache.batch_select_indices(rows)
        self.memory = None if self.memory is None else self.memory[rows]
        self.there = None if self.there is None else self.there[rows]


def next_token_nats(logits: Tensor, targets: Tensor) -> Tensor:
    """(rows, places) cross-entropy in nats, 0 where the target is negative.

    Args:
        logits: (rows, places, vocabulary). targets: (rows, places) int64.
    """
    return torch.nn.functional.cross_entropy(
        logits.float().transpose(1, 2), targets, ignore_index=IGNORED, reduction="none"
    )


def cell_sums(logits: Tensor, targets: Tensor, cells: Tensor) -> dict[str, Tensor]:
    """`nats`, `right` and `count` of the targets of each cell: (cells,) float64.

    Args:
        logits: (rows, places, vocabulary). targets, cells: (rows, places) int64.
    """
    counted = targets != IGNORED
    nats = next_token_nats(logits, targets)[counted].double()
    right = (logits.argmax(dim=-1) == targets)[counted].double()
    by_token = {"nats": nats, "right": right, "count": torch.ones_like(nats)}
    empty = torch.zeros(NUM_CELLS, dtype=torch.float64, device=nats.device)
    return {name: empty.index_add(0, cells[counted], v) for name, v in by_token.items()}
