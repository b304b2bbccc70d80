"""Vectors of embeddings, from the numbers that their files hold.

AlphaEarth Foundations: int8, -128 where nothing is known; value = sign(n) (n / 127.5)^2
(https://developers.google.com/earth-engine/guides/aef_on_gcs_readme). TESSERA: int8 times the
pixel's scale, which is infinite or NaN where there is nothing (https://github.com/ucam-eo/geotessera).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from odc.geo.geobox import GeoBox

from minecover.arrays import Float32Array
from minecover.errors import DataError
from minecover.sources.manifest import Item
from minecover.sources.native import NativeGrid
from minecover.sources.reader import Reader
from minecover.sources.resample import sampling, weighted_mean

__all__ = ["SCALES", "Decoding", "mean_vectors"]

SCALES = "scales"
"""Key of the asset that holds the scale of each pixel."""

MASKED = np.float32(-128)
"""Number of a masked pixel of AlphaEarth Foundations."""

HALF_RANGE = np.float32(127.5)


@dataclass(frozen=True)
class Decoding:
    """How the numbers of files become vectors.

    Attributes
    ----------
    encoding
        `none`, `alphaearth` or `tessera`.
    names
        Of the components, by which items keep their assets.
    """

    encoding: str
    names: tuple[str, ...]

    def read(self, reader: Reader, item: Item, box: GeoBox) -> Float32Array:
        """Read a window of an item, on its own pixels.

        Returns
        -------
        (component, y, x), NaN where there is no vector.

        Raises
        ------
        DataError
            The numbers are none of the encoding, or vectors and scales lie on different grids.
        """
        numbers: Float32Array = reader.read([item], self.names, box)[0]
        first = item.assets[self.names[0]]
        if self.encoding == "none":
            numbers = (numbers + np.float32(first.offset)) * np.float32(first.scale)
            return numbers
        _check_integers(numbers, item, self.encoding)
        if self.encoding == "alphaearth":
            numbers[numbers == MASKED] = np.nan
            return cast(Float32Array, np.copysign((numbers / HALF_RANGE) ** 2, numbers))
        scales = item.assets[SCALES]
        if NativeGrid.of(scales) != NativeGrid.of(first):
            raise DataError(
                f"item {item.id}: its scales lie on another grid than its vectors; give the "
                "scales of the same file in `sources.embeddings.scales`"
            )
        factors = reader.read([item], [SCALES], box)[0, 0]
        numbers *= np.where(np.isfinite(factors), factors, np.float32(np.nan))
        return numbers


def _check_integers(numbers: Float32Array, item: Item, encoding: str) -> None:
    """Refuse values that were decoded already."""
    known = numbers[np.isfinite(numbers)]
    if (np.abs(known) > -MASKED).any() or (known != np.round(known)).any():
        raise DataError(
            f"item {item.id}: its numbers are no int8, which `sources.embeddings.encoding: "
            f"{encoding}` decodes; where they are values already, set `encoding: none`"
        )


def mean_vectors(
    reader: Reader, items: tuple[Item, ...], target: GeoBox, decoding: Decoding
) -> Float32Array:
    """Bilinear mean of items on any pixels: across a seam it is interpolated.

    Returns
    -------
    (component, y, x), NaN where no item has a vector.
    """
    sums = np.zeros((3, len(decoding.names), *target.shape), np.float32)
    for item in items:
        grid = NativeGrid.of(item.assets[decoding.names[0]])
        place = sampling(target, grid)
        if place.window is not None:
            sums += place.accumulate(decoding.read(reader, item, grid.geobox(place.window)))
    return weighted_mean(sums)
