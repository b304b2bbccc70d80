"""Labelled points: their labels, and whether they are the points that were drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely

from minecover.errors import DataError
from minecover.geography.grid import Grid
from minecover.samples.files import read_layer
from minecover.samples.labels import class_names, label_text

__all__ = [
    "OF_PERIOD",
    "PURPOSE",
    "REFERENCE",
    "TRAINING",
    "label_columns",
    "read_points",
    "refuse_training_points",
    "same_points",
]

REFERENCE = "reference"
"""Column of the labels."""

OF_PERIOD = "class_"
"""Before the name of a period in the column of its labels; with a year, what a Shapefile keeps."""

PURPOSE, TRAINING = "purpose", "training"
"""Column of points that were chosen to teach the model, and what it says."""

MOVED = 0.1
"""Pixels that a point may be off: rounding of a coordinate system and back."""


def label_columns(periods: Sequence[str]) -> tuple[str, ...]:
    """Name the columns of the labels of several periods."""
    return tuple(f"{OF_PERIOD}{name}" for name in periods)


def read_points(
    path: Path,
    codes: Mapping[str, int],
    encoding: str | None,
    columns: Sequence[str] = (REFERENCE,),
) -> gpd.GeoDataFrame:
    """Read a vector file of one layer of points, with the labels that it has.

    Parameters
    ----------
    path
        GeoPackage, GeoJSON, Shapefile or another format that GDAL reads.
    codes
        Of the survey's classes, by name.
    encoding
        Of the texts of a Shapefile; None: what it says itself, or what the labels tell.
    columns
        Of the labels.

    Returns
    -------
    Its features; columns of labels, names or codes of classes, are of names, empty where there is
    no label. What is neither is left as it is; the estimators refuse it.

    Raises
    ------
    DataError
        It is no such file.
    """
    try:
        # QGIS keeps its styles in a table beside the points
        layers = [str(name) for name, kind in pyogrio.list_layers(path) if kind is not None]
        frame = (
            read_layer(path, layers[0], columns[0], encoding, codes) if len(layers) == 1 else None
        )
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise DataError(f"{path}: no file of points: {error}") from error
    if frame is None or frame.crs is None:
        raise DataError(f"{path}: give one layer of points with a CRS, as design.gpkg has it")
    for column in set(columns) & set(frame.columns):
        labels = frame[column].map(label_text)
        frame = frame.assign(**{column: class_names(labels, codes).fillna(labels)})
    return frame


def refuse_training_points(frame: pd.DataFrame, source: str) -> None:
    """Refuse points that were chosen to teach the model.

    Raises
    ------
    DataError
        The column `purpose` says so of some.
    """
    if PURPOSE in frame.columns:
        count = int((frame[PURPOSE].map(label_text).str.lower() == TRAINING).sum())
        if count:
            raise DataError(
                f"{source}: {count} of its points have the {PURPOSE} {TRAINING!r}: they were "
                "chosen to teach the model, so they are no probability sample, and no area can be "
                "estimated from them. Name them in samples.path; for areas, label the points that "
                "`minecover design` draws"
            )


def same_points(
    frame: gpd.GeoDataFrame, design: Mapping[str, Any], grid: Grid, source: str
) -> gpd.GeoDataFrame:
    """Check that labelled points are those of a design, and put them in its order.

    Parameters
    ----------
    frame
        With the columns id, stratum and pixels; any CRS.
    design
        `products/design.json`.
    grid
        The map's.
    source
        Name of the file, for messages.

    Returns
    -------
    The points in the design's order, with row and col of their pixels.

    Raises
    ------
    DataError
        Points are missing, added, moved or of another stratum, or the pixel counts differ.
    """
    if "id" not in frame.columns:
        raise DataError(f"{source}: no column id; label the file that `minecover design` wrote")
    drawn = pd.DataFrame(design["points"])
    ordered = _in_order(frame, drawn["id"], source).to_crs(grid.crs)
    x, y = grid.centres_of(drawn["row"].to_numpy(), drawn["col"].to_numpy())
    # programs write points as multipoints of one, too; what is no point is nowhere
    shapes = ordered.geometry.to_numpy()
    single = np.where(
        shapely.get_num_geometries(shapes) == 1, shapely.get_geometry(shapes, 0), None
    )
    off = np.hypot(shapely.get_x(single) - x, shapely.get_y(single) - y) / grid.resolution
    _refuse(source, "moved", drawn["id"][~(off <= MOVED)].tolist())
    strata = {name: item["pixels"] for name, item in design["strata"].items()}
    other = (ordered["stratum"] != drawn["stratum"]) | (
        ordered["pixels"] != drawn["stratum"].map(strata)
    )
    _refuse(source, "of another stratum or map", drawn["id"][other.to_numpy()].tolist())
    return ordered.assign(row=drawn["row"], col=drawn["col"])


def _in_order(frame: gpd.GeoDataFrame, drawn: pd.Series[int], source: str) -> gpd.GeoDataFrame:
    """Put the points in the design's order, which has each of them once."""
    numbers = pd.to_numeric(frame["id"], errors="coerce")
    _refuse(source, "added or renumbered", sorted(set(numbers[~numbers.isin(drawn)])))
    _refuse(source, "there twice", sorted(set(numbers[numbers.duplicated()])))
    _refuse(source, "missing", sorted(set(drawn) - set(numbers)))
    ordered = frame.assign(id=numbers.astype(int)).set_index("id", drop=False)
    return ordered.loc[drawn].reset_index(drop=True)


def _refuse(source: str, what: str, ids: list[Any]) -> None:
    if ids:
        listed = ", ".join(f"{number:g}" for number in ids[:5])
        more = f" and {len(ids) - 5} more" if len(ids) > 5 else ""
        raise DataError(
            f"{source}: no probability sample of this design: {len(ids)} point(s) {what} "
            f"(id {listed}{more}). Label the points of products/design.gpkg as they are, all of "
            "them, and change nothing but the column of the true class"
        )
