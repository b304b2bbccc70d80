"""The stage that draws samples: labelled points, the features under them, and their folds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

import numpy as np

from minecover.accuracy.blocks import (
    Folds,
    apart_from,
    block_edge,
    divided_apart,
    fitting_edge,
    random_folds,
    spatial_folds,
)
from minecover.accuracy.variogram import feature_variogram
from minecover.arrays import BoolArray, Float32Array, Int64Array
from minecover.geography.polygon_files import listed, placing_notes, read_polygons
from minecover.models.lookup import refuse_few, window_of
from minecover.samples.points import (
    Points,
    check_counts,
    drop_nodata,
    read_points,
    regions_of,
)
from minecover.samples.regions import read_regions
from minecover.samples.sample_set import parquet_bytes, patches_by_period, samples_table
from minecover.samples.validity import time_columns
from minecover.stages.features import open_features
from minecover.stages.labelled import labelled_in
from minecover.stages.registry import PURPOSES
from minecover.storage.canonical_json import Json
from minecover.storage.location import content_digest
from minecover.storage.names import SAMPLES_FILE
from minecover.survey import Survey
from minecover.workflow.cost import StageCost
from minecover.workflow.progress import Facts
from minecover.workflow.stage import Remark, Stage, StageContext, Workspace

__all__ = ["SAMPLES", "write_samples"]

BLOCKS_PER_FOLD = 2
"""At least, where the size of a block is found from the points: no fold is left without any."""


def write_samples(context: StageContext) -> Facts:
    """Read the points, look up their features, divide them into folds; `samples.parquet`."""
    workspace = context.workspace
    survey = workspace.survey
    points = read_points(survey.samples, survey.classes, workspace.grid, survey.spans)
    features = partial(open_features, workspace.store, survey)
    points, patches = drop_nodata(points, patches_by_period(points.frame, features, 1))
    check_counts(points, survey.samples, survey.classes)
    regions = read_regions(survey.model.regions, workspace.grid)
    region = regions_of(points, regions, survey.samples.folds)
    values = patches[:, :, 0, 0]
    edge, block_facts = _block(survey, workspace.grid.resolution, points, values, region)
    folds, seed = survey.samples.folds, survey.model.seed
    blocks = _spatial(survey, points, region, edge)
    random = divided_apart(points.frame, region, lambda frame: random_folds(frame, folds, seed))
    table = samples_table(
        points,
        values,
        features(survey.period_names[-1]).names,
        region=np.array(regions.names, dtype=object)[region],
        block=blocks.block,
        block_fold=blocks.fold,
        random_fold=random.fold,
    )
    workspace.store.write(SAMPLES_FILE, parquet_bytes(table))
    periods = {name: int((table["period"] == name).sum()) for name in labelled_in(workspace)}
    return {
        "points": len(points),
        **({"periods": periods} if survey.periods else {}),
        "classes": {name: int((table["name"] == name).sum()) for name in survey.class_codes},
        "dropped": points.dropped,
        "unknown_labels": points.unknown,
        "block_metres": edge * workspace.grid.resolution,
        **block_facts,
        "warnings": list(blocks.warnings),
    }


def _spatial(survey: Survey, points: Points, region: Int64Array, edge: int) -> Folds:
    """Divide the points of each region by spatial blocks."""
    names = {code: name for name, code in survey.class_codes.items()}
    folds, seed = survey.samples.folds, survey.model.seed
    return divided_apart(
        points.frame,
        region,
        lambda frame: spatial_folds(frame, edge=edge, folds=folds, seed=seed, names=names),
    )


def _block(
    survey: Survey, resolution: float, points: Points, values: Float32Array, region: Int64Array
) -> tuple[int, Facts]:
    """Edge of a spatial block in pixels, with what it was found from where it was not given."""
    window, block = window_of(survey.model), survey.samples.block
    if block != "auto":
        return block_edge(block, resolution, window), {}
    x, y = (points.frame[name].to_numpy(np.float64) for name in ("x", "y"))
    found = feature_variogram(values, x, y, seed=survey.model.seed)
    edge = fitting_edge(
        points.frame,
        region,
        max(math.ceil(found.range / resolution), window),
        least=window,
        blocks=BLOCKS_PER_FOLD * survey.samples.folds,
    )
    facts = {"autocorrelation_range": round(found.range, 1), "variogram": found.to_dict()}
    return edge, facts


def _depends_on(workspace: Workspace) -> Json:
    survey = workspace.survey
    advice = "give the file of labelled points"
    content = " ".join(content_digest(p, "samples.path", advice) for p in survey.samples.paths)
    regions, outlines = survey.model.regions, None
    if regions is not None:
        advice = "give the file of the regions' polygons"
        polygons = content_digest(regions.path, "model.regions.path", advice)
        outlines = [polygons, regions.model_dump(mode="json", exclude={"path"})]
    times = set() if survey.periods else {*time_columns(survey.samples), "in_period"}
    settings = survey.samples.model_dump(mode="json", exclude={"path", *times})
    classes = [item.model_dump(mode="json", exclude={"colour"}) for item in survey.classes]
    spans = {name: list(map(str, span)) for name, span in survey.spans.items()}
    labelled = {name: spans[name] for name in labelled_in(workspace)}
    return [
        *(settings, classes, content, outlines, window_of(survey.model), survey.model.seed),
        *([labelled] if labelled else []),
    ]


def _check(workspace: Workspace) -> Iterator[str]:
    """Check that enough points of every class lie on the area, in every region and every fold."""
    survey, grid = workspace.survey, workspace.grid
    points = read_points(survey.samples, survey.classes, grid, survey.spans)
    regions = read_regions(survey.model.regions, grid)
    region = regions_of(points, regions, survey.samples.folds)
    dropped = ", ".join(f"{count} {reason}" for reason, count in points.dropped.items())
    text = f"samples: {len(points)} points usable"
    if len(regions) > 1:
        text += f" in {len(regions)} regions: {listed(list(regions.names))}"
    yield text + (f"; dropped: {dropped}" if dropped else "")
    yield from (Remark(f"samples: {note}") for note in points.notes)
    if survey.model.regions is not None:
        key = "model.regions"
        frame = read_polygons(survey.model.regions, key)
        notes = placing_notes(frame, survey.model.regions, grid.crs, key)
        yield from (Remark(f"model.regions: {note}") for note in notes)
    yield from _check_folds(survey, grid.resolution, points, region)


def _check_folds(
    survey: Survey, resolution: float, points: Points, region: Int64Array
) -> Iterator[str]:
    """Divide points as a run will, and look at what each fold leaves to train and test on.

    Blocks whose size is found from the features are taken to be as small as they may become.
    """
    window, block = window_of(survey.model), survey.samples.block
    edge = block_edge(0.0 if block == "auto" else block, resolution, window)
    blocks = _spatial(survey, points, region, edge)
    yield from (Remark(f"samples: {warning}") for warning in blocks.warnings)
    untested = []
    for number in np.unique(region):
        here = region == number
        frame, fold = points.frame[here], blocks.fold[here]
        for held in range(blocks.count):
            training: BoolArray = fold != held
            counts = {str(one): int(n) for one, n in frame["name"][training].value_counts().items()}
            refuse_few(survey.model, counts, f"fold {held} of the spatial blocks")
            if not apart_from(frame, training, window).any():
                untested.append(str(held))
    if untested:
        yield Remark(
            f"samples: no point of fold(s) {', '.join(untested)} lies {window} pixels from those "
            "of the other folds, so none of it is tested by blocks; make samples.block larger, "
            "model.window smaller, or give points elsewhere"
        )


SAMPLES = Stage(
    "samples",
    PURPOSES["samples"],
    _depends_on,
    write_samples,
    code=(
        "samples",
        "stages/labelled.py",
        "stages/samples.py",
        "accuracy/blocks.py",
        "accuracy/units.py",
        "accuracy/variogram.py",
    ),
    check=_check,
    periods_read=labelled_in,
    cost=StageCost(
        units=lambda survey, work: float(work.points * work.feature_layers),
        volume=lambda survey, v: (v.point_features, v.table),
    ),
    own_pod=lambda survey: False,
)
"""Its result: `samples.parquet`."""
