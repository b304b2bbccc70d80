"""Files of polygons, of the area and of regions: layers, attributes, encodings, datums."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Protocol

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pyproj
from shapely.errors import ShapelyError

from minecover.errors import SurveyError
from minecover.faults import is_worker_fault, worker_error
from minecover.geography.datums import GCJ02, WGS84, datum_change, densified, moved, to_wgs84
from minecover.geography.gcj02 import shift_metres
from minecover.geography.settings import Value
from minecover.geography.vector_files import check_whole, reason_of

__all__ = [
    "SHAPEFILE",
    "attribute_text",
    "chosen",
    "listed",
    "looks_misread",
    "placing_notes",
    "read_polygons",
    "transformed",
]

Values = tuple[Value, ...]

SHOWN = 12
"""Values or columns that a message lists."""

LONGEST = 80
"""Characters of a name that a message has."""

ENCODING = "give the encoding of the Shapefile, as gbk"
"""What to do about texts that cannot be read."""

SHAPEFILE = "ESRI Shapefile"
"""Format whose files do not always say how their texts are encoded."""

SHORT = 8
"""Letters by which attributes are told apart."""

WEB_MAP = {"acroutes", "childrennum"[:SHORT], "subfeatureindex"[:SHORT], "citycode"}
"""Attributes that outlines of Chinese web maps have beside `adcode`."""

PARQUET = (".parquet", ".geoparquet")
"""Suffixes of GeoParquet, which few builds of GDAL read."""

UNREADABLE = (
    pyogrio.errors.DataSourceError,
    pyogrio.errors.DataLayerError,
    OSError,
    ValueError,  # of GeoParquet, also where there is no geometry
    ShapelyError,
)


def transformed(area: gpd.GeoSeries, transformation: str | None, key: str) -> gpd.GeoSeries:
    """Carry geometries to WGS 84 by the transformation of the survey, if it has one."""
    if transformation is None:
        return area
    crs = pyproj.CRS(area.crs)
    change = to_wgs84(crs, transformation, f"{key}.transformation")
    there = moved(densified(area.to_numpy(), crs), change)
    return gpd.GeoSeries(there, crs=WGS84, index=area.index)


class PolygonFile(Protocol):
    """What a section of a survey says of a file of polygons."""

    @property
    def path(self) -> str | None:
        """Of the file."""

    @property
    def layer(self) -> str | None:
        """Of the file; None: it has but one with geometries."""

    @property
    def encoding(self) -> str | None:
        """Of the texts of a Shapefile; None: what it says itself."""

    @property
    def transformation(self) -> str | None:
        """To WGS 84, as `datums.to_wgs84` takes it; None: the file's own CRS stays."""


def read_polygons(file: PolygonFile, key: str) -> gpd.GeoDataFrame:
    """Read the features of a file, with their attributes.

    Parameters
    ----------
    file
        What the survey says of it.
    key
        Section of the survey that names it, for messages.

    Raises
    ------
    SurveyError
        The file cannot be read, has several layers, none or no CRS, or there is no transformation.
    """
    path = Path(str(file.path))
    try:
        frame = _read(path, file, key)
    except UnicodeDecodeError as error:
        wrong = f"are not {file.encoding}" if file.encoding else "are not of its encoding"
        raise SurveyError(f"{key}.encoding: texts of {path} {wrong}; {ENCODING}") from error
    except UNREADABLE as error:
        if is_worker_fault(error):
            raise worker_error(f"{key}.path", str(path), str(error)) from error
        raise SurveyError(f"{key}.path: cannot read {path}: {reason_of(error, path)}") from error
    if not isinstance(frame, gpd.GeoDataFrame):  # a layer of a table alone
        raise SurveyError(f"{key}.layer: {file.layer} of {path} holds no polygon")
    if frame.crs is None:
        raise SurveyError(f"{key}.path: {path} has no CRS; save it with one")
    if file.transformation is None:
        return frame
    return frame.set_geometry(transformed(frame.geometry, file.transformation, key))


