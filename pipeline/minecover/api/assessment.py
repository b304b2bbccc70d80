"""Accuracy of a map or a model at points, as tables with intervals."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from minecover.accuracy.estimates import Estimates, estimates
from minecover.accuracy.intervals import Intervals, intervals
from minecover.accuracy.tables import ALL
from minecover.api.arguments import about, number, whole
from minecover.api.labels import codes_of, given_classes, label_column, labels_of
from minecover.api.markup import card
from minecover.api.rasters import class_codes, on_pixels
from minecover.api.summaries import class_table, matrix_html, overall_facts
from minecover.area_estimation.estimators import AreaEstimates, area_estimates
from minecover.area_estimation.stratified import Estimate
from minecover.arrays import Int64Array
from minecover.errors import DataError, SurveyError

__all__ = ["Assessment", "assess"]

FUNCTION = "mc.assess"

Column = Sequence[Any] | pd.Series

ARGUMENTS = {
    "areas: map holds": "predicted holds",
    "areas: label holds": "truth holds",
    "areas: ": "strata: ",
    "classes of the survey": "classes",
    "; draw points there with `minecover design` and label them": "; label more points there",
}


@dataclass(frozen=True, eq=False)
class Assessment:
    """How right a map is, with 95 % intervals.

    Attributes
    ----------
    table
        Indexed by `measure` and `class` as `run.accuracy` is: overall_accuracy, kappa and macro_f1
        of "all", users_accuracy, producers_accuracy and f1 of each class, with `value`, `low`,
        `high` and `points`, on which it rests. With strata there are shares of the area alone.
    matrix
        Points by true class (rows) and predicted class (columns).
    areas
        With strata: a row a class, its area on the ground: `area_ha`, `low_ha` and `high_ha`; else
        None.
    """

    table: pd.DataFrame
    matrix: pd.DataFrame
    areas: pd.DataFrame | None = None

    def _repr_html_(self) -> str:
        """Show in a notebook how right the map is, with intervals, and what is taken for what."""
        parts = [class_table(self.table).html(), matrix_html(self.matrix)]
        if self.areas is not None:
            parts.append(self.areas.to_html(float_format="{:,.1f}".format))
        return card("Accuracy, with intervals of 95 %", overall_facts(self.table), *parts)


def assess(
    truth: Column | pd.DataFrame,
    predicted: Column | xr.DataArray,
    *,
    column: str | None = None,
    classes: Mapping[str, int] | None = None,
    blocks: Column | None = None,
    strata: Column | None = None,
    pixels: Mapping[str, int] | None = None,
    pixel_area: float = 100.0,
    seed: int = 0,
) -> Assessment:
    """Assess what was predicted at points whose class is known.

    Parameters
    ----------
    truth
        Classes of n points, as names or codes; or the points themselves, a GeoDataFrame or a table
        with x and y, which have them in a column.
    predicted
        Classes of the same points in the same order, as names or codes; or a map, (y, x) codes, on
        which the points lie (for example ``model.predict(features).landuse``).
    column
        Of points: with their classes; None: `class`, or the `code` and `name` of `run.samples`.
    classes
        Name to code, in the order of the tables; None: those of the map, or all there are.
    blocks
        Of each point: the spatial block, or fold, within which points are alike; intervals are then
        found by redrawing whole blocks. None: points are taken as independent.
    strata
        Of each point: the stratum that it was drawn from at random. Accuracy and areas are then
        those of the whole area (Stehman 2014, 10.1080/01431161.2014.930207).
    pixels
        Pixels of each stratum in the whole area.
    pixel_area
        Of a pixel, in square metres.
    seed
        Of the intervals: the same seed gives the same.

    Raises
    ------
    SurveyError
        Arguments do not fit each other.
    DataError
        A class is unknown, a point lies off the map or where it is nodata, or the points are no
        stratified sample.
    """
    with about(FUNCTION, ARGUMENTS):
        _check(truth, predicted, pixel_area, seed)
        found, reference, mapped = _labels(truth, predicted, column, classes)
        if (strata is None) != (pixels is None):
            raise SurveyError("strata and pixels belong together: give both, or neither")
        if strata is not None and blocks is not None:
            raise SurveyError("blocks: points of strata are independent: leave one of them out")
        names = {code: name for name, code in found.items()}
        measured = estimates(reference, mapped, found)
        matrix = pd.DataFrame(
            measured.matrix,
            index=pd.Index(found, name="reference"),
            columns=pd.Index(found, name="mapped"),
        )
        if strata is not None and pixels is not None:
            design = area_estimates(
                [str(name) for name in _column(strata, len(reference), "strata")],
                [names[code] for code in mapped],
                [names[code] for code in reference],
                pixels={str(name): count for name, count in pixels.items()},
                names=tuple(found),
                pixel_area=pixel_area,
            )
            return Assessment(_table(_rows_of_area(design, measured)), matrix, _areas(design))
        grouped = None if blocks is None else _column(blocks, len(reference), "blocks").to_numpy()
        bounds = intervals(reference, mapped, found, grouped, seed=seed)
    return Assessment(_table(_rows(measured, bounds)), matrix)


def _check(truth: object, predicted: object, pixel_area: object, seed: object) -> None:
    """Refuse arguments of other types, and no points."""
    number("pixel_area", pixel_area)
    whole("seed", seed)
    if isinstance(predicted, xr.Dataset):
        raise SurveyError("predicted is a Dataset; give predicted['landuse'], the codes of its map")
    if not len(truth if isinstance(truth, pd.DataFrame) else pd.Series(truth)):
        raise DataError("truth has no points; give some whose class is known")


def _labels(
    truth: Column | pd.DataFrame,
    predicted: Column | xr.DataArray,
    column: str | None,
    classes: Mapping[str, int] | None,
) -> tuple[dict[str, int], Int64Array, Int64Array]:
    """Give the classes by name, and the codes of the points in truth and prediction."""
    if isinstance(predicted, xr.DataArray):
        if not isinstance(truth, pd.DataFrame):
            raise SurveyError("truth: points that lie on the map are wanted: a GeoDataFrame")
        known = classes or class_codes(predicted)
        labels = labels_of(truth, column, known or None)
        mapped = pd.Series(_read(truth, predicted))
        named = labels.classes if known else _united(labels.classes, mapped)
        return named, labels.codes, codes_of(mapped, named)
    if isinstance(truth, pd.DataFrame):
        truth = truth[label_column(truth, column)]
    reference = pd.Series(truth).reset_index(drop=True)
    mapped = _column(predicted, len(reference), "predicted").reset_index(drop=True)
    indexed = [item for item in (truth, predicted) if isinstance(item, pd.Series)]
    if len(indexed) == 2 and not indexed[0].index.equals(indexed[1].index):
        raise SurveyError("predicted: another index than that of truth; align them first")
    if classes is not None:
        named = given_classes(classes)
        return named, codes_of(reference, named), codes_of(mapped, named)
    both = pd.DataFrame({"class": pd.concat([reference, mapped], ignore_index=True)})
    labels = labels_of(both, "class", classes)
    return labels.classes, labels.codes[: len(reference)], labels.codes[len(reference) :]


def _column(values: Column, count: int, name: str) -> pd.Series:
    series = pd.Series(values)
    if len(series) != count:
        raise SurveyError(f"{name}: {len(series)} of them for {count} points")
    return series


def _united(classes: dict[str, int], mapped: pd.Series) -> dict[str, int]:
    known = set(classes.values())
    codes = sorted(int(code) for code in mapped.unique())
    return classes | {str(code): code for code in codes if code not in known}


def _read(points: pd.DataFrame, landuse: xr.DataArray) -> Int64Array:
    """Codes of a map at points."""
    if set(landuse.dims) != {"y", "x"}:
        raise SurveyError(f"predicted: a map is (y, x), not {landuse.dims}")
    pixels = on_pixels(points, landuse, "predicted")
    height, width = landuse.sizes["y"], landuse.sizes["x"]
    off = ~(pixels["row"].between(0, height - 1) & pixels["col"].between(0, width - 1))
    if off.any():
        raise DataError(f"truth: {int(off.sum())} of {len(points)} points lie off the map")
    at = {axis: xr.DataArray(pixels[name].to_numpy(), dims="point")
          for axis, name in (("y", "row"), ("x", "col"))}  # fmt: skip
    values = landuse.isel(at).to_numpy()
    nodata = ~np.isfinite(values)
    if nodata.any():
        raise DataError(
            f"truth: {int(nodata.sum())} of {len(points)} points lie where the map is nodata; "
            "leave them out"
        )
    return np.asarray(values, dtype=np.int64)


Row = tuple[str, str, float | None, float, float, int]


def _rows(measured: Estimates, bounds: Intervals) -> Iterator[Row]:
    for measure in ("overall_accuracy", "kappa", "macro_f1"):
        value, limits = getattr(measured, measure), getattr(bounds, measure)
        yield measure, ALL, value, limits.low, limits.high, measured.samples
    for place, (name, item) in enumerate(measured.classes.items()):
        points = {
            "producers_accuracy": item.reference,
            "users_accuracy": item.mapped,
            "f1": item.reference + item.mapped,
        }
        for measure, count in points.items():
            limits = getattr(bounds, measure)[place]
            yield measure, name, getattr(item, measure), limits.low, limits.high, count


def _rows_of_area(design: AreaEstimates, measured: Estimates) -> Iterator[Row]:
    overall = design.overall_accuracy
    yield "overall_accuracy", ALL, overall.value, *_limits(overall), measured.samples
    for name, item in measured.classes.items():
        for measure, count in (
            ("producers_accuracy", item.reference),
            ("users_accuracy", item.mapped),
        ):
            share = getattr(design, measure)[name]
            value = None if share is None else share.value
            yield measure, name, value, *_limits(share), count


def _table(rows: Iterator[Row]) -> pd.DataFrame:
    columns = ["measure", "class", "value", "low", "high", "points"]
    table = pd.DataFrame(rows, columns=columns).set_index(["measure", "class"])
    return table.astype({"value": np.float64})


def _areas(design: AreaEstimates) -> pd.DataFrame:
    return pd.DataFrame(
        [(item.value, *_limits(item)) for item in design.area.values()],
        index=pd.Index(design.area, name="class"),
        columns=["area_ha", "low_ha", "high_ha"],
    )


def _limits(estimate: Estimate | None) -> tuple[float, float]:
    return (math.nan, math.nan) if estimate is None else (estimate.low, estimate.high)
