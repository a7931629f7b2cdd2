"""Light chains drawn for heavy ones: for the user, and each epoch to be judged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from distrib.data.antibodies.alphabet import encode
from distrib.data.antibodies.chains import read_chains
from distrib.data.antibodies.germlines import nearest_v
from distrib.data.antibodies.pairs.pair_rows import PairRows, refuse_light, texts_of
from distrib.errors import InputError
from distrib.files import atomic_path
from distrib.trainables.antibodies.chains.batch import framed
from distrib.trainables.antibodies.chains.drawing import FORBIDDEN, SAMPLES, SPECIAL
from distrib.trainables.antibodies.chains.drawing import texts_of as texts_of_tokens
from distrib.trainables.antibodies.heavy2light.config import Heavy2LightGenerate
from distrib.trainables.antibodies.number_drawn import check_number
from distrib.trainables.base import Worker

if TYPE_CHECKING:
    from distrib.models.antibodies.heavy2light import Heavy2Light
    from distrib.models.antibodies.search import Sampling

_SEED = 7
_AT_ONCE = 256
WATCHED = (0.8, 0, 0.85)
"""Temperature, k and p by which is drawn each epoch."""


def generate(
    model: Heavy2Light,
    contexts: tuple[int, int],
    options: Heavy2LightGenerate,
    worker: Worker,
) -> Iterator[pd.DataFrame]:
    """See `capabilities.Generates`: `num` light chains for each heavy one.

    Args:
        contexts: most tokens of a heavy and of a light chain.
    """
    how = replace(
        options.sampling(contexts[1]),
        beam=options.beam,
        groups=options.groups,
        diversity=options.diversity if options.groups > 1 else 0.0,
    )
    _check(options)
    found = read_chains(options.heavy, "heavy")
    names = [str(name) for name in found.ids.values.tolist()]
    longest = max(map(len, found.sequences))
    if longest > contexts[0] - 2:
        row = [*map(len, found.sequences)].index(longest)
        raise InputError(
            "a heavy chain longer than the model's context",
            file=options.heavy,
            where=names[row],
            found=f"{longest} residues",
            expected=f"at most {contexts[0] - 2}",
        )
    refuse_light(found.sequences, names, options.heavy)
    return _tables(model, names, found.sequences, options, how, worker)


def _check(options: Heavy2LightGenerate) -> None:
    if options.beam % options.groups:
        raise InputError("groups of beams are of one size", where="--groups", found=options.groups,
                         expected=f"a divisor of --beam {options.beam}")  # fmt: skip
    check_number(
        options.num, temperature=options.temperature, top_k=options.top_k, beam=options.beam
    )


def _tables(
    model: Heavy2Light,
    names: Sequence[str],
    heavy: Sequence[str],
    options: Heavy2LightGenerate,
    how: Sampling,
    worker: Worker,
) -> Iterator[pd.DataFrame]:
    if how.beam > 1:
        for name, sequence in zip(names, heavy):
            texts, ended, likelihood = beams(model, sequence, how, worker)
            kept = slice(0, options.num)
            yield _table([name] * len(texts[kept]), range(1, options.num + 1), texts[kept],
                         ended[kept], likelihood[kept])  # fmt: skip
        return
    rows = [(k, number) for k in range(len(heavy)) for number in range(1, options.num + 1)]
    for part, first in enumerate(range(0, len(rows), options.batch)):
        taken = rows[first : first + options.batch]
        texts, ended, likelihood = draw(
            model, [heavy[k] for k, _ in taken], how, options.seed + part, worker
        )
        yield _table([names[k] for k, _ in taken], [n for _, n in taken], texts, ended, likelihood)


def _table(
    names: Sequence[str],
    numbers: Sequence[int],
    texts: Sequence[str],
    ended: np.ndarray,
    likelihood: np.ndarray,
) -> pd.DataFrame:
    length = np.array([len(text) for text in texts]) + ended
    told = nearest_v(texts)
    return pd.DataFrame(
        {
            "id": [f"{name}_{number}" for name, number in zip(names, numbers)],
            "heavy": names,
            "sequence": texts,
            "locus": told.loci,
            "nearest_v_gene": told.genes,
            "log_likelihood": likelihood,
            "perplexity": np.exp(-likelihood / np.maximum(length, 1)),
            "ended": ended,
        }
    )


def drawn(model: Any, data: PairRows, places: int, worker: Worker) -> tuple[list[str], np.ndarray]:
    """A light chain for each pair's heavy one, and whether it came to its end."""
    from distrib.models.antibodies.search import Sampling

    how = Sampling(*WATCHED, max_length=places, forbidden=FORBIDDEN)
    texts: list[str] = []
    ended: list[np.ndarray] = []
    heavy = texts_of(data.heavy)
    for first in range(0, len(heavy), _AT_ONCE):
        found, end, _ = draw(model, heavy[first : first + _AT_ONCE], how, _SEED + first, worker)
        texts += found
        ended.append(end)
    return texts, np.concatenate(ended)


def draw(
    model: Any, heavy: Sequence[str], how: Sampling, seed: int, worker: Worker
) -> tuple[list[str], np.ndarray, np.ndarray]:
    """A light chain for each heavy one, whether it came to its end, and its log-likelihood."""
    import torch

    from distrib.models.antibodies.causal_lm import CachedSteps
    from distrib.models.antibodies.search import sample

    with torch.inference_mode():
        memory, there = _memory(model, heavy, worker)
        generator = torch.Generator(worker.device).manual_seed(seed)
        steps = CachedSteps(model.decoder, memory, there)
        tokens, likelihood = sample(steps, len(heavy), how, special=SPECIAL, device=worker.device,
                                    generator=generator)  # fmt: skip
    texts, ended = texts_of_tokens(tokens.cpu().numpy())
    return texts, ended, likelihood.cpu().numpy()


def beams(
    model: Any, heavy: str, how: Sampling, worker: Worker
) -> tuple[list[str], np.ndarray, np.ndarray]:
    """What the beams of one heavy chain came to, the best first."""
    import torch

    from distrib.models.antibodies.causal_lm import CachedSteps
    from distrib.models.antibodies.search import beam_search

    with torch.inference_mode():
        memory, _ = _memory(model, [heavy], worker)
        steps = CachedSteps(model.decoder, memory.repeat(how.beam, 1, 1))
        found = beam_search(steps, how, special=SPECIAL, device=worker.device)
    pairs = [texts_of_tokens(item.tokens[None].cpu().numpy()) for item in found]
    return (
        [texts[0] for texts, _ in pairs],
        np.array([bool(ended[0]) for _, ended in pairs]),
        np.array([item.likelihood for item in found]),
    )


def _memory(model: Any, heavy: Sequence[str], worker: Worker) -> tuple[Any, Any]:
    import torch

    tokens, there = framed(*encode(heavy))
    known = None if there is None else torch.from_numpy(there).to(worker.device)
    return model.memory(torch.from_numpy(tokens).to(worker.device), known), known


def write_samples(texts: Sequence[str], ended: np.ndarray, pairs: PairRows, folder: Path) -> None:
    """`samples.csv` beside the weights: heavy chains, the light ones drawn, and the true ones."""
    with atomic_path(folder / SAMPLES) as temporary:
        frame = pd.DataFrame(
            {
                "id": pairs.ids,
                "heavy": texts_of(pairs.heavy),
                "light_drawn": texts,
                "ended": ended,
                "light": texts_of(pairs.light),
            }
        )
        frame.to_csv(temporary, index=False, lineterminator="\n")
