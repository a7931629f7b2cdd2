"""A table of evaluations that grows by a row for each: which model, trained and judged on what."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distrib.data.files.readable import readable
from distrib.errors import InputError
from distrib.files import atomic_path


def evaluation_row(
    *,
    model: str,
    trainable: str,
    training_data: str,
    validation_data: str | None,
    config: Mapping[str, Any],
    num_parameters: int | None,
    metrics: Mapping[str, float],
) -> dict[str, Any]:
    """The row of one evaluation.

    A hyperparameter of the name of another column, such as a `loss` that is chosen beside the
    metric `loss`, is `config.loss`.

    Args:
        validation_data: what it was judged on; None for the data it was trained on.
        num_parameters: of the model, where it has coefficients.
    """
    before = {"training_data": training_data, "model": model, "trainable": trainable}
    after = {
        "model_parameter_count": num_parameters,
        "loss_type": "training data" if validation_data is None else "validation data",
        "validation_data": validation_data or training_data,
        **metrics,
    }
    plain = {
        f"config.{name}" if name in before or name in after else name: value
        for name, value in config.items()
        if not isinstance(value, (dict, list))
    }
    return {**before, **plain, **after}


def append_row(path: Path, row: Mapping[str, Any]) -> int:
    """Add a row to a tab-separated table, or begin one; how many rows there are now.

    Raises:
        InputError: a table of other columns, such as of another family.
    """
    import pandas as pd

    frame = readable(pd.DataFrame([row]))
    if path.exists():
        try:
            earlier = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
        except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
            raise InputError("not a table", file=path, found=error) from None
        if list(map(str, earlier)) != list(row):
            raise InputError(
                "a table of other columns: each family needs a table of its own",
                file=path,
                found=", ".join(map(str, earlier)),
                expected=", ".join(row),
            )
        frame = pd.concat([earlier, frame], ignore_index=True)
    with atomic_path(path) as temporary:
        frame.to_csv(temporary, sep="\t", index=False)
    return len(frame)
