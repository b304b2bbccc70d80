"""Labelled points on the grid of a survey.

Points come from a GeoPackage, GeoJSON, GeoParquet, CSV or whatever else GDAL reads, in any CRS,
labelled by class names or codes. What cannot be used is dropped and counted by reason; what makes
the whole file useless is one error.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np
import pandas as pd
import shapely

from minecover.accuracy.units import whole_polygons
from minecover.arrays import BoolArray, Float32Array, Int64Array
from minecover.errors import SurveyError
from minecover.geography.grid import Grid
from minecover.samples.classes import LandUseClass
from minecover.samples.files import LabelledPlaces, read_labels
from minecover.samples.labels import class_names, label_text, listed_unknown
from minecover.samples.placing import NO_POLYGON, far_off, in_another_class, place
from minecover.samples.regions import Regions
from minecover.samples.settings import SampleSettings
from minecover.samples.validity import Spans, Validity, explode, shared, validity_of

COLUMNS = ("x", "y", "row", "col", "code", "name", "polygon")

__all__ = [
    "Points",
    "check_counts",
    "drop_nodata",
    "labelled_periods",
    "read_points",
    "regions_of",
]


@dataclass(frozen=True)
class Points:
    """Points that can be used, and how many could not.

    Attributes
    ----------
    frame
        x, y (in the grid's CRS), row, col (of the pixel), code (uint8), name (of the class),
        polygon (number of the one that it was drawn from, -1: none) and, of a survey of periods,
        period; in the file's order, at most one row a pixel and period.
    dropped
        Reason to count, in the order of the checks; reasons that met no point are left out.
    unknown
        Labels that are no class of the survey, each with its count, sorted.
    notes
        Sentences about what was left out.
    """

    frame: pd.DataFrame
    dropped: dict[str, int]
    unknown: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.frame)

    def without(self, drop: BoolArray, reason: str) -> Points:
        """Drop points and count them under a reason."""
        if not drop.any():
            return self
        dropped = {**self.dropped, reason: self.dropped.get(reason, 0) + int(drop.sum())}
        return replace(self, frame=self.frame[~drop].reset_index(drop=True), dropped=dropped)


def read_points(
    settings: SampleSettings,
    classes: Sequence[LandUseClass],
    grid: Grid,
    spans: Spans = MappingProxyType({}),
) -> Points:
    """Read labelled points onto a grid.

    Dropped and counted: points without a position or a label, of an unknown class, off the area,
    contradictory (one pixel, several classes: all of them), corrected (those of earlier files, if
    the survey says so) and doubled (one pixel, one class: all but the first); of a survey of
    periods also those with an unreadable date, or of none of its periods.

    Parameters
    ----------
    settings
        Where they are.
    classes
        Of the survey.
    grid
        The survey's.
    spans
        First and last day of the survey's periods: a point is then there once for each of those in
        which it is of its class, and doubled or contradictory within one of them.

    Raises
    ------
    DataError
        The file is missing, unreadable, too large, without a CRS, or holds no points.
    SurveyError
        The label's or a coordinate's column is missing, a CSV comes without `samples.crs`, every
        label is unknown, no point lies on the area, or a class has fewer points than folds.
    """
    layers = list(read_labels(settings, [item.name for item in classes]))
    features = _classified(layers, settings, classes)
    validity = validity_of(features.frame, spans, settings) if spans else None
    if validity is not None:
        features = _in_time(features, validity, settings)
    points = _placed(features, layers, grid, settings, validity)
    read_as = " and ".join(dict.fromkeys(layer.crs.name for layer in layers))
    points = _drop_off_area(points, read_as, grid, settings)
    if validity is not None:
        points = replace(points, frame=explode(points.frame, validity))
    points = _drop_clashes(points, grid.shape[1], settings)
    check_counts(points, settings, classes)
    return points


def labelled_periods(
    settings: SampleSettings, classes: Sequence[LandUseClass], spans: Spans
) -> tuple[str, ...]:
    """Name the periods that have samples, in order; see `read_points` for what is raised."""
    layers = list(read_labels(settings, [item.name for item in classes]))
    features = _classified(layers, settings, classes)
    return validity_of(features.frame, spans, settings).labelled()


def _in_time(features: Points, validity: Validity, settings: SampleSettings) -> Points:
    """Drop features of no period; of the others the kind of validity goes with them."""
    known = replace(features, frame=features.frame.assign(validity=validity.kind))
    none = validity.in_none() & ~validity.unreadable
    points = known.without(validity.unreadable, "with an unreadable date")
    points = points.without(none[~validity.unreadable], "of no period of the survey")
    if not len(points):
        raise SurveyError(
            f"samples.path: no sample of {', '.join(settings.paths)} is of any of the periods "
            f"{', '.join(validity.periods)}{_tail(points)}; correct the dates, name other columns "
            "(samples.period, samples.date, samples.valid_from, samples.valid_to), or add a period"
        )
    return points


def check_counts(points: Points, settings: SampleSettings, classes: Sequence[LandUseClass]) -> None:
    """Refuse points from which no model can be trained and tested.

    Raises
    ------
    SurveyError
        All points are of one class, or a class has fewer points than there are folds.
    """
    counts = _counts(points.frame)
    where = f"samples.path: {', '.join(settings.paths)}"
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
    region = regions.at(*(whole_polygons(points.frame, name) for name in ("x", "y")))
    for number, name in enumerate(regions.names):
        counts = _counts(points.frame[region == number])
        few = {one: count for one, count in counts.items() if count < folds}
        if len(counts) < 2 or few:
            listed = ", ".join(f"{one} {count}" for one, count in sorted((few or counts).items()))
            what = f"fewer points than samples.folds ({folds}) of" if few else "points only of"
            raise SurveyError(
                f"model.regions: {name}: {what}: {listed or 'no class'}; add points there, give it "
                "the name of a neighbour in model.regions.column, or leave model.regions out"
            )
    return region


def _counts(frame: pd.DataFrame) -> dict[str, int]:
    """Points of each class, those of a polygon as one: no split divides them."""
    alone = frame["polygon"] == NO_POLYGON
    first = ~frame["polygon"].duplicated()
    counts = frame["name"][alone | first].value_counts()
    return {str(name): int(count) for name, count in counts.items()}


def _tail(points: Points) -> str:
    if not points.dropped:
        return ""
    return "; dropped: " + ", ".join(f"{n} {reason}" for reason, n in points.dropped.items())


def _classified(
    layers: Sequence[LabelledPlaces], settings: SampleSettings, classes: Sequence[LandUseClass]
) -> Points:
    """Features of all layers that are of a class, each with the number of its layer."""
    features = [layer.frame.assign(layer=number) for number, layer in enumerate(layers)]
    dropped = sum((Counter(layer.dropped) for layer in layers), Counter())
    points = Points(pd.concat(features, ignore_index=True), dict(dropped))
    labels = points.frame["label"].map(label_text)
    blank = (labels == "").to_numpy(dtype=bool)
    points, labels = points.without(blank, "without a class"), labels[~blank].reset_index(drop=True)
    codes = {item.name: item.code for item in classes}
    name = class_names(labels, codes)
    strange = name.isna().to_numpy(dtype=bool)
    unknown = {str(label): int(n) for label, n in labels[strange].value_counts().items()}
    listed = listed_unknown(unknown, codes)
    if strange.all():
        raise SurveyError(
            f"samples.column: no label in {settings.column!r} of {', '.join(settings.paths)} is a "
            f"class of the survey. Found: {listed or 'none at all'}. Classes: {', '.join(codes)} "
            f"(or their codes {', '.join(map(str, codes.values()))}). Correct one of the two"
        )
    notes = [note for layer in layers for note in layer.notes]
    if unknown:
        notes.append(f"labels that are no class of the survey: {listed}")
    points = replace(points, frame=points.frame.assign(name=name), notes=tuple(notes))
    points = points.without(strange, "of an unknown class")
    code = points.frame["name"].map(codes).astype(np.uint8)
    frame = points.frame.assign(code=code)
    return replace(points, frame=frame, unknown=dict(sorted(unknown.items())))


def _placed(
    features: Points,
    layers: Sequence[LabelledPlaces],
    grid: Grid,
    settings: SampleSettings,
    validity: Validity | None,
) -> Points:
    """Points of the features on the grid: a point is one, a polygon gives some."""
    frames, notes = [], list(features.notes)
    dropped, polygons = Counter(features.dropped), 0
    shapes, codes, kinds = list[shapely.Geometry](), list[int](), list[int]()
    kept_columns = ["code", "name", *(() if validity is None else ("validity",))]
    for number in range(len(layers)):
        own = features.frame[features.frame["layer"] == number]
        geometries = own["geometry"].to_numpy(dtype=object)
        placed = place(geometries, layers[number].crs, grid, settings, polygons)
        polygons += len(own)
        kept = own[kept_columns].iloc[placed.frame["feature"]].reset_index(drop=True)
        frames.append(placed.frame.drop(columns="feature").join(kept).assign(layer=number))
        dropped.update(placed.dropped)
        notes += [placed.note] * bool(placed.note)
        shapes += placed.polygons.values()
        codes += own["code"].iloc[list(placed.polygons)].tolist()
        if validity is not None:
            kinds += own["validity"].iloc[list(placed.polygons)].tolist()
    frame = pd.concat(frames, ignore_index=True)
    points = Points(frame, dict(dropped), features.unknown, tuple(dict.fromkeys(notes)))
    if settings.polygons == "all":  # then each pixel of both is there to be compared
        return points
    at_once = None
    if validity is not None:
        own_kinds, polygon_kinds = frame["validity"].to_numpy(np.int64), np.array(kinds, np.int64)

        def at_once(point: Int64Array, polygon: Int64Array) -> BoolArray:
            return shared(validity, own_kinds[point], polygon_kinds[polygon])

    return points.without(in_another_class(frame, shapes, codes, grid, at_once), "contradictory")


def _drop_off_area(points: Points, crs: str, grid: Grid, settings: SampleSettings) -> Points:
    x, y = (points.frame[name].to_numpy(dtype=np.float64) for name in ("x", "y"))
    finite = np.isfinite(x) & np.isfinite(y)
    column, row = ~grid.geobox.affine @ (np.where(finite, x, -1e12), np.where(finite, y, -1e12))
    height, width = grid.shape
    row = np.clip(np.floor(row), -1, height).astype(np.int64)
    column = np.clip(np.floor(column), -1, width).astype(np.int64)
    inside: BoolArray = np.array(finite, dtype=bool)
    inside &= (row >= 0) & (row < height) & (column >= 0) & (column < width)
    shapely.prepare(grid.area)
    inside[inside] = shapely.intersects_xy(grid.area, x[inside], y[inside])
    if not len(points):
        files = ", ".join(settings.paths)
        raise SurveyError(
            f"samples.path: no polygon of {files} gives a point{_tail(points)}; "
            "draw them larger than a pixel and on the area, or correct their CRS"
        )
    if not inside.any():
        raise SurveyError(far_off(points.frame[finite], crs, grid, settings))
    columns = [*COLUMNS, "layer", *(["validity"] if "validity" in points.frame else [])]
    placed = points.frame.assign(row=row, col=column)[columns]
    return replace(points, frame=placed).without(~inside, "off the area")


def _drop_clashes(points: Points, width: int, settings: SampleSettings) -> Points:
    pixel = points.frame["row"] * width + points.frame["col"]
    if "period" in points.frame:
        pixel = pixel.astype(str) + " " + points.frame["period"]
    points = replace(points, frame=points.frame.assign(pixel=pixel))
    if settings.conflicts == "last":
        latest = points.frame.groupby("pixel")["layer"].transform("max")
        earlier = (points.frame["layer"] < latest).to_numpy(dtype=bool)
        points = points.without(earlier, "corrected by a later file")
    classes = points.frame.groupby("pixel")["code"].transform("nunique")
    points = points.without((classes > 1).to_numpy(dtype=bool), "contradictory")
    points = points.without(points.frame["pixel"].duplicated().to_numpy(dtype=bool), "doubled")
    return replace(points, frame=points.frame.drop(columns=["layer", "pixel"]))


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
