"""The ground in every season and the indices from afar, for the map page.

``overview_<season>.tif`` has a band of bytes for every layer of the season of which the cube or the
stored features make a picture: 1 to 255 from its 2nd to its 98th percentile, in steps and from the
value that each band has as its scale and offset; 0 is nodata. Up to 512 pixels it has all pixels of
the map, else the middle one of every 2 x 2, 4 x 4 or, at most, 8 x 8. It is made for looking at,
where reading the Zarr stores would mean reading all of them: those hold the values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

import numpy as np
import numpy.typing as npt
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.io import DatasetWriter

from minecover.arrays import Float32Array
from minecover.geography.grid import Grid, Window
from minecover.products.cog import MEDIA_TYPE, Raster, writing_cogs
from minecover.products.palette import ramp_of
from minecover.products.product import File, Product, Publication, Shown
from minecover.simulated import simulation_tags
from minecover.storage.canonical_json import Json
from minecover.storage.decimated import read_every
from minecover.storage.raster import Raster as Stored
from minecover.storage.zarr_arrays import CHUNK

__all__ = ["OVERVIEW", "brightness", "picture_entry", "step_of"]

WHOLE = 512
"""Longest edge of a map of which every pixel is shown."""

COARSEST = 8

TILE = 256
"""Edge of a tile of the overview: its 8 x 8 fold is what is read of the stores for one."""

PROBES = 4
"""Chunks along each edge of the grid whose values say how bright a layer is shown."""


@dataclass(frozen=True)
class _Band:
    """A layer as bytes between two values; `source` is the name of its raster."""

    source: str
    raster: Stored
    name: str
    low: float
    high: float

    @property
    def scale(self) -> float:
        """What one step from 1 to 255 is in the layer's unit."""
        return max(self.high - self.low, 1e-6) / 254

    @property
    def offset(self) -> float:
        """What 0 would be."""
        return self.low - self.scale

    def bytes(self, values: Float32Array) -> npt.NDArray[np.uint8]:
        """Turn values into 1 to 255; 0 where they are NaN."""
        steps = np.clip(np.rint((np.nan_to_num(values) - self.offset) / self.scale), 1, 255)
        return np.where(np.isfinite(values), steps, 0).astype(np.uint8)


class Overview(Product[list[dict[str, Json]]]):
    """A COG for each season; its result are entries of the map page's `layers.json`."""

    name = "overview"

    def files(self, publication: Publication) -> tuple[File, ...]:
        """List them where there is something to look at."""
        return tuple(
            File(
                _file(season),
                f"The ground in {season} in true and false colour and the indices, to look at",
                MEDIA_TYPE,
                f"overview-{season}",
                ("overview",),
            )
            for season in dict.fromkeys(shown.season for shown in publication.shown)
        )

    def write(self, publication: Publication, paths: Mapping[str, Path]) -> list[dict[str, Json]]:
        """Write them tile by tile; each tile of the stores is read once."""
        grid, seasons = publication.grid, _bands(publication)
        step = step_of(grid)
        coarse = _coarse(grid, step)
        rasters = [
            Raster(
                paths[_file(season)], len(bands), partial(_describe, publication, bands),
                "uint8", 0, level=1,
            )
            for season, bands in seasons.items()
        ]  # fmt: skip
        with writing_cogs(coarse, rasters) as writers:
            for tile in coarse.tiles:
                window = coarse.window(tile)
                inside = coarse.area_mask(window)
                for bands, writer in zip(seasons.values(), writers, strict=True):
                    values = np.concatenate([*_read(bands, grid, window, step)])
                    writer.write(window, np.where(inside, values, 0))
        return [_entry(shown, seasons[shown.season], step) for shown in publication.shown]


OVERVIEW = Overview()


def step_of(grid: Grid) -> int:
    """Find of how many pixels along an edge one is shown.

    Where it is 1 the overview is the whole.
    """
    step = 1
    while step < COARSEST and max(grid.shape) > WHOLE * step:
        step *= 2
    return step


