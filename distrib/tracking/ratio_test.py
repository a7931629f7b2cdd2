"""Likelihood-ratio tests between two trained models, one of them nested in the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from distrib.errors import InputError
from distrib.models.vdj.inference import RatioTest, likelihood_ratio

if TYPE_CHECKING:
    import pandas as pd

_CONVERGED = 1e-5  # of a gradient's norm, in nats per sequence and unit
_MODEL = ("model_type", "feature_set")  # what a family's configuration calls its features


@dataclass(frozen=True)
class Fitted:
    """A trained model with coefficients.

    Attributes:
        place: where it lies, for the reader. trainable: its family.
        config: its hyperparameters, plain values.
        data: what it was trained on. weighting: what counts alike in them.
        values: of its state: `columns`, `log_loss`, `num_sequences`, `fingerprint`, `l2`,
            `gradient_norm`.
    """

    place: str
    trainable: str
    config: Mapping[str, Any]
    data: str
    weighting: str
    values: Mapping[str, Any]

    @property
    def model(self) -> str:
        """What it looks at, as its family names it."""
        return next((str(self.config[key]) for key in _MODEL if key in self.config), self.trainable)

    @property
    def names(self) -> list[tuple[Any, ...]]:
        """Its coefficients."""
        return [tuple(column.values()) for column in self.values["columns"]]

    @property
    def log_likelihood(self) -> float:
        """Of all sequences, in nats."""
        return -float(self.values["num_sequences"]) * float(self.values["log_loss"])


def ratio_test(full: Fitted, nested: Fitted) -> RatioTest:
    """Whether the full model fits its data better than the nested one, beyond chance.

    Raises:
        InputError: what was compared is no maximum of a likelihood, is not nested, or was not
            fitted to the same sequences.
    """
    for model in (full, nested):
        _check_fit(model)
    _check_same(full, nested)
    _check_nested(full, nested)
    degrees = len(full.names) - len(nested.names)
    test = likelihood_ratio(full.log_likelihood, nested.log_likelihood, degrees)
    if test.statistic < -1e-6 * abs(full.log_likelihood):
        raise InputError(
            "the full model fits worse than the nested one: its fit did not reach the optimum",
            file=full.place,
            found=f"log likelihood {full.log_likelihood:.6f}",
            expected=f"at least {nested.log_likelihood:.6f}",
        )
    return test


def ratio_table(full: Fitted, nested: Fitted, test: RatioTest) -> pd.DataFrame:
    """One row in the columns of Russell et al. (2025)."""
    import pandas as pd

    row = {
        "annotation_type": full.data,
        "full_model": full.model,
        "sub_model": nested.model,
        "full_model_logLik": full.log_likelihood,
        "sub_model_logLik": nested.log_likelihood,
        "LRT_test_statistic": test.statistic,
        "LRT_pval": test.p,
        "DF": test.degrees,
    }
    return pd.DataFrame([row])


def _check_fit(model: Fitted) -> None:
    """Whether it is the unpenalised optimum of a likelihood of counted sequences."""
    values = model.values
    if "columns" not in values or "fingerprint" not in values:
        raise InputError(
            "no likelihood-ratio test for this family",
            file=model.place,
            found=model.trainable,
            expected="a model with coefficients, trained by this version",
        )
    if values["num_sequences"] is None:
        raise InputError(
            "the data are frequencies, not counts: they have no likelihood", file=model.place
        )
    if model.weighting != "pooled":
        raise InputError(
            "sequences do not count alike, so that there is no likelihood of them",
            file=model.place,
            where="data.weighting",
            found=model.weighting,
            expected="pooled",
        )
    if values["l2"] > 0:
        raise InputError(
            "a penalised fit does not maximise the likelihood",
            file=model.place,
            where="l2",
            found=f"{values['l2']:g}",
            expected="0",
        )
    if not values["gradient_norm"] <= _CONVERGED:
        raise InputError(
            "this fit did not reach the optimum",
            file=model.place,
            where="gradient_norm",
            found=f"{values['gradient_norm']:.2g}",
            expected=f"at most {_CONVERGED:g}",
            hint="train it again with more max_iterations",
        )


def _check_same(full: Fitted, nested: Fitted) -> None:
    """Whether both are of one family and the same sequences."""
    for what, ours, theirs in (
        ("families", full.trainable, nested.trainable),
        ("data", full.values["fingerprint"], nested.values["fingerprint"]),
    ):
        if ours != theirs:
            raise InputError(
                f"the models are of different {what}",
                file=nested.place,
                found=theirs,
                expected=f"as in {full.place}: {ours}",
                hint="train both with the same --data, --seed and --test-fraction"
                if what == "data"
                else None,
            )


def _check_nested(full: Fitted, nested: Fitted) -> None:
    """Whether setting coefficients of the full model to 0 gives the nested one."""
    for key in ("motif_left", "motif_right"):
        if full.config.get(key) != nested.config.get(key):
            raise InputError(
                "the models have motifs of different sizes, and count other bases beside them",
                file=nested.place,
                where=key,
                found=nested.config.get(key),
                expected=full.config.get(key),
            )
    for what, is_so in (
        ("standardised", lambda model: model.startswith("standardized")),
        ("counting only bases beyond the motif", lambda model: "base-count-beyond" in model),
    ):
        counts = what == "standardised" or all("base-count" in m.model for m in (full, nested))
        if counts and is_so(full.model) != is_so(nested.model):
            raise InputError(
                f"one of the models is {what}, the other is not",
                file=nested.place,
                found=nested.model,
                expected=f"as {full.model}",
            )
    strange = [name for name in nested.names if name not in full.names]
    if strange or len(nested.names) >= len(full.names):
        raise InputError(
            "the models are not nested",
            file=nested.place,
            found=f"{nested.model}, with {len(nested.names)} coefficients, {len(strange)} of them "
            "not in the full model",
            expected=f"some of the {len(full.names)} of {full.model}",
            hint="name the full model first",
        )
