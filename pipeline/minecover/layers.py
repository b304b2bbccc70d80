"""What a layer of a raster holds: its name, unit, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Layer"]


@dataclass(frozen=True)
class Layer:
    """A layer of the cube or of the features, without its season.

    Attributes
    ----------
    name
        In the raster; a seasonal layer has its season in front, as in ``summer_NDVI``.
    source
        Name of the source it is made from.
    group
        Kind of layer, for example band, index, texture, backscatter, terrain.
    unit
        Of the values; ``"1"`` for a pure number.
    seasonal
        Whether there is one a season, or one for the whole survey.
    description
        What it is, or how it is computed, and where that comes from.
    feature
        Of a layer of the cube: name of the feature that it is as it stands; None: it is none.
    code
        Number in Table 2 of Liu et al. 2025 (10.6046/zrzyyg.2024080), 1 to 31; None: not of it.
    """

    name: str
    source: str
    group: str
    unit: str
    seasonal: bool
    description: str
    feature: str | None = None
    code: int | None = None

    def in_season(self, season: str) -> str:
        """Name in a raster: with the season in front where there is one a season."""
        return f"{season}_{self.name}" if self.seasonal else self.name
