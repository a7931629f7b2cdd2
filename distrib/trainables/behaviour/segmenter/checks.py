"""What a configuration asks of the sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distrib.data.behaviour.sessions import Sessions
from distrib.errors import InputError

if TYPE_CHECKING:
    from distrib.trainables.behaviour.segmenter.config import SegmenterConfig


def check_training(config: SegmenterConfig, data: Sessions) -> None:
    """Raise where a part of the loss has nothing to learn from, or nothing tells the classes."""
    sessions = set(data.groups.tolist())
    if not config.lambda_strong and not config.lambda_weak:
        raise InputError(
            "nothing teaches the classes",
            where="lambda_strong, lambda_weak",
            found="0 and 0",
            expected="one of them above 0",
        )
    if config.lambda_task and not data.task_names:
        raise InputError(
            "there are no task signals",
            where="lambda_task",
            found=config.lambda_task,
            expected="a folder tasks/ beside the signals, or lambda_task: 0",
        )
    no_heuristics = all(data.weak[session] is None for session in sessions)
    if not config.lambda_strong and no_heuristics and not config.semi_supervised_algo:
        raise InputError(
            "there are no heuristic labels, and hand labels are not to be learned",
            where="lambda_strong",
            found=0,
            expected="a folder labels-heuristic/, or lambda_strong above 0",
        )
    if config.anneal_end < config.anneal_start:
        raise InputError(
            "the annealing ends before it starts",
            where="anneal_end",
            found=config.anneal_end,
            expected=f"{config.anneal_start} or more",
        )
    if config.ignore_class is not None and not (
        config.ignore_class == -100 or 0 <= config.ignore_class < len(data.classes)
    ):
        raise InputError(
            "no such class",
            where="ignore_class",
            found=config.ignore_class,
            expected=f"0 to {len(data.classes) - 1}, or -100 for none",
        )
