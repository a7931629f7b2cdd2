"""IA3: which numbers are trained, what they scale, and that folds over one encoder do not mix."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip("peft")

from transformers import EsmConfig, EsmModel

from distrib.errors import InputError
from distrib.models.screens.adapters import Adapted, adapted
from distrib.models.screens.encoders import Encoder, k_mer_tokenizer, small_encoder


def folds(count: int = 2, encoder: Encoder | None = None, targets: int = 5) -> list[Adapted]:
    return adapted(
        encoder or small_encoder(),
        count,
        targets,
        pooling="mean",
        dropout=0.0,
        checkpointing=False,
        seed=0,
    )


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    numbers = torch.randint(5, 60, (3, 8), generator=generator)
    return numbers, torch.ones(3, 8, dtype=torch.bool)


def test_an_encoder_of_the_shape_of_nt_50m_has_49152_scalars() -> None:
    """12 layers of 512 + 512 + 512 + 512 + 2048: keys, values, and what three dense layers take."""
    config = EsmConfig(
        vocab_size=4105,
        hidden_size=512,
        num_hidden_layers=12,
        num_attention_heads=16,
        intermediate_size=2048,
        pad_token_id=1,
        mask_token_id=2,
        position_embedding_type="rotary",
    )
    network = EsmModel(config, add_pooling_layer=False)
    (model,) = folds(1, Encoder("nt", None, network, 2048, 512), targets=4912)
    assert model.num_scales() == 49_152
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    head = (512 * 512 + 512) + (512 * 4912 + 4912)
    assert trained == 49_152 + head


def test_only_scales_and_head_are_trained() -> None:
    model = folds(1)[0]
    frozen = {
        name: p.clone() for name, p in model.shared.named_parameters() if ".ia3_l." not in name
    }
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(2):
        model(*batch()).square().sum().backward()
        optimiser.step()
    for name, p in model.shared.named_parameters():
        if name in frozen:
            assert torch.equal(p, frozen[name]), name
    assert all((scale != 1).any() for scale in model.scales.values())


def test_scales_of_one_are_the_encoder_itself() -> None:
    numbers, there = batch()
    encoder = small_encoder()
    with torch.no_grad():
        hidden = encoder.hidden(numbers, there)
        model = folds(1, encoder)[0].eval()
        expected = model.head(hidden.mean(dim=1))
        torch.testing.assert_close(model(numbers, there), expected, atol=1e-6, rtol=1e-6)


def test_keys_are_scaled_at_their_output_and_feedforward_at_its_input() -> None:
    """The layers' products, with the scales written into the weights instead."""
    numbers, there = batch()
    model = folds(1)[0].eval()
    plain = small_encoder().network.eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for key, scale in model.scales.items():
            scale.copy_(torch.rand(scale.shape, generator=generator) + 0.5)
            layer = plain.get_submodule(key.replace("/", "."))
            if key.endswith(("key", "value")):
                layer.weight.mul_(scale.view(-1, 1))  # type: ignore[operator,union-attr]
                layer.bias.mul_(scale.view(-1))  # type: ignore[operator,union-attr]
            else:
                layer.weight.mul_(scale.view(1, -1))  # type: ignore[operator,union-attr]
        hidden = plain(input_ids=numbers, attention_mask=there.long()).last_hidden_state
        expected = model.head(hidden.mean(dim=1))
        torch.testing.assert_close(model(numbers, there), expected, atol=1e-5, rtol=1e-5)


def test_folds_over_one_encoder_do_not_mix() -> None:
    numbers, there = batch()
    first, second = (model.eval() for model in folds(2))
    with torch.no_grad():
        before = second(numbers, there)
        for scale in first.scales.values():
            scale.mul_(3.0)
        assert not torch.allclose(first(numbers, there), folds(1)[0].eval()(numbers, there))
        torch.testing.assert_close(second(numbers, there), before, atol=0, rtol=0)
    first(numbers, there).sum().backward()
    assert all(p.grad is None for p in second.scales.values())


def test_activations_computed_again_give_the_same_gradients() -> None:
    found = []
    for again in (False, True):
        (model,) = adapted(
            small_encoder(), 1, 5, pooling="mean", dropout=0.0, checkpointing=again, seed=0
        )
        model.train()
        model(*batch()).square().sum().backward()
        found.append([p.grad for p in model.parameters()])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, atol=1e-7, rtol=1e-6)


def test_an_encoder_without_layers_that_ia3_knows() -> None:
    network = torch.nn.Sequential(torch.nn.Linear(4, 4))
    with pytest.raises(InputError, match="without layers that IA3 knows"):
        folds(1, Encoder("odd", k_mer_tokenizer(3), network, 10, 4))
