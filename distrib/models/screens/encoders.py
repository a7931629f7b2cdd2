"""Encoders of nucleotide sequences from `transformers`: loaded, or made small for a trial run.

An encoder is named by a folder or by its name on a hub. The empty name is the small one of this
house: random weights that depend on a seed alone, and a tokeniser of k-mers.
"""

from __future__ import annotations

import hashlib
import inspect
import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from distrib.errors import InputError
from distrib.models.screens.tokens import read_tokens

if TYPE_CHECKING:
    from torch import Tensor, nn

SMALL = ""
"""The name of the encoder that this house makes."""

K = 3
"""Letters of a k-mer of its tokeniser."""

_TOKENIZERS = ("tokenizer*", "vocab*", "*.model", "*token*.py")
"""Files of which a folder with a tokeniser has one."""

_SPECIAL = ("<pad>", "<cls>", "<unk>", "<mask>")
_UNBOUNDED = 1_000_000_000  # tokenisers that know no limit name one beyond this


@dataclass(frozen=True)
class Encoder:
    """A tokeniser and the network that it is for.

    Attributes:
        name: a folder, a name on a hub, or `SMALL`.
        context: the most tokens of a sequence, those that the tokeniser adds included.
        width: numbers of a token's embedding.
    """

    name: str
    tokenizer: Any
    network: nn.Module
    context: int
    width: int

    def tokens(
        self,
        sequences: np.ndarray,
        ids: Sequence[str],
        file: object = None,
        notes: list[str] | None = None,
    ) -> list[np.ndarray]:
        """(rows,) bytes -> the numbers of each row's tokens.

        Args:
            file: where the sequences come from, for the error. notes: as `read_tokens` fills them.

        Raises:
            InputError: as `read_tokens`; naming the first row that is longer than the context.
        """
        found = read_tokens(self.tokenizer, sequences, ids, name=self.name, file=file, notes=notes)
        for name, sequence, numbers in zip(ids, sequences.tolist(), found):
            if len(numbers) > self.context:
                raise InputError(
                    "a sequence longer than the model's context",
                    file=file,
                    where=f"row {name}",
                    found=f"{len(sequence)} letters, {len(numbers)} tokens",
                    expected=f"at most {self.context} tokens",
                    hint="cut the sequences, or take a model with a longer context",
                )
        return found

    def pad(self, rows: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """(n, longest) token numbers, filled up at the right, and which of them are tokens."""
        longest = max(map(len, rows))
        fill = self.tokenizer.pad_token_id or 0
        numbers = np.full((len(rows), longest), fill, dtype=np.int64)
        there = np.zeros((len(rows), longest), dtype=bool)
        for row, tokens in enumerate(rows):
            numbers[row, : len(tokens)] = tokens
            there[row, : len(tokens)] = True
        return numbers, there

    def hidden(self, numbers: Tensor, there: Tensor) -> Tensor:
        """(n, tokens) numbers, and which of them are tokens -> (n, tokens, width) embeddings."""
        return hidden_states(self.network, numbers, there)

    def not_finite(self) -> list[str]:
        """The weights, and the tables beside them, that hold NaN or infinity."""
        return _not_finite(self.network)

    def fingerprint(self) -> str:
        """SHA-256 of the network's weights, as hexadecimal digits."""
        import torch

        digest = hashlib.sha256()
        for name, tensor in sorted(self.network.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().data)
        return digest.hexdigest()


def hidden_states(network: nn.Module, numbers: Tensor, there: Tensor) -> Tensor:
    """The last hidden states of a network; one that takes no mask (such as Hyena) gets none."""
    taken = inspect.signature(network.forward).parameters
    masked = "attention_mask" in taken or any(p.kind is p.VAR_KEYWORD for p in taken.values())
    more = {"attention_mask": there.long()} if masked else {}
    output = network(input_ids=numbers, **more)
    return output.last_hidden_state if hasattr(output, "last_hidden_state") else output[0]


def pool(hidden: Tensor, there: Tensor, how: str) -> Tensor:
    """(n, tokens, width) of which `there` are tokens -> (n, width): their mean, or the first."""
    if how == "cls":
        return hidden[:, 0]
    weight = there[..., None].to(hidden.dtype)
    return (hidden * weight).sum(dim=1) / weight.sum(dim=1)


def load_encoder(
    name: str, *, revision: str | None = None, trust_remote_code: bool = False
) -> Encoder:
    """The encoder of a folder, or of a hub; without a name, the small one.

    Args:
        revision: of a hub's repository. trust_remote_code: whether code that comes with the model
            may be run; then its revision must be pinned.

    Raises:
        InputError: there is none, it has no tokeniser, or it wants to run code of its own.
    """
    _quiet()
    if name == SMALL:
        return small_encoder()
    pinned = revision is not None and re.fullmatch(r"[0-9a-f]{40}", revision)
    if trust_remote_code and not pinned and not Path(name).is_dir():
        raise InputError(
            "code from a hub is run only at a revision that you have looked at",
            where="--revision",
            found=revision,
            expected="the whole hash of a commit of the model's repository",
        )
    from transformers import AutoModel, AutoTokenizer

    options = {"revision": revision, "trust_remote_code": trust_remote_code}
    place = Path(name)
    if not place.exists() and (name.startswith((".", "~")) or place.is_absolute()):
        raise InputError("no such folder", file=place, expected="an encoder's folder")
    if place.exists() and not (place / "config.json").is_file():
        raise InputError("no model in this folder", file=place, expected="config.json")
    if place.is_dir() and not any(any(place.glob(form)) for form in _TOKENIZERS):
        raise InputError(
            "no tokenizer in this folder", file=place, expected="tokenizer.json, or vocab.txt"
        )
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, **options)
    except Exception as error:  # transformers raises of all kinds
        raise _refusal(name, "tokenizer", error) from None
    try:
        network, report = AutoModel.from_pretrained(name, output_loading_info=True, **options)
    except Exception as error:
        raise _refusal(name, "model", error) from None
    _require_whole(name, network, report["missing_keys"])
    return _checked(name, tokenizer, network)


