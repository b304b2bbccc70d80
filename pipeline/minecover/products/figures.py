"""Pictures of the map for the report, read decimated from the overviews of the COGs.

A picture is the raster alone, as a PNG with a palette; legend, scale bar, north arrow and
coordinates are laid over it by the report in text, so that they stay sharp and follow the
reader's colours.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import rasterio
from PIL import Image
from rasterio.enums import Resampling

from minecover.arrays import BoolArray
from minecover.geography.grid import Grid
from minecover.mine_history.timeline import Timeline
from minecover.products.colour_table import colour_table
from minecover.products.product import TrueColour
from minecover.samples.classes import LandUseClass

__all__ = [
    "MapFrame",
    "Picture",
    "Tick",
    "class_picture",
    "entropy_picture",
    "map_frame",
    "natural_canvas",
    "natural_picture",
    "period_pictures",
    "photo",
    "photo_limits",
    "ramp",
]

DRAWN_HEIGHT = 860.0
"""Pixels of the page that a map is high at most (style.html)."""

NARROWEST = 250.0
"""Pixels that a map has on a phone, beside its labels."""

LETTER, LINE = 7.0, 22.0
"""Width of a digit and height of a line of labels, with their distance."""

MOST_TICKS = 5

EDGE = 1400
"""Longest edge of a picture in pixels."""

PHOTO_EDGE = 1000
"""Of a picture in natural colours, which does not shrink as well."""

SMALL_EDGE = 480
"""Of the map of one period of several."""

EMPTY = (229, 234, 232)
"""Colour of what was not observed."""

COLOURS = "magma"
"""Matplotlib's colour map of the entropy: dark is certain, light is not."""


@dataclass(frozen=True)
class Picture:
    """A PNG as a data address, its shape, and how it was decimated."""

    address: str
    width: int
    height: int
    decimation: float


@dataclass(frozen=True)
class Tick:
    """A coordinate along the edge of the map: its place in percent, and its text."""

    place: float
    text: str


@dataclass(frozen=True)
class MapFrame:
    """What is laid around a picture of the whole grid.

    Attributes
    ----------
    eastings, northings
        Ticks in kilometres of the grid's CRS.
    bar_percent, bar_text
        Length of the scale bar in percent of the map's width, and in words.
    """

    eastings: tuple[Tick, ...]
    northings: tuple[Tick, ...]
    bar_percent: float
    bar_text: str


def class_picture(path: Path, classes: Sequence[LandUseClass]) -> Picture:
    """Draw ``landuse.tif`` in the survey's colours; nodata is transparent."""
    with rasterio.open(path) as dataset:
        shape = _decimated(dataset.height, dataset.width)
        codes = dataset.read(1, out_shape=shape, resampling=Resampling.nearest)
        width = dataset.width
    return _png(codes, colour_table(classes), width)


def entropy_picture(path: Path, maximum: float) -> Picture:
    """Draw ``entropy.tif`` from 0 to `maximum` bits; nodata is transparent."""
    with rasterio.open(path) as dataset:
        shape = _decimated(dataset.height, dataset.width)
        values = dataset.read(1, out_shape=shape, resampling=Resampling.nearest)
        width = dataset.width
    share = np.clip(np.nan_to_num(values) / maximum, 0, 1)
    levels = np.where(np.isnan(values), 0, 1 + np.round(share * 254)).astype(np.uint8)
    table = {0: (0, 0, 0, 0)}
    table |= {level: (*rgb, 255) for level, rgb in enumerate(_colours(255), start=1)}
    return _png(levels, table, width)


def natural_picture(shown: TrueColour, grid: Grid) -> Picture:
    """Draw a composite in natural colours, every so many pixels, from dark to bright."""
    canvas = natural_canvas(shown, grid)
    return photo(canvas, grid.shape[1], photo_limits(canvas))