def _coarse(grid: Grid, step: int) -> Grid:
    """Grid of squares of pixels; the last of a row or column may reach beyond the map."""
    height, width = (-(-size // step) for size in grid.shape)
    affine = grid.geobox.affine @ Affine.scale(step)
    return Grid(GeoBox((height, width), affine, grid.geobox.crs), TILE, grid.area)


def _file(season: str) -> str:
    return f"overview_{season}.tif"


def _bands(publication: Publication) -> dict[str, list[_Band]]:
    """List by season every layer that is shown, once, with the values between which it is."""
    seasons: dict[str, list[_Band]] = {}
    for source, group in groupby(publication.shown, lambda shown: shown.source):
        pictures = list(group)
        season_of = {name: shown.season for shown in pictures for name in shown.layers}
        alone = {shown.layers[0] for shown in pictures if len(shown.layers) == 1}
        raster, names = pictures[0].raster, list(season_of)
        for name, low, high in zip(names, *brightness(raster, names), strict=True):
            ends = ramp_of(low, high, _unit(raster, name))[1:] if name in alone else (low, high)
            seasons.setdefault(season_of[name], []).append(_Band(source, raster, name, *ends))
    return seasons


def _read(
    bands: Sequence[_Band], grid: Grid, window: Window, step: int
) -> Iterator[npt.NDArray[np.uint8]]:
    """Read a tile of the overview, (band, y, x), raster by raster in the order of the bands."""
    edges = (window.y0, window.y1, window.x0, window.x1)
    fine = Window(*(edge * step for edge in edges)).clip(*grid.shape)
    for _, group in groupby(bands, lambda band: band.source):
        own = list(group)
        values = read_every(own[0].raster, [band.name for band in own], fine, step)
        yield np.stack([band.bytes(layer) for band, layer in zip(own, values, strict=True)])


def brightness(raster: Stored, names: Sequence[str]) -> tuple[list[float], list[float]]:
    """Values between which layers are shown: 2nd and 98th percentile of chunks over the grid."""
    rows, columns = (
        np.unique(np.linspace(0, (size - 1) // CHUNK, PROBES).astype(int)) * CHUNK
        for size in raster.shape
    )
    windows = [Window(y, y + CHUNK, x, x + CHUNK) for y in rows.tolist() for x in columns.tolist()]
    read = [raster.read(window.clip(*raster.shape), names) for window in windows]
    values = np.concatenate([part.reshape(len(names), -1) for part in read], axis=1)
    known = [layer[np.isfinite(layer)] for layer in values]
    ends = [np.percentile(layer, [2, 98]) if layer.size else (0.0, 1.0) for layer in known]
    return [float(low) for low, _ in ends], [float(high) for _, high in ends]


def picture_entry(shown: Shown, low: list[float], high: list[float]) -> dict[str, Json]:
    """Describe to the map page a picture of three layers, or one layer by the colours of a ramp.

    Parameters
    ----------
    shown
        What is shown.
    low, high
        Ends of each of its layers.
    """
    entry: dict[str, Json] = {
        "id": shown.id,
        "group": shown.group,
        "title": shown.title.replace("_", " "),
        "raster": shown.source,
        "stored": list(shown.layers),
    }
    if len(shown.layers) > 1:
        return {**entry, "kind": "bands", "low": low, "high": high}
    unit = _unit(shown.raster, shown.layers[0])
    colours, least, most = ramp_of(low[0], high[0], unit)
    ends = {"low": least, "high": most, "unit": unit}
    return {**entry, "kind": "ramp", **ends, "colours": list(colours)}


def _unit(raster: Stored, name: str) -> str:
    """Find the unit of a layer, "1" where none is known."""
    return raster.units.get(name, "1")


def _describe(publication: Publication, bands: Sequence[_Band], dataset: DatasetWriter) -> None:
    dataset.scales = [band.scale for band in bands]
    dataset.offsets = [band.offset for band in bands]
    for number, band in enumerate(bands, start=1):
        dataset.set_band_description(number, band.name)
    dataset.update_tags(**simulation_tags(publication.simulated))


def _entry(shown: Shown, bands: Sequence[_Band], step: int) -> dict[str, Json]:
    """Describe to the page what it can show of a file."""
    places = {(band.source, band.name): number for number, band in enumerate(bands)}
    numbers = [places[shown.source, name] for name in shown.layers]
    own = [bands[number] for number in numbers]
    return {
        **picture_entry(shown, [band.low for band in own], [band.high for band in own]),
        "url": f"../{_file(shown.season)}", "bands": [number + 1 for number in numbers],
        "scale": [band.scale for band in own], "offset": [band.offset for band in own],
        "step": step,
    }  # fmt: skip
