"""The generator's network against torch's own, and decoding that keeps keys and values."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from distrib.models.antibodies.decoding import Cache, decode
from distrib.models.antibodies.search import Sampling, draw
from distrib.models.antibodies.seq2seq import Seq2Seq, Size, count_parameters

SMALL = Size(25, 16, 4, 2, 2, 32, dropout=0.0)
SPECIAL = (0, 1, 2)


def network(size: Size = SMALL) -> Seq2Seq:
    torch.manual_seed(0)
    return Seq2Seq(size).eval()


CONDITIONED = Size(25, 16, 4, 2, 2, 32, dropout=0.0, decoder_affinity=True)


def batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Two rows, the second with padding in its source."""
    generator = torch.Generator().manual_seed(1)
    source = torch.randint(5, 25, (2, 9), generator=generator)
    there = torch.ones(2, 9, dtype=torch.bool)
    there[1, 6:] = False
    source[1, 6:] = 0
    target = torch.randint(5, 25, (2, 7), generator=generator)
    return source, there, torch.tensor([0.3, -1.2]), target


@pytest.mark.parametrize(
    ("width", "heads", "layers", "parameters"),
    [(128, 4, 2, 952_601), (256, 8, 3, 5_616_153), (512, 8, 6, 44_442_649)],
)
def test_published_sizes(width: int, heads: int, layers: int, parameters: int) -> None:
    size = Size(25, width, heads, layers, layers, 4 * width)
    with torch.device("meta"):
        assert sum(p.numel() for p in Seq2Seq(size).parameters()) == parameters
    assert count_parameters(size) == parameters


def test_a_conditioned_decoder_has_a_projection_more() -> None:
    assert sum(p.numel() for p in network(CONDITIONED).parameters()) == count_parameters(
        CONDITIONED
    )
    assert count_parameters(CONDITIONED) - count_parameters(SMALL) == 2 * 16 + 16 * 16 + 16


@pytest.mark.parametrize("size", [SMALL, CONDITIONED])
def test_a_missing_pkd_adds_nothing(size: Size) -> None:
    model = network(size)
    source, there, pkd, target = batch()
    none = torch.tensor([torch.nan, pkd[1]])
    found = model(source, there, none, target)
    assert found.isfinite().all()
    torch.testing.assert_close(found[1], model(source, there, pkd, target)[1])
    model.affinity = model.decoder_affinity = None
    torch.testing.assert_close(found[0], model(source, there, pkd, target)[0])


def slow_greedy(model: Seq2Seq, num: int, scale: float) -> torch.Tensor:
    """Tokens by running the whole network anew for each, guided by hand."""
    source, there, pkd, _ = batch()
    seen = torch.full((2, 1), 1)
    with torch.inference_mode():
        for _ in range(num):
            own = model(source, there, pkd, seen)[:, -1]
            blank = model(source, there, torch.full((2,), torch.nan), seen)[:, -1]
            best = (blank + scale * (own - blank)).argmax(-1)
            seen = torch.cat([seen, best[:, None]], dim=1)
    return seen[:, 1:]


@pytest.mark.parametrize("size", [SMALL, CONDITIONED])
@pytest.mark.parametrize("scale", [0.0, 1.0, 4.0])
def test_guidance_against_the_network_run_anew(size: Size, scale: float) -> None:
    model = network(size)
    with torch.no_grad():
        model.output.bias[2] = -1e9  # nothing ends, so that rows stay side by side
    source, there, pkd, _ = batch()
    how = Sampling(temperature=0, max_length=9, guidance=scale)
    tokens, likelihood = decode(model, source, there, pkd, how, special=SPECIAL)
    assert torch.equal(tokens, slow_greedy(model, 9, scale))
    seen = torch.cat([torch.ones(2, 1, dtype=torch.long), tokens[:, :-1]], dim=1)
    with torch.inference_mode():
        logs = model(source, there, pkd, seen).log_softmax(-1)
    expected = logs.gather(2, tokens[..., None])[..., 0].sum(1)
    torch.testing.assert_close(likelihood.float(), expected, rtol=1e-5, atol=1e-4)


def slow_beam(model: Seq2Seq, row: int, beams: int, num: int) -> tuple[list[int], float]:
    """The best row by its own search over texts, the network run anew for each of them."""
    source, there, pkd, _ = batch()
    alive, ended = [([], 0.0)], []
    for place in range(num):
        after = []
        for text, score in alive:
            seen = torch.tensor([[1, *text]])
            with torch.inference_mode():
                logits = model(source[[row]], there[[row]], pkd[[row]], seen)[0, -1]
            logs = logits.double().log_softmax(-1).tolist()
            after += [([*text, k], score + value) for k, value in enumerate(logs)]
        after.sort(key=lambda item: -item[1])
        alive = []
        for text, score in after[: 2 * beams]:
            if text[-1] == 2 or place + 1 == num:
                ended.append((text, score))
            elif len(alive) < beams:
                alive.append((text, score))
        if len(ended) >= beams or not alive:
            break
    return max(ended, key=lambda item: item[1] / len(item[0]))


@pytest.mark.parametrize("size", [SMALL, CONDITIONED])
def test_a_beam_search_against_the_network_run_anew(size: Size) -> None:
    model = network(size)
    source, there, pkd, _ = batch()
    how = Sampling(beam=3, max_length=6)
    tokens, likelihood = decode(model, source, there, pkd, how, special=SPECIAL)
    for row in range(2):
        text, score = slow_beam(model, row, 3, 6)
        assert tokens[row, : len(text)].tolist() == text
        assert set(tokens[row, len(text) :].tolist()) <= {0}
        assert float(likelihood[row]) == pytest.approx(score, abs=1e-4)


