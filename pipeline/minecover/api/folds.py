"""Folds of points by spatial blocks: training points far enough from those that are tested."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd

from minecover.accuracy import blocks
from minecover.accuracy.variogram import feature_variogram
from minecover.api.arguments import about, number, whole
from minecover.api.labels import CLASS, labels_of, layers_of, values_of
from minecover.api.rasters import places_of
from minecover.arrays import Float64Array, Int64Array
from minecover.errors import SurveyError

__all__ = ["spatial_folds"]

FUNCTION = "mc.spatial_folds"

BLOCKS_PER_FOLD = 2
"""At least, where the edge of a block is found from the points."""

ARGUMENTS = {
    "samples.block": "edge_m",
    "samples.folds": "folds",
    "instead of auto": "instead of None",
}


def spatial_folds(
    points: pd.DataFrame,
    edge_m: float | None = None,
    folds: int = 5,
    seed: int = 0,
    *,
    column: str | None = None,
    layers: Sequence[str] | None = None,
) -> pd.Series:
    """Divide points into folds by square blocks of ground, each fold with its share of each class.

    Neighbouring pixels resemble each other: a test point beside a training point flatters the
    accuracy (Roberts et al. 2017, 10.1111/ecog.02881). The blocks begin at the origin of the CRS,
    so a point more does not move them.

    Parameters
    ----------
    points
        A GeoDataFrame of points in a projected CRS, or a table with x and y in metres.
    edge_m
        Edge of a block in metres; None: as far as the points' features resemble each other, the
        range of the semivariogram of their first principal component, less where the points
        would lie in fewer than two blocks a fold.
    folds
        Their number, at least 2.
    seed
        The same seed gives the same folds.
    column
        With the classes of the points; None: `class` or `code`, or where the points have neither,
        all are alike.
    layers
        Columns of features, for `edge_m=None`; None: all columns of numbers that are not known to
        be something else.

    Returns
    -------
    The fold of each point, 0 to `folds` - 1, with the index of the points; `attrs["edge_m"]` is
    the edge of a block.

    Raises
    ------
    SurveyError
        The points are in degrees, have no CRS, or lie in fewer blocks than there are folds.
    DataError
        There are too few points or features for a semivariogram.

    Warns
    -----
    UserWarning
        A fold holds no point of a class.
    """
    with about(FUNCTION, ARGUMENTS):
        whole("seed", seed)
        if whole("folds", folds) < 2:
            raise SurveyError(f"folds={folds}: there must be at least 2")
        place = _metres(points)
        x, y = (place[axis].to_numpy(np.float64) for axis in ("x", "y"))
        frame, names = _classes(points, column)
        edge = edge_m
        if edge is None:
            edge = _range(points, layers_of(points, layers, column), x, y, folds, seed)
        elif not 0 < number("edge_m", edge) < math.inf:
            raise SurveyError(f"edge_m={edge_m}: give metres above 0, or None")
        rows, columns = _blocks(y, edge), _blocks(x, edge)
        count = len(np.unique(np.column_stack([rows, columns]), axis=0))
        if count < folds:
            raise SurveyError(
                f"only {count} block(s) of {edge:g} m hold points, fewer than folds={folds}; make "
                "edge_m smaller, or folds fewer"
            )
        frame = frame.assign(row=rows, col=columns)
        found = blocks.spatial_folds(frame, edge=1, folds=folds, seed=seed, names=names)
    for warning in found.warnings:
        warnings.warn(f"{FUNCTION}: {warning}", stacklevel=2)
    series = pd.Series(found.fold, index=points.index, name="fold")
    series.attrs["edge_m"] = float(edge)
    return series


def _metres(points: pd.DataFrame) -> pd.DataFrame:
    if not isinstance(points, pd.DataFrame):
        raise SurveyError(f"points is a {type(points).__name__}; give a table or a GeoDataFrame")
    if isinstance(points, gpd.GeoDataFrame):
        if points.crs is None:
            raise SurveyError(
                "points: no CRS, so their distances are unknown; set it with "
                "points.set_crs('EPSG:…'), projected and in metres"
            )
        axis = points.crs.axis_info[0]
        if not points.crs.is_projected or not math.isclose(axis.unit_conversion_factor, 1.0):
            raise SurveyError(
                f"points: {points.crs.name} is not in metres; carry them into a projected CRS, "
                "for example with points.to_crs(points.estimate_utm_crs())"
            )
    return places_of(points)


def _classes(points: pd.DataFrame, column: str | None) -> tuple[pd.DataFrame, dict[int, str]]:
    """Codes of the points as the division wants them, and their names."""
    if column is None and not {CLASS, "code"} & set(points.columns):
        return pd.DataFrame({"code": np.zeros(len(points), dtype=np.int64)}), {}
    labels = labels_of(points, column)
    names = {code: name for name, code in labels.classes.items()}
    return pd.DataFrame({"code": labels.codes}), names


def _blocks(coordinate: Float64Array, edge: float) -> Int64Array:
    number: Int64Array = np.floor(coordinate / edge).astype(np.int64)
    return number - int(number.min(initial=0))


def _range(
    points: pd.DataFrame,
    layers: tuple[str, ...],
    x: Float64Array,
    y: Float64Array,
    folds: int,
    seed: int,
) -> float:
    """Edge of a block in whole metres, from the points."""
    if not layers:
        raise SurveyError(
            "edge_m=None: the points have no columns of features, which the range of their "
            "resemblance is measured by; give features, or edge_m in metres"
        )
    found = feature_variogram(values_of(points, layers), x, y, seed=seed)
    frame = pd.DataFrame({"row": np.floor(y).astype(np.int64), "col": np.floor(x).astype(np.int64)})
    alone = np.zeros(len(points), dtype=np.int64)
    wanted = max(math.ceil(found.range), 1)
    return blocks.fitting_edge(frame, alone, wanted, least=1, blocks=BLOCKS_PER_FOLD * folds)
