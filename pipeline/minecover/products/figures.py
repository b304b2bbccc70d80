"""Pictures of the map for the report, read decimated from the overviews of the COGs.

A picture is the raster alone, as a PNG with a palette; legend, scale bar, north arrow and
coordinates are laid over it by the report in text, so that they stay sharp and follow the
reader's colours.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import rasterio
from PIL import Image
from rasterio.enums import Resampling

from minecover.geography.grid import Grid
from minecover.products.legend import colour_table
from minecover.samples.classes import LandUseClass

__all__ = ["MapFrame", "Picture", "Tick", "class_picture", "entropy_picture", "map_frame", "ramp"]

EDGE = 1400
"""Longest edge of a picture in pixels."""

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


def ramp(steps: int = 9) -> list[str]:
    """Colours of the entropy from none to most, as #rrggbb."""
    return [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in _colours(steps)]


def map_frame(grid: Grid) -> MapFrame:
    """Lay out coordinates and scale bar for a picture of the whole grid."""
    left, bottom, right, top = (float(value) for value in grid.geobox.boundingbox)
    step = _round_length(min(right - left, top - bottom) / 3)
    bar = _round_length((right - left) / 4)
    return MapFrame(
        eastings=_ticks(left, right, step),
        northings=_ticks(top, bottom, step),
        bar_percent=100 * bar / (right - left),
        bar_text=_length_text(bar),
    )


def _ticks(start: float, end: float, step: float) -> tuple[Tick, ...]:
    low, high = min(start, end), max(start, end)
    digits = max(0, -math.floor(math.log10(step / 1000)))
    values = np.arange(math.ceil(low / step), math.floor(high / step) + 1) * step
    return tuple(
        Tick(100 * (value - start) / (end - start), f"{value / 1000:,.{digits}f}")
        for value in values.tolist()
    )


def _round_length(length: float) -> float:
    """Largest of 1, 2 or 5 times a power of ten that is not above `length`."""
    power = 10.0 ** math.floor(math.log10(length))
    return max(factor * power for factor in (1, 2, 5) if factor * power <= length)


def _length_text(metres: float) -> str:
    return f"{metres / 1000:g} km" if metres >= 1000 else f"{metres:g} m"


def _decimated(height: int, width: int) -> tuple[int, int]:
    factor = max(1.0, max(height, width) / EDGE)
    return max(1, round(height / factor)), max(1, round(width / factor))


def _colours(steps: int) -> list[tuple[int, int, int]]:
    table = mpl.colormaps[COLOURS](np.linspace(0.04, 0.98, steps), bytes=True)
    return [(int(red), int(green), int(blue)) for red, green, blue, _ in table]


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
