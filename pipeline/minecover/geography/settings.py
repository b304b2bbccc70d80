"""Settings of the area and of the grid."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from minecover.settings import CrsName, Encoding, Section

__all__ = ["AreaSettings", "GridSettings", "Value"]

Value = str | int
"""Of an attribute; numbers and their texts are the same."""


class AreaSettings(Section):
    """Where: a bounding box, or a file of polygons (any format and CRS that GDAL reads)."""

    path: str | None = Field(
        None,
        description="vector file whose polygons are the area: GeoJSON, GeoPackage, zipped "
        "Shapefile, GeoParquet or whatever else GDAL reads, in any CRS; holes stay holes",
    )
    layer: str | None = Field(None, description="layer of a file that has several")
    encoding: Encoding = Field(
        None, description="of the texts of a Shapefile, as gbk, where it does not say it"
    )
    where: dict[str, Value | tuple[Value, ...]] = Field(
        default_factory=dict,
        description="attributes that a feature of the file must have, each with its value or a "
        "list of values: {name: Shanxi}",
    )
    bbox: tuple[float, float, float, float] | None = Field(
        None, description="left, bottom, right, top in `crs`"
    )
    crs: CrsName = Field("EPSG:4326", description="CRS of `bbox`; a file brings its own")
    transformation: str | None = Field(
        None,
        description="from its datum to WGS 84, where PROJ knows none: 3 or 7 numbers of towgs84 "
        '(as "15.8,-154.4,-82.3", rotations as PROJ has them), an operation as EPSG:15918, or a '
        "pipeline of PROJ from x, y to degrees of longitude and latitude; or gcj02, the shifted "
        "coordinates of Chinese web maps",
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.path is None) == (self.bbox is None):
            raise ValueError("give either `path` or `bbox`")
        if self.bbox and (self.layer or self.where):
            raise ValueError("`layer` and `where` choose from a file; a bbox has neither")
        if self.bbox and not (self.bbox[0] < self.bbox[2] and self.bbox[1] < self.bbox[3]):
            raise ValueError("the area is empty: bbox is left, bottom, right, top")
        return self


class GridSettings(Section):
    """The analysis grid: one CRS and resolution for the whole survey, cut into square tiles."""

    crs: CrsName = Field(
        "auto",
        description="`auto` (`utm` while no point of the area is out of scale by more than 1 in "
        "1,000, else `equal-area`), `utm` (zone of the area's centre), `equal-area` (Lambert's "
        "azimuthal or Albers' conic on the area, whichever distorts angles less), or any "
        "projected CRS in metres: an EPSG code, WKT or a PROJ string",
    )
    resolution: float = Field(10.0, gt=0, le=100_000, description="pixel size in metres")
    tile: int = Field(256, ge=32, le=4096, multiple_of=32, description="tile edge in pixels")