def natural_canvas(shown: TrueColour, grid: Grid) -> npt.NDArray[np.float32]:
    """Read a composite in natural colours, every so many pixels, as (y, x, colour).

    Read tile by tile, so that memory does not grow with the area.
    """
    height, width = grid.shape
    step = max(1, math.ceil(max(height, width) / PHOTO_EDGE))
    canvas = np.full((-(-height // step), -(-width // step), 3), np.nan, dtype=np.float32)
    for tile in grid.tiles:
        window = grid.window(tile)
        first = [-(-start // step) * step - start for start in (window.y0, window.x0)]
        every = tuple(slice(start, None, step) for start in first)
        values = shown.cube.read(window, list(shown.layers))
        values = np.where(grid.area_mask(window), values, np.nan)[:, every[0], every[1]]
        y, x = (-(-start // step) for start in (window.y0, window.x0))
        canvas[y : y + values.shape[1], x : x + values.shape[2]] = np.moveaxis(values, 0, -1)
    return canvas


def period_pictures(
    timeline: Timeline, grid: Grid, classes: Sequence[LandUseClass]
) -> list[Picture]:
    """Draw the map of every period, every so many pixels; read tile by tile."""
    height, width = grid.shape
    step = max(1, math.ceil(max(height, width) / SMALL_EDGE))
    canvas = np.zeros((len(timeline), -(-height // step), -(-width // step)), dtype=np.uint8)
    for tile in grid.tiles:
        window = grid.window(tile)
        y, x = (-(-start // step) for start in (window.y0, window.x0))
        first = (slice(y * step - window.y0, None, step), slice(x * step - window.x0, None, step))
        codes = timeline.codes(window)[(slice(None), *first)]
        canvas[:, y : y + codes.shape[1], x : x + codes.shape[2]] = codes
    return [_png(codes, colour_table(classes), width) for codes in canvas]


def ramp(steps: int = 9) -> list[str]:
    """Colours of the entropy from none to most, as #rrggbb."""
    return [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in _colours(steps)]


def map_frame(grid: Grid) -> MapFrame:
    """Lay out coordinates and scale bar for a picture of the whole grid."""
    left, bottom, right, top = (float(value) for value in grid.geobox.boundingbox)
    bar = _round_length((right - left) / 4)
    ratio = (right - left) / (top - bottom)
    width = min(NARROWEST, DRAWN_HEIGHT * ratio)
    return MapFrame(
        eastings=_ticks(left, right, width, lambda text: LETTER * (len(text) + 2)),
        northings=_ticks(top, bottom, width / ratio, lambda _: LINE),
        bar_percent=100 * bar / (right - left),
        bar_text=_length_text(bar),
    )


def _ticks(
    start: float, end: float, drawn: float, room: Callable[[str], float]
) -> tuple[Tick, ...]:
    """Ticks that do not touch where the axis is drawn smallest: few, one, never none.

    Parameters
    ----------
    start, end
        Of the axis in metres, in the order in which it is drawn.
    drawn
        Its length in pixels of the page.
    room
        Pixels of the page that a label needs along the axis.
    """
    low, high = min(start, end), max(start, end)
    step = _round_length(high - low)
    ticks = [_tick(start, end, _rounded_middle(low, high, step))]
    while step > 1e-3 * (high - low):
        values = np.arange(math.ceil(low / step), math.floor(high / step) + 1) * step
        found = [_tick(start, end, value, step) for value in values.tolist()]
        needed = sum(room(tick.text) for tick in found)
        if len(found) > MOST_TICKS or (len(found) > 1 and needed > drawn):
            break
        ticks = found or ticks
        step = _round_length(step * 0.99)
    return tuple(ticks)


def _rounded_middle(low: float, high: float, step: float) -> float:
    """Round the middle of an axis on which no multiple of a step lies."""
    return round((low + high) / 2 / (step / 10)) * (step / 10)


def _tick(start: float, end: float, value: float, step: float | None = None) -> Tick:
    fine = step if step is not None else _round_length(abs(end - start)) / 10
    digits = max(0, -math.floor(math.log10(fine / 1000) + 1e-9))
    return Tick(100 * (value - start) / (end - start), f"{value / 1000:,.{digits}f}")


def _round_length(length: float) -> float:
    """Largest of 1, 2 or 5 times a power of ten that is not above `length`."""
    power = 10.0 ** math.floor(math.log10(length) + 1e-9)
    return max(factor * power for factor in (1, 2, 5) if factor * power <= length * (1 + 1e-9))


def _length_text(metres: float) -> str:
    return f"{metres / 1000:g} km" if metres >= 1000 else f"{metres:g} m"


def _decimated(height: int, width: int) -> tuple[int, int]:
    factor = max(1.0, max(height, width) / EDGE)
    return max(1, round(height / factor)), max(1, round(width / factor))


def _colours(steps: int) -> list[tuple[int, int, int]]:
    table = mpl.colormaps[COLOURS](np.linspace(0.04, 0.98, steps), bytes=True)
    return [(int(red), int(green), int(blue)) for red, green, blue, _ in table]


def photo_limits(*canvases: npt.NDArray[np.float32]) -> tuple[float, float]:
    """Give the values that are drawn black and white, of one or several (y, x, colour) together."""
    known = np.concatenate([canvas[np.isfinite(canvas).all(axis=-1)] for canvas in canvases])
    low, high = np.quantile(known, (0.02, 0.98)).tolist() if known.size else (0.0, 1.0)
    return low, high


def photo(canvas: npt.NDArray[np.float32], full_width: int, limits: tuple[float, float]) -> Picture:
    """Draw (y, x, colour) values between limits as a JPEG; what is NaN is grey."""
    known: BoolArray = np.all(np.isfinite(canvas), axis=-1)
    low, high = limits
    share = np.clip((np.nan_to_num(canvas) - low) / max(high - low, 1e-6), 0, 1)
    image = np.where(known[..., None], np.round(share * 255), EMPTY).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=84)
    text = base64.b64encode(stream.getvalue()).decode()
    height, width = known.shape
    return Picture(f"data:image/jpeg;base64,{text}", width, height, full_width / width)


def _png(
    indices: npt.NDArray[np.uint8], table: dict[int, tuple[int, int, int, int]], full_width: int
) -> Picture:
    height, width = indices.shape
    image = Image.fromarray(indices)
    palette = bytes(value for index in range(256) for value in table.get(index, (0, 0, 0, 0))[:3])
    image.putpalette(palette)
    stream = io.BytesIO()
    image.save(stream, "PNG", optimize=True, transparency=0)
    text = base64.b64encode(stream.getvalue()).decode()
    return Picture(f"data:image/png;base64,{text}", width, height, full_width / width)
