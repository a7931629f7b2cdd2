"""Signs that a training goes amiss, and the setting to change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

GAP, GOOD_GAP = 1.0, 0.5
"""Nats a token that validation may be behind training."""
RISE = 0.02
"""Nats a token above its least at which a validation loss is called rising."""
FALL = 0.02
"""Share of the first training loss by which it should have fallen after `ENOUGH` epochs."""
ENOUGH = 3


def advice(rows: Sequence[Mapping[str, float]]) -> list[str]:
    """What to change, a line each, by a training's epochs so far.

    Args:
        rows: of each epoch `step`, the metrics and `train/<name>`; those of drawn antibodies may be
            missing in some.
    """
    if not rows:
        return []
    drawn = next((row for row in reversed(rows) if "validity" in row), {})
    return [*_of_losses(rows), *_of_samples(drawn)]


def _of_losses(rows: Sequence[Mapping[str, float]]) -> Iterator[str]:
    last = rows[-1]
    trained = [row["train/loss"] for row in rows if "train/loss" in row]
    if len(trained) >= ENOUGH and min(trained[1:]) > (1 - FALL) * trained[0]:
        yield (
            f"the training loss does not fall ({trained[0]:.2f} at first, {trained[-1]:.2f} now): "
            "another learning_rate (a tenth, or ten times), or a longer warmup"
        )
    best = min(rows, key=lambda row: row["loss"])
    after = [row for row in rows if row["step"] > best["step"]]
    if len(after) > 1 and last["loss"] > best["loss"] + RISE:
        yield (
            f"the validation loss rises since epoch {best['step']:g} ({best['loss']:.2f}, "
            f"{last['loss']:.2f} now): more dropout or weight_decay, a smaller width, or "
            "patience=3 to stop there"
        )
    judged = last.get("smoothed_loss", last["loss"])
    if "train/loss" in last and (gap := judged - last["train/loss"]) > GAP:
        yield (
            f"validation is {gap:.2f} nats behind training (good: below {GOOD_GAP:g}): more "
            "records, more dropout, or a smaller width"
        )


def _of_samples(figures: Mapping[str, float]) -> Iterator[str]:
    if figures.get("validity", 1.0) < 0.95:
        yield (
            f"only {figures['validity']:.0%} of what it draws is valid (good: 95%): train longer "
            "(epochs), or draw with a smaller --top-p"
        )
    if figures.get("diversity", 1.0) < 0.5:
        yield (
            f"only {figures['diversity']:.0%} of what it draws is different (good: above 70%): a "
            "larger --temperature or --top-p, or more dropout"
        )
    if figures.get("repeats_gap", 0.0) > 0.05:
        yield (
            f"{figures['repeats_gap']:.0%} more of what it draws than of natural ones has repeats "
            "such as GGGG: train longer (epochs), or a smaller learning_rate"
        )