def _quiet() -> None:
    """No bars and no advice; a hub that cannot be reached is told once, not at every try."""
    from transformers.utils import logging as of_transformers

    of_transformers.set_verbosity_error()
    of_transformers.disable_progress_bar()
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)


def small_encoder(
    *, seed: int = 0, k: int = K, width: int = 64, layers: int = 2, inner: int = 128
) -> Encoder:
    """An encoder in the form of ESM with random weights; the same ones for the same seed."""
    import torch
    from transformers import EsmConfig, EsmModel

    tokenizer = k_mer_tokenizer(k)
    config = EsmConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=max(1, width // 16),
        intermediate_size=inner,
        max_position_embeddings=tokenizer.model_max_length,
        position_embedding_type="rotary",
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        pad_token_id=tokenizer.pad_token_id,
        mask_token_id=tokenizer.mask_token_id,
        token_dropout=False,
        initializer_range=1 / width**0.5,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = EsmModel(config, add_pooling_layer=False)
    return _checked(SMALL, tokenizer, network)


def k_mer_tokenizer(k: int, context: int = 2048) -> Any:
    """Reads a sequence by k letters at a time; what is left over, or has an N, letter by letter."""
    from tokenizers import Regex, Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Split
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    words = [*_SPECIAL, *map("".join, product("ACGT", repeat=k)), *("ACGTN" if k > 1 else "N")]
    vocabulary = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Split(Regex(f"[ACGT]{{{k}}}|[ACGTN]"), "isolated")
    tokenizer.post_processor = TemplateProcessing(
        single="<cls> $A", special_tokens=[("<cls>", vocabulary["<cls>"])]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        cls_token="<cls>",
        unk_token="<unk>",
        mask_token="<mask>",
        model_max_length=context,
    )


def write_encoder(encoder: Encoder, folder: Path) -> None:
    """Write an encoder into a folder, in the form that `load_encoder` takes."""
    _quiet()
    encoder.tokenizer.save_pretrained(folder)
    encoder.network.save_pretrained(folder)  # type: ignore[operator]


def _require_whole(name: str, network: Any, missing: Iterable[str]) -> None:
    """Drop a pooler that the weights do not bring; refuse anything else that would be random.

    Tables that a network computes itself, such as those of rotary positions, need not be brought:
    they are what the network makes of its configuration.
    """
    lacking = sorted(missing)
    if any(key.startswith("pooler.") for key in lacking):
        network.pooler = None
    computed = _computed(network, lacking)
    others = [k for k in lacking if not k.startswith("pooler.") and k not in computed]
    if others:
        raise InputError(
            "a model whose weights are not all there",
            file=name,
            found=f"no weights for {', '.join(others[:5])} ({len(others)} in all)",
            expected="weights for every layer",
        )


def _computed(network: Any, keys: Iterable[str]) -> set[str]:
    """Those of the buffers named that follow from the configuration; they are put in place."""
    import torch

    buffers = dict(network.named_buffers())
    lacking = [key for key in keys if key in buffers]
    if not lacking:
        return set()
    made = []
    for seed in (0, 1):  # what differs is no table, but random
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            fresh = dict(type(network)(network.config).named_buffers())
        made.append({key: fresh[key].clone() for key in lacking if key in fresh})
    computed = {
        key
        for key, value in made[0].items()
        if torch.equal(value, made[1][key]) and bool(torch.isfinite(value).all())
    }
    with torch.no_grad():
        for key in computed:
            buffers[key].copy_(made[0][key])
    return computed


def _not_finite(network: Any) -> list[str]:
    """Names of parameters and buffers that hold NaN or infinity."""
    import torch

    return [
        name
        for part in (network.named_parameters(), network.named_buffers())
        for name, tensor in part
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all())
    ]


def _checked(name: str, tokenizer: Any, network: Any) -> Encoder:
    limits = [
        tokenizer.model_max_length,
        getattr(network.config, "max_position_embeddings", None),
        *_positions(network),
    ]
    known = [int(limit) for limit in limits if limit and 0 < limit < _UNBOUNDED]
    width = getattr(network.config, "hidden_size", None) or getattr(network.config, "d_model", None)
    if width is None:
        raise InputError(
            "a model whose width is not known", file=name, expected="hidden_size in its config.json"
        )
    return Encoder(name, tokenizer, network, min(known, default=_UNBOUNDED), int(width))


def _positions(network: Any) -> list[int]:
    """How many places its tables of positions have: some begin after the padding's number."""
    from torch import nn

    if getattr(network.config, "position_embedding_type", "absolute") != "absolute":
        return []
    tables = [
        module
        for name, module in network.named_modules()
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding)
    ]
    return [t.num_embeddings - (0 if t.padding_idx is None else t.padding_idx + 1) for t in tables]


def _refusal(name: str, what: str, error: Exception) -> InputError:
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    hint, problem, expected = None, f"no {what} can be loaded", f"a {what}"
    if "trust_remote_code" in str(error):
        hint = (
            "if you trust its code: --trust-remote-code (in a search, --set trust_remote_code=true)"
        )
        if not Path(name).is_dir():
            hint += ", and --revision with the hash of the commit that you looked at"
    elif not Path(name).exists():
        problem = "no such folder here, and no such model can be had from a hub"
        expected = "a folder on this machine, or a model of a hub that it reaches"
    return InputError(problem, file=name, found=text[:200], expected=expected, hint=hint)