def test_the_largest_by_its_formula() -> None:
    assert count_parameters(Size(25, 768, 12, 8, 8, 3072)) == 132_970_009


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
def test_equals_the_transformer_of_torch() -> None:
    model = network().double()
    theirs = nn.Transformer(
        16, 4, 2, 2, 32, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    ).double()
    own = {k: v for k, v in model.state_dict().items() if k.startswith(("encoder.", "decoder."))}
    theirs.load_state_dict(own)
    theirs.eval()
    source, there, pkd, target = batch()
    x = model.embed(model.source_embedding, source)
    assert model.affinity is not None
    x = x + model.affinity(pkd[:, None].double())[:, None]
    y = model.embed(model.target_embedding, target)
    causal = nn.Transformer.generate_square_subsequent_mask(7, dtype=torch.float64)
    found = theirs(
        x, y, tgt_mask=causal, src_key_padding_mask=~there, memory_key_padding_mask=~there,
        tgt_is_causal=True,
    )  # fmt: skip
    expected = model.output(found)
    torch.testing.assert_close(model(source, there, pkd, target), expected)


def test_fused_attention_changes_nothing() -> None:
    source, there, pkd, target = batch()
    plain = network(Size(25, 16, 4, 2, 2, 32, dropout=0.0, fused=False))
    torch.testing.assert_close(
        network()(source, there, pkd, target), plain(source, there, pkd, target)
    )


def test_padding_and_the_other_rows_change_nothing() -> None:
    model = network()
    source, there, pkd, target = batch()
    both = model(source, there, pkd, target)
    alone = model(source[1:, :6], None, pkd[1:], target[1:])
    torch.testing.assert_close(both[1:], alone, rtol=1e-5, atol=1e-5)


def test_the_decoder_sees_nothing_that_comes_later() -> None:
    model = network()
    source, there, pkd, target = batch()
    other = target.clone()
    other[:, 4:] = 7
    before, after = model(source, there, pkd, target), model(source, there, pkd, other)
    torch.testing.assert_close(before[:, :4], after[:, :4])


@pytest.mark.parametrize("size", [SMALL, CONDITIONED])
def test_kept_keys_and_values_change_nothing(size: Size) -> None:
    model = network(size)
    source, there, pkd, target = batch()
    with torch.inference_mode():
        memory = model.encode(source, there, pkd)
        cache = Cache(model, memory, there, 7, model.decoder_condition(pkd))
        steps = torch.stack([cache.step(target[:, k]) for k in range(7)], dim=1)
        torch.testing.assert_close(steps, model(source, there, pkd, target), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("beam", [1, 3])
def test_log_likelihoods_are_those_of_the_model(beam: int) -> None:
    model = network()
    source, there, pkd, _ = batch()
    how = Sampling(temperature=0 if beam > 1 else 1.0, beam=beam, max_length=12)
    tokens, found = decode(
        model, source, there, pkd, how, special=SPECIAL,
        generator=torch.Generator().manual_seed(3),
    )  # fmt: skip
    seen = torch.cat([torch.ones(2, 1, dtype=torch.long), tokens[:, :-1]], dim=1)
    with torch.no_grad():
        output = model(source, there, pkd, seen.clone())
    logs = output.log_softmax(-1).gather(2, tokens.clone()[..., None])[..., 0]
    ended = (tokens == 2).cumsum(1) - (tokens == 2).long()
    expected = (logs * (ended == 0)).sum(1)
    torch.testing.assert_close(found.float(), expected, rtol=1e-4, atol=1e-4)


def test_nothing_follows_the_end() -> None:
    model = network()
    with torch.no_grad():
        model.output.bias[2] = 2.0  # END is likely
    source, there, pkd, _ = batch()
    source, there, pkd = source.repeat(20, 1), there.repeat(20, 1), pkd.repeat(20)
    tokens, _ = decode(
        model, source, there, pkd, Sampling(max_length=30), special=SPECIAL,
        generator=torch.Generator().manual_seed(0),
    )  # fmt: skip
    for row in tokens.tolist():
        if 2 in row:
            assert set(row[row.index(2) + 1 :]) <= {0}


def test_a_beam_is_at_least_as_likely_as_the_greedy_row_where_nothing_ends() -> None:
    model = network()
    with torch.no_grad():
        model.output.bias[2] = -30.0
    source, there, pkd, _ = batch()
    greedy = decode(model, source, there, pkd, Sampling(0.0, max_length=6), special=SPECIAL)[1]
    beam = decode(model, source, there, pkd, Sampling(beam=6, max_length=6), special=SPECIAL)[1]
    assert (beam >= greedy - 1e-6).all()


def test_the_same_seed_draws_the_same() -> None:
    model = network()
    source, there, pkd, _ = batch()

    def drawn(seed: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        how = Sampling(max_length=15)
        return decode(model, source, there, pkd, how, special=SPECIAL, generator=generator)[0]

    assert torch.equal(drawn(1), drawn(1))
    assert not torch.equal(drawn(1), drawn(2))


@pytest.mark.parametrize(
    ("how", "allowed"),
    [
        (Sampling(top_k=2), {0, 1}),
        (Sampling(top_p=0.5), {0}),  # the likeliest has 0.6
        (Sampling(top_p=0.8), {0, 1}),
        (Sampling(temperature=0), {0}),
    ],
)
def test_what_may_be_drawn(how: Sampling, allowed: set[int]) -> None:
    logits = torch.log(torch.tensor([[0.6, 0.25, 0.1, 0.05]])).repeat(400, 1)
    generator = torch.Generator().manual_seed(0)
    assert set(draw(logits, how, generator).tolist()) == allowed
