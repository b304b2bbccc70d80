"""Settings of the labelled points and of regions."""

from __future__ import annotations

from pydantic import Field

from minecover.settings import Section

__all__ = ["RegionSettings", "SampleSettings"]


class SampleSettings(Section):
    """Labelled points and how they are divided."""

    path: str = Field(description="GeoPackage, GeoJSON, GeoParquet, or CSV with x and y columns")
    column: str = Field("class", description="column of class names or codes")
    crs: str | None = Field(None, description="CRS of a CSV's coordinates")
    x: str = Field("x", description="column of a CSV")
    y: str = Field("y", description="column of a CSV")
    folds: int = Field(5, ge=2, le=20, description="folds of the spatial blocks and random split")
    block: float = Field(1000.0, gt=0, description="edge of a spatial block in metres")


class RegionSettings(Section):
    """Regions, each of which gets a model of its own, learnt from its own samples."""

    path: str = Field(
        description="vector file of polygons that cover the area: whatever GDAL reads, in any CRS"
    )
    layer: str | None = Field(None, description="layer of a file that has several")
    column: str = Field(
        "name", description="attribute with a polygon's region; several polygons may be of one"
    )
