"""The grid a raster was delivered in; its item's record of it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyproj
from affine import Affine
from odc.geo.geobox import GeoBox

from minecover.geography.grid import Window
from minecover.sources.item_document import ItemError
from minecover.sources.manifest import Asset

__all__ = ["NativeGrid", "checked_grid", "claims_grid", "recorded_grid", "transformer_between"]

T = TypeVar("T", bound=np.generic)

Transform = tuple[float, float, float, float, float, float]

CRS_KEYS = ("proj:code", "proj:epsg", "proj:wkt2", "proj:projjson")
"""Fields that name a CRS."""


LONGEST_EDGE = 2**31 - 1
"""Pixels of an edge that any raster library can count."""


@dataclass(frozen=True)
class NativeGrid:
    """CRS, affine and shape of a raster, its rows counted from north to south.

    Attributes
    ----------
    crs
        Authority code, or WKT where there is none.
    transform
        Column and row to x and y: a, b, c, d, e, f of the affine, e below 0.
    shape
        Rows and columns.
    stored
        The transform of a file whose rows lie from south to north, as it has it; None: they lie
        from north to south.
    """

    crs: str
    transform: Transform
    shape: tuple[int, int]
    stored: Transform | None = field(default=None, compare=False)

    @classmethod
    def of(cls, asset: Asset) -> NativeGrid:
        """Grid of an asset of the manifest."""
        return cls.placed(asset.crs, asset.transform, asset.shape)

    @classmethod
    def placed(cls, crs: str, stored: Transform, shape: tuple[int, int]) -> NativeGrid:
        """Give the grid of a file by its own transform, whatever the order of its rows."""
        a, b, c, d, e, f = stored
        if e < 0:
            return cls(crs, stored, shape)
        return cls(crs, (a, b, c, d, -e, f + e * shape[0]), shape, stored)

    @property
    def as_stored(self) -> Transform:
        """The file's own transform."""
        return self.transform if self.stored is None else self.stored

    def stored_window(self, window: Window) -> Window:
        """Where the rows and columns of a window lie in the file."""
        if self.stored is None:
            return window
        height = self.shape[0]
        return Window(height - window.y1, height - window.y0, window.x0, window.x1)

    def from_north(self, rows: npt.NDArray[T]) -> npt.NDArray[T]:
        """Put rows of a file in order, (..., y, x); the same array where they are."""
        return rows if self.stored is None else np.ascontiguousarray(rows[..., ::-1, :])

    @property
    def affine(self) -> Affine:
        """Column and row to x and y."""
        return Affine(*self.transform)

    def geobox(self, window: Window) -> GeoBox:
        """GeoBox of a window of the raster."""
        affine = self.affine @ Affine.translation(window.x0, window.y0)
        return GeoBox(window.shape, affine, self.crs)

    def window(self, box: GeoBox) -> Window:
        """Window of the raster that a GeoBox of it is; see `geobox`."""
        column, row = ~self.affine @ (box.affine.c, box.affine.f)
        x0, y0 = round(column), round(row)
        return Window(y0, y0 + box.height, x0, x0 + box.width)

    def bounds(self, crs: str) -> tuple[float, float, float, float]:
        """Left, bottom, right, top in another CRS, edges followed at 21 points each."""
        height, width = self.shape
        left, top = self.affine @ (0, 0)
        right, bottom = self.affine @ (width, height)
        transformer = transformer_between(self.crs, crs)
        edges = transformer.transform_bounds(left, bottom, right, top, densify_pts=21)
        return edges[0], edges[1], edges[2], edges[3]

    def pixel_size(self) -> float:
        """Edge of a pixel in metres; of a geographic grid in its middle, north to south."""
        size = abs(self.transform[4])
        return size if _is_projected(self.crs) else size * 111_320.0


@lru_cache(maxsize=64)
def _is_projected(crs: str) -> bool:
    return bool(pyproj.CRS(crs).is_projected)


@lru_cache(maxsize=64)
def transformer_between(source: str, target: str) -> pyproj.Transformer:
    """Coordinates of one CRS to another, x before y."""
    return pyproj.Transformer.from_crs(source, target, always_xy=True)


def recorded_grid(item: dict[str, Any], asset: str) -> NativeGrid | None:
    """Grid by `proj:*` of the asset, or else of the item; None where it makes none.

    Of the fields that name the CRS the first that can be understood counts: some generators write
    "EPSG:None" beside a good WKT, and some the affine in the order of GDAL.
    """
    if not claims_grid(item, asset):
        return None
    transform, shape = (_value(item, asset, key) for key in ("proj:transform", "proj:shape"))
    for crs in filter(None, (_value(item, asset, key) for key in CRS_KEYS)):
        try:
            return checked_grid(crs, transform, shape, "")
        except ItemError:
            continue
    return None


def claims_grid(item: dict[str, Any], asset: str) -> bool:
    """Tell whether an item records a grid, whatever it is."""
    named = any(_value(item, asset, key) for key in CRS_KEYS)
    return named and all(_value(item, asset, key) for key in ("proj:transform", "proj:shape"))


def _value(item: dict[str, Any], asset: str, key: str) -> object:
    """Field of the asset, or else of the item."""
    return item["assets"][asset].get(key, item.get("properties", {}).get(key))


def checked_grid(crs: object, transform: object, shape: object, where: str) -> NativeGrid:
    """Build a grid of what a record or a header says.

    Raises
    ------
    ItemError
        It cannot be understood, or is rotated.
    """
    try:
        known = _crs(crs if isinstance(crs, str | int) else json.dumps(crs))
        numbers = tuple(float(number) for number in list(transform)[:6])  # type: ignore[call-overload]
        height, width = (int(number) for number in shape)  # type: ignore[attr-defined]
        a, b, c, d, e, f = numbers
    except (pyproj.exceptions.CRSError, OverflowError, TypeError, ValueError) as error:
        raise ItemError(f"{where} cannot be understood: {error}; correct the record") from error
    if not all(map(math.isfinite, numbers)) or a <= 0 or e == 0 or b or d or min(height, width) < 1:
        raise ItemError(f"{where} is rotated or mirrored {numbers}; warp it (gdalwarp)")
    if max(height, width) > LONGEST_EDGE:
        raise ItemError(f"{where} has {height} x {width} pixels; correct the record")
    return NativeGrid.placed(known, (a, b, c, d, e, f), (height, width))


@lru_cache(maxsize=256)
def _crs(text: str | int) -> str:
    """Give the authority code of a CRS, or WKT where there is none."""
    known = pyproj.CRS(text)
    epsg = known.to_epsg()
    return f"EPSG:{epsg}" if epsg else known.to_wkt()
