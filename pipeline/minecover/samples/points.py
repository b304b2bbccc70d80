"""Labelled points on the grid of a survey.

Points come from a GeoPackage, GeoJSON, GeoParquet, CSV or whatever else GDAL reads, in any CRS,
labelled by class names or codes. What cannot be used is dropped and counted by reason; what makes
the whole file useless is one error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyproj
import shapely

from minecover.arrays import BoolArray, Float32Array, Float64Array, Int64Array
from minecover.errors import SurveyError
from minecover.geography.grid import Grid
from minecover.samples.classes import LandUseClass
from minecover.samples.files import read_labels
from minecover.samples.regions import Regions
from minecover.samples.settings import SampleSettings

__all__ = ["Points", "check_counts", "drop_nodata", "read_points", "regions_of"]


@dataclass(frozen=True)
class Points:
    """Points that can be used, and how many could not.

    Attributes
    ----------
    frame
        x, y (in the grid's CRS), row, col (of the pixel), code (uint8), name (of the class);
        in the file's order, at most one row a pixel.
    dropped
        Reason to count, in the order of the checks; reasons that met no point are left out.
    unknown
        Labels that are no class of the survey, sorted.
    """

    frame: pd.DataFrame
    dropped: dict[str, int]
    unknown: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.frame)

    def without(self, drop: BoolArray, reason: str) -> Points:
        """Drop points and count them under a reason."""
        if not drop.any():
            return self
        dropped = {**self.dropped, reason: self.dropped.get(reason, 0) + int(drop.sum())}
        return Points(self.frame[~drop].reset_index(drop=True), dropped, self.unknown)


def read_points(settings: SampleSettings, classes: Sequence[LandUseClass], grid: Grid) -> Points:
    """Read labelled points onto a grid.

    Dropped and counted: points without a position or a label, of an unknown class, off the area,
    contradictory (one pixel, several classes: all of them) and doubled (one pixel, one class:
    all but the first).

    Parameters
    ----------
    settings
        Where they are.
    classes
        Of the survey.
    grid
        The survey's.

    Raises
    ------
    DataError
        The file is missing, unreadable, too large, without a CRS, or holds no points.
    SurveyError
        The label's or a coordinate's column is missing, a CSV comes without `samples.crs`, every
        label is unknown, no point lies on the area, or a class has fewer points than folds.
    """
    file = read_labels(settings)
    points = _classify(Points(file.frame, file.dropped), settings, classes)
    points = _drop_off_area(points, file.crs, grid, settings)
    points = _drop_clashes(points, grid.shape[1])
    check_counts(points, settings, classes)
    return points


def check_counts(points: Points, settings: SampleSettings, classes: Sequence[LandUseClass]) -> None:
    """Refuse points from which no model can be trained and tested.

    Raises
    ------
    SurveyError
        All points are of one class, or a class has fewer points than there are folds.
    """
    counts = points.frame["name"].value_counts().to_dict()
    where = f"samples.path: {settings.path}"
    if len(counts) == 1:
        raise SurveyError(
            f"{where}: all {len(points)} usable points are of one class, {next(iter(counts))}; "
            f"add points of the others{_tail(points)}"
        )
    few = {c.name: counts.get(c.name, 0) for c in classes}
    few = {name: count for name, count in few.items() if count < settings.folds}
    if few:
        listed = ", ".join(f"{name} {count}" for name, count in few.items())
        raise SurveyError(
            f"{where}: fewer points than samples.folds ({settings.folds}) of: {listed}; add "
            f"points, take the class out of `classes`, or lower samples.folds{_tail(points)}"
        )


def regions_of(points: Points, regions: Regions, folds: int) -> Int64Array:
    """Find the region of each point, and refuse those in which no model can be trained and tested.

    Parameters
    ----------
    points, regions
        On the same grid.
    folds
        That the points of each region are divided into.

    Returns
    -------
    (n,) number of the region of each.

    Raises
    ------
    SurveyError
        A region has points of fewer than two classes, or fewer points of a class, but some, than
        there are folds.
    """
    region = regions.at(points.frame["x"].to_numpy(), points.frame["y"].to_numpy())
    for number, name in enumerate(regions.names):
        counts = points.frame["name"][region == number].value_counts().to_dict()
        few = {one: count for one, count in counts.items() if count < folds}
        if len(counts) < 2 or few:
            listed = ", ".join(f"{one} {count}" for one, count in sorted((few or counts).items()))
            what = f"fewer points than samples.folds ({folds}) of" if few else "points only of"
            raise SurveyError(
                f"model.regions: {name}: {what}: {listed or 'no class'}; add points there, give it "
                "the name of a neighbour in model.regions.column, or leave model.regions out"
            )
    return region


def _tail(points: Points) -> str:
    if not points.dropped:
        return ""
    return "; dropped: " + ", ".join(f"{n} {reason}" for reason, n in points.dropped.items())


def _classify(points: Points, settings: SampleSettings, classes: Sequence[LandUseClass]) -> Points:
    blank = points.frame["label"].isna() | (points.frame["label"].astype(str).str.strip() == "")
    points = points.without(blank.to_numpy(dtype=bool), "without a class")
    names = {item.code: item.name for item in classes}
    by_label = {str(code): code for code in names} | {name: code for code, name in names.items()}
    labels = points.frame["label"].map(_label)
    code = labels.map(by_label)
    strange = code.isna().to_numpy(dtype=bool)
    unknown = tuple(sorted(set(labels[strange])))
    if strange.all():
        found = ", ".join(unknown[:10]) or "none at all"
        raise SurveyError(
            f"samples.column: no label in {settings.column!r} of {settings.path} is a class of "
            f"the survey. Found: {found}. Classes: {', '.join(names.values())} "
            f"(or their codes {', '.join(str(c) for c in names)}). Correct one of the two"
        )
    frame = points.frame.assign(code=code)
    kept = Points(frame, points.dropped, unknown).without(strange, "of an unknown class")
    codes = kept.frame["code"].astype(np.uint8)
    frame = kept.frame.drop(columns="label").assign(code=codes, name=codes.map(names))
    return Points(frame, kept.dropped, unknown)


def _label(value: object) -> str:
    # a column of integer codes with a gap arrives as floats
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def _drop_off_area(points: Points, crs: pyproj.CRS, grid: Grid, settings: SampleSettings) -> Points:
    frame = points.frame
    transformer = pyproj.Transformer.from_crs(crs, grid.crs, always_xy=True)
    x, y = transformer.transform(frame["x"].to_numpy(), frame["y"].to_numpy())
    finite = np.isfinite(x) & np.isfinite(y)
    column, row = ~grid.geobox.affine @ (np.where(finite, x, -1e12), np.where(finite, y, -1e12))
    row, column = np.floor(row).astype(np.int64), np.floor(column).astype(np.int64)
    height, width = grid.shape
    inside: BoolArray = np.array(finite, dtype=bool)
    inside &= (row >= 0) & (row < height) & (column >= 0) & (column < width)
    shapely.prepare(grid.area)
    inside[inside] = shapely.intersects_xy(grid.area, x[inside], y[inside])
    if not inside.any():
        raise SurveyError(_far_off(x[finite], y[finite], crs.name, grid, settings))
    placed = pd.DataFrame(
        {"x": x, "y": y, "row": row, "col": column, "code": frame["code"], "name": frame["name"]}
    )
    return Points(placed, points.dropped, points.unknown).without(~inside, "off the area")


def _far_off(
    x: Float64Array, y: Float64Array, crs: str, grid: Grid, settings: SampleSettings
) -> str:
    def extent(left: float, bottom: float, right: float, top: float) -> str:
        return f"x {left:.0f} to {right:.0f}, y {bottom:.0f} to {top:.0f}"

    there = extent(x.min(), y.min(), x.max(), y.max()) if len(x) else "nowhere in that CRS"
    return (
        f"samples.path: no point of {settings.path} lies on the area. In {grid.crs_name} the "
        f"points span {there}, the area {extent(*grid.area.bounds)}. The file was read as {crs}: "
        "if that is not its CRS, correct it in the file (samples.crs for a CSV); else correct "
        "`area`"
    )


def _drop_clashes(points: Points, width: int) -> Points:
    def pixel(points: Points) -> pd.Series[int]:
        return points.frame["row"] * width + points.frame["col"]

    classes = points.frame["code"].groupby(pixel(points)).transform("nunique")
    points = points.without((classes > 1).to_numpy(dtype=bool), "contradictory")
    return points.without(pixel(points).duplicated().to_numpy(dtype=bool), "doubled")


def drop_nodata(points: Points, patches: Float32Array) -> tuple[Points, Float32Array]:
    """Drop points at whose own pixel every layer is nodata, counted as "on nodata".

    Parameters
    ----------
    points
        n points.
    patches
        (n, layers, window, window) as `extract` gives them, or (n, layers) of the pixel alone.

    Returns
    -------
    The points and the patches that stay. Call `check_counts` again: a class may have lost too many.
    """
    centre = patches.shape[-1] // 2
    values = patches[:, :, centre, centre] if patches.ndim == 4 else patches
    empty: BoolArray = np.asarray(np.isnan(values).all(axis=1))
    return points.without(empty, "on nodata"), patches[~empty] if empty.any() else patches
