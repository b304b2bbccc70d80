"""The shape of the season network: which layer is which season of which feature, and how wide.

An encoder of small convolutions, the same for every season, gives each season of a neighbourhood a
code; attention weighs the seasons of a pixel by what they hold, and two layers judge their mean and
the codes in order (after Garnot & Landrieu 2021, arXiv:2107.07933, whose encoder has strides, which
a network that is read at every pixel has not). Layers without a season are read with each of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from minecover.models.series import SeriesLayout

__all__ = ["HEADS", "SeasonShape"]

CHANNELS = 64
"""Channels of a season's code at a width of 1."""

HEADS = 4
"""Heads of the attention, each of which weighs the seasons of its share of the channels."""


@dataclass(frozen=True)
class SeasonShape:
    """What determines the shape of every weight, and what is drawn in training.

    Attributes
    ----------
    series
        Which layer is which season of which feature.
    classes
        Number of them.
    window
        Neighbourhood in pixels, odd: one 3 x 3 convolution for each two beyond the first.
    width
        Channels, as a share of 64, rounded to multiples of 8.
    dropout
        Share of the last features dropped in training.
    jitter
        Deviation of the factors and offsets that features are changed by in training.
    hidden
        Share of the seasons that are hidden in training.
    """

    series: SeriesLayout
    classes: int
    window: int
    width: float = 1.0
    dropout: float = 0.2
    jitter: float = 0.1
    hidden: float = 0.1

    @property
    def halo(self) -> int:
        """Half the neighbourhood in pixels."""
        return self.window // 2

    @property
    def channels(self) -> int:
        """Of a season's code."""
        return max(8, round(CHANNELS * self.width / 8) * 8)

    @property
    def order(self) -> tuple[tuple[int, ...], ...]:
        """Position of the layer of each (season, feature); of none: the number of layers."""
        places = self.series.places
        position = {place: number for number, place in enumerate(places)}
        still = [position[None, name] for name in self.series.static]
        return tuple(
            tuple(
                [position.get((season, name), len(places)) for name in self.series.features] + still
            )
            for season in self.series.seasons
        )

    @property
    def widest(self) -> int:
        """See `Shape.widest`: the features as they are gathered, two codes of each season, all."""
        order = self.order
        return len(order) * (len(order[0]) + 3 * self.channels) + 3 * self.channels

    @property
    def _weights(self) -> tuple[float, float, float]:
        """Weights of the encoder's first convolution, of each other, and of what follows it."""
        seasons, channels = len(self.order), self.channels
        judge = 2 * channels * ((seasons + 1) * channels + self.classes)
        return len(self.order[0]) * channels, 9.0 * channels**2, channels * HEADS + judge

    @property
    def weights(self) -> float:
        """Weights of all convolutions."""
        first, block, last = self._weights
        return first + self.halo * block + last

    def products(self, edge: int) -> tuple[float, float]:
        """Multiplications over a patch of an edge, and those of one pixel of a large block."""
        seasons, (first, block, last) = len(self.order), self._weights
        last += (seasons - 1) * self.channels * HEADS
        areas = [(edge - 2 * number) ** 2 for number in range(self.halo + 1)]
        patch = seasons * (areas[0] * first + sum(areas[1:]) * block) + areas[-1] * last
        return patch, seasons * (first + self.halo * block) + last

    def to_json(self) -> dict[str, Any]:
        """See `Shape.to_json`."""
        names = ("window", "width", "dropout", "jitter", "hidden")
        return {"series": self.series.to_json(), **{name: getattr(self, name) for name in names}}

    @classmethod
    def from_json(cls, classes: int, value: dict[str, Any]) -> Self:
        """From what `to_json` gave."""
        names = ("window", "width", "dropout", "jitter", "hidden")
        series = SeriesLayout.from_json(value["series"])
        return cls(series, classes, *(value[name] for name in names))
