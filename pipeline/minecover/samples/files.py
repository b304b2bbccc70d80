"""Files of labelled points: GeoPackage, GeoJSON, GeoParquet, CSV and what else GDAL reads.

This module knows files, columns and coordinate systems; what a label means and where a point lies
on the grid is `minecover.samples.points`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyarrow.parquet as pq
import pyogrio
import pyproj

from minecover.errors import DataError, SurveyError
from minecover.faults import is_worker_fault, worker_error
from minecover.samples.settings import SampleSettings
from minecover.storage.location import is_url

__all__ = ["LabelledPoints", "read_labels"]

MAX_ROWS = 2_000_000
"""More points than this are a mistaken file: a raster turned into points, say."""

MAX_BYTES = 2 * 2**30


@dataclass(frozen=True)
class LabelledPoints:
    """Positions and labels as they are in a file.

    Attributes
    ----------
    frame
        x, y (in `crs`) and label, in the file's order.
    crs
        Of the file.
    dropped
        Counts of what has no position or is no point.
    """

    frame: pd.DataFrame
    crs: pyproj.CRS
    dropped: dict[str, int]


def read_labels(settings: SampleSettings) -> LabelledPoints:
    """Read the points of a survey's samples.

    Raises
    ------
    DataError
        The file is missing, unreadable, too large, without a CRS, or holds no points.
    SurveyError
        A column is missing, or a CSV comes without `samples.crs`.
    """
    return _locate(_read(settings), settings)


def _read(settings: SampleSettings) -> gpd.GeoDataFrame:
    if is_url(settings.path):
        raise SurveyError(f"samples.path: {settings.path}: give a local file; download it first")
    path = Path(settings.path)
    if not path.is_file():
        raise DataError(f"samples.path: {path}: there is no such file")
    if path.stat().st_size > MAX_BYTES:
        raise DataError(
            f"samples.path: {path} has {path.stat().st_size / 2**30:.1f} GiB; at most "
            f"{MAX_BYTES / 2**30:.0f} GiB are read: thin the points"
        )
    reader = {".csv": _read_csv, ".parquet": _read_parquet, ".geoparquet": _read_parquet}
    try:
        frame = reader.get(path.suffix.lower(), _read_vector)(path, settings)
    except (SurveyError, DataError):
        raise
    except Exception as error:  # pandas, pyarrow and pyogrio raise classes of their own
        if is_worker_fault(error):
            raise worker_error("samples.path", str(path), str(error)) from error
        raise DataError(f"samples.path: cannot read {path}: {error}") from error
    if frame.crs is None:
        raise DataError(f"samples.path: {path} has no CRS; save it with one")
    return frame


def _read_csv(path: Path, settings: SampleSettings) -> gpd.GeoDataFrame:
    with path.open(encoding="utf-8-sig") as file:
        header = file.readline()
    separator = max(",;\t", key=header.count)
    frame = pd.read_csv(path, sep=separator, encoding="utf-8-sig", nrows=MAX_ROWS + 1)
    _limit(len(frame), path)
    for key, column in (("x", settings.x), ("y", settings.y), ("column", settings.column)):
        _require_column(frame, column, key, path)
    if settings.crs is None:
        raise SurveyError(
            f"samples.crs: missing, and {path.name} is a CSV, which carries no CRS; "
            "give it, as EPSG:4326 for degrees"
        )
    try:
        crs = pyproj.CRS(settings.crs)
    except pyproj.exceptions.CRSError as error:
        raise SurveyError(
            f"samples.crs: {settings.crs!r} is no known CRS; write it as EPSG:4326"
        ) from error
    x, y = (pd.to_numeric(frame[name], errors="coerce") for name in (settings.x, settings.y))
    return gpd.GeoDataFrame(frame, geometry=gpd.points_from_xy(x, y), crs=crs)


def _read_parquet(path: Path, settings: SampleSettings) -> gpd.GeoDataFrame:
    schema = pq.read_schema(path)
    if b"geo" not in (schema.metadata or {}):
        raise DataError(f"samples.path: {path} is Parquet without geometry; save it as GeoParquet")
    _limit(pq.read_metadata(path).num_rows, path)
    frame = gpd.read_parquet(path)
    _require_column(frame, settings.column, "column", path)
    return frame


def _read_vector(path: Path, settings: SampleSettings) -> gpd.GeoDataFrame:
    # QGIS keeps its styles in a table beside the points: only layers with a geometry count
    layers = [str(name) for name, kind in pyogrio.list_layers(path) if kind is not None]
    if len(layers) != 1:
        held = f"several layers ({', '.join(layers)})" if layers else "no layer with a geometry"
        raise DataError(f"samples.path: {path} holds {held}; save the points alone in a file")
    info = pyogrio.read_info(path, layer=layers[0], force_feature_count=True)
    _limit(int(info["features"]), path)
    frame = gpd.read_file(path, layer=layers[0])
    _require_column(frame, settings.column, "column", path)
    return frame


def _limit(rows: int, path: Path) -> None:
    if rows > MAX_ROWS:
        raise DataError(f"samples.path: {path} has more than {MAX_ROWS:,} points; thin them")


def _require_column(frame: pd.DataFrame, column: str, key: str, path: Path) -> None:
    if column not in frame.columns:
        there = ", ".join(repr(str(c)) for c in frame.columns if c != "geometry")
        raise SurveyError(
            f"samples.{key}: {path} has no column {column!r}; the columns there are {there}"
        )


def _locate(frame: gpd.GeoDataFrame, settings: SampleSettings) -> LabelledPoints:
    empty = (frame.geometry.isna() | frame.geometry.is_empty).to_numpy(dtype=bool)
    parts = frame[~empty].explode(index_parts=False, ignore_index=True)
    _limit(len(parts), Path(settings.path))
    kinds = parts.geometry.geom_type
    other = (kinds != "Point").to_numpy(dtype=bool)
    if other.all():
        held = ", ".join(sorted({str(kind) for kind in kinds})) or "no geometry"
        raise DataError(f"samples.path: {settings.path} holds {held}; give points")
    kept = parts[~other]
    located = pd.DataFrame(
        {
            "x": kept.geometry.x.to_numpy(),
            "y": kept.geometry.y.to_numpy(),
            "label": kept[settings.column].to_numpy(dtype=object),
        }
    )
    counted = {"without a position": int(empty.sum()), "not a point": int(other.sum())}
    dropped = {reason: count for reason, count in counted.items() if count}
    return LabelledPoints(located, pyproj.CRS(frame.crs), dropped)
