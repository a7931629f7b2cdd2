"""One training of a segmenter: what changes from epoch to epoch, and what is remembered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from distrib.data.behaviour.windows import windows
from distrib.trainables.base import Progress
from distrib.trainables.behaviour.frames import held_out_frame
from distrib.trainables.behaviour.segmenter.judging import FIGURES, Judged, judged, loss_figures
from distrib.trainables.behaviour.segmenter.memory import PARTS, Memory
from distrib.trainables.training.device import autocast
from distrib.trainables.training.task import Batch, TorchTask, Use

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

    from distrib.trainables.training.loop import Item

DROPOUT_PASSES = 10
"""Of the uncertainty-aware selection of Rizve et al. (ICLR 2021), as daart has it."""


class SegmenterTask(TorchTask):
    """The kit's task, with labels of the network's own, and the best epoch's weights kept."""

    model: Any
    batches: Any

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        own = self.config.semi_supervised_algo
        frames = self.batches.data.num_frames() if own else 0
        # Batches of one sequence are of one session.
        every = np.unique(self.batches.data.groups).tolist() if self.config.batch_size == 1 else []
        self.rows = {session: row for row, session in enumerate(every)} if len(every) > 1 else {}
        self.memory = Memory(frames, self.worker.device, max(1, len(self.rows)))
        self.places = _places(self.batches.data.parts)

    def epoch(self, epoch: int, place: np.ndarray) -> Iterator[Item]:
        self.now = epoch
        if (place == self.start).all():
            self.memory.sums.zero_()
            if self._labels_itself:
                self._label()
        self.model.train()
        yield from super().epoch(epoch, place)

    def validate(self) -> dict[str, float] | None:
        self.judged = Judged({}, [], {})
        if self.held_out is None:
            return None
        self.judged = judged(self.config, self.model, self.held_out, self.values, self.worker)
        self.memory.offer(self.judged.metrics["loss"], self.now + 1, self.model.state_dict())
        return self.judged.metrics

    def buffers(self, done: bool) -> Mapping[str, Tensor]:
        return self.memory.buffers(done)

    def restore(self, buffers: Mapping[str, np.ndarray]) -> None:
        self.memory.restore(buffers)

    def told(self, item: Progress) -> Progress:
        """An item with the parts of the training loss, and the predictions for what is held out.

        Its loss is the sum of these parts, each a mean over the epoch's frames: the mean of the
        batches' losses, which a batch without labels makes less, is not.
        """
        if item.metrics is None:
            return item
        each = self.memory.told()
        whole = {part: tuple(map(sum, zip(*(row[part] for row in each)))) for part in PARTS}
        train = loss_figures(self.config, whole, self.now)  # type: ignore[arg-type]
        of_rows = {s: loss_figures(self.config, each[r], self.now) for s, r in self.rows.items()}
        validation = self.judged.sessions
        return replace(
            item,
            train={**item.train, **train},
            held_out=partial(
                held_out_frame, self.held_out, self.judged.predicted, self.values["classes"]
            ),
            samples=partial(_of_sessions, of_rows, validation) if len(validation) > 1 else None,
        )

    @property
    def _labels_itself(self) -> bool:
        return bool(self.config.semi_supervised_algo) and self.now >= self.config.anneal_start

    def _made(self, rows: Any, words: list[int], epoch: int = 0) -> tuple[Batch, Use]:
        batch, use = super()._made(rows, words, epoch)
        row = self.rows[int(rows.parts[0, 0])] if self.rows else 0
        batch.inputs["sums"] = self.memory.sums[row]
        if self._labels_itself:
            batch.inputs["weak"] = self._pseudo(rows.parts, batch.inputs["weak"].shape)
        return batch, use

    def _label(self) -> None:
        """Give every training frame a class, or background where the network is not sure of it."""
        import torch

        config, sequences = self.config, self.batches.data
        ups = config.semi_supervised_algo == "ups"
        self.model.train(ups)
        torch.manual_seed(int(np.random.SeedSequence([config.seed, self.now]).generate_state(1)[0]))
        labels = self.memory.pseudo
        size = config.batch_size
        with torch.inference_mode(), autocast(self.worker):
            for first in range(0, len(sequences), size):
                rows = sequences.take(np.arange(first, min(first + size, len(sequences))))
                found = windows(rows, self.model.pad, config.velocity)
                signals = torch.from_numpy(found.signals).to(self.worker.device)
                passes = DROPOUT_PASSES if ups else 1
                probabilities = torch.stack([self._probabilities(signals) for _ in range(passes)])
                chance, state = probabilities.median(dim=0).values.max(dim=-1)
                sure = chance >= config.prob_threshold
                if ups:
                    spread = probabilities.var(dim=0, unbiased=False)
                    sure &= spread.gather(-1, state[..., None])[..., 0] <= config.variance_threshold
                state = torch.where(sure, state, 0).to(torch.int16)
                for row, (session, start, stop) in enumerate(rows.parts.tolist()):
                    at = self.places[session, start]
                    labels[at : at + stop - start] = state[row, : stop - start]

    def _probabilities(self, signals: Tensor) -> Tensor:
        from distrib.models.behaviour.segmenter import class_logits

        return class_logits(self.model(signals)).float().softmax(-1)

    def _pseudo(self, parts: np.ndarray, shape: tuple[int, ...]) -> Tensor:
        """(B, T) the network's own labels of sequences, -1 outside of them."""
        import torch

        labels = self.memory.pseudo
        found = torch.full(shape, -1, dtype=labels.dtype, device=labels.device)
        for row, (session, start, stop) in enumerate(parts.tolist()):
            at = self.places[session, start]
            found[row, : stop - start] = labels[at : at + stop - start]
        return found


SESSIONS = "sessions"
"""The table of figures of single sessions, of every epoch."""


def _of_sessions(
    train: Mapping[int, Mapping[str, float]], validation: Mapping[int, Mapping[str, float]]
) -> dict[str, pd.DataFrame]:
    """A row for each session, by its number: `train/<name>` and `<name>`, empty where unknown.

    The columns are those of every epoch, also where a part of the loss counts later only.
    """
    import pandas as pd

    rows = [
        {
            "session": session,
            **{f"train/{name}": value for name, value in train.get(session, {}).items()},
            **validation.get(session, {}),
        }
        for session in sorted({*train, *validation})
    ]
    columns = ["session", *(f"train/{name}" for name in FIGURES if train), *FIGURES]
    return {SESSIONS: pd.DataFrame(rows, columns=columns)}


def _places(parts: np.ndarray) -> dict[tuple[int, int], int]:
    """Where each sequence begins among the frames of all."""
    lengths = parts[:, 2] - parts[:, 1]
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    return {(int(s), int(a)): int(at) for (s, a, _), at in zip(parts.tolist(), starts)}
