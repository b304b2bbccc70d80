"""Settings of the features."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from minecover.features.registry import INDICES
from minecover.settings import NameIn, Section

__all__ = ["FeatureSettings"]


class FeatureSettings(Section):
    """How features are computed from the cube, and whether they are stored."""

    keep: Literal["all", "selected", "none"] = Field(
        "all",
        description="all: stored once, read by whatever needs them; none: computed from the cube "
        "on the way into samples and prediction, and never stored: less to store and to move, "
        "more to compute whenever they are read again; selected: as none, but what a tile's "
        "prediction computes is stored beside the map. The map is the same",
    )

    indices: tuple[Annotated[str, NameIn("minecover.features.registry:INDICES")], ...] = Field(
        INDICES.own_names(),
        description="spectral indices of each season, in the order of their layers; those of other "
        "packages are computed only where they are named",
    )
    tasselled_cap: Literal["shi2019", "crist1985", "nedkov2017"] = Field(
        "shi2019", description="coefficients of brightness, greenness and wetness"
    )
    ndri: Literal["zhang2014", "swir1_green"] = Field(
        "zhang2014", description="zhang2014: (S2-N)/(S2+N); swir1_green: (S1-G)/(S1+G)"
    )
    texture_band: str = Field("B08", description="layer of the cube whose texture is computed")
    texture_window: int = Field(5, ge=3, le=15, description="window edge in pixels, odd")
    texture_levels: int = Field(32, ge=8, le=64, description="grey levels")
    texture_percentiles: tuple[float, float] = Field(
        (1.0, 99.0), description="of the whole cube's band: the range that is quantised"
    )
    fill: Literal["none", "year"] = Field(
        "none",
        description="a pixel with no clear observation in a season: none: nodata; "
        "year: the mean of its other seasons, counted in the report",
    )

    fill_distance: int = Field(
        0,
        ge=0,
        le=16,
        description="pixels: a gap takes the mean of the observed pixels next to it, this far in",
    )

    @property
    def are_stored(self) -> bool:
        """Whether all of them are stored, by a stage of their own that works tile by tile."""
        return self.keep == "all"

    @property
    def are_stored_beside_map(self) -> bool:
        """Whether prediction stores the selected ones of each tile that it computes."""
        return self.keep == "selected"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.texture_window % 2 == 0:
            raise ValueError(f"texture_window is {self.texture_window}; it must be odd")
        twice = sorted({name for name in self.indices if self.indices.count(name) > 1})
        if twice:
            raise ValueError(f"indices: {', '.join(twice)} more than once; name each once")
        return self
