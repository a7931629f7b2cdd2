"""Checkpoints of the original scripts: their tensors under this network's names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

WRAPPED = "model_state_dict"
"""Where a checkpoint has its weights; a bare `state_dict` is taken too."""
RENAMED = {
    "src_embedding.": "source_embedding.",
    "tgt_embedding.": "target_embedding.",
    "affinity_projection.": "affinity.",
    "transformer.": "",
    "fc_out.": "output.",
}
COMPUTED = ("src_pos_encoder.pe", "tgt_pos_encoder.pe")
"""Tables of sines and cosines, which are no weights."""


def own_names(foreign: Mapping[str, Any]) -> Mapping[str, Any]:
    """The weights of a checkpoint as the network calls them; other names stay as they are."""
    weights = foreign.get(WRAPPED, foreign)
    return {_renamed(name): tensor for name, tensor in weights.items() if name not in COMPUTED}


def sizes_of(weights: Mapping[str, Any]) -> dict[str, int]:
    """Vocabulary, width and numbers of layers that these weights have, by the network's names."""
    table = _shape(weights.get("source_embedding.weight"))
    if len(table) != 2:
        return {}
    found = {"vocabulary": table[0], "width": table[1]}
    for half in ("encoder", "decoder"):
        parts = [name.split(".") for name in weights if name.startswith(f"{half}.layers.")]
        found[f"{half}_layers"] = len({part[2] for part in parts})
    ffn = _shape(weights.get("decoder.layers.0.linear1.weight"))
    return {**found, "feed-forward width": ffn[0]} if len(ffn) == 2 else found


def _shape(tensor: Any) -> tuple[int, ...]:
    return tuple(getattr(tensor, "shape", ()))


def _renamed(name: str) -> str:
    for there, here in RENAMED.items():
        if name.startswith(there):
            return here + name.removeprefix(there)
    return name
