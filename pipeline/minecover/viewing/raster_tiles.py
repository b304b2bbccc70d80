"""Layers of the cube and the features as tiles of plain numbers, read when they are wanted."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from minecover.arrays import Float32Array
from minecover.errors import SurveyError
from minecover.geography.grid import Window
from minecover.products.overview import brightness, picture_entry
from minecover.stages.shown_layers import features_shown, pictures_shown
from minecover.storage.canonical_json import Json
from minecover.storage.decimated import read_every
from minecover.storage.layers import Layers
from minecover.storage.raster import Raster

__all__ = ["EDGE", "RasterTiles"]

EDGE = 256
"""Of a tile, in pixels of the screen."""

STEPS = (1, 2, 4)
"""Of how many pixels along an edge one is shown; all are read, 1,024 x 1,024 for a tile at most."""

AT_ONCE = 3
"""Tiles that are read at the same time."""

MOST = 255
"""Layers of a tile: three of a picture, or the probabilities of all classes."""


@dataclass(frozen=True)
class RasterTiles:
    """Rasters of a store by name, `map`, `cube` and `features`.

    Attributes
    ----------
    rasters
        On one grid.
    seasons
        Names in order.
    """

    rasters: Mapping[str, Raster]
    seasons: Sequence[str]
    _free: threading.Semaphore = field(
        default_factory=lambda: threading.Semaphore(AT_ONCE), repr=False, compare=False
    )

    def tile(
        self, raster: str, names: Sequence[str], step: int, place: tuple[int, int], period: str = ""
    ) -> Float32Array:
        """Read a tile.

        Parameters
        ----------
        raster
            Its name.
        names
            Of one layer, or of three.
        step
            One of `STEPS`.
        place
            Column and row of the tile among those of this step.
        period
            Empty: the latest, where there are several.

        Returns
        -------
        (layer, 256, 256) float32, NaN where nodata and off the grid.

        Raises
        ------
        SurveyError
            There is no such raster, layer, step or tile.
        """
        if raster not in self.rasters or step not in STEPS:
            raise SurveyError(f"there is no raster {raster!r} with step {step} here")
        source = self.raster(raster, period)
        if not 1 <= len(names) <= MOST:
            raise SurveyError(f"{raster}: one to {MOST} layers have a tile, not {len(names)}")
        unknown = [name for name in names if name not in source.names]
        if unknown:
            raise SurveyError(f"{raster}: there is no layer {unknown[0]!r}")
        height, width = source.shape
        column, row = place
        x0, y0 = column * EDGE * step, row * EDGE * step
        if not (0 <= x0 < width and 0 <= y0 < height):
            raise SurveyError(f"{raster}: there is no tile {column}, {row}")
        out = np.full((len(names), EDGE, EDGE), np.nan, dtype=np.float32)
        with self._free:
            window = Window(y0, y0 + EDGE * step, x0, x0 + EDGE * step).clip(height, width)
            part = read_every(source, names, window, step)
        out[:, : part.shape[1], : part.shape[2]] = part
        return out

    def raster(self, name: str, period: str) -> Raster:
        """Open a raster in a period; empty: the latest, where there are several.

        Raises
        ------
        SurveyError
            It has no such period.
        """
        source = self.rasters[name]
        if not period:
            return source
        if not isinstance(source, Layers) or period not in source.periods:
            raise SurveyError(f"{name}: there is no period {period!r}")
        return source.in_period(period)

    @property
    def periods(self) -> tuple[str, ...]:
        """Names of the periods of the map, in order; none where it has none."""
        source = self.rasters.get("map")
        return source.periods if isinstance(source, Layers) else ()

    def layers(self, but: Collection[str] = ()) -> list[dict[str, Json]]:
        """List what the map page can show of them, as entries of its `layers.json`.

        How bright each is shown is found by reading some of it.

        Parameters
        ----------
        but
            Ids of entries that are there already.
        """
        found: list[dict[str, Json]] = []
        for name, listed in (("cube", pictures_shown), ("features", features_shown)):
            raster = self.rasters.get(name)
            if raster is None:
                continue
            pictures = [shown for shown in listed(raster, self.seasons) if shown.id not in but]
            if not pictures:
                continue
            layers = list(dict.fromkeys(layer for shown in pictures for layer in shown.layers))
            ends = dict(zip(layers, zip(*brightness(raster, layers), strict=True), strict=True))
            for shown in pictures:
                low, high = zip(*(ends[layer] for layer in shown.layers), strict=True)
                entry = picture_entry(shown, list(low), list(high))
                found.append(entry | self.tiles_of(name, shown.layers))
        return found

    def tiles_of(self, raster: str, names: Sequence[str]) -> dict[str, Json]:
        """Say where the page finds tiles of some layers, and in how many levels."""
        largest = max(self.rasters[raster].shape) / EDGE
        levels = next((n for n, step in enumerate(STEPS, 1) if largest <= 2 * step), len(STEPS))
        return {
            "tiles": f"api/tile?raster={raster}&layers={','.join(names)}",
            "levels": levels,
        }
