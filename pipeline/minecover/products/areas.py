"""How much of a map is of each class, counted tile by tile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from minecover.arrays import BoolArray, Float32Array
from minecover.samples.classes import LandUseClass

__all__ = ["ClassArea", "MapAreas", "MapTile"]


@dataclass(frozen=True)
class MapTile:
    """A tile of the map, ready to be published.

    Attributes
    ----------
    codes
        (y, x) class codes, 0 where nodata or off the area.
    inside
        (y, x) whether a pixel's centre is in the area.
    probability
        (class, y, x), NaN where nodata.
    entropy
        (y, x) bits.
    dissimilarity
        (y, x), or None where the map has no such layer.
    """

    codes: npt.NDArray[np.uint8]
    inside: BoolArray
    probability: Float32Array
    entropy: Float32Array
    dissimilarity: Float32Array | None


@dataclass
class ClassArea:
    """How much of the map is one class.

    Attributes
    ----------
    pixels
        Number of pixels.
    hectares
        Their area on the ground.
    entropy
        Sum of their entropy, bits.
    outside
        Hectares outside the area of applicability.
    """

    pixels: int = 0
    hectares: float = 0.0
    entropy: float = 0.0
    outside: float = 0.0

    @property
    def mean_entropy(self) -> float | None:
        """Mean entropy in bits, or None where there is no pixel."""
        return self.entropy / self.pixels if self.pixels else None


@dataclass
class MapAreas:
    """Areas of the published map.

    Attributes
    ----------
    classes
        By class name.
    nodata
        Of what has no class inside the area.
    threshold
        Dissimilarity beyond which a pixel is outside the area of applicability; None: the map has
        no such layer.
    """

    classes: dict[str, ClassArea]
    nodata: ClassArea = field(default_factory=ClassArea)
    threshold: float | None = None

    @property
    def hectares(self) -> float:
        """Area that has a class, in hectares."""
        return sum(item.hectares for item in self.classes.values())

    @property
    def applicability(self) -> dict[str, Any] | None:
        """Share (0-1) of the mapped area outside the area of applicability.

        `threshold`, `outside_share`, and `classes`: the share of the area of each, by name; a
        share of nothing is None. None: the map has no layer of dissimilarity.
        """
        if self.threshold is None:
            return None
        outside = sum(item.outside for item in self.classes.values())
        return {
            "threshold": self.threshold,
            "outside_share": _share(outside, self.hectares),
            "classes": {
                name: _share(item.outside, item.hectares) for name, item in self.classes.items()
            },
        }

    def count(self, tile: MapTile, classes: Sequence[LandUseClass], hectares: float) -> None:
        """Add a tile whose pixels are of so many hectares each."""
        shares = [(0, self.nodata), *((item.code, self.classes[item.name]) for item in classes)]
        for code, share in shares:
            here = (tile.codes == code) & tile.inside
            count = int(np.count_nonzero(here))
            share.pixels += count
            share.hectares += count * hectares
            share.entropy += float(np.nansum(tile.entropy[here], dtype=np.float64))
            if tile.dissimilarity is not None and self.threshold is not None:
                beyond = here & (tile.dissimilarity > self.threshold)
                share.outside += hectares * np.count_nonzero(beyond)


def _share(part: float, whole: float) -> float | None:
    return round(part / whole, 6) if whole else None
