"""The range over which texture is quantised: one for all tiles and seasons of a survey."""

from __future__ import annotations

import numpy as np

from minecover.arrays import Float32Array
from minecover.errors import DataError
from minecover.features.catalogue import FeatureCatalogue
from minecover.geography.grid import Grid
from minecover.layers import raster_layers
from minecover.storage.raster import Raster

__all__ = ["RANGE_PIXELS", "percentile_range", "texture_range"]

RANGE_PIXELS = 2_000_000
"""Pixels of a season that the range is estimated from, at most."""


def texture_range(catalogue: FeatureCatalogue, grid: Grid, cube: Raster) -> tuple[float, float]:
    """Find the percentiles of the texture band over all seasons.

    They are of whole tiles at even steps over the area, of at most `RANGE_PIXELS` pixels together.

    Parameters
    ----------
    catalogue
        Of the survey, with the percentiles and the band.
    grid, cube
        What they are of.

    Returns
    -------
    Low and high end in the band's unit.

    Raises
    ------
    DataError
        The band has no valid pixel.
    """
    settings = catalogue.settings
    band = [layer for layer in catalogue.cube if layer.name == settings.texture_band]
    names = [layer.name for layer in raster_layers(catalogue.seasons, band)]
    step = max(1, len(grid.tiles) * grid.tile_size**2 // RANGE_PIXELS)
    values = [cube.read(grid.window(tile), names) for tile in grid.tiles[::step]]
    valid = np.concatenate([block[np.isfinite(block)] for block in values])
    if valid.size == 0:
        raise DataError(
            f"cube: {settings.texture_band} has no clear observation in any season; widen the "
            f"seasons, or have more items of sources.{band[0].source} used"
        )
    return percentile_range(valid, settings.texture_percentiles)


def percentile_range(valid: Float32Array, percentiles: tuple[float, float]) -> tuple[float, float]:
    """Range between two percentiles of valid values, never without an extent."""
    low, high = np.percentile(valid, percentiles)
    return float(low), float(max(high, low + 1e-4))
