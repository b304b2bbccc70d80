"""Settings of the prediction."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from minecover.settings import Section

__all__ = ["PredictionSettings", "Smoothness"]

Smoothness = Annotated[float, Field(gt=0)]


class PredictionSettings(Section):
    """How a trained model becomes a map."""

    smoothing: int = Field(
        0,
        ge=0,
        le=33,
        description="edge in pixels, odd, of the neighbourhood over which class probabilities are "
        "smoothed (empirical Bayes); 0: they are not. The assessment measures whether it helps",
    )
    smoothness: Smoothness | dict[str, Smoothness] | None = Field(
        None,
        description="variance of a pixel's logit around the true one: the greater, the smoother; "
        "one for all, or one for each class by its name; null: what suits the kind of model",
    )
    neighbour_fraction: float = Field(
        0.5,
        gt=0,
        le=1,
        description="share of the neighbourhood, its highest logits, that a pixel is drawn to",
    )
    applicability: bool = Field(
        True, description="map how unlike the training samples each pixel is"
    )

    @model_validator(mode="after")
    def _odd_smoothing(self) -> Self:
        if self.smoothing == 1 or (self.smoothing and self.smoothing % 2 == 0):
            raise ValueError(f"smoothing is {self.smoothing}; it must be 0, or odd and at least 3")
        return self
