"""What the families of behaviour have in common: which sequences are trained and validated on."""

from __future__ import annotations

from pydantic import BaseModel, Field


class Sequences(BaseModel):
    """How sessions are cut into sequences, what those are for, and what is scored."""

    velocity: bool = Field(
        False, description="each signal's difference to the frame before as a further signal"
    )
    ignore_class: int | None = Field(
        None, description="class that is not scored (-100: none); default: as the data say, else 0"
    )
    sequence_length: int = Field(500, ge=2, description="frames of a sequence")
    keep_tail: bool = Field(
        True, description="keep the frames that fill no sequence, as a shorter one"
    )
    trial_splits: str = Field(
        "9;1;0;0", description="sequences of a block: training;validation;test;gap"
    )
    split_seed: int = Field(0, ge=0, description="which sequences those are")
    train_frac: float = Field(
        1.0, gt=0, description="share (up to 1) or number (above) of training sequences used"
    )
