"""The surveyed area: a bounding box, or polygons chosen from a file, as one geometry."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyogrio
import pyproj
import shapely
from shapely.errors import ShapelyError
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from minecover.arrays import Float64Array
from minecover.errors import SurveyError
from minecover.faults import is_worker_fault, worker_error
from minecover.geography.datums import WGS84, datum_change, moved, to_wgs84
from minecover.geography.settings import AreaSettings

__all__ = [
    "HALF_ROUND",
    "ORDER",
    "WGS84",
    "area_geometry",
    "attribute_text",
    "degree_bounds",
    "densified",
    "in_crs",
    "known_crs",
    "listed",
    "looks_misread",
    "polygonal",
    "read_polygons",
    "unbroken",
]

STEP = {"degree": 0.02, "metre": 2000.0}
"""Longest straight edge, in units of the CRS, before an outline is carried into another: the
true edge leaves the chord of two kilometres by centimetres."""

HALF_ROUND = 180.0
"""Degrees."""

ORDER = (
    "`area.bbox` is left, bottom, right, top in the CRS of `area.crs`: west, south, east, north "
    "where that is in degrees, longitude before latitude, as in a file. `grid.resolution` is in "
    "metres."
)
"""What is mistaken where an area or a grid is impossible."""

POLE, ROUND = 90.0001, 360.0
"""Degrees beyond which there is nothing."""

FAR = 1e9
"""Units of any CRS beyond which there is nothing."""

SHOWN = 12
"""Values or columns that a message lists."""

CPG = "write the encoding of the Shapefile, as GBK, into a .cpg of its name beside it"
"""What to do about texts that cannot be read."""

PARQUET = (".parquet", ".geoparquet")
"""Suffixes of GeoParquet, which few builds of GDAL read."""

UNREADABLE = (
    pyogrio.errors.DataSourceError,
    pyogrio.errors.DataLayerError,
    OSError,
    ValueError,  # of GeoParquet, also where there is no geometry
    ShapelyError,
)

Geometries = npt.NDArray[np.object_]


def area_geometry(area: AreaSettings) -> gpd.GeoSeries:
    """Read the area as one geometry in its own CRS: polygons with their holes, united.

    Raises
    ------
    SurveyError
        The file cannot be read, has no CRS, or holds no polygon, or none as `where` wants it.
    """
    if area.bbox is not None:
        bounds = gpd.GeoSeries([box(*area.bbox)], crs=known_crs(area.crs, "area.crs"))
        _check_place(bounds)
        return _transformed(bounds, area.transformation, "area")
    frame = read_polygons(Path(str(area.path)), area.layer, "area", area.transformation)
    frame = _chosen(frame, area)
    polygons = polygonal(frame.geometry.to_numpy())
    if not len(polygons):
        raise SurveyError(f"area.path: {area.path} holds no polygon")
    united = gpd.GeoSeries([_united(polygons)], crs=frame.crs)
    _check_place(united)
    return united


def _check_place(area: gpd.GeoSeries) -> None:
    """Refuse an area whose coordinates are none of its CRS.

    Raises
    ------
    SurveyError
        They are without end, or no degrees where the CRS has degrees.
    """
    west, south, east, north = map(float, area.total_bounds)
    known = all(abs(edge) <= FAR for edge in (west, south, east, north))  # and is a number
    if known and area.crs.is_geographic and area.crs.axis_info[0].unit_name == "degree":
        known = south >= -POLE and north <= POLE and west >= -ROUND and east <= ROUND
    if not known:
        raise SurveyError(
            f"area: it lies from {west:g}, {south:g} to {east:g}, {north:g}, which is nowhere in "
            f"{area.crs.name}. {ORDER}"
        )


def in_crs(area: gpd.GeoSeries, crs: pyproj.CRS | str, key: str = "area") -> BaseGeometry:
    """Carry an area into another CRS; long straight edges become the curves they are there.

    Parameters
    ----------
    area
        One geometry.
    crs
        The other.
    key
        Section of the survey that it is of, for messages.

    Raises
    ------
    SurveyError
        A part of it has no place in that CRS, or its datum none that is known.
    """
    own, other = pyproj.CRS(area.crs), pyproj.CRS(crs)
    if own == other:
        geometry: BaseGeometry = area.iloc[0]
        return geometry
    ways = f"give {key}.transformation, or save the file in WGS 84 by a program that knows one"
    change = datum_change(own, other, area.total_bounds, key, ways)
    carried = moved(densified(area.to_numpy(), own), change.transformer.transform)
    if other.is_geographic:
        carried = _cut(carried)
    if not np.isfinite(shapely.get_coordinates(carried)).all():
        raise SurveyError(f"grid.crs: a part of the area has no place in {other.name}")
    return _united(polygonal(carried))


def densified(geometries: Geometries, crs: pyproj.CRS) -> Geometries:
    """Put points on long straight edges, which bend in another CRS.

    Parameters
    ----------
    geometries
        Of any kind; their heights are left out.
    crs
        Theirs.
    """
    step = STEP.get(crs.axis_info[0].unit_name, STEP["metre"])
    return np.asarray(shapely.segmentize(shapely.force_2d(geometries), step), dtype=object)


def unbroken(points: Float64Array) -> Float64Array:
    """Let longitudes go on beyond 180° where points lie on both sides of it.

    Parameters
    ----------
    points
        Longitude and latitude, (n, 2).

    Returns
    -------
    The same points where they do not, or where they go round more than half of the globe.
    """
    beyond = points + np.where(points[:, :1] < 0, (360.0, 0.0), (0.0, 0.0))
    crosses = np.ptp(points[:, 0]) > HALF_ROUND > np.ptp(beyond[:, 0])
    return beyond if crosses else points


def degree_bounds(area: BaseGeometry) -> tuple[float, float, float, float]:
    """West, south, east and north of an area in degrees, west above east where it is cut at 180°.

    That is how RFC 7946 has bounding boxes.
    """
    points = unbroken(np.asarray(shapely.get_coordinates(area), dtype=np.float64))
    (west, south), (east, north) = points.min(axis=0), points.max(axis=0)
    return float(west), float(south), float(east - 360 if east > HALF_ROUND else east), float(north)


def _cut(given: Geometries) -> Geometries:
    """Cut what lies across 180° there, as RFC 7946 has it; other geometries stay as they are."""
    points = np.asarray(shapely.get_coordinates(given), dtype=np.float64)
    whole = unbroken(points)
    if whole is points or not np.isfinite(points).all():
        return given
    united = _united(polygonal(shapely.set_coordinates(given.copy(), whole)))
    east = shapely.intersection(united, box(0.0, -90.0, HALF_ROUND, 90.0))
    west = shapely.intersection(united, box(HALF_ROUND, -90.0, 360.0, 90.0))
    back = shapely.transform(west, lambda xy: xy - (360.0, 0.0))
    return np.array([east, back], dtype=np.object_)


def known_crs(text: str, where: str) -> pyproj.CRS:
    """Resolve a CRS that the survey names at `where`.

    Raises
    ------
    SurveyError
        There is none of that name.
    """
    try:
        return pyproj.CRS(text)
    except pyproj.exceptions.CRSError as error:
        raise SurveyError(f"{where}: {text!r} is no known CRS; write it as EPSG:32649") from error


def polygonal(geometries: Geometries) -> Geometries:
    """Polygons of geometries of any kind, made valid; what has no surface is left out."""
    given = geometries[~(shapely.is_missing(geometries) | shapely.is_empty(geometries))]
    flat = shapely.force_2d(given)
    valid = np.where(shapely.is_valid(flat), flat, shapely.make_valid(flat))
    parts = shapely.get_parts(shapely.get_parts(valid))  # of collections, then of multipolygons
    kept: Geometries = parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON]
    return kept


def _united(polygons: Geometries) -> BaseGeometry:
    united: BaseGeometry = shapely.union_all(polygons)
    return united


def _transformed(area: gpd.GeoSeries, transformation: str | None, key: str) -> gpd.GeoSeries:
    """Carry geometries to WGS 84 by the transformation of the survey, if it has one."""
    if transformation is None:
        return area
    crs = pyproj.CRS(area.crs)
    change = to_wgs84(crs, transformation, f"{key}.transformation")
    there = moved(densified(area.to_numpy(), crs), change)
    return gpd.GeoSeries(there, crs=WGS84, index=area.index)


def read_polygons(
    path: Path, layer: str | None, key: str, transformation: str | None = None
) -> gpd.GeoDataFrame:
    """Read the features of a file, with their attributes.

    Parameters
    ----------
    path, layer
        As the survey names them; no layer where the file has but one.
    key
        Section of the survey that names them, for messages.
    transformation
        To WGS 84, as `minecover.geography.datums.to_wgs84` takes it; None: the file's own CRS
        stays.

    Raises
    ------
    SurveyError
        The file cannot be read, has several layers, none or no CRS, or there is no transformation.
    """
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            raise OSError("it is a pipe or a device; give a file")
        if path.is_file() and not path.stat().st_size:
            raise OSError("it is empty; copy or export it again")
        if path.suffix.lower() in PARQUET:
            frame = gpd.read_parquet(path)
        else:
            frame = gpd.read_file(path, layer=layer or _only_layer(path, key))
    except UnicodeDecodeError as error:
        raise SurveyError(f"{key}.path: texts of {path} are not of its encoding; {CPG}") from error
    except UNREADABLE as error:
        if is_worker_fault(error):
            raise worker_error(f"{key}.path", str(path), str(error)) from error
        raise SurveyError(f"{key}.path: cannot read {path}: {error}") from error
    if not isinstance(frame, gpd.GeoDataFrame):  # a layer of a table alone
        raise SurveyError(f"{key}.layer: {layer} of {path} holds no polygon")
    if frame.crs is None:
        raise SurveyError(f"{key}.path: {path} has no CRS; save it with one")
    if transformation is None:
        return frame
    return frame.set_geometry(_transformed(frame.geometry, transformation, key))


def _only_layer(path: Path, key: str) -> str:
    """Name of the one layer of a file that has geometries."""
    layers = [str(name) for name, kind in pyogrio.list_layers(path) if kind is not None]
    if len(layers) > 1:
        raise SurveyError(
            f"{key}.layer: {path} has the layers {', '.join(layers)}; name the one with the "
            "polygons"
        )
    if not layers:
        raise SurveyError(f"{key}.path: {path} holds no polygon")
    return layers[0]


def _chosen(frame: gpd.GeoDataFrame, area: AreaSettings) -> gpd.GeoDataFrame:
    """Features whose attributes are all as `area.where` wants them."""
    for column, wanted in area.where.items():
        if column not in frame.columns:
            names = [str(name) for name in frame.columns if name != frame.geometry.name]
            raise SurveyError(
                f"area.where: {area.path} has no attribute {column!r}; it has {listed(names)}"
                + (f"; if these are unreadable, {CPG}" if looks_misread(names) else "")
            )
        texts = frame[column].map(attribute_text)
        given = wanted if isinstance(wanted, tuple) else (wanted,)
        values = set(map(attribute_text, given))
        missing = sorted(values - set(texts))
        if missing:
            there = sorted(set(texts))
            raise SurveyError(
                f"area.where: no feature of {area.path} has {column}: {listed(missing)}"
                f"{_also(area.where, column)}; there are {listed(there)}"
            )
        frame = frame[texts.isin(values)]
    return frame


def _also(where: Mapping[str, object], column: str) -> str:
    before = list(where)[: list(where).index(column)]
    return f" among those chosen by {', '.join(before)}" if before else ""


def looks_misread(texts: Iterable[str]) -> bool:
    """Tell whether a text looks like one of another alphabet that was read as a Western one."""
    return any(re.search(r"[\x80-\xff]{2}", text) for text in texts)


def attribute_text(value: object) -> str:
    """Text of an attribute's value; none is the empty text."""
    if isinstance(value, list | dict | np.ndarray):
        return str(value)
    # a column of integers with a gap arrives as floats
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if pd.isna(value) else str(value).strip()  # type: ignore[call-overload]


def listed(names: list[str]) -> str:
    """Give the first names of a list, and how many more there are."""
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" * (len(names) > SHOWN))
