"""The weights of the parts of the loss, which some configurations let rise over the epochs."""

from __future__ import annotations

from typing import Any


def ramp(epoch: int, start: int, end: int) -> float:
    """0 up to `start`, 1 from `end` on, linear between."""
    if epoch >= end:
        return 1.0
    return max(0.0, (epoch - start) / (end - start))


def loss_weights(config: Any, epoch: int | None) -> dict[str, float]:
    """The weight of each part of the loss in an epoch, counted from 0.

    Without an epoch: as requested, for the validation. The KL term has none there: it says nothing
    of what is predicted, and while its weight is small it grows, so that the first epochs would
    look best and every training would stop early.
    """
    weak, kl = config.lambda_weak, 0.0
    if epoch is not None:
        if config.semi_supervised_algo:
            weak *= ramp(epoch, config.anneal_start, config.anneal_end)
        kl = ramp(epoch, 0, config.kl_anneal_epochs)
    return {
        "strong": config.lambda_strong,
        "weak": weak,
        "pred": config.lambda_pred,
        "recon": config.lambda_recon,
        "task": config.lambda_task,
        "kl": kl,
    }
