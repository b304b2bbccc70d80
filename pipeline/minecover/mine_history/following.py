"""Mines followed through the maps of all periods: their patches, and ids of the pixels."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from minecover.arrays import Int64Array
from minecover.geography.grid import Grid, Window
from minecover.geography.ground_area import SQUARE_MILLIMETRES, Surface
from minecover.mine_history.patches import (
    Mined,
    Patches,
    Probability,
    find_patches,
    tile_patches,
)
from minecover.mine_history.settings import MineSettings
from minecover.mine_history.tracking import NONE, track

__all__ = ["FollowedIds", "patches_of"]

TILES = 9
"""Of which ids are kept, so that windows across their edges do not find them again."""


def patches_of(
    grid: Grid,
    mined: Mined,
    probability: Probability,
    settings: MineSettings,
    surface: Surface,
) -> Patches:
    """Find the patches that are mines of their own; see `FollowedIds`."""
    return find_patches(
        grid, mined, surface.pixel_areas, probability,
        reach=int(settings.join_m / grid.resolution),
        least=round(settings.min_area_ha * SQUARE_MILLIMETRES),
        least_probability=settings.least_probability,
    )  # fmt: skip


class FollowedIds:
    """Mines of all periods, and which of them each pixel is of.

    Attributes
    ----------
    patches, tracks
        What was mined in each period, and which mine it is of.

    Parameters
    ----------
    grid
        Of the maps.
    mined
        Reads a window; False outside of the area.
    probability
        Reads how probable it is that pixels are.
    settings
        How mines are told apart.
    periods
        Their number.
    """

    def __init__(
        self,
        grid: Grid,
        mined: Mined,
        probability: Probability,
        settings: MineSettings,
        periods: int,
    ) -> None:
        self.patches = patches_of(grid, mined, probability, settings, Surface(grid))
        self.tracks = track(self.patches, periods, least_share=settings.least_share)
        self._grid, self._mined, self._periods = grid, mined, periods
        self._numbers = {(tile.row, tile.column): n for n, tile in enumerate(grid.tiles)}
        self._kept = lru_cache(TILES)(self.of_tile)

    def of_tile(self, number: int) -> Int64Array:
        """Ids in a tile of the grid by its position, (period, y, x); 0: none."""
        patch = tile_patches(self.patches, self._grid, self._mined, number)
        ids: Int64Array = np.append(self.tracks.ids, NONE)[patch]  # of patch -1: there is none
        return ids

    def __call__(self, window: Window) -> Int64Array:
        """Ids in a window, which may leave the grid, (period, y, x); 0: none."""
        out = np.zeros((self._periods, *window.shape), dtype=np.int64)
        inside, size = window.clip(*self._grid.shape), self._grid.tile_size
        for row in range(inside.y0 // size, -(-inside.y1 // size)):
            for column in range(inside.x0 // size, -(-inside.x1 // size)):
                number = self._numbers.get((row, column))
                if number is not None:
                    tile = self._grid.window(self._grid.tiles[number])
                    here, there = tile.within(window), window.within(tile)
                    every = slice(None)
                    out[(every, *here.slices)] = self._kept(number)[(every, *there.slices)]
        return out
