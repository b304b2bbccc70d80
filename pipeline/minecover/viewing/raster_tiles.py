"""Layers of the cube and the features as tiles of plain numbers, read when they are wanted."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from minecover.arrays import Float32Array
from minecover.errors import SurveyError
from minecover.features.registry import INDICES
from minecover.geography.grid import Window
from minecover.products.palette import ramp_of
from minecover.sources.optical import OpticalSource
from minecover.sources.registry import SOURCES
from minecover.stages.natural_colours import false_colour_bands, natural_bands
from minecover.storage.canonical_json import Json
from minecover.storage.layers import Layers
from minecover.storage.raster import Raster

__all__ = ["EDGE", "RasterTiles"]

EDGE = 256
"""Of a tile, in pixels of the screen."""

STEPS = (1, 2, 4, 8)
"""Every so many pixels one is shown; the store has no overviews."""

STRIP = 512
"""Edge of what is read at once where pixels are left out."""

AT_ONCE = 3
"""Tiles that are read at the same time."""

MOST = 255
"""Layers of a tile: three of a picture, or the probabilities of all classes."""

PROBES = 5
"""Blocks along each edge of the grid whose values say how bright a layer is shown."""


PICTURES = (("True colour", natural_bands), ("False colour", false_colour_bands))


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
            for window in _blocks(Window(y0, min(y0 + EDGE * step, height),
                                         x0, min(x0 + EDGE * step, width))):  # fmt: skip
                part = source.read(window, names)[:, step // 2 :: step, step // 2 :: step]
                y, x = (window.y0 - y0) // step, (window.x0 - x0) // step
                out[:, y : y + part.shape[1], x : x + part.shape[2]] = part
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

    @cached_property
    def layers(self) -> list[dict[str, Json]]:
        """What the map page can show of them, as entries of its `layers.json`."""
        return [*self._colours(), *self._features()]

    def _colours(self) -> Iterator[dict[str, Json]]:
        """List true and false colour of every season of every optical source."""
        cube = self.rasters.get("cube")
        if cube is None:
            return
        kinds = [kind for kind in SOURCES if issubclass(kind, OpticalSource)]
        for group, bands_of in PICTURES:
            for kind in kinds:
                bands = bands_of(kind) or ()
                for season in self.seasons:
                    names = [f"{season}_{band}" for band in bands]
                    if names and set(names) <= set(cube.names):
                        low, high = _brightness(cube, names)
                        item = self._item("cube", names, group, f"{group}, {season}")
                        yield item | {"kind": "bands", "low": low, "high": high}

    def _features(self) -> Iterator[dict[str, Json]]:
        features = self.rasters.get("features")
        if features is None:
            return
        lows, highs = _brightness(features, features.names)
        indices = set(INDICES.names())
        for name, low, high in zip(features.names, lows, highs, strict=True):
            season, plain = self.split(name)
            group = "Indices" if plain in indices else "Features"
            colours, low, high = ramp_of(low, high, "1")
            item = self._item("features", [name], group, f"{plain}, {season}" if season else plain)
            yield item | {
                "kind": "ramp", "low": low, "high": high, "unit": "1", "colours": list(colours),
            }  # fmt: skip

    def _item(self, raster: str, names: list[str], group: str, title: str) -> dict[str, Json]:
        return {
            "id": f"{group.split()[0].lower()}.{names[0]}",
            "group": group,
            "title": title.replace("_", " "),
            **self.tiles_of(raster, names),
        }

    def tiles_of(self, raster: str, names: Sequence[str]) -> dict[str, Json]:
        """Say where the page finds tiles of some layers, and in how many levels."""
        largest = max(self.rasters[raster].shape) / EDGE
        levels = next((n for n, step in enumerate(STEPS, 1) if largest <= 2 * step), len(STEPS))
        return {
            "tiles": f"api/tile?raster={raster}&layers={','.join(names)}",
            "bands": list(names),
            "levels": levels,
        }

    def split(self, name: str) -> tuple[str | None, str]:
        """Season of a layer, None where it has none, and its name without that."""
        for season in self.seasons:
            if name.startswith(f"{season}_"):
                return season, name.removeprefix(f"{season}_")
        return None, name


def _blocks(window: Window) -> Iterator[Window]:
    for y in range(window.y0, window.y1, STRIP):
        for x in range(window.x0, window.x1, STRIP):
            yield Window(y, min(y + STRIP, window.y1), x, min(x + STRIP, window.x1))


def _brightness(raster: Raster, names: Sequence[str]) -> tuple[list[float], list[float]]:
    """Values between which layers are shown: 2nd and 98th percentile of blocks over the grid."""
    height, width = raster.shape
    edge = min(32, height, width)
    rows, columns = (
        np.unique(np.linspace(0, size - edge, PROBES).astype(int)) for size in (height, width)
    )
    read = [
        raster.read(Window(int(y), int(y) + edge, int(x), int(x) + edge), names)
        for y in rows
        for x in columns
    ]
    values = np.stack(read, axis=1).reshape(len(names), -1)
    known = [layer[np.isfinite(layer)] for layer in values]
    ends = [np.percentile(layer, [2, 98]) if layer.size else (0.0, 1.0) for layer in known]
    return [float(low) for low, _ in ends], [float(high) for _, high in ends]
