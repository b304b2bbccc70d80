"""The section of the register that mines are held against."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from minecover.geography.settings import Value
from minecover.settings import Encoding, Section

__all__ = ["LicenceSettings", "ParcelSettings", "RegisterSettings"]


class ParcelSettings(Section):
    """Polygons of a file, each with a name."""

    path: str = Field(description="vector file of polygons: whatever GDAL reads, in any CRS")
    layer: str | None = Field(None, description="layer of a file that has several")
    encoding: Encoding = Field(
        None, description="of the texts of a Shapefile, as gbk, where it does not say it"
    )
    name: str = Field(
        "name", description="attribute with a polygon's name; several polygons may have one"
    )
    where: dict[str, Value | tuple[Value, ...]] = Field(
        default_factory=dict, description="attributes that a polygon must have, as in `area.where`"
    )
    transformation: str | None = Field(
        None, description="from the file's datum to WGS 84, as `area.transformation`"
    )


class LicenceSettings(ParcelSettings):
    """Licences to mine."""

    granted: str | None = Field(
        None,
        description="attribute with the day from which a licence is valid, YYYY-MM-DD; a year or "
        "month stands for its first day",
    )
    expires: str | None = Field(
        None,
        description="attribute with the last day on which it is valid, YYYY-MM-DD; a year or "
        "month stands for its last day",
    )


class RegisterSettings(Section):
    """What mines are held against; at least one of the three kinds of polygons."""

    licences: LicenceSettings | None = Field(None, description="where mining is licensed")
    protected: ParcelSettings | None = Field(None, description="where nothing may be mined")
    units: ParcelSettings | None = Field(
        None, description="counties or other units for which totals are given"
    )
    edge_m: float = Field(
        10.0,
        ge=0,
        le=1000,
        description="metres from the outline of a licence or a protected area within which mined "
        "ground is no evidence: as far as map and register may lie off each other",
    )
    states: str | None = Field(
        None,
        description="CSV with the columns `suspect`, `state` (to check, confirmed or dismissed) "
        "and `note`, which is read and never written: a copy of suspects.csv with what was found",
    )

    @model_validator(mode="after")
    def _has_polygons(self) -> Self:
        if self.licences is None and self.protected is None and self.units is None:
            raise ValueError("give `licences`, `protected` or `units`")
        return self
