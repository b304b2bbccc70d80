"""Polygons of a register on the survey's grid, with their attributes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from shapely.geometry import box

from minecover.arrays import BoolArray
from minecover.errors import SurveyError
from minecover.geography.grid import Grid, Window
from minecover.geography.polygon_files import attribute_text, chosen, listed, read_polygons
from minecover.land_register.settings import LicenceSettings, ParcelSettings
from minecover.samples.days import read_days
from minecover.samples.regions import shapes_on_area

__all__ = ["OUTSIDE", "Parcels", "read_parcels"]

OUTSIDE = "outside all"
"""What estimates call ground that is in none."""

Days = Sequence[tuple[str, str]]
"""First and last day of periods, YYYY-MM-DD."""


@dataclass(frozen=True, eq=False)
class Parcels:
    """Polygons in the order of their names.

    Attributes
    ----------
    names
        Of the polygons.
    shapes
        (parcel,) in the grid's CRS, cut at the area's bounds.
    attributes
        By name the texts of the file's attributes; of several polygons of one name all that
        differ, with semicolons between.
    valid_shapes
        (parcel, period) what of them is valid on any day of it, which may be some of several
        polygons of one name; empty polygons where nothing is.
    """

    names: tuple[str, ...]
    shapes: npt.NDArray[np.object_]
    attributes: pd.DataFrame
    valid_shapes: npt.NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def valid(self) -> BoolArray:
        """(parcel, period) whether anything of them is valid then."""
        return np.asarray(~shapely.is_empty(self.valid_shapes), dtype=bool)

    @cached_property
    def _tree(self) -> shapely.STRtree:
        return shapely.STRtree(self.shapes)

    def over(self, grid: Grid, window: Window) -> list[tuple[int, BoolArray]]:
        """List those that have the centre of a pixel of a window, and these pixels, (y, x)."""
        masks = ((n, _inside(self.shapes[n], grid, window)) for n in self._near(grid, window))
        return [(number, mask) for number, mask in masks if mask.any()]

    def valid_over(self, grid: Grid, window: Window) -> Iterator[tuple[int, int, BoolArray]]:
        """Give those of `over` by the periods that they are valid in, with their pixels then."""
        for number in self._near(grid, window):
            last, mask = None, np.zeros(window.shape, dtype=bool)
            for period, shape in enumerate(self.valid_shapes[number]):
                if shape is not last:  # most are valid throughout, and the same
                    last, mask = shape, _inside(shape, grid, window)
                if mask.any():
                    yield number, period, mask

    def _near(self, grid: Grid, window: Window) -> list[int]:
        frame = box(*grid.bounds(window))
        return sorted(self._tree.query(frame, predicate="intersects").tolist())


def read_parcels(settings: ParcelSettings, grid: Grid, days: Days, key: str) -> Parcels:
    """Read polygons onto a grid; those that do not touch its area are left out.

    Parameters
    ----------
    settings
        Where they are.
    grid
        The survey's.
    days
        Of the periods.
    key
        Section of the survey that names them, for messages.

    Raises
    ------
    SurveyError
        The file cannot be read, or lacks an attribute, a name, or a day that is one.
    """
    frame = chosen(read_polygons(settings, key), settings, settings.where, key)
    names = _column(frame, settings.name, f"{key}.name", settings.path).map(attribute_text)
    shapes = shapes_on_area(frame, names, grid, key, f"{key}.name")
    kept = tuple(sorted(shapes))
    texts = frame.drop(columns=frame.geometry.name).map(attribute_text)
    attributes = texts.groupby(names.to_numpy()).agg(_joined).reindex(list(kept))
    whole = np.array([shapes[name] for name in kept], dtype=object)
    valid = np.repeat(whole[:, None], len(days), axis=1)
    if isinstance(settings, LicenceSettings):
        each = _validity(frame, settings, key).each(days)
        texts = names.to_numpy(dtype=str)
        parts = np.isin(texts, texts[~each.all(axis=1)])  # of names that are not valid throughout
        for period, there in enumerate((each & parts[:, None]).T):
            then = shapes_on_area(frame[there], names[there], grid, key, f"{key}.name")
            for number in np.flatnonzero(np.isin(kept, texts[parts])):
                valid[number, period] = then.get(kept[number], shapely.Polygon())
    return Parcels(kept, whole, attributes, valid)


def _inside(shape: shapely.Geometry, grid: Grid, window: Window) -> BoolArray:
    """Tell which pixels of a window have their centre in a shape, (y, x)."""
    shapely.prepare(shape)
    return np.asarray(shapely.intersects_xy(shape, *grid.centres(window)), dtype=bool)


def _joined(texts: pd.Series[str]) -> str:
    return "; ".join(dict.fromkeys(texts))


def _column(frame: gpd.GeoDataFrame, name: str, key: str, path: str) -> pd.Series[str]:
    if name not in frame.columns:
        names = [str(other) for other in frame.columns if other != frame.geometry.name]
        raise SurveyError(f"{key}: {path} has no attribute {name!r}; it has {listed(names)}")
    column: pd.Series[str] = frame[name]
    return column


@dataclass(frozen=True)
class _Validity:
    """First and last day of licences by polygon; not a time: there is none."""

    granted: npt.NDArray[np.datetime64]
    expires: npt.NDArray[np.datetime64]

    def each(self, days: Days) -> BoolArray:
        """Tell which polygons are valid on a day of periods, (polygon, period)."""
        first, last = np.array(days, dtype="datetime64[D]").reshape(-1, 2).T
        begun = np.isnat(self.granted)[:, None] | (self.granted[:, None] <= last)
        return np.asarray(begun & ~(self.expires[:, None] < first), dtype=bool)


def _validity(frame: gpd.GeoDataFrame, settings: LicenceSettings, key: str) -> _Validity:
    def days(
        column: str | None, what: str, stands_for: Literal["first", "last"]
    ) -> npt.NDArray[np.datetime64]:
        if column is None:
            return np.full(len(frame), np.datetime64("NaT"), "datetime64[D]")
        given = _column(frame, column, f"{key}.{what}", settings.path)
        texts = given.map(attribute_text).str.slice(0, 10)
        read = read_days(texts, stands_for)
        odd = sorted(set(texts[np.isnat(read) & (texts != "")]))
        if odd:
            raise SurveyError(
                f"{key}.{what}: {settings.path} has {column}: {listed(odd)}; write days as "
                "YYYY-MM-DD, and leave them out where there are none"
            )
        return read

    granted = days(settings.granted, "granted", "first")
    return _Validity(granted, days(settings.expires, "expires", "last"))
