"""Sentinel-2 L2A: its ten bands, the scene classification, and what turns DN into reflectance."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from minecover.arrays import BoolArray, Float32Array
from minecover.sources.bands import Band
from minecover.sources.digital_numbers import (
    Rescaling,
    baseline_of,
    harmonised,
    product_names,
    scale_of,
)
from minecover.sources.item_document import ItemError
from minecover.sources.optical import Mask, OpticalSettings, OpticalSource
from minecover.sources.recorded import recorded
from minecover.sources.settings import Collections

if TYPE_CHECKING:
    from minecover.sources.item_document import Document

__all__ = ["SCL", "Sentinel2", "Sentinel2Settings"]

SCL = "SCL"

DEFECTIVE = 1
"""Code of a saturated or defective pixel, after that of nodata."""

NAMES = {
    "B02": ("B02", "blue", "B02_10m"),
    "B03": ("B03", "green", "B03_10m"),
    "B04": ("B04", "red", "B04_10m"),
    "B08": ("B08", "nir", "B08_10m"),
    "B05": ("B05", "rededge1", "B05_20m"),
    "B06": ("B06", "rededge2", "B06_20m"),
    "B07": ("B07", "rededge3", "B07_20m"),
    "B8A": ("B8A", "nir08", "B8A_20m"),
    "B11": ("B11", "swir16", "B11_20m"),
    "B12": ("B12", "swir22", "B12_20m"),
}
"""Assets of a band at Planetary Computer, Earth Search and Copernicus Data Space; the bands in
the order of Table 2 of Liu et al. 2025."""

GROUND_BANDS = ("B02", "B11")
"""By which pixels masked on nearly every date are looked at again."""

SCL_NAMES = (SCL, "scl", "SCL_20m")


class Sentinel2Settings(OpticalSettings):
    """Optical bands and everything derived from them (features 1 to 25)."""

    collection: Collections = Field("sentinel-2-l2a", description="STAC collection, or several")
    scl: str | None = Field(
        SCL, description="asset of the scene classification; null: the data has none"
    )
    masked: tuple[int, ...] = Field(
        (0, 1, 2, 3, 8, 9, 10), description="SCL codes that are no clear observation of the ground"
    )
    spare_bare_ground: bool = Field(
        True,
        description="take observations back as clear that are masked on nearly every date of a "
        "season, where they show the same ground on most dates; needs B02 and B11",
    )
    offset: Literal["auto", "none"] = Field(
        "auto",
        description="auto: reflectance offset by the item's own record or processing baseline; "
        "none: digital numbers as they are (wrong from baseline 04.00 on)",
    )


class Sentinel2(OpticalSource[Sentinel2Settings]):
    """Sentinel-2 L2A of the survey's seasons."""

    name = "sentinel2"
    label = "Sentinel-2"
    settings_type = Sentinel2Settings
    required = True
    bands = tuple(
        Band(band, band.replace("B0", "B"), assets, f"surface reflectance of {band}, 0-1", code)
        for code, (band, assets) in enumerate(NAMES.items(), start=1)
    )
    count_layer = "CLEAR"
    arrays = ("reflectance", "clear")
    bounds = (-0.1, 6.5535)  # 16 bits at 0.0001, with an offset of 0 or -1000
    native_pixels = 5.75  # 4 bands of 10 m, 6 and the classification of 20 m
    files_per_item = 11
    revisit_days = 5.0  # of two satellites
    usable_share = 0.6  # under the limit of cloud cover

    def assets(self, item: Document) -> dict[str, str]:
        """Find the assets of an item of surface reflectance; see `OpticalSource.assets`."""
        if _is_level_1(item):
            raise ItemError(
                f"item {item.get('id')}: it is of Level-1C, reflectance at the top of the "
                "atmosphere; only Level-2A is surface reflectance"
            )
        return super().assets(item)

    def mask(self) -> Mask | None:
        """Give the scene classification, where the data has one."""
        if self.settings.scl is None:
            return None
        return Mask(
            SCL,
            SCL_NAMES if self.settings.scl == SCL else (self.settings.scl,),
            "name it in `sources.sentinel2.scl`, or write null there if the data has none",
        )

    def is_clear(self, values: Float32Array) -> BoolArray:
        """Tell which codes of the scene classification are not masked by the survey."""
        return np.isfinite(values) & ~np.isin(values, self.settings.masked)

    def is_observed(self, values: Float32Array) -> BoolArray:
        """Tell which codes are neither nodata nor a defective pixel."""
        return np.isfinite(values) & (values > DEFECTIVE)

    def ground_bands(self) -> tuple[str, str] | None:
        """See `OpticalSource.ground_bands`."""
        wanted = self.settings.spare_bare_ground
        there = {band.name for band in self.data_bands}
        return GROUND_BANDS if wanted and there.issuperset(GROUND_BANDS) else None

    def scaling(self, item: Document, asset: str) -> Rescaling:
        """Decide how an asset's DN become reflectance; see `digital_numbers`.

        Raises
        ------
        ItemError
            Neither an offset nor a baseline is recorded, or the two contradict each other.
        """
        own = recorded(item["assets"][asset])
        named = self.named_offset(item)
        if named is not None:
            return Rescaling(scale_of(own), *named)
        if self.settings.offset == "none":
            return Rescaling(scale_of(own), 0.0, "the survey says sources.sentinel2.offset: none")
        return harmonised(item, asset, own)

    def baseline(self, item: Document) -> float:
        """Give the processing baseline, 0 where none is recorded."""
        known = baseline_of(item)
        return known[0] if known else 0.0


def _is_level_1(item: Document) -> bool:
    properties = item.get("properties", {})
    level = str(properties.get("processing:level", properties.get("s2:product_type", "")))
    if level:
        return re.fullmatch(r"(L|LEVEL-|S2MSI)1[ABC]?", level.upper()) is not None
    return any(re.search(r"(^|_)(MSI)?L1C(_|$)", name) for name in product_names(item))
