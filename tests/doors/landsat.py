"""A source of another package: a second optical sensor, four bands of 30 m of Landsat 8 and 9."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

from minecover.arrays import BoolArray, Float32Array
from minecover.sources.bands import Band
from minecover.sources.optical import Mask, OpticalSettings, OpticalSource, Rescaling

CLOUDS = 0b1_1111
"""Bits of QA_PIXEL: fill, dilated cloud, cirrus, cloud, shadow of a cloud."""


class LandsatSettings(OpticalSettings):
    """Four bands of Landsat 8 and 9, Collection 2 Level 2."""

    collection: str = Field("landsat-c2-l2", description="STAC collection")


class Landsat(OpticalSource[LandsatSettings]):
    """Surface reflectance in blue, green, red and near infrared."""

    name = "landsat"
    label = "Landsat"
    settings_type = LandsatSettings
    bands = tuple(
        Band(
            f"L{number}", f"L{number}", (colour, f"SR_B{number}"), f"Landsat reflectance, {colour}"
        )
        for number, colour in ((2, "blue"), (3, "green"), (4, "red"), (5, "nir08"))
    )
    count_layer = "LCLEAR"
    native_pixels = 5 / 9
    files_per_item = 5
    revisit_days = 8.0
    usable_share = 0.6

    def mask(self) -> Mask:
        """Give the asset of quality bits."""
        return Mask("QA", ("qa_pixel", "QA_PIXEL"))

    def is_clear(self, values: Float32Array) -> BoolArray:
        """Tell which pixels have no bit of a cloud set."""
        bits = np.where(np.isfinite(values), values, 1).astype(np.uint16)
        return (bits & CLOUDS) == 0

    def scaling(self, item: dict[str, Any], asset: str) -> Rescaling:
        """Give the constants of Collection 2: 0.0000275 DN - 0.2."""
        del item, asset
        return Rescaling(2.75e-5, -0.2 / 2.75e-5, "Collection 2")
