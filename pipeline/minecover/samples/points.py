"""Samples: labelled points on the grid, and the patches of layers around them.

Points come from a GeoPackage, GeoJSON, GeoParquet, CSV or whatever else GDAL reads, in any CRS,
labelled by class names or codes. What cannot be used is dropped and counted by reason; what makes
the whole file useless is one error.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyproj
import shapely

from minecover.errors import SurveyError
from minecover.geography.grid import Grid, Window
from minecover.samples.files import read_labels
from minecover.samples.regions import Regions
from minecover.samples.settings import SampleSettings
from minecover.storage.raster import Raster
from minecover.survey import Survey

__all__ = [
    "Points",
    "check_counts",
    "drop_nodata",
    "extract",
    "parquet_bytes",
    "read_points",
    "regions_of",
    "samples_table",
]

FloatArray = npt.NDArray[np.float32]


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

    def without(self, drop: npt.NDArray[np.bool_], reason: str) -> Points:
        """Drop points and count them under a reason."""
        if not drop.any():
            return self
        dropped = {**self.dropped, reason: self.dropped.get(reason, 0) + int(drop.sum())}
        return Points(self.frame[~drop].reset_index(drop=True), dropped, self.unknown)


def read_points(survey: Survey, grid: Grid) -> Points:
    """Read the survey's samples onto its grid.

    Dropped and counted: points without a position or a label, of an unknown class, off the area,
    contradictory (one pixel, several classes: all of them) and doubled (one pixel, one class:
    all but the first).

    Raises
    ------
    DataError
        The file is missing, unreadable, too large, without a CRS, or holds no points.
    SurveyError
        The label's or a coordinate's column is missing, a CSV comes without `samples.crs`, every
        label is unknown, no point lies on the area, or a class has fewer points than folds.
    """
    section = survey.samples
    file = read_labels(section)
    points = _classify(Points(file.frame, file.dropped), survey)
    points = _drop_off_area(points, file.crs, grid, section)
    points = _drop_clashes(points, grid.shape[1])
    check_counts(points, survey)
    return points


def check_counts(points: Points, survey: Survey) -> None:
    """Refuse points from which no model can be trained and tested.

    Raises
    ------
    SurveyError
        All points are of one class, or a class has fewer points than there are folds.
    """
    counts = points.frame["name"].value_counts().to_dict()
    where = f"samples.path: {survey.samples.path}"
    if len(counts) == 1:
        raise SurveyError(
            f"{where}: all {len(points)} usable points are of one class, {next(iter(counts))}; "
            f"add points of the others{_tail(points)}"
        )
    few = {c.name: counts.get(c.name, 0) for c in survey.classes}
    few = {name: count for name, count in few.items() if count < survey.samples.folds}
    if few:
        listed = ", ".join(f"{name} {count}" for name, count in few.items())
        raise SurveyError(
            f"{where}: fewer points than samples.folds ({survey.samples.folds}) of: {listed}; add "
            f"points, take the class out of `classes`, or lower samples.folds{_tail(points)}"
        )


def regions_of(points: Points, regions: Regions, survey: Survey) -> npt.NDArray[np.int64]:
    """Find the region of each point, and refuse those in which no model can be trained and tested.

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
    folds = survey.samples.folds
    for number, name in enumerate(regions.names):
        counts = points.frame["name"][region == number].value_counts().to_dict()
        few = {one: count for one, count in counts.items() if count < folds}
        if len(counts) < 2 or few:
            listed = ", ".join(f"{one} {count}" for one, count in sorted((few or counts).items()))
            what = f"fewer points than samples.folds ({folds}) of" if few else "points only of"
            raise SurveyError(
                f"model.regions: {name}: {what}: {listed or 'no class'}; add points there, unite "
                f"it with a neighbour in {survey.model.regions and survey.model.regions.column}, "
                "or leave model.regions out"
            )
    return region


def _tail(points: Points) -> str:
    if not points.dropped:
        return ""
    return "; dropped: " + ", ".join(f"{n} {reason}" for reason, n in points.dropped.items())


