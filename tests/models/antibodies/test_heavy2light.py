"""The causal decoder and the pair of halves: sizes, adapters, caches, searches."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("transformers")

from distrib.data.antibodies.alphabet import CLS, FIRST_LETTER, MASK, PAD, SEP, VOCABULARY
from distrib.models.antibodies.adapters import Adapter
from distrib.models.antibodies.causal_lm import (
    CachedSteps,
    CausalLm,
    CausalSize,
    count_causal,
    gpt2_config,
)
from distrib.models.antibodies.export import write_pair_export
from distrib.models.antibodies.heavy2light import Heavy2Light, PairSize, count_trained
from distrib.models.antibodies.search import Sampling, beam_search, sample
from distrib.models.antibodies.size import Size

SPECIAL = (PAD, CLS, SEP)
SMALL = CausalSize(16, 2, 2, 32, dropout=0.0, context=40)
PAIR = PairSize(
    Size(24, 1, 2, 48, dropout=0.0, context=40),
    CausalSize(16, 2, 2, 32, dropout=0.0, context=40, cross_attention=True),
)
FROZEN = PairSize(PAIR.encoder, PAIR.decoder, (True, True), 8)


def causal(seed: int = 0) -> CausalLm:
    torch.manual_seed(seed)
    return CausalLm(SMALL).eval()


def pair(size: PairSize = PAIR, seed: int = 0) -> Heavy2Light:
    torch.manual_seed(seed)
    return Heavy2Light(size).eval()


def heavy_batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Three heavy chains of different lengths, and which tokens are there."""
    heavy = torch.randint(FIRST_LETTER, len(VOCABULARY), (3, 12),
                          generator=torch.Generator().manual_seed(1))  # fmt: skip
    there = torch.arange(12) < torch.tensor([[12], [7], [9]])
    return torch.where(there, heavy, PAD), there


