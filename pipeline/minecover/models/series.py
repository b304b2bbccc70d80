"""Series: the seasons of every feature at a pixel, made of the flat layers that are stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from minecover.arrays import Float32Array

__all__ = ["Place", "Series", "SeriesLayout", "whole_series"]


Place = tuple[str | None, str]
"""Season and feature of a layer; no season: there is one layer for the whole survey."""


@dataclass(frozen=True, eq=False)
class Series:
    """Series of pixels.

    Attributes
    ----------
    values
        (pixel, season, feature) float32, standardised, without NaN.
    static
        (pixel, feature) float32: features without a season, given once.
    """

    values: Float32Array
    static: Float32Array

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class SeriesLayout:
    """Which layer is which season of which feature.

    Attributes
    ----------
    places
        Season and feature of each layer, in the order in which layers are read.
    seasons
        In the survey's order.
    """

    places: tuple[Place, ...]
    seasons: tuple[str, ...]

    @property
    def features(self) -> tuple[str, ...]:
        """Features of the series, in the order of their first layer."""
        return tuple(dict.fromkeys(name for season, name in self.places if season is not None))

    @property
    def static(self) -> tuple[str, ...]:
        """Features without a season."""
        return tuple(name for season, name in self.places if season is None)

    def of(self, pixels: Float32Array) -> Series:
        """Arrange standardised pixels, (pixel, layer), as series.

        A season that lacks a feature, for it has no layer or no value anywhere, holds 0: the mean.
        """
        position = {place: number for number, place in enumerate(self.places)}
        values = np.zeros((len(pixels), len(self.seasons), len(self.features)), dtype=np.float32)
        for s, season in enumerate(self.seasons):
            for f, feature in enumerate(self.features):
                if (season, feature) in position:
                    values[:, s, f] = pixels[:, position[season, feature]]
        static = [position[None, feature] for feature in self.static]
        return Series(values, np.ascontiguousarray(pixels[:, static]))

    def to_json(self) -> dict[str, Any]:
        """As a JSON value."""
        return {"places": [list(place) for place in self.places], "seasons": list(self.seasons)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """From what `to_json` gave."""
        places = tuple((season, feature) for season, feature in value["places"])
        return cls(places, tuple(value["seasons"]))


def whole_series(chosen: Sequence[str], places: Mapping[str, Place]) -> tuple[str, ...]:
    """Add to chosen layers the other seasons of their features.

    Parameters
    ----------
    chosen
        Names of layers, best first.
    places
        Season and feature of all layers there are, by name, season by season.

    Returns
    -------
    Names of layers, feature by feature in the order of the choice.
    """
    features = dict.fromkeys(places[name][1] for name in chosen)
    return tuple(
        name for feature in features for name, (_, own) in places.items() if own == feature
    )
