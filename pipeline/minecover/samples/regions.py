"""Regions of the area, each of which gets a model of its own.

A survey without them is one region: everything that learns, reads and tests goes through the
regions one after the other, and there is no other way beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyproj
import shapely
from shapely.geometry import box

from minecover.arrays import Float64Array, Int64Array
from minecover.errors import StoreError, SurveyError
from minecover.geography.boundary import in_crs, polygonal
from minecover.geography.datums import datum_change
from minecover.geography.grid import Grid, Window
from minecover.geography.polygon_files import attribute_text, listed, read_polygons
from minecover.samples.settings import RegionSettings
from minecover.storage.names import MODEL_FOLDER, REGIONS_FILE
from minecover.storage.store import Store

__all__ = ["Regions", "read_regions", "shapes_on_area"]


EVERYWHERE = ""
"""Name of the only region of a survey without regions."""

KEY = "model.regions"
"""Section of the survey that names them."""

UNCOVERED = 0.01
"""Share of the area that may lie between the regions: outlines of two files never quite agree."""


@dataclass(frozen=True, eq=False)
class Regions:
    """Regions in the order of their names; a region's place in it is its number.

    Attributes
    ----------
    names
        Of the regions; one empty name where the survey has none.
    shapes
        (region,) their polygons in the grid's CRS, cut at the area's bounds; none where there is
        but one region.
    """

    names: tuple[str, ...] = (EVERYWHERE,)
    shapes: npt.NDArray[np.object_] | None = None

    def __len__(self) -> int:
        return len(self.names)

    def prefix(self, number: int) -> str:
        """Where the model of a region lies in the store: no name of a file makes a path."""
        return MODEL_FOLDER if len(self) == 1 else f"{MODEL_FOLDER}{number}/"

    def at(self, x: Float64Array, y: Float64Array) -> Int64Array:
        """Numbers of the regions of places, in the shape of x and y, in the grid's CRS.

        A place in several regions is of the first of them, a place in none of the nearest.
        """
        out = np.zeros(np.shape(x), dtype=np.int64)
        if self.shapes is None:
            return out
        out -= 1
        for number, shape in enumerate(self.shapes):
            shapely.prepare(shape)
            out[(out < 0) & shapely.intersects_xy(shape, x, y)] = number
        if (out < 0).any():
            lost = shapely.points(x[out < 0], y[out < 0])
            out[out < 0] = shapely.distance(lost, self.shapes[:, None]).argmin(axis=0)
        return out

    def over(self, grid: Grid, window: Window) -> Int64Array:
        """Numbers of the regions of the pixels of a window, (y, x).

        Where there are several, pixels off the area are of none: -1.
        """
        if self.shapes is None:
            return np.zeros(window.shape, dtype=np.int64)
        x, y = grid.centres(window)
        out = np.full(window.shape, -1, dtype=np.int64)
        inside = grid.area_mask(window)
        out[inside] = self.at(x[inside], y[inside])
        return out

    def save(self, store: Store) -> None:
        """Write them beside the models, for workers that see only the store."""
        shapes = [] if self.shapes is None else [shapely.to_wkb(s, hex=True) for s in self.shapes]
        store.write_json(REGIONS_FILE, {"names": list(self.names), "shapes": shapes})

    @classmethod
    def load(cls, store: Store) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        StoreError
            It is not there, or damaged.
        """
        document = store.read_json(REGIONS_FILE) or {}
        try:
            shapes = shapely.from_wkb(np.array(document["shapes"], dtype=np.object_))
            return cls(tuple(document["names"]), shapes if len(shapes) else None)
        except (KeyError, TypeError, ValueError, shapely.errors.ShapelyError) as error:
            raise StoreError(
                f"{store.url}/{REGIONS_FILE}: missing or damaged; run `minecover train` first"
            ) from error


