"""The classes of a map."""

from __future__ import annotations

from pydantic import Field

from minecover.settings import Section

__all__ = ["LandUseClass"]


class LandUseClass(Section):
    """One class of the map."""

    code: int = Field(ge=1, le=255, description="value in landuse.tif")
    name: str = Field(
        pattern=r"^[\w-]+( [\w-]+)*$",
        description="as samples write it: letters of any script, digits, - and _, single spaces",
    )
    colour: str = Field(pattern=r"^#[0-9a-fA-F]{6}$", description="#rrggbb in maps")
    mine: bool = Field(False, description="outlined in mines.gpkg")
