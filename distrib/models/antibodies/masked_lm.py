"""A masked language model of amino acids: RoBERTa (Liu et al. 2019) as `transformers` has it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import RobertaConfig, RobertaForMaskedLM

from distrib.data.antibodies.alphabet import CLS, PAD, SEP, VOCABULARY
from distrib.models.antibodies.size import Size

_BEFORE = PAD + 1
"""Positions before the first token's: RoBERTa counts on from the padding token's number."""


def roberta_config(size: Size) -> RobertaConfig:
    """The configuration, its special tokens those of `alphabet.VOCABULARY`."""
    return RobertaConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=size.hidden_size,
        num_hidden_layers=size.num_layers,
        num_attention_heads=size.num_heads,
        intermediate_size=size.intermediate_size,
        hidden_dropout_prob=size.dropout,
        attention_probs_dropout_prob=size.attention_dropout,
        max_position_embeddings=size.context + 2,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        pad_token_id=PAD,
        bos_token_id=CLS,
        eos_token_id=SEP,
        attn_implementation="sdpa" if size.fused else "eager",
    )


def count_parameters(size: Size) -> int:
    """Of the network; the embeddings of tokens are the output's weights as well."""
    v, h, f = len(VOCABULARY), size.hidden_size, size.intermediate_size
    embeddings = v * h + (size.context + 2) * h + h + 2 * h
    layer = 4 * (h * h + h) + 2 * h * f + f + h + 4 * h
    head = h * h + h + 2 * h + v
    return embeddings + size.num_layers * layer + head


class MaskedLm(nn.Module):
    """Logits of the residues that were masked.

    Args:
        size: of the network, whose weights are drawn from torch's global numbers.
    """

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.lm = RobertaForMaskedLM(roberta_config(size))

    def forward(self, tokens: Tensor, there: Tensor | None, where: Tensor) -> Tensor:
        """Logits of some places alone: of the others the head is not computed.

        Args:
            tokens: (rows, places) int64. there: (rows, places) bool, which are no padding; None:
                all. where: (n,) int64 places of the flattened tokens.

        Returns:
            (n, vocabulary).
        """
        hidden = self.hidden(tokens, there)
        logits: Tensor = self.lm.lm_head(hidden.reshape(-1, hidden.shape[-1])[where])
        return logits

    def hidden(self, tokens: Tensor, there: Tensor | None) -> Tensor:
        """(rows, places, hidden) embeddings of the last layer."""
        return hidden_states(self.lm.roberta, tokens, there)


def hidden_states(roberta: Any, tokens: Tensor, there: Tensor | None) -> Tensor:
    """(rows, places, hidden) of the last layer of a `RobertaModel`; see `MaskedLm.forward`."""
    positions = torch.arange(tokens.shape[1], device=tokens.device) + _BEFORE
    output = roberta(
        input_ids=tokens,
        attention_mask=None if there is None else there.long(),
        position_ids=positions.expand_as(tokens),
    )
    found: Tensor = output.last_hidden_state
    return found


def masked_loss(logits: Tensor, targets: Tensor, focal_gamma: float = 0.0) -> Tensor:
    """(n,) cross-entropy in nats, each weighed by (1 - p)^gamma of its true residue's probability.

    The focal loss of Lin et al. (2017): what is known already counts less. gamma = 0: as it is.

    Args:
        logits: (n, vocabulary). targets: (n,) int64.
    """
    nats = functional.cross_entropy(logits.float(), targets, reduction="none")
    if not focal_gamma:
        return nats
    return nats * (-torch.expm1(-nats)).clamp(min=0) ** focal_gamma


def pooled(hidden: Tensor, residues: Tensor) -> Tensor:
    """(rows, hidden) the mean over the places that are residues, of (rows, places, hidden)."""
    weight = residues[..., None].to(hidden.dtype)
    mean: Tensor = (hidden * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1)
    return mean
