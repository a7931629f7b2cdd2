"""The pieces for a training script of one's own: load, build, train, predict.

import distrib

data = distrib.load("mlp", "my_screen/")
model = distrib.build("mlp", hidden_width=64, num_layers=2)
model = distrib.train(model, data)
distrib.predict(model, data).to_parquet("predictions.parquet")
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from distrib.study.driver.model import Model


def load(family: str, path: str | None = None, **options: Any) -> Any:
    """The data of a family: the user's at `path`, or its default data.

    Args:
        family: such as "mlp", or "package.module:Class".
        options: further data options, such as `chain="TRA"` for trimming.

    Raises:
        InputError: naming file, row or key, what was found and what was expected.
    """
    from distrib.study.space.configs import checked
    from distrib.trainables.registry import load_family

    loaded = load_family(family, allow_custom=True)
    return loaded.load(checked(loaded.Source, {"path": path, **options}, "data"))


def build(family: str | Path, **config: Any) -> Model:
    """An untrained model with these hyperparameters, or the trained one of a `best/` folder."""
    from distrib.study.driver.model import build_model, open_model

    if Path(family).is_dir():
        return open_model(family, allow_custom=True)
    return build_model(str(family), **config)


def train(model: Model, data: Any, tell: Callable[[int], None] = lambda step: None) -> Model:
    """The model trained on every row; `tell` hears the number of each unit that is done."""
    return model.train(data, tell)


def predict(model: Model, data: Any) -> pd.DataFrame:
    """A row per row of the data, ids first."""
    return model.predict(data)
