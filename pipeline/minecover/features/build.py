"""The features stage: cube in, the survey's features out, tile by tile."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from minecover.errors import DataError
from minecover.features.computed import CUBE, STORED, ComputedFeatures
from minecover.geography.grid import Grid, Tile
from minecover.storage.store import Layers, Store
from minecover.survey import Survey
from minecover.survey.grid import survey_grid

__all__ = ["FeaturesJob", "texture_range"]

RANGE_PIXELS = 2_000_000
"""Pixels of a season that the quantisation range is estimated from, at most."""


def texture_range(survey: Survey, grid: Grid, cube: Layers) -> tuple[float, float]:
    """Range of the texture band that all tiles and seasons are quantised over.

    The survey's percentiles of the band over all seasons, from whole tiles taken at even steps
    over the area, at most `RANGE_PIXELS` pixels.

    Returns
    -------
    Low and high reflectance.

    Raises
    ------
    DataError
        The band has no valid pixel.
    """
    names = [f"{season}_{survey.features.texture_band}" for season in survey.seasons]
    step = max(1, len(grid.tiles) * grid.tile_size**2 // RANGE_PIXELS)
    values = [cube.read(grid.window(tile), names) for tile in grid.tiles[::step]]
    valid = np.concatenate([block[np.isfinite(block)] for block in values])
    if valid.size == 0:
        raise DataError(
            f"cube: {survey.features.texture_band} has no clear observation in any season; "
            "widen the seasons or raise sources.sentinel2.max_cloud_cover"
        )
    low, high = np.percentile(valid, survey.features.texture_percentiles)
    return float(low), float(max(high, low + 1e-4))


@dataclass(frozen=True)
class FeaturesJob:
    """Compute and write the features of a tile.

    Attributes
    ----------
    store_url
        Where `cube.zarr` and `features.zarr` are.
    survey
        Which features, and how.
    fingerprint
        Fingerprint of the stage.
    texture
        Low and high end of the quantisation range, reflectance.
    """

    store_url: str
    survey: Survey
    fingerprint: str
    texture: tuple[float, float]

    def __hash__(self) -> int:
        return hash((self.store_url, self.survey.name, self.fingerprint))

    def __call__(self, tile: Tile) -> dict[str, float | int | str]:
        """Read the cube with the halo the kernels need, compute, write.

        Returns
        -------
        Pixels, the share of them without any valid feature, and how many were filled from other
        seasons.
        """
        features, target = _opened(self)
        values, filled = features.compute(features.grid.window(tile), target.names)
        target.write_tile(features.grid, tile, values)
        empty = float(np.isnan(values).all(axis=0).mean())
        return {"pixels": values[0].size, "nodata": round(empty, 6), "filled": filled}


@lru_cache(maxsize=2)
def _opened(job: FeaturesJob) -> tuple[ComputedFeatures, Layers]:
    """Open what a worker keeps between tiles."""
    store = Store(job.store_url)
    cube, grid = store.layers(CUBE), survey_grid(job.survey)
    return ComputedFeatures(job.survey, grid, cube, job.texture), store.layers(STORED)