def likelihood(logits: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """Sums of (T, V) log-probabilities of (T,) tokens in float64."""
    return logits.double().log_softmax(-1).gather(1, tokens[:, None]).sum()


def test_published_sizes_have_the_published_numbers_of_parameters() -> None:
    """12 layers of 768 are 85.86 million; what is trained of the pair, and all of it."""
    large = CausalSize(768, 12, 12, 3072, context=1024)
    # The published vocabulary has 23 tokens, this one 25.
    assert count_causal(large) == 85_860_096 + 2 * 768
    crossed = CausalSize(768, 12, 12, 3072, context=1024, cross_attention=True)
    size = PairSize(Size(512, 4, 4, 2048), crossed, (True, True))
    assert count_trained(size) == {
        "adapters": 2_055_552, "cross-attention": 28_366_848, "projection": 393_984}  # fmt: skip
    with torch.device("meta"):
        model = Heavy2Light(size)
        assert sum(p.numel() for p in CausalLm(large).parameters()) == count_causal(large)
    counts = {"adapter.": 0, "cross": 0, "project.": 0, "": 0}
    for name, parameter in model.named_parameters():
        key = next(key for key in counts if key in name)
        counts[key] += parameter.numel()
        assert parameter.requires_grad == (key != ""), name
    assert [*counts.values()][:3] == [2_055_552, 28_366_848, 393_984]
    assert sum(counts.values()) == 129_563_520 + 2 * 768  # 129.6 million


def test_an_adapter_is_its_formula_and_begins_as_nothing() -> None:
    """h + U relu(D h + d) + u in float64; a network with new ones computes what it did without."""
    adapter = Adapter(12, 4).double()
    h = torch.randn(5, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.equal(adapter(h), h)
    for parameter in adapter.parameters():
        torch.nn.init.normal_(parameter)
    d, u = adapter.down, adapter.up
    inside = np.maximum(h.numpy() @ d.weight.detach().numpy().T + d.bias.detach().numpy(), 0)
    expected = h.numpy() + inside @ u.weight.detach().numpy().T + u.bias.detach().numpy()
    np.testing.assert_allclose(adapter(h).detach().numpy(), expected, atol=1e-12)
    model, plain = pair(FROZEN), pair()
    own = {k: v for k, v in model.state_dict().items() if "adapter" not in k}
    plain.load_state_dict({k.replace(".dropout.dropout", ".dropout"): v for k, v in own.items()})
    heavy, there = heavy_batch()
    seen = torch.full((3, 5), CLS)
    with torch.inference_mode():
        assert torch.allclose(model(heavy, there, seen), plain(heavy, there, seen), atol=1e-6)
        model.decoder.transformer.h[0].mlp.dropout.adapter.up.bias[0] = 9.0
        assert not torch.allclose(model(heavy, there, seen), plain(heavy, there, seen), atol=1e-2)


def test_special_tokens_are_inside_the_vocabulary() -> None:
    config = gpt2_config(SMALL)
    assert (config.bos_token_id, config.eos_token_id, config.pad_token_id) == (CLS, SEP, PAD)
    assert max(CLS, SEP, PAD) < config.vocab_size == len(VOCABULARY)


def test_cached_decoding_equals_uncached() -> None:
    """Of a pair with heavy chains of different lengths: drawn tokens, and their likelihoods."""
    model = pair()
    heavy, there = heavy_batch()
    how = Sampling(top_p=0.9, max_length=20, forbidden=(PAD, CLS, MASK))
    with torch.inference_mode():
        steps = CachedSteps(model.decoder, model.memory(heavy, there), there)
        tokens, cached = sample(steps, 3, how, special=SPECIAL, device="cpu",
                                generator=torch.Generator().manual_seed(3))  # fmt: skip
        lengths = []
        for row in range(3):
            text = tokens[row][tokens[row] != PAD]
            lengths.append(len(text))
            seen = torch.cat([torch.tensor([CLS]), text[:-1]])[None]
            alone = heavy[row : row + 1, : int(there[row].sum())]
            logits = model(alone, None, seen)[0]
            assert float(likelihood(logits, text)) == pytest.approx(float(cached[row]), abs=1e-4)
    assert len(set(lengths)) > 1  # a row that ended was taken out of the cache
    again, _ = sample(CachedSteps(model.decoder, model.memory(heavy, there), there), 3, how,
                      special=SPECIAL, device="cpu",
                      generator=torch.Generator().manual_seed(3))  # fmt: skip
    assert torch.equal(again, tokens)


def test_greedy_rows_are_those_of_transformers() -> None:
    model = causal()
    how = Sampling(temperature=0, max_length=15, min_length=4)
    tokens, _ = sample(CachedSteps(model.lm), 1, how, special=SPECIAL, device="cpu")
    theirs = model.lm.generate(
        torch.tensor([[CLS]]), attention_mask=torch.ones(1, 1), do_sample=False,
        max_new_tokens=15, min_new_tokens=4,
    )  # fmt: skip
    assert theirs[0, 1:].tolist() == tokens[0].tolist()


@pytest.mark.parametrize("least", [0, 6])
def test_lengths_and_forbidden_tokens_are_kept(least: int) -> None:
    """In every row: no END before the least length, none after the most, no such token."""
    model = causal()
    forbidden = (PAD, CLS, MASK, FIRST_LETTER, FIRST_LETTER + 1)
    how = Sampling(max_length=10, min_length=least, forbidden=forbidden)
    tokens, _ = sample(CachedSteps(model.lm), 200, how, special=SPECIAL, device="cpu",
                       generator=torch.Generator().manual_seed(0))  # fmt: skip
    assert tokens.shape[1] <= 10
    first = torch.where(tokens == SEP, torch.arange(tokens.shape[1]), 99).min(dim=1).values
    assert int(first.min()) == least
    drawn = tokens[tokens != PAD]
    assert not set(drawn.tolist()) & {*forbidden}
    free, _ = sample(CachedSteps(model.lm), 200, Sampling(max_length=10), special=SPECIAL,
                     device="cpu", generator=torch.Generator().manual_seed(0))  # fmt: skip
    assert set(free.flatten().tolist()) & {*forbidden} - {PAD}


def exhaustive_best(model: CausalLm, letters: list[int], length: int) -> tuple[list[int], float]:
    """The likeliest row of exactly so many letters, by trying all."""
    rows = torch.cartesian_prod(*[torch.tensor(letters)] * length)
    seen = torch.cat([torch.full((len(rows), 1), CLS), rows[:, :-1]], dim=1)
    with torch.inference_mode():
        logp = model(seen).double().log_softmax(-1)
    found = logp.gather(2, rows[..., None]).sum((1, 2))
    best = int(found.argmax())
    return rows[best].tolist(), float(found[best])


def test_a_wide_beam_finds_the_likeliest_row() -> None:
    """Of four letters and three places all rows are tried; beams of one group are in order."""
    model = causal(2)
    letters = [5, 6, 7, 8]
    others = tuple(t for t in range(len(VOCABULARY)) if t not in letters)
    how = Sampling(beam=16, max_length=3, forbidden=others)
    found = beam_search(CachedSteps(model.lm), how, special=SPECIAL, device="cpu")
    best, value = exhaustive_best(model, letters, 3)
    assert found[0].tokens.tolist() == best
    assert found[0].likelihood == pytest.approx(value, abs=1e-5)
    scores = [item.score for item in found]
    assert scores == sorted(scores, reverse=True)
    assert len({tuple(item.tokens.tolist()) for item in found}) == len(found)


def test_groups_of_beams_avoid_each_other() -> None:
    """Without a penalty every group finds the same; with one, none begins as another does."""
    model = causal(1)

    def firsts(diversity: float) -> list[int]:
        how = Sampling(beam=4, groups=4, diversity=diversity, max_length=6)
        found = beam_search(CachedSteps(model.lm), how, special=SPECIAL, device="cpu")
        for item in found:
            seen = torch.cat([torch.tensor([CLS]), item.tokens[:-1]])[None]
            with torch.inference_mode():
                own = float(likelihood(model(seen)[0], item.tokens))
            assert item.likelihood == pytest.approx(own, abs=1e-4)  # penalties are no part of it
        return [int(item.tokens[0]) for item in found]

    assert len(set(firsts(0.0))) == 1
    assert len(set(firsts(1e6))) == 4


def test_a_pair_without_adapters_opens_as_an_encoder_decoder(tmp_path: Path) -> None:
    """Equal logits, no key missing, the tokeniser's numbers."""
    from transformers import AutoTokenizer, EncoderDecoderModel

    model = pair()
    write_pair_export(model, 40, tmp_path)
    theirs, info = EncoderDecoderModel.from_pretrained(tmp_path, output_loading_info=True)
    assert theirs.generation_config.max_length == model.decoder.config.n_positions
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    batch = AutoTokenizer.from_pretrained(tmp_path)(["EVQLV", "QVQ"], padding=True,
                                                    return_tensors="pt")  # fmt: skip
    seen = torch.tensor([[CLS, 7, 9, 11]] * 2)
    with torch.inference_mode():
        found = theirs.eval()(**batch, decoder_input_ids=seen).logits
        own = model(batch["input_ids"], batch["attention_mask"].bool(), seen)
    assert torch.allclose(found, own, atol=1e-5)
    assert math.isfinite(float(found.sum()))