def _classify(points: Points, survey: Survey) -> Points:
    blank = points.frame["label"].isna() | (points.frame["label"].astype(str).str.strip() == "")
    points = points.without(blank.to_numpy(dtype=bool), "without a class")
    by_label = {str(code): code for code in survey.class_codes.values()} | survey.class_codes
    names = {code: name for name, code in survey.class_codes.items()}
    labels = points.frame["label"].map(_label)
    code = labels.map(by_label)
    strange = code.isna().to_numpy(dtype=bool)
    unknown = tuple(sorted(set(labels[strange])))
    if strange.all():
        found = ", ".join(unknown[:10]) or "none at all"
        raise SurveyError(
            f"samples.column: no label in {survey.samples.column!r} of {survey.samples.path} is a "
            f"class of the survey. Found: {found}. Classes: {', '.join(survey.class_codes)} "
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


def _drop_off_area(points: Points, crs: pyproj.CRS, grid: Grid, section: SampleSettings) -> Points:
    frame = points.frame
    transformer = pyproj.Transformer.from_crs(crs, grid.crs, always_xy=True)
    x, y = transformer.transform(frame["x"].to_numpy(), frame["y"].to_numpy())
    finite = np.isfinite(x) & np.isfinite(y)
    column, row = ~grid.geobox.affine @ (np.where(finite, x, -1e12), np.where(finite, y, -1e12))
    row, column = np.floor(row).astype(np.int64), np.floor(column).astype(np.int64)
    height, width = grid.shape
    inside: npt.NDArray[np.bool_] = np.array(finite, dtype=bool)
    inside &= (row >= 0) & (row < height) & (column >= 0) & (column < width)
    shapely.prepare(grid.area)
    inside[inside] = shapely.intersects_xy(grid.area, x[inside], y[inside])
    if not inside.any():
        raise SurveyError(_far_off(x[finite], y[finite], crs.name, grid, section))
    placed = pd.DataFrame(
        {"x": x, "y": y, "row": row, "col": column, "code": frame["code"], "name": frame["name"]}
    )
    return Points(placed, points.dropped, points.unknown).without(~inside, "off the area")


def _far_off(x: FloatArray, y: FloatArray, crs: str, grid: Grid, section: SampleSettings) -> str:
    def extent(left: float, bottom: float, right: float, top: float) -> str:
        return f"x {left:.0f} to {right:.0f}, y {bottom:.0f} to {top:.0f}"

    there = extent(x.min(), y.min(), x.max(), y.max()) if len(x) else "nowhere in that CRS"
    return (
        f"samples.path: no point of {section.path} lies on the area. In {grid.crs_name} the points "
        f"span {there}, the area {extent(*grid.area.bounds)}. The file was read as {crs}: if that "
        "is not its CRS, correct it in the file (samples.crs for a CSV); else correct `area`"
    )


def _drop_clashes(points: Points, width: int) -> Points:
    def pixel(points: Points) -> pd.Series[int]:
        return points.frame["row"] * width + points.frame["col"]

    classes = points.frame["code"].groupby(pixel(points)).transform("nunique")
    points = points.without((classes > 1).to_numpy(dtype=bool), "contradictory")
    return points.without(pixel(points).duplicated().to_numpy(dtype=bool), "doubled")


def drop_nodata(points: Points, patches: FloatArray) -> tuple[Points, FloatArray]:
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
    empty: npt.NDArray[np.bool_] = np.asarray(np.isnan(values).all(axis=1))
    return points.without(empty, "on nodata"), patches[~empty] if empty.any() else patches


def extract(
    points: Points, layers: Raster, window: int, names: Sequence[str] | None = None
) -> FloatArray:
    """Read the patch around each point.

    The raster is gone through block by block, so that each is read, or computed, once however
    many patches share it. Beside the result, of 4 · n · layers · window² bytes, one block is held.

    Parameters
    ----------
    points
        n points on the grid of `layers`.
    layers
        The raster.
    window
        Edge of a patch in pixels, odd.
    names
        Layers wanted, in this order; None: all.

    Returns
    -------
    (n, layers, window, window) float32; NaN where nodata, mirrored beyond the grid.
    """
    if window % 2 == 0 or window < 1:
        raise ValueError(f"window is {window}; it must be odd")
    count = len(layers.names) if names is None else len(names)
    out = np.full((len(points), count, window, window), np.nan, dtype=np.float32)
    corners = points.frame[["row", "col"]].to_numpy(dtype=np.int64) - window // 2
    edge = layers.block_edge(count)
    for block, members in _patches_by_block(corners, window, edge):
        y0, x0 = np.maximum(corners[members].min(axis=0), block * edge)
        y1, x1 = np.minimum(corners[members].max(axis=0) + window, (block + 1) * edge)
        part = Window(int(y0), int(y1), int(x0), int(x1))
        values = layers.read(part, names, mirror=True)
        for member in members:
            _paste(out[member], corners[member], values, part)
    return out


def _patches_by_block(
    corners: npt.NDArray[np.int64], window: int, edge: int
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Blocks (row, column) in order, each with the patches that reach into it."""
    first, last = corners // edge, (corners + window - 1) // edge
    reach = int((last - first).max(initial=0)) + 1
    pairs = []
    for step in np.ndindex(reach, reach):
        block = first + np.array(step)
        within = np.flatnonzero((block <= last).all(axis=1))
        pairs.append(np.column_stack([block[within], within]))
    table = np.concatenate(pairs)
    table = table[np.lexsort(table.T[::-1])]
    starts = np.flatnonzero((np.diff(table[:, :2], axis=0) != 0).any(axis=1)) + 1
    for group in np.split(table, starts):
        if len(group):
            yield group[0, :2], group[:, 2]


def _paste(
    patch: FloatArray, corner: npt.NDArray[np.int64], values: FloatArray, part: Window
) -> None:
    window = patch.shape[-1]
    top, left = int(corner[0]), int(corner[1])
    y0, y1 = max(top, part.y0), min(top + window, part.y1)
    x0, x1 = max(left, part.x0), min(left + window, part.x1)
    if y0 < y1 and x0 < x1:
        patch[:, y0 - top : y1 - top, x0 - left : x1 - left] = values[
            :, y0 - part.y0 : y1 - part.y0, x0 - part.x0 : x1 - part.x0
        ]


def samples_table(
    points: Points,
    values: FloatArray,
    names: Sequence[str],
    *,
    region: npt.NDArray[np.object_],
    block: npt.NDArray[np.int64],
    block_fold: npt.NDArray[np.int64],
    random_fold: npt.NDArray[np.int64],
) -> pd.DataFrame:
    """One row a point: where it is, its class, its folds, and the layers at its pixel.

    Parameters
    ----------
    points
        n points.
    values
        (n, layers) at the points' own pixels.
    names
        Of the layers.
    region
        (n,) names of the points' regions.
    block, block_fold, random_fold
        (n,) as `minecover.accuracy.blocks` gives them.

    Returns
    -------
    Columns id, x, y, row, col, code, name, region, block, block_fold, random_fold, then the layers.
    """
    if values.shape != (len(points), len(names)):
        raise ValueError(f"values: shape {values.shape}, not {(len(points), len(names))}")
    folds = {"region": region, "block": block, "block_fold": block_fold, "random_fold": random_fold}
    head = points.frame.assign(**folds)
    head.insert(0, "id", np.arange(len(points)))
    layers = pd.DataFrame(values, columns=list(names), index=head.index)
    return pd.concat([head, layers], axis=1)


def parquet_bytes(table: pd.DataFrame) -> bytes:
    """Serialise a table as Parquet; equal tables are equal bytes."""
    buffer = io.BytesIO()
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    pq.write_table(arrow, buffer, compression="zstd")
    return buffer.getvalue()
