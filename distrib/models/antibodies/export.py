"""Language models in the form that `transformers` opens by itself, tokeniser and all."""

from __future__ import annotations

import copy
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any, Protocol

from distrib.data.antibodies.alphabet import CLS, MASK, PAD, SEP, SPECIALS, UNK, VOCABULARY
from distrib.errors import InputError
from distrib.files import atomic_path
from distrib.models.antibodies.heavy2light import Heavy2Light


class Wrapped(Protocol):
    """A network around one of `transformers`."""

    @property
    def lm(self) -> Any: ...


IDS = {"pad": PAD, "unk": UNK, "cls": CLS, "sep": SEP, "mask": MASK}


def make_tokenizer(context: int) -> Any:
    """One token a letter, [CLS] before and [SEP] behind; letters outside the twenty are [UNK]."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    known = {token: number for number, token in enumerate(VOCABULARY)}
    inner = Tokenizer(models.WordLevel(known, unk_token=SPECIALS[UNK]))
    inner.pre_tokenizer = pre_tokenizers.Split(Regex(r"\S"), "isolated")
    inner.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", CLS), ("[SEP]", SEP)],
    )
    names = {f"{name}_token": SPECIALS[number] for name, number in IDS.items()}
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        model_max_length=context,
        bos_token=SPECIALS[CLS],
        eos_token=SPECIALS[SEP],
        model_input_names=["input_ids", "attention_mask"],
        **names,
    )


def write_export(model: Wrapped, context: int, folder: Path) -> list[Path]:
    """Write `config.json`, `model.safetensors` and the tokeniser's files; each appears whole."""
    with tempfile.TemporaryDirectory(prefix="distrib-export-") as name:
        scratch = Path(name)
        model.lm.save_pretrained(scratch)
        make_tokenizer(context).save_pretrained(scratch)
        check_export(scratch)
        return _copied(scratch, folder)


def write_pair_export(model: Heavy2Light, context: int, folder: Path) -> list[Path]:
    """The same of a pair of halves without adapters, as an `EncoderDecoderModel`.

    A pooler of zeros, which the decoder does not see, stands in the encoder: `transformers` looks
    for one there.
    """
    from transformers import EncoderDecoderModel, RobertaModel

    encoder = RobertaModel(copy.deepcopy(model.encoder.config))
    encoder.load_state_dict(model.encoder.state_dict(), strict=False)
    for parameter in encoder.pooler.parameters():
        parameter.data.zero_()
    pair = EncoderDecoderModel(encoder=encoder, decoder=copy.deepcopy(model.decoder))
    if model.project is not None:
        pair.enc_to_dec_proj.load_state_dict(model.project.state_dict())
    for key, token in (("pad_token_id", PAD), ("bos_token_id", CLS), ("eos_token_id", SEP),
                       ("decoder_start_token_id", CLS)):  # fmt: skip
        setattr(pair.config, key, token)
        setattr(pair.generation_config, key, token)
    pair.generation_config.max_length = model.decoder.config.n_positions
    with tempfile.TemporaryDirectory(prefix="distrib-export-") as name:
        scratch = Path(name)
        pair.save_pretrained(scratch)
        make_tokenizer(context).save_pretrained(scratch)
        return _copied(scratch, folder)


def _copied(scratch: Path, folder: Path) -> list[Path]:
    written = []
    for file in sorted(scratch.iterdir()):
        # Copied, so that it has the rights of the other files; transformers keeps its own.
        with atomic_path(folder / file.name) as temporary:
            shutil.copyfile(file, temporary)
        written.append(folder / file.name)
    return written


def check_export(folder: Path) -> None:
    """Raise where a folder's tokeniser and model disagree on their special tokens or letters.

    Raises:
        InputError: naming the token and both numbers.
    """
    config = json.loads((folder / "config.json").read_text())
    inner = json.loads((folder / "tokenizer.json").read_text())
    known = dict(inner["model"].get("vocab", {}))
    known |= {token["content"]: token["id"] for token in inner.get("added_tokens", [])}
    ids = {"pad_token_id": SPECIALS[PAD], "bos_token_id": SPECIALS[CLS],
           "eos_token_id": SPECIALS[SEP]}  # fmt: skip
    for key, token in ids.items():
        if config.get(key) != known.get(token):
            raise InputError(
                "tokeniser and model disagree",
                file=folder,
                where=f"config.json, {key!r}",
                found=f"{config.get(key)}, where the tokeniser has {token} as {known.get(token)}",
                expected="one number for each special token",
            )
    for number, token in enumerate(VOCABULARY):
        if known.get(token) != number or config.get("vocab_size") != len(VOCABULARY):
            raise InputError(
                "a vocabulary of another order or size",
                file=folder,
                where=f"tokenizer.json, {token!r}",
                found=f"{known.get(token)} of {config.get('vocab_size')}",
                expected=f"{number} of {len(VOCABULARY)}",
            )
