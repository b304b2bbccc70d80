"""Places of labelled points and polygons on the grid of a survey."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyproj
import shapely

from minecover.arrays import BoolArray, Float64Array, Int64Array
from minecover.geography.datums import WGS84, Change, datum_change, densified, moved, to_wgs84
from minecover.geography.grid import Grid
from minecover.samples.polygons import drawn_pixels
from minecover.samples.settings import SampleSettings

__all__ = ["NO_POLYGON", "Placed", "far_off", "in_another_class", "place"]

NO_POLYGON = -1
"""Number of the polygon of a point that was given as a point."""

WAYS = (
    "give samples.transformation, or save the points in WGS 84 by a program that knows the "
    "transformation of this place"
)
"""What to do where PROJ knows none."""

TOO_NARROW = "polygon without a whole pixel"

Geometries = npt.NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class Placed:
    """Where the features of a layer lie.

    Attributes
    ----------
    frame
        x, y (in the grid's CRS), polygon (its number, or `NO_POLYGON`) and feature (position of
        the feature it is of), in the order of the features.
    dropped
        Counts of polygons that give no point, by reason.
    note
        Sentence on how the coordinates changed their datum, or empty.
    polygons
        Position of the feature to its polygon in the grid's CRS, of those on the area.
    """

    frame: pd.DataFrame
    dropped: dict[str, int]
    note: str
    polygons: dict[int, shapely.Geometry]


def place(
    geometries: Geometries, crs: pyproj.CRS, grid: Grid, settings: SampleSettings, first: int
) -> Placed:
    """Carry points to the grid's CRS, and draw points from polygons.

    Parameters
    ----------
    geometries
        Points and polygons.
    crs
        Theirs.
    grid
        The survey's.
    settings
        Their transformation, and how many points a polygon gives.
    first
        Number of the first polygon.

    Raises
    ------
    DataError
        A polygon has too many pixels.
    SurveyError
        No transformation to the grid's datum is known, or that of the survey is none.
    """
    surface = np.asarray(shapely.get_dimensions(geometries) == 2, dtype=bool)
    fine = geometries.copy()
    fine[surface] = densified(geometries[surface], crs)
    if settings.transformation is not None:
        own = to_wgs84(crs, settings.transformation, "samples.transformation")
        fine, crs = moved(fine, own), pyproj.CRS(WGS84)
    change = datum_change(crs, pyproj.CRS(grid.crs), shapely.total_bounds(fine), "samples", WAYS)
    there = _carried(fine, change.transformer.transform)
    points = pd.DataFrame({"x": shapely.get_x(there), "y": shapely.get_y(there)})
    points = points.assign(polygon=NO_POLYGON, feature=np.arange(len(there)))[~surface]
    drawn, dropped, polygons = _drawn(there, surface, grid, settings, first)
    frame = pd.concat([points, drawn]).sort_values("feature", kind="stable", ignore_index=True)
    return Placed(frame, dropped, change.note, polygons)


def in_another_class(
    points: pd.DataFrame,
    polygons: Sequence[shapely.Geometry],
    codes: Sequence[int],
    grid: Grid,
    at_once: Callable[[Int64Array, Int64Array], BoolArray] | None = None,
) -> BoolArray:
    """Tell which points lie in a pixel that is whole inside a polygon of another class.

    Parameters
    ----------
    points
        x, y and code.
    polygons, codes
        In the grid's CRS, and of which class each is.
    grid
        The survey's.
    at_once
        Tells whether a point and a polygon, each by its position, are of their classes at one time;
        None: all are.
    """
    bad = np.zeros(len(points), dtype=bool)
    if not polygons:
        return bad
    places = points[["x", "y"]].to_numpy(dtype=np.float64)
    known = np.where(np.isfinite(places).all(axis=1, keepdims=True), places, np.nan)
    column, row = (np.floor(at) + 0.5 for at in ~grid.geobox.affine @ (known[:, 0], known[:, 1]))
    x, y = grid.geobox.affine @ (column, row)
    half = grid.resolution / 2
    pixels = shapely.box(x - half, y - half, x + half, y + half)
    point, polygon = shapely.STRtree(polygons).query(pixels, predicate="covered_by")
    other = points["code"].to_numpy()[point] != np.asarray(codes, dtype=np.int64)[polygon]
    if at_once is not None:
        other &= at_once(point, polygon)
    bad[point[other]] = True
    return bad


def far_off(frame: pd.DataFrame, crs: str, grid: Grid, settings: SampleSettings) -> str:
    """Say that no point lies on the area, where they lie and what may be wrong."""

    def extent(left: float, bottom: float, right: float, top: float) -> str:
        return f"x {left:.0f} to {right:.0f}, y {bottom:.0f} to {top:.0f}"

    x, y = frame["x"], frame["y"]
    there = extent(x.min(), y.min(), x.max(), y.max()) if len(x) else "nowhere in that CRS"
    return (
        f"samples.path: no point of {', '.join(settings.paths)} lies on the area. In "
        f"{grid.crs_name} the points span {there}, the area {extent(*grid.area.bounds)}. The file "
        f"was read as {crs}: if that is not its CRS, correct it in the file (samples.crs for a "
        "CSV); if x and y are swapped, swap them (samples.x and samples.y for a CSV); else correct "
        "`area`"
    )


def _carried(geometries: Geometries, change: Change) -> Geometries:
    return moved(shapely.force_2d(geometries), change)


def _drawn(
    geometries: Geometries, surface: BoolArray, grid: Grid, settings: SampleSettings, first: int
) -> tuple[pd.DataFrame, dict[str, int], dict[int, shapely.Geometry]]:
    """Points of polygons, how many of these give none, and those on the area by feature."""
    most = None if settings.polygons == "all" else settings.polygons
    frames = [_rows(np.empty((0, 2), dtype=np.int64), grid, 0, 0)]
    counts, polygons = {"off the area": 0, TOO_NARROW: 0}, dict[int, shapely.Geometry]()
    for number, feature in enumerate(np.flatnonzero(surface), first):
        polygon = geometries[feature]
        polygon = polygon if polygon.is_valid else shapely.make_valid(polygon)
        if not np.isfinite(polygon.bounds).all() or not grid.area.intersects(polygon):
            counts["off the area"] += 1
            continue
        pixels = drawn_pixels(polygon, grid, most, (settings.seed, number))
        counts[TOO_NARROW] += not len(pixels)
        polygons[int(feature)] = polygon
        frames.append(_rows(pixels, grid, number, int(feature)))
    dropped = {reason: count for reason, count in counts.items() if count}
    return pd.concat(frames), dropped, polygons


def _rows(pixels: Int64Array, grid: Grid, polygon: int, feature: int) -> pd.DataFrame:
    places: tuple[Float64Array, Float64Array] = grid.geobox.affine @ (
        pixels[:, 1] + 0.5, pixels[:, 0] + 0.5
    )  # fmt: skip
    x, y = places
    return pd.DataFrame({"x": x, "y": y, "polygon": polygon, "feature": feature})
