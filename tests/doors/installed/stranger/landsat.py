"""A second optical sensor: four bands of 30 m, masked by a quality band of flags."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from minecover.arrays import BoolArray, Float32Array
from minecover.sources.bands import Band, Mask
from minecover.sources.optical import OpticalSettings, OpticalSource, Rescaling

if TYPE_CHECKING:
    from minecover.sources.catalog import Document

__all__ = ["Landsat", "LandsatSettings"]

CLOUDY = 0b11010
"""Dilated cloud, cloud and cloud shadow in the quality band of collection 2."""


class LandsatSettings(OpticalSettings):
    """Section `sources.landsat`."""

    collection: str = Field("landsat-c2-l2", description="STAC collection")


class Landsat(OpticalSource[LandsatSettings]):
    """Surface reflectance of Landsat 8 and 9, collection 2."""

    name = "landsat"
    label = "Landsat 8 and 9"
    settings_type = LandsatSettings
    bands = tuple(
        Band(f"L{n}", f"L{n}", (asset,), f"surface reflectance, {asset}")
        for n, asset in ((2, "blue"), (3, "green"), (4, "red"), (5, "nir08"))
    )
    count_layer = "LCLEAR"
    native_pixels = 5 / 9  # four bands and the flags, all of 30 m
    files_per_item = 5
    revisit_days = 8.0
    usable_share = 0.6

    def mask(self) -> Mask | None:
        """See `OpticalSource.mask`."""
        return Mask("flags", ("qa_pixel",))

    def is_clear(self, values: Float32Array) -> BoolArray:
        """See `OpticalSource.is_clear`."""
        seen = np.isfinite(values)
        flags = np.where(seen, values, 0).astype(np.int64)
        return seen & ((flags & CLOUDY) == 0)

    def scaling(self, item: Document, asset: str) -> Rescaling:
        """See `OpticalSource.scaling`."""
        del item, asset
        return Rescaling(2.75e-5, -0.2 / 2.75e-5, "collection 2")
