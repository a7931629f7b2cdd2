"""From a heavy chain to a light one: a RoBERTa encoder, a GPT-2 decoder that attends to it."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from transformers import GPT2LMHeadModel, RobertaModel

from distrib.models.antibodies.adapters import adapt_gpt2, adapt_roberta, count_adapters
from distrib.models.antibodies.causal_lm import CausalSize, count_cross_attention, gpt2_config
from distrib.models.antibodies.masked_lm import hidden_states, roberta_config
from distrib.models.antibodies.size import Size


@dataclass(frozen=True)
class PairSize:
    """The shape of a network, and what of it is trained.

    Attributes:
        encoder, decoder: of the halves; the decoder has cross-attention.
        frozen: whether the encoder's, and the decoder's, own weights stay as they are; a half whose
            do has adapters.
        reduction: how many times narrower than the width the adapters are.
    """

    encoder: Size
    decoder: CausalSize
    frozen: tuple[bool, bool] = (False, False)
    reduction: int = 16


class Heavy2Light(nn.Module):
    """Logits of a light chain's tokens, of a heavy chain and of the tokens before.

    Args:
        size: of the network, whose weights are drawn from torch's global numbers.
    """

    def __init__(self, size: PairSize) -> None:
        super().__init__()
        self.encoder = RobertaModel(roberta_config(size.encoder), add_pooling_layer=False)
        self.decoder = GPT2LMHeadModel(gpt2_config(size.decoder))
        widths = size.encoder.hidden_size, size.decoder.hidden_size
        self.project = nn.Linear(*widths) if widths[0] != widths[1] else None
        if size.frozen[0]:
            adapt_roberta(self.encoder.encoder.layer, widths[0], size.reduction)
        if size.frozen[1]:
            adapt_gpt2(self.decoder.transformer.h, widths[1], size.reduction)
        for half, frozen in zip((self.encoder, self.decoder), size.frozen):
            for name, parameter in half.named_parameters():
                parameter.requires_grad = not frozen or is_added(name)

    def memory(self, heavy: Tensor, there: Tensor | None) -> Tensor:
        """(B, S, decoder's width) of (B, S) tokens; `there` (B, S) bool, which are no padding."""
        hidden = hidden_states(self.encoder, heavy, there)
        found: Tensor = hidden if self.project is None else self.project(hidden)
        return found

    def forward(self, heavy: Tensor, there: Tensor | None, seen: Tensor) -> Tensor:
        """(B, T, vocabulary) of (B, S) heavy chains and (B, T) what was seen of the light ones."""
        logits: Tensor = self.decoder(
            input_ids=seen,
            encoder_hidden_states=self.memory(heavy, there),
            encoder_attention_mask=None if there is None else there.long(),
            use_cache=False,
        ).logits
        return logits


def is_added(name: str) -> bool:
    """Whether a half has a parameter only as a part of the pair: adapters and cross-attention."""
    return any(part in name for part in ("adapter.", "crossattention.", "ln_cross_attn."))


def count_trained(size: PairSize) -> dict[str, int]:
    """Parameters of a network with both halves frozen, by what they are."""
    e, d = size.encoder, size.decoder
    same = e.hidden_size == d.hidden_size
    return {
        "adapters": count_adapters(e.hidden_size, e.num_layers, size.reduction)
        + count_adapters(d.hidden_size, d.num_layers, size.reduction),
        "cross-attention": d.num_layers * count_cross_attention(d.hidden_size),
        "projection": 0 if same else e.hidden_size * d.hidden_size + d.hidden_size,
    }
