"""Night-time light radiance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self, cast

import numpy as np
from pydantic import Field, model_validator

from minecover.arrays import Float32Array
from minecover.layers import Layer, Variable
from minecover.sources.still import StillSettings, StillSource

if TYPE_CHECKING:
    from minecover.sources.manifest import Asset, Item
    from minecover.sources.search import Search

__all__ = ["NightLights", "NightLightsSettings"]

FRACTIONS = (
    "of fractions, where digital numbers of Luojia-1 are whole: if they are radiance already, as "
    "of VIIRS, set sources.night_lights.calibration: none"
)
"""Note on a file that may be of another sensor."""


class NightLightsSettings(StillSettings):
    """Night-time light radiance (feature 31)."""

    asset: str = Field("dn", description="asset of the digital numbers")
    calibration: Literal["luojia1", "none"] = Field(
        "luojia1", description="luojia1: DN^1.5 x 1e-10 W m-2 sr-1 um-1; none: values as they are"
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.collection is None) == (self.path is None):
            raise ValueError("give either `collection` or `path`")
        return self


class NightLights(StillSource[NightLightsSettings]):
    """Radiance at night; not DN are interpolated: the calibration is not linear."""

    name = "night_lights"
    label = "night lights"
    settings_type = NightLightsSettings
    layer = Layer(
        "NTL",
        name,
        "night lights",
        "W m-2 sr-1 um-1",
        False,
        "Luojia-1: DN^1.5 1e-10",
        "NTL",
        31,
        Variable(name, "night-time light radiance"),
    )
    key = "dn"
    native_pixels = 0.006  # one file of 130 m

    def find(self, search: Search) -> list[Item]:
        """Find the survey's file or items; a file of fractions is noted. See `Source.find`."""
        items, settings = super().find(search), self.settings
        if settings.path is None or settings.calibration == "none":
            return items
        if not search.own_header(f"sources.{self.name}.path").data_type.startswith("float"):
            return items
        return [item.replace(assets=_noted(item.assets)) for item in items]

    def values(self, numbers: Float32Array, asset: Asset) -> Float32Array:
        """Calibrate DN.

        `luojia1`: DN^1.5 x 1e-10 W m-2 sr-1 um-1 for Luojia-1 01 (feature 31 of Liu et al. 2025,
        10.6046/zrzyyg.2024080); a negative DN is no observation. `none`: the values as they are,
        negative ones too, which calibrated products have where it is dark.
        """
        values = super().values(numbers, asset)
        if self.settings.calibration == "none":
            return values
        dark = np.where(values >= 0, values, np.float32(np.nan)).astype(np.float64)
        return cast(Float32Array, (dark**1.5 * 1e-10).astype(np.float32))


def _noted(assets: dict[str, Asset]) -> dict[str, Asset]:
    return {key: asset.replace(note=asset.note or FRACTIONS) for key, asset in assets.items()}
