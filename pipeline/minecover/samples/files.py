"""Files of labelled points and polygons: CSV, GeoParquet and whatever GDAL reads.

This module knows files, layers and columns; what a label means and where a point lies on the grid
is `minecover.samples.points`'s.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pyogrio
import pyproj

from minecover.errors import DataError, SurveyError
from minecover.faults import is_worker_fault, worker_error
from minecover.geography.polygon_files import SHAPEFILE
from minecover.geography.vector_files import check_whole, reason_of
from minecover.samples.encodings import (
    BY_LANGUAGE,
    LOSSLESS,
    certain_encoding,
    decoded,
    shapefile_encoding,
)
from minecover.samples.settings import SampleSettings
from minecover.samples.tables import read_table, require_column
from minecover.samples.validity import time_columns
from minecover.storage.location import is_url

__all__ = ["LabelledPlaces", "read_labels", "read_layer"]

MAX_ROWS = 2_000_000
"""More points than this are a mistaken file: a raster turned into points, say."""

MAX_BYTES = 2 * 2**30

TABLES = (".csv", ".tsv", ".txt")
"""Suffixes of tables of coordinates."""


@dataclass(frozen=True)
class LabelledPlaces:
    """Points, polygons and their labels as they are in a layer of a file.

    Attributes
    ----------
    frame
        label and geometry (of one part, in `crs`), in the file's order, with the columns that say
        when a label is true where there are any.
    crs
        Of the layer.
    dropped
        Counts of what has no position or is no point, nor a polygon where these are wanted.
    notes
        Sentences about what was left out.
    """

    frame: pd.DataFrame
    crs: pyproj.CRS
    dropped: dict[str, int]
    notes: tuple[str, ...] = ()


def read_labels(settings: SampleSettings, classes: Collection[str]) -> Iterator[LabelledPlaces]:
    """Read the points of a survey's samples, layer by layer.

    Parameters
    ----------
    settings
        Which files, layers and columns.
    classes
        Names of the survey's classes, which may tell how texts are encoded.

    Raises
    ------
    DataError
        A file is missing, unreadable, too large, without a CRS, or holds no points.
    SurveyError
        A column or layer is missing, several layers are not told apart, an encoding cannot be
        told, or a CSV comes without `samples.crs`.
    """
    for name in settings.paths:
        path = _there(name)
        try:
            yield from _layers(path, settings, classes)
        except (SurveyError, DataError):
            raise
        except Exception as error:  # pandas, pyarrow and pyogrio raise classes of their own
            if is_worker_fault(error):
                raise worker_error("samples.path", str(path), str(error)) from error
            raise DataError(
                f"samples.path: cannot read {path}: {reason_of(error, path)}"
            ) from error


def _there(name: str) -> Path:
    if is_url(name):
        raise SurveyError(f"samples.path: {name}: give a local file; download it first")
    path = Path(name)
    if not path.exists():
        raise DataError(f"samples.path: {path}: there is no such file")
    if path.is_dir() and path.suffix.lower() != ".gdb":
        raise DataError(f"samples.path: {path} is a folder; name a file in it (or a .gdb)")
    size = sum(part.stat().st_size for part in (path.iterdir() if path.is_dir() else (path,)))
    if not size:
        raise DataError(f"samples.path: {path} is empty; copy or export it again")
    if size > MAX_BYTES:
        raise DataError(
            f"samples.path: {path} has {size / 2**30:.1f} GiB; at most "
            f"{MAX_BYTES / 2**30:.0f} GiB are read: thin the points"
        )
    return path


def _layers(
    path: Path, settings: SampleSettings, classes: Collection[str]
) -> Iterator[LabelledPlaces]:
    suffix = path.suffix.lower()
    if suffix in TABLES:
        frame, dropped, notes = read_table(path, settings, classes, MAX_ROWS)
        yield _located(frame, settings, path, dropped, notes)
    elif suffix in (".parquet", ".geoparquet"):
        yield _located(_read_parquet(path), settings, path)
    else:
        check_whole(path)
        for layer in _chosen_layers(path, settings):
            frame = read_layer(path, layer, settings.column, settings.encoding, classes)
            yield _located(frame, settings, path)


def _read_parquet(path: Path) -> gpd.GeoDataFrame:
    schema = pq.read_schema(path)
    if b"geo" not in (schema.metadata or {}):
        raise DataError(f"samples.path: {path} is Parquet without geometry; save it as GeoParquet")
    _limit(pq.read_metadata(path).num_rows, path)
    return gpd.read_parquet(path)


def _chosen_layers(path: Path, settings: SampleSettings) -> tuple[str, ...]:
    """Layers to read: those that the survey names, or the only one that has a geometry."""
    # QGIS keeps its styles in a table beside the points: only layers with a geometry count
    layers = [str(name) for name, kind in pyogrio.list_layers(path) if kind is not None]
    if not layers:
        raise DataError(
            f"samples.path: {path} holds no layer with a geometry; save points as a GeoPackage, "
            "or a table with columns of coordinates as CSV"
        )
    if len(layers) == 1 and len(settings.paths) > 1:
        return (layers[0],)
    if not settings.layers and len(layers) > 1:
        raise SurveyError(
            f"samples.layer: {path} has the layers {', '.join(layers)}; name the one with the "
            "points, or a list of them"
        )
    missing = [name for name in settings.layers if name not in layers]
    if missing:
        raise SurveyError(
            f"samples.layer: {path} has no layer {missing[0]!r} with a geometry; it has "
            f"{', '.join(layers)}"
        )
    return settings.layers or (layers[0],)


def read_layer(
    path: Path, layer: str, column: str, encoding: str | None, classes: Collection[str]
) -> gpd.GeoDataFrame:
    """Read a layer of a vector file.

    Parameters
    ----------
    path, layer
        Which.
    column
        Of its labels.
    encoding
        Of the texts of a Shapefile; None: what it says itself, or what the labels tell.
    classes
        Names of the survey's classes.

    Raises
    ------
    DataError
        It has more than `MAX_ROWS` features.
    SurveyError
        Its texts are of another encoding, or that cannot be told.
    """
    info = pyogrio.read_info(path, layer=layer, force_feature_count=True)
    _limit(int(info["features"]), path)
    if info["driver"] != SHAPEFILE:  # other formats say how their texts are encoded
        return _yes_or_no(gpd.read_file(path, layer=layer), column, info)
    try:
        encoding = encoding or shapefile_encoding(path)
        if encoding == BY_LANGUAGE:
            return _yes_or_no(gpd.read_file(path, layer=layer), column, info)
        frame = _yes_or_no(gpd.read_file(path, layer=layer, encoding=LOSSLESS), column, info)
        encoding = encoding or certain_encoding(frame, column, (column,), classes, path.name)
        return decoded(frame, column, encoding)
    except UnicodeDecodeError as error:
        said = encoding or "of the encoding that it names"
        raise SurveyError(
            f"samples.encoding: texts of {path} are not {said}; give another, as gbk"
        ) from error


def _yes_or_no(frame: gpd.GeoDataFrame, column: str, info: dict[str, Any]) -> gpd.GeoDataFrame:
    """Let a column of yes and no be one, which arrives as 1 and 0 where it has a gap."""
    kinds = dict(zip(info["fields"], info["dtypes"], strict=True))
    if kinds.get(column) != "bool" or frame[column].dtype == bool:
        return frame
    answers = frame[column].map({0: False, 1: True}).astype(object)
    return frame.assign(**{column: answers.where(frame[column].notna(), None)})


def _limit(rows: int, path: Path) -> None:
    if rows > MAX_ROWS:
        raise DataError(f"samples.path: {path} has more than {MAX_ROWS:,} points; thin them")


def _located(
    frame: gpd.GeoDataFrame,
    settings: SampleSettings,
    path: Path,
    dropped: dict[str, int] | None = None,
    notes: tuple[str, ...] = (),
) -> LabelledPlaces:
    if frame.empty:
        raise DataError(f"samples.path: {path} holds no row; give points")
    require_column(frame, settings.column, "column", path)
    if frame.crs is None:
        raise DataError(
            f"samples.path: {path} has no CRS (a Shapefile has it in a .prj beside it); save it "
            "with one"
        )
    empty = (frame.geometry.isna() | frame.geometry.is_empty).to_numpy(dtype=bool)
    parts = frame[~empty].explode(index_parts=False, ignore_index=True)
    _limit(len(parts), path)
    kinds = parts.geometry.geom_type
    known = {"Point"} | ({"Polygon"} if settings.polygons is not None else set())
    other = ~kinds.isin(known).to_numpy(dtype=bool)
    if other.all():
        raise DataError(f"samples.path: {path} holds {_held(kinds)}")
    polygons = int((kinds[other] == "Polygon").sum())
    counted = {
        **(dropped or {}),
        "without a position": int(empty.sum()),
        "not a point": int(other.sum()) - polygons,
        "polygon (samples.polygons says how many points each gives)": polygons,
    }
    counted = {reason: count for reason, count in counted.items() if count}
    return LabelledPlaces(_columns(parts[~other], settings), pyproj.CRS(frame.crs), counted, notes)


def _columns(kept: gpd.GeoDataFrame, settings: SampleSettings) -> pd.DataFrame:
    """Give label and geometry, and what says when a label holds, where it is there."""
    return pd.DataFrame(
        {
            "label": kept[settings.column].to_numpy(dtype=object),
            "geometry": np.asarray(kept.geometry.array, dtype=object),
            **{
                name: kept[name].to_numpy(dtype=object)
                for name in time_columns(settings).values()
                if name in kept
            },
        }
    )


def _held(kinds: pd.Series[str]) -> str:
    """Name the kinds of geometries of a layer, with what to do about them."""
    names = sorted(set(kinds))
    ways = "give points"
    if "Polygon" in names:
        ways = "say how many points a polygon gives, as samples.polygons: 20, or all"
    return f"{', '.join(names) or 'no geometry'}; {ways}"
