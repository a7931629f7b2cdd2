"""How attention is computed, as users of every transformer on chains write it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

AttentionDropout = Annotated[
    float,
    Field(
        ge=0,
        lt=1,
        description="dropout probability of attention weights; above 0, no fused kernel on a CPU",
    ),
]
FusedAttention = Annotated[
    bool, Field(description="fused attention kernel (scaled_dot_product_attention)")
]
