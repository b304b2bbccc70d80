"""Labels of an old map or of polygons, tested class by class before they teach."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from minecover.accuracy.blocks import block_edge, spatial_folds
from minecover.area_estimation.labelled_points import PURPOSE, TRAINING, read_points
from minecover.arrays import Float64Array, Int64Array
from minecover.errors import DataError, SurveyError
from minecover.label_noise.agreement import Agreement, agreement_by_class
from minecover.label_noise.doubts import doubts_of
from minecover.label_noise.neighbours import neighbour_shares
from minecover.label_review.out_of_fold import out_of_fold
from minecover.label_review.points_file import LABEL, PERIOD, write_points
from minecover.models.lookup import as_kind
from minecover.samples.class_map import ClassMap, crosswalk_of
from minecover.samples.map_pixels import UNKNOWN, draw_map_pixels
from minecover.samples.points import Points, drop_nodata
from minecover.samples.points import read_points as read_samples
from minecover.samples.sample_set import SampleSet, patches_by_period, samples_table
from minecover.stages.features import open_features
from minecover.stages.fitting import checkpoints
from minecover.storage.canonical_json import Json
from minecover.storage.names import PRODUCTS_FOLDER
from minecover.survey.model_inputs import model_inputs
from minecover.workflow.run import Run
from minecover.workflow.steps import StageSteps

__all__ = ["BorrowOptions", "borrow_labels"]

NAME = "borrowed"
"""Of the files, and of the work as it is shown."""

JUDGE = "rf"
"""Kind of model that tests labels: fast, and it withstands wrong ones."""

POLYGONS = (".gpkg", ".geojson", ".json", ".shp", ".parquet", ".geoparquet", ".fgb", ".kml")
"""Suffixes of files of polygons; any other is a raster."""

FEWEST = 10
"""Trusted points in a class of the map below which they do not decide over it."""

PLACES = 4


@dataclass(frozen=True)
class BorrowOptions:
    """Where labels come from, and what they must stand.

    Attributes
    ----------
    source
        The old map: a raster of class codes, or polygons with the survey's column of classes.
    crosswalk
        Of a raster: code of the map to name of the survey's class, as text: 10=forest,50=built_up.
    points
        Of each class at most; of polygons as many of each polygon.
    margin
        Pixels around a point of a raster that must be of its class.
    least
        Agreement below which a class does not teach.
    trusted
        File of points with known classes, which test a raster; None: models of other blocks do.
    period
        Of a survey that names some; None: the latest.
    seed
        The same seed draws the same points.
    """

    source: Path
    crosswalk: str = ""
    points: int = 200
    margin: int = 2
    least: float = 0.8
    trusted: Path | None = None
    period: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.points < 1 or self.margin < 0 or not 0 <= self.least <= 1:
            raise SurveyError(
                f"--points {self.points}, --margin {self.margin}, --least {self.least}: give at "
                "least 1, at least 0, and a share from 0 to 1"
            )
        if self.is_raster != bool(self.crosswalk) or (self.trusted and not self.is_raster):
            raise SurveyError(
                f"--classes and --trusted are for rasters; {self.source} is "
                + (
                    "one: give --classes, as 10=forest,50=built_up"
                    if self.is_raster
                    else "polygons, whose column says the classes of the survey: leave them out"
                )
            )

    @property
    def is_raster(self) -> bool:
        """Whether the source is a raster."""
        return self.source.suffix.lower() not in POLYGONS


@dataclass(frozen=True, eq=False)
class _Tested:
    """Points that were drawn, with what speaks against each."""

    samples: SampleSet
    doubt: Float64Array
    agreement: list[Agreement]
    by: list[str]


def borrow_labels(run: Run, options: BorrowOptions) -> tuple[Json, gpd.GeoDataFrame]:
    """Draw labels of an old map, test them class by class, and keep what stood the test.

    A class teaches if enough of its points agree with trusted points that lie in it, or, where
    there are too few, with models that were trained on the labels of other blocks. Of the classes
    that teach, points are left out of which models and similar points together say another class.
    Writes `products/borrowed.gpkg`, `borrowed.csv` and, class by class, `borrowed.json`.

    Parameters
    ----------
    run
        The survey; its stages up to `features` are done where they are not complete.
    options
        From where, and how.

    Returns
    -------
    What was written as JSON, and the points that teach.

    Raises
    ------
    DataError
        The map has no pixel of any class, or no class agrees.
    SurveyError
        A class is none of the survey's, or there is no such period.
    """
    old = _old_map(run, options)
    run.until("features")
    began = time.perf_counter()
    run.progress.started(NAME, None, 0)
    tested = _tested(run, options, old)
    document, table = _result(run, options, tested)
    write_points(run, NAME, table)
    run.store.write_json(f"{PRODUCTS_FOLDER}{NAME}.json", document)
    run.progress.finished(NAME, {}, time.perf_counter() - began)
    return document, table


def _old_map(run: Run, options: BorrowOptions) -> ClassMap | None:
    if not options.is_raster:
        return None
    known = crosswalk_of(options.crosswalk, run.survey.class_codes)
    return ClassMap(options.source, known, run.grid)


def _drawn(run: Run, options: BorrowOptions, old: ClassMap | None) -> Points:
    """Draw points of the map, or of the polygons."""
    survey, grid = run.survey, run.grid
    if old is None:
        samples = survey.samples.replace(path=str(options.source), polygons=options.points)
        return read_samples(samples, survey.classes, grid)
    names = {code: name for name, code in survey.class_codes.items()}
    with old.opened() as read:
        drawn = draw_map_pixels(
            read, grid, old.classes, options.points, margin=options.margin, seed=options.seed
        )
    if drawn["code"].nunique() < 2:
        raise DataError(
            f"{options.source}: {len(drawn)} pixels of {drawn['code'].nunique()} class(es) lie "
            f"{options.margin} pixels from all borders and on the area; correct --classes, lower "
            "--margin, or give another map"
        )
    x, y = grid.centres_of(drawn["row"].to_numpy(), drawn["col"].to_numpy())
    named = drawn["code"].map(names)
    return Points(drawn.assign(x=x, y=y, name=named, polygon=-1), {})


def _tested(run: Run, options: BorrowOptions, old: ClassMap | None) -> _Tested:
    """Read the points by models of other blocks, and hold them against trusted ones."""
    survey, codes = run.survey, list(run.survey.class_codes.values())
    samples = _samples(run, options, _drawn(run, options, old))
    model = as_kind(survey.model, JUDGE).replace(regions=None)
    inputs = model_inputs(survey, samples.layers, samples.layers, model)
    samples = samples.part(samples.is_complete(inputs.layers))
    features = partial(open_features, run.store, survey)
    report = StageSteps(partial(run.progress.step, NAME))
    with checkpoints(run) as folder:
        read = out_of_fold(survey, samples, model, inputs, features, folder, report)
    labels = np.array([codes.index(code) for code in samples.codes], dtype=np.int64)
    shares = neighbour_shares(samples.values(inputs.layers), labels, len(codes))
    found = agreement_by_class(labels, read.argmax(axis=1) == labels, len(codes))
    by = ["models of other blocks"] * len(codes)
    if old is not None and options.trusted is not None:
        for place, trusted in enumerate(_by_trusted(run, options.trusted, old)):
            if trusted.compared >= FEWEST:
                found[place], by[place] = trusted, "trusted points"
    return _Tested(samples, doubts_of(labels, read, shares).doubt, found, by)


def _samples(run: Run, options: BorrowOptions, points: Points) -> SampleSet:
    """Look up the features of points, and divide them by blocks."""
    survey, grid = run.survey, run.grid
    features = partial(open_features, run.store, survey)
    if survey.periods:
        points = Points(points.frame.assign(period=_period(run, options)), points.dropped)
    points, patches = drop_nodata(points, patches_by_period(points.frame, features, 1))
    block, frame = survey.samples.block, points.frame
    edge = block_edge(1000.0 if block == "auto" else block, grid.resolution, 1)
    folds = spatial_folds(frame, edge=edge, folds=survey.samples.folds, seed=survey.model.seed)
    whole = np.full(len(frame), "", dtype=object)
    names = features(survey.period_names[-1]).names
    table = samples_table(
        points, patches[:, :, 0, 0], names, region=whole, block=folds.block,
        block_fold=folds.fold, random_fold=folds.fold,
    )  # fmt: skip
    values = table[list(names)]
    return SampleSet(table, tuple(name for name in names if values[name].notna().any()))


def _period(run: Run, options: BorrowOptions) -> str:
    known = run.survey.period_names
    if options.period is not None and options.period not in known:
        raise SurveyError(f"--period: no {options.period!r}; there are {', '.join(known)}")
    return options.period or known[-1]


def _by_trusted(run: Run, path: Path, old: ClassMap) -> list[Agreement]:
    """Compare the map with trusted points, by the class that it has there."""
    codes, column = run.survey.class_codes, run.survey.samples.column
    frame = read_points(path, codes, run.survey.samples.encoding, (column,)).to_crs(run.grid.crs)
    if column not in frame:
        raise DataError(f"--trusted {path}: no column {column!r} with the classes")
    frame = frame[frame[column].isin(list(codes))]
    columns, rows = ~run.grid.geobox.affine @ (frame.geometry.x, frame.geometry.y)
    height, width = run.grid.shape
    rows, columns = np.floor(rows).astype(int), np.floor(columns).astype(int)
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    with old.opened() as read:
        mapped = old.at(read, rows[inside].to_numpy(), columns[inside].to_numpy())
    true = frame[column][inside].map(codes).to_numpy(np.int64)
    place = {code: n for n, code in enumerate(codes.values())}
    known = mapped != UNKNOWN
    labels: Int64Array = np.array([place[code] for code in mapped[known].tolist()], dtype=np.int64)
    return agreement_by_class(labels, np.asarray(mapped[known] == true[known]), len(codes))


def _result(run: Run, options: BorrowOptions, tested: _Tested) -> tuple[Json, gpd.GeoDataFrame]:
    """Say of each class whether it teaches, and keep its points that are not doubtful."""
    names, points = list(run.survey.class_codes), tested.samples.table
    teaches = {
        name: own.compared > 0 and own.share >= options.least
        for name, own in zip(names, tested.agreement, strict=True)
    }
    use = points["name"].map(teaches).to_numpy(dtype=bool) & (tested.doubt <= 0.5)
    classes: dict[str, Any] = {
        name: {
            "drawn": int((points["name"] == name).sum()),
            "compared": own.compared,
            "with": by,
            "agreement": None if own.compared == 0 else round(own.share, PLACES),
            "interval": None if own.compared == 0 else [round(own.low, 4), round(own.high, 4)],
            "teaches": teaches[name],
            "kept": int((use & (points["name"] == name)).sum()),
        }
        for name, own, by in zip(names, tested.agreement, tested.by, strict=True)
    }
    if not use.any():
        told = ", ".join(f"{name} {one['agreement']}" for name, one in classes.items())
        raise DataError(
            f"{options.source}: no class agrees by {options.least} ({told}); check --classes and "
            "the map's year and place, or give a lower --least"
        )
    document: Json = {"map": options.source.name, "least": options.least, "classes": classes}
    return document, _table(run, points[use].assign(doubt=tested.doubt[use].round(PLACES)))


def _table(run: Run, points: pd.DataFrame) -> gpd.GeoDataFrame:
    kept = pd.DataFrame(
        {
            LABEL: points["name"].to_numpy(),
            "doubt": points["doubt"].to_numpy(),
            **({PERIOD: points["period"].to_numpy()} if "period" in points else {}),
            PURPOSE: TRAINING,
        }
    )
    return gpd.GeoDataFrame(
        kept, geometry=gpd.points_from_xy(points["x"], points["y"]), crs=run.grid.crs
    )