def placing_notes(frame: gpd.GeoDataFrame, file: PolygonFile, crs: str, key: str) -> Iterator[str]:
    """Say by which operation polygons come to a CRS, and whether they look shifted.

    Parameters
    ----------
    frame
        The polygons, as they were read.
    file
        What the survey says of their file.
    crs
        Of the grid.
    key
        Section of the survey that names them.

    Raises
    ------
    SurveyError
        No operation is known.
    """
    own = pyproj.CRS(frame.crs)
    note = datum_change(own, pyproj.CRS(crs), frame.total_bounds, key, "").note
    if note:
        yield note
    if file.transformation is None and _is_of_web_map(list(map(str, frame.columns))):
        west, south, east, north = frame.to_crs(WGS84).total_bounds
        shift = shift_metres((west + east) / 2, (south + north) / 2)
        yield (
            f"{file.path} has attributes of a Chinese web map, whose outlines are in GCJ-02 "
            f"whatever they say, here {shift:.0f} m off; give {key}.transformation: {GCJ02}, or "
            "look at the boundary over an image"
        )


def _is_of_web_map(columns: list[str]) -> bool:
    """Tell by its attributes whether a file is of DataV or Amap; Shapefiles cut their names."""
    names = {name.lower()[:SHORT] for name in columns}
    return "adcode" in names and not names.isdisjoint(WEB_MAP)


def _read(path: Path, file: PolygonFile, key: str) -> pd.DataFrame:
    if not path.exists():
        raise OSError("there is no such file")
    if not path.is_file() and not path.is_dir():
        raise OSError("it is a pipe or a device; give a file")
    if path.is_dir() and path.suffix.lower() != ".gdb":
        raise OSError("it is a folder; name a file in it (or a .gdb)")
    if path.is_file() and not path.stat().st_size:
        raise OSError("it is empty; copy or export it again")
    check_whole(path)
    if path.suffix.lower() in PARQUET:
        frame: pd.DataFrame = gpd.read_parquet(path)
        return frame
    layer = _layer(path, file.layer, key)
    read = partial(gpd.read_file, path, layer=layer)
    if file.encoding and pyogrio.read_info(path, layer=layer)["driver"] == SHAPEFILE:
        read = partial(read, encoding=file.encoding)
    frame = read()
    return frame


def _layer(path: Path, named: str | None, key: str) -> str:
    """Layer that the survey names, or the one of a file that has geometries."""
    layers = [str(name) for name, kind in pyogrio.list_layers(path) if kind is not None]
    if named is not None:
        if layers and named not in {str(name) for name, _ in pyogrio.list_layers(path)}:
            raise SurveyError(
                f"{key}.layer: {path} has no layer {named!r}; it has {', '.join(layers)}"
            )
        return named
    if len(layers) > 1:
        raise SurveyError(
            f"{key}.layer: {path} has the layers {', '.join(layers)}; name the one with the "
            "polygons"
        )
    if not layers:
        raise SurveyError(f"{key}.path: {path} holds no polygon")
    return layers[0]


def chosen(
    frame: gpd.GeoDataFrame, file: PolygonFile, where: Mapping[str, Value | Values], key: str
) -> gpd.GeoDataFrame:
    """Choose features whose attributes are all as `where` wants them; `key` is as above.

    Raises
    ------
    SurveyError
        There is no such attribute, or no feature of such a value.
    """
    for column, wanted in where.items():
        if column not in frame.columns:
            names = [str(name) for name in frame.columns if name != frame.geometry.name]
            raise SurveyError(
                f"{key}.where: {file.path} has no attribute {column!r}; it has {listed(names)}"
                + _misread(names, key)
            )
        texts = frame[column].map(attribute_text)
        given = wanted if isinstance(wanted, tuple) else (wanted,)
        values = set(map(attribute_text, given))
        missing = sorted(values - set(texts))
        if missing:
            there = sorted(set(texts))
            raise SurveyError(
                f"{key}.where: no feature of {file.path} has {column}: {listed(missing)}"
                f"{_also(where, column)}; there are {listed(there)}{_misread(there, key)}"
            )
        frame = frame[texts.isin(values)]
    return frame


def _misread(texts: list[str], key: str) -> str:
    return f"; if these are unreadable, {ENCODING}: {key}.encoding" if looks_misread(texts) else ""


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
    """Give the first names of a list, long ones cut, and how many more there are."""
    shown = [name if len(name) <= LONGEST else f"{name[:LONGEST]}..." for name in names[:SHOWN]]
    return ", ".join(shown) + (f" and {len(names) - SHOWN} more" * (len(names) > SHOWN))
