"""Settings of the labelled points and of regions."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from minecover.settings import CrsName, Encoding, Section

__all__ = ["RegionSettings", "SampleSettings"]


class SampleSettings(Section):
    """Labelled points and how they are divided."""

    path: str | tuple[str, ...] = Field(
        (),
        min_length=1,
        description="GeoPackage, GeoJSON, GeoParquet, Shapefile, folder of a file geodatabase, CSV "
        "with x and y columns, or what else GDAL reads; several files as a list",
    )
    layer: str | tuple[str, ...] | None = Field(
        None, min_length=1, description="layer of a file that has several, or a list of them"
    )
    column: str = Field("class", description="column of class names or codes")
    encoding: Encoding = Field(
        None,
        description="of the texts of a CSV or Shapefile, as gbk, where the file does not say it "
        "and the names of the classes do not tell it either",
    )
    crs: CrsName | None = Field(None, description="CRS of a CSV's coordinates")
    transformation: str | None = Field(
        None,
        description="from the files' datum to WGS 84, where PROJ knows none: numbers of towgs84 "
        '(as "15.8,-154.4,-82.3", rotations as PROJ has them), an operation as EPSG:15918, or a '
        "pipeline of PROJ from x, y to degrees of longitude and latitude; or gcj02, the shifted "
        "coordinates of Chinese web maps",
    )
    x: str = Field("x", description="column of a CSV")
    y: str = Field("y", description="column of a CSV")
    period: str = Field(
        "period", description="column with the name of the period in which a sample is of its class"
    )
    date: str = Field(
        "date", description="column of the day (YYYY-MM-DD) on which a sample is of its class"
    )
    valid_from: str = Field(
        "valid_from",
        description="column of the first day of the span in which a sample is of its class: it is "
        "a sample of every period that lies whole within; empty: since ever",
    )
    valid_to: str = Field(
        "valid_to", description="column of the last day of that span; empty: until today"
    )
    in_period: str | None = Field(
        None,
        description="period of samples that say nothing of time; null: each says it. Like the "
        "columns of time it counts only where the survey names periods",
    )
    polygons: Literal["all"] | Annotated[int, Field(ge=1)] | None = Field(
        None,
        description="points that a polygon gives, of the pixels that lie whole inside it: so many "
        "drawn at random at most, or all; null: polygons are left out. Points of a polygon are in "
        "one block of every split",
    )
    seed: int = Field(0, ge=0, description="of the pixels drawn from polygons")
    conflicts: Literal["drop", "last"] = Field(
        "drop",
        description="of points of several classes in one pixel, drop: none is used; last: those of "
        "the file that is named last in `path` are, as one of corrections",
    )
    folds: int = Field(5, ge=2, le=20, description="folds of the spatial blocks and random split")
    block: float | Literal["auto"] = Field(
        1000.0,
        description="edge of a spatial block in metres; auto: as far as the points' features "
        "resemble each other, the range of the semivariogram of their first principal component "
        "(Roberts et al. 2017, 10.1111/ecog.02881), less where each region's points would lie in "
        "fewer than two blocks a fold",
    )

    @property
    def paths(self) -> tuple[str, ...]:
        """Files, however many."""
        return (self.path,) if isinstance(self.path, str) else self.path

    @property
    def layers(self) -> tuple[str, ...]:
        """Layers that are named; none where a file has but one."""
        return (self.layer,) if isinstance(self.layer, str) else self.layer or ()

    @field_validator("block", mode="before")
    @classmethod
    def _metres_or_auto(cls, value: object) -> object:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if value != "auto" and not (number and float(str(value)) > 0):
            raise ValueError(f"{value!r}: give a number of metres above 0, or auto")
        return value


class RegionSettings(Section):
    """Regions, each of which gets a model of its own, learnt from its own samples."""

    path: str = Field(
        description="vector file of polygons that cover the area: whatever GDAL reads, in any CRS"
    )
    layer: str | None = Field(None, description="layer of a file that has several")
    encoding: Encoding = Field(
        None, description="of the texts of a Shapefile, as gbk, where it does not say it"
    )
    column: str = Field(
        "name", description="attribute with a polygon's region; several polygons may be of one"
    )
    transformation: str | None = Field(
        None, description="from the file's datum to WGS 84, as samples.transformation"
    )
