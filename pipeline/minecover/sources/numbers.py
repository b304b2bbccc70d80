"""Numbers of rasters as their files hold them, and what is wanted of which files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
from odc.geo.geobox import GeoBox

from minecover.arrays import Float32Array
from minecover.sources.manifest import Asset, Item
from minecover.sources.values import take_out_nodata

__all__ = ["Numbers", "Wanted"]


@dataclass(frozen=True)
class Wanted:
    """A window of rasters that share one grid.

    Attributes
    ----------
    items
        Whose named assets all lie on one grid.
    assets
        Keys of `Item.assets`.
    geobox
        Window of that grid: no resampling takes place.
    """

    items: Sequence[Item]
    assets: Sequence[str]
    geobox: GeoBox

    @property
    def files(self) -> list[tuple[Item, str]]:
        """Item and asset of each file, those of an item together."""
        return [(item, key) for item in self.items for key in self.assets]

    def asset(self, item: int, key: int) -> Asset:
        """Record of a file by the positions of its item and asset."""
        return self.items[item].assets[self.assets[key]]


@dataclass(frozen=True)
class Numbers:
    """Digital numbers of a window.

    Attributes
    ----------
    values
        (item, asset, y, x): uint16 where the files hold no more, else float32, NaN where a file
        says nodata by a mask.
    nodata
        (item, asset) float32, what the file itself says is nodata; NaN: it names no number.
    """

    values: npt.NDArray[np.uint16] | Float32Array
    nodata: Float32Array

    def floats(self) -> Float32Array:
        """(item, asset, y, x) float32, NaN where the file says nodata."""
        if np.isnan(self.nodata).all():
            return cast(Float32Array, self.values.astype(np.float32, copy=False))
        out = self.values.astype(np.float32)
        for place in np.ndindex(*self.nodata.shape):
            take_out_nodata(out[place], out[place], float(self.nodata[place]))
        return out
