"""Settings of the prediction."""

from __future__ import annotations

from collections.abc import Collection
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
    borders: int = Field(
        0,
        ge=0,
        le=33,
        description="edge in pixels, odd, at least 5, of the neighbourhood in which a smoothed "
        "pixel near another class is compared with the classes on either side of the border; "
        "0: it is not. The assessment has it wherever the map has it",
    )
    border_features: tuple[str, ...] = Field(
        ("B2", "B3", "B4", "B8"),
        min_length=1,
        description="features, each in all its seasons, by which pixels at borders are compared: "
        "sharp ones, no textures, which look across borders",
    )
    applicability: bool = Field(
        True, description="map how unlike the training samples each pixel is"
    )

    def check_features(self, known: Collection[str]) -> None:
        """Refuse features that a survey does not have.

        Raises
        ------
        ValueError
            Borders are read by one that is not known.
        """
        unknown = [name for name in self.border_features if name not in known]
        if self.borders and unknown:
            raise ValueError(
                f"prediction.border_features: no feature is called {', '.join(unknown)}; there are "
                f"{', '.join(sorted(known))}"
            )

    @model_validator(mode="after")
    def _of_smoothed_maps(self) -> Self:
        if self.borders and (self.borders < 5 or self.borders % 2 == 0):
            raise ValueError(f"borders is {self.borders}; it must be 0, or odd and at least 5")
        if self.borders and not self.smoothing:
            raise ValueError(
                f"borders is {self.borders} without smoothing; single wrong pixels would count as "
                "borders: set smoothing, to 5 for example"
            )
        return self

    @model_validator(mode="after")
    def _odd_smoothing(self) -> Self:
        if self.smoothing == 1 or (self.smoothing and self.smoothing % 2 == 0):
            raise ValueError(f"smoothing is {self.smoothing}; it must be 0, or odd and at least 3")
        return self
