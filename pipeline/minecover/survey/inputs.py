"""Sections of what goes in: the area, its grid, the sources and the catalog."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from minecover.survey.section import Section

__all__ = [
    "Area",
    "Catalog",
    "DateRange",
    "GridSection",
    "NightLights",
    "Sentinel1",
    "Sentinel2",
    "Sources",
    "Terrain",
]


Value = str | int
"""Of an attribute; numbers and their texts are the same."""


class Area(Section):
    """Where: a bounding box, or a file of polygons (any format and CRS that GDAL reads)."""

    path: str | None = Field(
        None,
        description="vector file whose polygons are the area: GeoJSON, GeoPackage, zipped "
        "Shapefile or whatever else GDAL reads, in any CRS; holes stay holes",
    )
    layer: str | None = Field(None, description="layer of a file that has several")
    where: dict[str, Value | tuple[Value, ...]] = Field(
        default_factory=dict,
        description="attributes that a feature of the file must have, each with its value or a "
        "list of values: {name: Shanxi}",
    )
    bbox: tuple[float, float, float, float] | None = Field(
        None, description="left, bottom, right, top in `crs`"
    )
    crs: str = Field("EPSG:4326", description="CRS of `bbox`; a file brings its own")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.path is None) == (self.bbox is None):
            raise ValueError("give either `path` or `bbox`")
        if self.bbox and (self.layer or self.where):
            raise ValueError("`layer` and `where` choose from a file; a bbox has neither")
        if self.bbox and not (self.bbox[0] < self.bbox[2] and self.bbox[1] < self.bbox[3]):
            raise ValueError("the area is empty: bbox is left, bottom, right, top")
        return self


class GridSection(Section):
    """The analysis grid: one CRS and resolution for the whole survey, cut into square tiles."""

    crs: str = Field(
        "auto",
        description="`auto` (`utm` while no point of the area is out of scale by more than 1 in "
        "1,000, else `equal-area`), `utm` (zone of the area's centre), `equal-area` (Lambert's "
        "azimuthal or Albers' conic on the area, whichever distorts angles less), or any "
        "projected CRS in metres: an EPSG code, WKT or a PROJ string",
    )
    resolution: float = Field(10.0, gt=0, description="pixel size in metres")
    tile: int = Field(256, ge=32, le=4096, multiple_of=32, description="tile edge in pixels")


def _parse_range(text: str) -> str:
    try:
        start, end = (dt.date.fromisoformat(part) for part in text.split("/"))
    except ValueError as error:
        raise ValueError(f"{text!r} is not a date range YYYY-MM-DD/YYYY-MM-DD") from error
    if end < start:
        raise ValueError(f"{text!r} ends before it starts")
    return text


DateRange = Annotated[str, AfterValidator(_parse_range)]


class Sentinel2(Section):
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


class Sentinel1(Section):
    """Backscatter VV and VH (features 26 and 27)."""

    collection: str = Field("sentinel-1-rtc", description="STAC collection")
    assets: dict[str, str] = Field(default_factory=dict, description="asset of VV and of VH")
    values: Literal["linear", "db"] = Field("linear", description="what the assets hold")


class Terrain(Section):
    """Elevation, from which slope and aspect follow (features 28 to 30)."""

    collection: str | None = Field("nasadem", description="STAC collection")
    path: str | None = Field(None, description="a raster file instead of a collection")
    asset: str = Field("elevation", description="asset of the elevation in metres")


class NightLights(Section):
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


class Sources(Section):
    """What is observed. A source left out leaves its features out."""

    sentinel2: Sentinel2 = Sentinel2()
    sentinel1: Sentinel1 | None = Field(None, description="backscatter VV and VH")
    terrain: Terrain | None = Field(None, description="elevation, slope and aspect")
    night_lights: NightLights | None = Field(None, description="night-time radiance")


class Catalog(Section):
    """Where items are looked up, and with which limits."""

    url: str = Field(description="STAC API, or catalog.json of a static catalog")
    sign: Literal["none", "planetary-computer"] = Field(
        "none", description="how asset addresses are signed when they are read"
    )
    max_items: int = Field(20_000, ge=1, description="refuse a search that finds more")
    reader: Literal["stackstac", "odc-stac"] = Field(
        "stackstac", description="library that reads items onto the grid"
    )
