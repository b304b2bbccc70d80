"""The cube of a tile: items of each season made into one image, beside terrain and night lights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from odc.geo.geobox import GeoBox

from minecover.cube.composite import clear_count, geometric_median, median_composite
from minecover.geography.grid import Grid, Tile, Window
from minecover.sources.locate import Locator
from minecover.sources.manifest import ALWAYS, Item, Manifest
from minecover.sources.night_lights import radiance
from minecover.sources.reader import Reader, open_reader
from minecover.sources.sentinel1 import POLARISATIONS, season_backscatter
from minecover.sources.sentinel2 import observations
from minecover.sources.settings import BANDS
from minecover.sources.terrain import elevation
from minecover.storage.store import Layers, Store
from minecover.survey import Survey
from minecover.survey.grid import survey_grid

__all__ = ["CUBE", "CubeJob", "cube_layer_names"]

CUBE = "cube.zarr"
"""Name of the cube in the store."""

FloatArray = npt.NDArray[np.float32]
Facts = dict[str, float | int | str]

STACK_BYTES = 96 * 2**20
"""Bytes of all observations of a season that are held at once; a tile is worked off in parts."""

SMALLEST_PART = 32
"""Edge of a part in pixels that is not divided any more."""


def cube_layer_names(survey: Survey) -> tuple[str, ...]:
    """Names of the cube's layers, in order.

    Per season the ten bands, the count of clear observations and backscatter, then what is
    observed once; a source that the survey lacks has no layer.
    """
    names: list[str] = []
    for season in survey.seasons:
        names += [f"{season}_{band}" for band in (*BANDS, "CLEAR")]
        if survey.sources.sentinel1 is not None:
            names += [f"{season}_{name}" for name in POLARISATIONS]
    if survey.sources.terrain is not None:
        names.append("elevation")
    if survey.sources.night_lights is not None:
        names.append("NTL")
    return tuple(names)


@dataclass(frozen=True)
class CubeJob:
    """Composes one tile of the cube; see `engines.TileJob`.

    Attributes
    ----------
    store_url
        Holds `manifest.json` and the empty `cube.zarr`.
    survey
        Sources, seasons, grid.
    mark
        Fingerprint of the stage: a worker that holds another manifest reads this one.
    """

    store_url: str
    survey: Survey
    mark: str = ""

    def __hash__(self) -> int:
        return hash((self.store_url, self.survey.name, self.mark))

    def __call__(self, tile: Tile) -> Facts:
        """Read, compose and write one tile.

        Returns
        -------
        Items and pixels read, and the share of nodata by source.

        Raises
        ------
        DataError
            A raster is missing or damaged.
        TryAgainError
            A server does not answer.
        """
        grid, manifest, layers, locator = _opened(self)
        reader = open_reader(
            self.survey.catalog.reader,
            locator,
            self.survey.engine.threads,
            manifest.found,
        )
        composer = _Composer(self.survey, grid, manifest, reader)
        values = composer.tile(grid.window(tile))
        layers.write_tile(grid, tile, values)
        return {
            "items": composer.touching(grid.window(tile)),
            "pixels_read": reader.pixels,
            **_nodata(self.survey, values),
        }


@lru_cache(maxsize=4)
def _opened(job: CubeJob) -> tuple[Grid, Manifest, Layers, Locator]:
    """Grid, manifest, cube and what signs links: once a process, not once a tile."""
    store = Store(job.store_url)
    return survey_grid(job.survey), Manifest.load(store), store.layers(CUBE), Locator(job.survey)


@dataclass(frozen=True)
class _Composer:
    survey: Survey
    grid: Grid
    manifest: Manifest
    reader: Reader

    def tile(self, window: Window) -> FloatArray:
        """Compute all layers of a window, (layer, y, x)."""
        out = np.full((len(cube_layer_names(self.survey)), *window.shape), np.nan, np.float32)
        start = 0
        for season in self.survey.seasons:
            start = self._season(season, window, out, start)
        target = self.grid.window_geobox(window)
        sources = self.survey.sources
        if sources.terrain is not None:
            out[start] = elevation(self.reader, self._items("terrain", ALWAYS, window), target)
            start += 1
        if sources.night_lights is not None:
            items = self._items("night_lights", ALWAYS, window)
            out[start] = radiance(self.reader, items, target, sources.night_lights)
        return out

    def _season(self, season: str, window: Window, out: FloatArray, start: int) -> int:
        """Fill the layers of a season from `start` on; return where the next begin."""
        count = len(BANDS) + 1
        overpasses = {item.acquisition for item in self._items("sentinel2", season, window)}
        for part in _parts(window, 4 * len(BANDS) * max(1, len(overpasses))):
            inside = Window(
                part.y0 - window.y0, part.y1 - window.y0, part.x0 - window.x0, part.x1 - window.x0
            )
            out[start : start + count, *inside.slices] = self._optical(season, part)
        start += count
        radar = self.survey.sources.sentinel1
        if radar is not None:
            items = self._items("sentinel1", season, window)
            target = self.grid.window_geobox(window)
            out[start : start + 2] = season_backscatter(self.reader, items, target, radar)
            start += len(POLARISATIONS)
        return start

    def _optical(self, season: str, window: Window) -> FloatArray:
        """Composite of the ten bands, and the count of clear observations."""
        out = np.full((len(BANDS) + 1, *window.shape), np.nan, np.float32)
        out[-1] = 0
        items = self._items("sentinel2", season, window)
        if items:
            settings = self.survey.sources.sentinel2
            target: GeoBox = self.grid.window_geobox(window)
            stack = observations(self.reader, items, target, settings)
            compose = geometric_median if settings.composite != "median" else median_composite
            threads = self.survey.engine.threads
            out[:-1] = compose(stack, threads=threads)
            out[-1] = clear_count(stack, threads=threads)
        return out

    def _items(self, source: str, season: str, window: Window) -> tuple[Item, ...]:
        return self.manifest.items(source, season, self.grid.bounds(window))

    def touching(self, window: Window) -> int:
        """Count the items that a window reads."""
        wanted: list[tuple[str, Any]] = [("terrain", ALWAYS), ("night_lights", ALWAYS)]
        for season in self.survey.seasons:
            wanted += [("sentinel2", season), ("sentinel1", season)]
        return sum(len(self._items(source, season, window)) for source, season in wanted)


def _parts(window: Window, bytes_per_pixel: int) -> Iterator[Window]:
    """Halve a window along its longer edge until a part fits into `STACK_BYTES`."""
    height, width = window.shape
    if height * width * bytes_per_pixel <= STACK_BYTES or max(height, width) <= SMALLEST_PART:
        yield window
        return
    if height >= width:
        middle = window.y0 + height // 2
        halves = (
            Window(window.y0, middle, window.x0, window.x1),
            Window(middle, window.y1, window.x0, window.x1),
        )
    else:
        middle = window.x0 + width // 2
        halves = (
            Window(window.y0, window.y1, window.x0, middle),
            Window(window.y0, window.y1, middle, window.x1),
        )
    for half in halves:
        yield from _parts(half, bytes_per_pixel)


def _nodata(survey: Survey, values: FloatArray) -> dict[str, float]:
    """Share of nodata over the layers of each source."""
    layers: dict[str, list[int]] = {}
    for n, name in enumerate(cube_layer_names(survey)):
        layers.setdefault(_source_of(name), []).append(n)
    return {
        f"nodata_{source}": round(float(np.isnan(values[chosen]).mean()), 6)
        for source, chosen in layers.items()
        if source != "count"
    }


def _source_of(layer: str) -> str:
    kind = layer.rpartition("_")[2]
    if kind in BANDS:
        return "sentinel2"
    if kind in POLARISATIONS:
        return "sentinel1"
    return {"elevation": "terrain", "NTL": "night_lights"}.get(kind, "count")
