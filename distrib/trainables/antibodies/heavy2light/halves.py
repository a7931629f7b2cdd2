"""The halves of a pair that come from finished models: their shapes, and their weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distrib.errors import InputError
from distrib.safe_yaml import read_yaml_file
from distrib.trainables.antibodies.heavy2light.config import Heavy2LightConfig

if TYPE_CHECKING:
    from distrib.models.antibodies.heavy2light import Heavy2Light, PairSize

WEIGHTS = "model.safetensors"
_FAMILY = {"encoder": "mlm", "decoder": "clm"}
_KIND = {"encoder": "roberta", "decoder": "gpt2"}
_BELOW = {"encoder": "roberta.", "decoder": ""}
_SHAPE = {
    "encoder": {
        "hidden_size": "hidden_size",
        "num_layers": "num_hidden_layers",
        "num_heads": "num_attention_heads",
        "intermediate_size": "intermediate_size",
        "context": "max_position_embeddings",
    },
    "decoder": {
        "hidden_size": "n_embd",
        "num_layers": "n_layer",
        "num_heads": "n_head",
        "intermediate_size": "n_inner",
        "context": "n_positions",
    },
}
"""Names of a shape's numbers in `config.json` of `transformers`."""


def shapes_of(config: Heavy2LightConfig) -> dict[str, dict[str, Any]]:
    """Plain values of both halves: the numbers of their shapes, and a hash of given weights.

    Raises:
        InputError: a folder that is no model of the right family, or of another vocabulary.
    """
    return {
        "encoder": _fresh(config, "encoder") if config.encoder is None
        else read_half(Path(config.encoder), "encoder"),
        "decoder": _fresh(config, "decoder") if config.decoder is None
        else read_half(Path(config.decoder), "decoder"),
    }  # fmt: skip


def _fresh(config: Heavy2LightConfig, half: str) -> dict[str, Any]:
    width = getattr(config, f"{half}_hidden_size")
    return {
        "hidden_size": width,
        "num_layers": getattr(config, f"{half}_layers"),
        "num_heads": getattr(config, f"{half}_heads"),
        "intermediate_size": config.ffn_ratio * width,
        "context": getattr(config, f"{half}_context"),
    }


def read_half(folder: Path, half: str) -> dict[str, Any]:
    """The shape of a finished model, and `weights`, a hash of them.

    Raises:
        InputError: no such folder, a model of another family, or of a vocabulary that does not fit.
    """
    from distrib.models.antibodies.export import check_export

    file = folder / "config.json"
    expected = f"a best/ folder of the family {_FAMILY[half]}"
    if not folder.is_dir():
        raise InputError("no such folder", file=folder, where=half, expected=expected)
    if (own := folder / "config.yaml").is_file():
        family = read_yaml_file(own).get("trainable")
        if family != _FAMILY[half]:
            raise InputError("a model of another family", file=folder, where=half,
                             found=family, expected=expected)  # fmt: skip
    for name in (file.name, "tokenizer.json", WEIGHTS):
        if not (folder / name).is_file():
            raise InputError("no model of transformers in this folder", file=folder, where=half,
                             found=f"no {name}", expected=expected)  # fmt: skip
    content = json.loads(file.read_text(encoding="utf-8"))
    if content.get("model_type") != _KIND[half]:
        raise InputError("a model of another family", file=file, where=half,
                         found=content.get("model_type"), expected=expected)  # fmt: skip
    check_export(folder)
    shape = {name: content.get(key) for name, key in _SHAPE[half].items()}
    if half == "encoder":
        shape["context"] -= 2  # RoBERTa's two unused positions
    elif shape["intermediate_size"] is None:
        shape["intermediate_size"] = 4 * shape["hidden_size"]
    with (folder / WEIGHTS).open("rb") as opened:
        shape["weights"] = hashlib.file_digest(opened, "sha256").hexdigest()
    return shape


def size_of(config: Heavy2LightConfig, shapes: Mapping[str, Mapping[str, Any]]) -> PairSize:
    """The shape of the network."""
    from distrib.models.antibodies.causal_lm import CausalSize
    from distrib.models.antibodies.heavy2light import PairSize
    from distrib.models.antibodies.size import Size

    halves: list[dict[str, Any]] = []
    for half in ("encoder", "decoder"):
        numbers: dict[str, Any] = {name: int(shapes[half][name]) for name in _SHAPE[half]}
        numbers |= {"dropout": config.dropout, "attention_dropout": config.attention_dropout}
        halves.append(numbers)
    encoder = Size(**halves[0], fused=config.fused_attention)
    decoder = CausalSize(**halves[1], fused=config.fused_attention, cross_attention=True)
    return PairSize(encoder, decoder, config.frozen, config.adapter_reduction)


def load_halves(model: Heavy2Light, config: Heavy2LightConfig) -> None:
    """Give the halves the weights of their folders.

    Raises:
        InputError: weights of another network.
    """
    from distrib.models.antibodies.heavy2light import is_added
    from distrib.trainables.training.initial_weights import read_weights

    for half in ("encoder", "decoder"):
        place = getattr(config, half)
        if place is None:
            continue
        file = Path(place) / WEIGHTS
        below = _BELOW[half]
        found = {
            name.removeprefix(below): tensor
            for name, tensor in read_weights(file, dict).items()
            if name.startswith(below)
        }
        network: Any = getattr(model, half)
        try:
            missing, unexpected = network.load_state_dict(found, strict=False)
        except RuntimeError as error:  # of another shape
            raise InputError("weights of another network", file=file, where=half,
                             found=str(error).splitlines()[-1].strip()) from None  # fmt: skip
        missing = [n for n in missing if not is_added(n) and n != "lm_head.weight"]  # tied
        if missing or unexpected:
            raise InputError("weights of another network", file=file, where=half,
                             found=f"missing {missing[:3]}, unknown {unexpected[:3]}")  # fmt: skip
