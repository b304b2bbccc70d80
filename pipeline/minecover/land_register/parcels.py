"""Polygons of a register on the survey's grid, with their attributes."""

from __future__ import annotations

from collections.abc import Sequence
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

__all__ = ["OUTSIDE", "Parcels", "read_parcels", "several_validities"]

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
    valid
        (parcel, period) whether they are valid on any day of it.
    """

    names: tuple[str, ...]
    shapes: npt.NDArray[np.object_]
    attributes: pd.DataFrame
    valid: BoolArray

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def _tree(self) -> shapely.STRtree:
        return shapely.STRtree(self.shapes)

    def over(self, grid: Grid, window: Window) -> list[tuple[int, BoolArray]]:
        """List those that have the centre of a pixel of a window, and these pixels, (y, x)."""
        frame = box(*grid.bounds(window))
        x, y = grid.centres(window)
        found = []
        for number in sorted(self._tree.query(frame, predicate="intersects").tolist()):
            shape = self.shapes[number]
            shapely.prepare(shape)
            inside = np.asarray(shapely.intersects_xy(shape, x, y), dtype=bool)
            if inside.any():
                found.append((number, inside))
        return found


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
    valid = np.ones((len(kept), len(days)), dtype=bool)
    if isinstance(settings, LicenceSettings):
        valid = _validity(frame, names, settings, key).valid(kept, days)
    return Parcels(kept, np.array([shapes[n] for n in kept], dtype=object), attributes, valid)


def several_validities(
    frame: gpd.GeoDataFrame, settings: ParcelSettings, days: Days, key: str
) -> list[str]:
    """Name the licences of which some polygons are valid in a period and others are not.

    Parameters
    ----------
    frame
        Features of the file.
    settings, days, key
        As for `read_parcels`.
    """
    if not isinstance(settings, LicenceSettings):
        return []
    names = frame[settings.name].map(attribute_text)
    each = _validity(frame, names, settings, key).each(days)
    valid = pd.DataFrame(each).groupby(names.to_numpy())
    differing = (valid.max() != valid.min()).any(axis=1)
    return [str(name) for name in differing.index[differing]]


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

    names: pd.Series[str]
    granted: npt.NDArray[np.datetime64]
    expires: npt.NDArray[np.datetime64]

    def each(self, days: Days) -> BoolArray:
        """Tell which polygons are valid on a day of periods, (polygon, period)."""
        first, last = np.array(days, dtype="datetime64[D]").reshape(-1, 2).T
        begun = np.isnat(self.granted)[:, None] | (self.granted[:, None] <= last)
        return np.asarray(begun & ~(self.expires[:, None] < first), dtype=bool)

    def valid(self, kept: Sequence[str], days: Days) -> BoolArray:
        """Tell which licences are valid in periods: any of their polygons is."""
        each = self.each(days)
        rows = [each[(self.names == name).to_numpy()].any(axis=0) for name in kept]
        return np.array(rows, dtype=bool).reshape(len(kept), len(days))


def _validity(
    frame: gpd.GeoDataFrame, names: pd.Series[str], settings: LicenceSettings, key: str
) -> _Validity:
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
    return _Validity(names, granted, days(settings.expires, "expires", "last"))