def read_regions(settings: RegionSettings | None, grid: Grid) -> Regions:
    """Read regions onto a grid; those that do not touch its area are left out.

    Parameters
    ----------
    settings
        Where they are; None: there is one.
    grid
        The survey's.

    Raises
    ------
    SurveyError
        The file cannot be read, has no such column or a polygon without a name, or its polygons
        leave more than a hundredth of the area uncovered.
    """
    if settings is None:
        return Regions()
    frame = _named(settings)
    shapes = shapes_on_area(frame, frame["region"], grid, KEY, f"{KEY}.column")
    if not shapes:
        raise SurveyError(f"model.regions: no polygon of {settings.path} touches the area")
    covered = shapely.intersection(grid.area, shapely.union_all(list(shapes.values()))).area
    gap = 1 - covered / grid.area.area
    if gap > UNCOVERED:
        raise SurveyError(
            f"model.regions: {gap:.0%} of the area is in no region of {settings.path}; add the "
            "missing polygons, or make the area smaller"
        )
    names = tuple(sorted(shapes))
    if len(names) == 1:
        return Regions(names)
    return Regions(names, np.array([shapes[name] for name in names], dtype=object))


def _named(settings: RegionSettings) -> gpd.GeoDataFrame:
    """Polygons with the text of their region in the column `region`."""
    frame = read_polygons(settings, "model.regions")
    if settings.column not in frame.columns:
        names = [str(name) for name in frame.columns if name != frame.geometry.name]
        raise SurveyError(
            f"model.regions.column: {settings.path} has no attribute {settings.column!r}; it has "
            f"{listed(names)}"
        )
    return frame.assign(region=frame[settings.column].map(attribute_text))


def shapes_on_area(
    frame: gpd.GeoDataFrame, names: pd.Series[str], grid: Grid, key: str, column: str
) -> dict[str, shapely.Geometry]:
    """Carry polygons onto a grid, cut at its area's bounds.

    Parameters
    ----------
    frame
        Polygons.
    names
        Of each; those of one name become one.
    grid
        The survey's.
    key, column
        Of the survey, which name them and their names, for messages.

    Returns
    -------
    Polygons that touch the area, by name, in the grid's CRS.

    Raises
    ------
    SurveyError
        Their datum has no place on the grid, or one on the area has no name.
    """
    crs, ways = pyproj.CRS(frame.crs), f"give {key}.transformation, or save it in WGS 84"
    datum_change(crs, pyproj.CRS(grid.crs), frame.total_bounds, key, ways)
    # far from the area a grid's CRS may have no place for them
    own = grid.geometry(frame.crs.to_wkt()).bounds
    near = shapely.clip_by_rect(_valid(frame.geometry.to_numpy(), key), *_padded(*own))
    shapes = {}
    for name in sorted(set(names)):
        parts = polygonal(near[(names == name).to_numpy()])
        if not len(parts):
            continue
        united = gpd.GeoSeries([shapely.union_all(parts)], crs=frame.crs)
        shape = in_crs(united, grid.crs, key)
        shape = shapely.intersection(shape, box(*grid.area.bounds))
        if shape.area > 0 and shapely.intersects(shape, grid.area):
            if not name:
                raise SurveyError(f"{key}: a polygon on the area has no name in {column}")
            shapes[name] = shape
    return shapes


def _valid(shapes: npt.NDArray[np.object_], key: str) -> npt.NDArray[np.object_]:
    """Make geometries valid."""
    if not np.isfinite(shapely.get_coordinates(shapes)).all():
        raise SurveyError(
            f"{key}: a polygon has a coordinate that is infinite or no number; correct its file"
        )
    return np.asarray(shapely.make_valid(shapes))


def _padded(left: float, bottom: float, right: float, top: float) -> tuple[float, ...]:
    """Grow bounds by a tenth, for straight edges bend from one CRS to another."""
    across, down = (right - left) / 10, (top - bottom) / 10
    return left - across, bottom - down, right + across, top + down
