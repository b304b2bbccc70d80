"""Settings of the catalog and of the sources."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from minecover.settings import Section

__all__ = [
    "CatalogSettings",
    "DateRange",
    "NightLightsSettings",
    "Sentinel1Settings",
    "Sentinel2Settings",
    "SourceSettings",
    "TerrainSettings",
]


def _parse_range(text: str) -> str:
    try:
        start, end = (dt.date.fromisoformat(part) for part in text.split("/"))
    except ValueError as error:
        raise ValueError(f"{text!r} is not a date range YYYY-MM-DD/YYYY-MM-DD") from error
    if end < start:
        raise ValueError(f"{text!r} ends before it starts")
    return text


DateRange = Annotated[str, AfterValidator(_parse_range)]


class Sentinel2Settings(Section):
    """Optical bands and everything derived from them (features 1 to 25)."""

    collection: str = Field("sentinel-2-l2a", description="STAC collection")
    assets: dict[str, str] = Field(
        default_factory=dict, description="asset of a band where it is not found by itself"
    )
    scl: str | None = Field(
        "SCL", description="asset of the scene classification; null: the data has none"
    )
    masked: tuple[int, ...] = Field(
        (0, 1, 2, 3, 8, 9, 10), description="SCL codes that are no clear observation of the ground"
    )
    max_cloud_cover: float = Field(80.0, ge=0, le=100, description="per item, in percent")
    offset: Literal["auto", "none"] = Field(
        "auto",
        description="auto: reflectance offset by the item's own record or processing baseline; "
        "none: digital numbers as they are (wrong from baseline 04.00 on)",
    )
    composite: Literal["median", "geometric_median"] = Field(
        "median", description="how the dates of a season become one"
    )


class Sentinel1Settings(Section):
    """Backscatter VV and VH (features 26 and 27)."""

    collection: str = Field("sentinel-1-rtc", description="STAC collection")
    assets: dict[str, str] = Field(default_factory=dict, description="asset of VV and of VH")
    values: Literal["linear", "db"] = Field("linear", description="what the assets hold")


class TerrainSettings(Section):
    """Elevation, from which slope and aspect follow (features 28 to 30)."""

    collection: str | None = Field("nasadem", description="STAC collection")
    path: str | None = Field(None, description="a raster file instead of a collection")
    asset: str = Field("elevation", description="asset of the elevation in metres")


class NightLightsSettings(Section):
    """Night-time light radiance (feature 31)."""

    collection: str | None = Field(None, description="STAC collection")
    path: str | None = Field(None, description="a raster file instead of a collection")
    asset: str = Field("dn", description="asset of the digital numbers")
    calibration: Literal["luojia1", "none"] = Field(
        "luojia1", description="luojia1: DN^1.5 x 1e-10 W m-2 sr-1 um-1; none: values as they are"
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.collection is None) == (self.path is None):
            raise ValueError("give either `collection` or `path`")
        return self


class SourceSettings(Section):
    """What is observed. A source left out leaves its features out."""

    sentinel2: Sentinel2Settings = Sentinel2Settings()
    sentinel1: Sentinel1Settings | None = Field(None, description="backscatter VV and VH")
    terrain: TerrainSettings | None = Field(None, description="elevation, slope and aspect")
    night_lights: NightLightsSettings | None = Field(None, description="night-time radiance")


class CatalogSettings(Section):
    """Where items are looked up, and with which limits."""

    url: str = Field(description="STAC API, or catalog.json of a static catalog")
    sign: Literal["none", "planetary-computer"] = Field(
        "none", description="how asset addresses are signed when they are read"
    )
    max_items: int = Field(20_000, ge=1, description="refuse a search that finds more")
    reader: Literal["stackstac", "odc-stac"] = Field(
        "stackstac", description="library that reads items onto the grid"
    )


BANDS = ("B02", "B03", "B04", "B08", "B05", "B06", "B07", "B8A", "B11", "B12")
"""The ten Sentinel-2 bands in the order of the paper's Table 2 (features 1 to 10)."""


SOURCES = ("sentinel2", "sentinel1", "terrain", "night_lights")
