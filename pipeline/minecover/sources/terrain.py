"""Elevation, from items of a collection or from one raster file."""

from __future__ import annotations

from pydantic import Field

from minecover.layers import Layer, Variable
from minecover.sources.still import StillSettings, StillSource

__all__ = ["Terrain", "TerrainSettings"]


class TerrainSettings(StillSettings):
    """Elevation, from which slope and aspect follow (features 28 to 30)."""

    collection: str | None = Field("nasadem", description="STAC collection")
    asset: str = Field("elevation", description="asset of the elevation in metres")


class Terrain(StillSource[TerrainSettings]):
    """An elevation model."""

    name = "terrain"
    label = "elevation"
    settings_type = TerrainSettings
    layer = Layer(
        "elevation",
        name,
        "terrain",
        "m",
        False,
        "NASA DEM",
        "elevation",
        28,
        Variable("elevation", "elevation above sea level", bounds=(-500.0, 9000.0)),
    )
    key = "elevation"
    native_pixels = 0.11  # one file of 30 m
