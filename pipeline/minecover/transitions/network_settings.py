"""Settings of the network that reads all periods together."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from minecover.settings import Section

__all__ = ["NetworkSettings"]


class NetworkSettings(Section):
    """A network that reads the seasons of all periods and the ground around a pixel together.

    It learns from maps rather than from points: from those of the survey itself, or others.
    """

    reference: str | None = Field(
        None,
        description="raster of class codes with a band for each period, in order, 0 where nobody "
        "knows: what is learned from instead of the survey's own maps, and trusted at borders, too",
    )
    carried_from: str | None = Field(
        None,
        description="store of another survey, with the same classes and seasons, whose network "
        "reads this one; nothing is learned here",
    )
    weight: float = Field(
        3.0,
        gt=0,
        le=8,
        description="power to which its likelihoods are raised when periods are combined, in place "
        "of {confval}`change.weight`: what it gives is less sure than it is right",
    )
    steps: int = Field(2400, ge=1, description="of one crop of 64 x 64 pixels in all periods each")
    channels: int = Field(32, ge=8, le=256, multiple_of=8, description="of its convolutions")
    drawn_borders: float = Field(
        0.6,
        ge=0,
        le=1,
        description="share of the crops with a border drawn into them, beyond which there is "
        "ground from elsewhere; pixels on it are mixed by area. Into a reference, which has "
        "borders of its own, none is drawn",
    )
    learning_rate: float = Field(2e-3, gt=0, description="highest of the schedule (AdamW)")
    weight_decay: float = Field(0.01, ge=0, description="of AdamW")
    seed: int = Field(0, ge=0, description="of all that is drawn")

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if self.reference is not None and self.carried_from is not None:
            raise ValueError(
                "reference and carried_from: a network that is carried learns nothing here; give "
                "one of them"
            )
        return self
