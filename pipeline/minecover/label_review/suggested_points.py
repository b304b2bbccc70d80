"""Points that would teach a survey's model most, as a file to label."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from minecover.active_learning.candidates import draw_candidates
from minecover.active_learning.spread import spread
from minecover.active_learning.teaching import teaching_weight
from minecover.area_estimation.labelled_points import PURPOSE, TRAINING, read_points
from minecover.arrays import BoolArray, Float32Array, Float64Array, Int64Array
from minecover.errors import DataError, StoreError, SurveyError
from minecover.geography.grid import Window
from minecover.label_review.points_file import LABEL, PERIOD, write_points
from minecover.models.lookup import window_of
from minecover.samples.sample_set import SampleSet, patches_by_period
from minecover.selection.result import Selection
from minecover.stages.features import open_features
from minecover.stages.select import read_selection
from minecover.storage.names import DESIGN_FILE, MAP_RASTER, PRODUCTS_FOLDER
from minecover.storage.store import Layers
from minecover.workflow.stage import Workspace

__all__ = ["SuggestOptions", "suggest_points"]

NAME = "suggested"
"""Of the files."""

CANDIDATES = 50
"""Pixels that are compared for each point that is wanted, and how many at least."""

LEAST = 2000


@dataclass(frozen=True)
class SuggestOptions:
    """How many points are wanted.

    Attributes
    ----------
    points
        How many.
    seed
        The same seed chooses the same points of the same map.
    period
        Whose map is looked at; None: the latest, or the only one.
    """

    points: int = 100
    seed: int = 0
    period: str | None = None

    def __post_init__(self) -> None:
        if self.points < 1:
            raise SurveyError(f"--points: {self.points}; give at least 1")


def suggest_points(workspace: Workspace, options: SuggestOptions) -> gpd.GeoDataFrame:
    """Choose points of the finished map to label, which will teach its model most.

    Pixels are drawn by what the map does not know of them, its entropy, and all that lie beyond
    the area of applicability; of these, points are chosen that differ most in the features. None
    lies where the model's patch around it would meet a sample or a point of `minecover design`.
    Writes `products/suggested.gpkg` and `suggested.csv`, with an empty column for the class and
    `purpose` training: `minecover areas` refuses them, for they are no probability sample.

    Returns
    -------
    The points, in the order in which they teach.

    Raises
    ------
    StoreError
        There is no map, or the store holds such points with labels, which would be overwritten.
    SurveyError
        There is no such period.
    DataError
        No pixel is left to choose.
    """
    period = _period(workspace, options.period)
    _refuse_to_overwrite_labels(workspace)
    layers = workspace.store.layers(MAP_RASTER, period)
    count = max(LEAST, CANDIDATES * options.points)
    weights = _weights(workspace, layers)
    drawn = draw_candidates(
        weights, count, width=workspace.grid.shape[1], seed=options.seed
    ).assign(period=period)
    drawn = drawn[_apart(workspace, drawn)].reset_index(drop=True)
    if drawn.empty:
        raise DataError(
            f"{layers.store_url}/{layers.name}: no pixel to choose: each is certain, or lies "
            "beside a point that is labelled"
        )
    chosen = drawn.iloc[_chosen(workspace, drawn, options)]
    table = _table(workspace, layers, chosen.reset_index(drop=True))
    write_points(workspace, NAME, table)
    return table


def _period(workspace: Workspace, named: str | None) -> str:
    """Find the period whose map is looked at."""
    known = workspace.survey.period_names
    if named is None:
        return known[-1]
    if named not in known or known == ("",):
        listed = ", ".join(known) or "none"
        raise SurveyError(f"--period: no {named!r}; the periods of the survey are: {listed}")
    return named


def _refuse_to_overwrite_labels(workspace: Workspace) -> None:
    key, column = f"{PRODUCTS_FOLDER}{NAME}.gpkg", workspace.survey.samples.column
    data = workspace.store.read(key)
    if data is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{NAME}.gpkg"
        path.write_bytes(data)
        table = read_points(path, workspace.survey.class_codes, None, (column,))
    done = int((table[column].fillna("") != "").sum()) if column in table else 0
    if done:
        raise StoreError(
            f"{workspace.store.url}/{key}: {done} of its points are labelled; move it elsewhere, "
            "name it in samples.path and run again before others are chosen"
        )


def _weights(workspace: Workspace, layers: Layers) -> Iterator[tuple[Window, Float32Array]]:
    """Go through the map tile by tile, with what each pixel of the area would teach."""
    grid, most = workspace.grid, math.log2(len(workspace.survey.classes))
    unlike = ["dissimilarity"] if "dissimilarity" in layers.names else []
    threshold = float(layers.attributes.get("applicability_threshold", math.inf))
    for tile in grid.tiles:
        window = grid.window(tile)
        entropy, *rest = layers.read(window, ["entropy", *unlike])
        weight = teaching_weight(entropy, most, rest[0] if rest else None, threshold)
        yield window, np.where(grid.area_mask(window), weight, np.float32(np.nan))


def _apart(workspace: Workspace, drawn: pd.DataFrame) -> BoolArray:
    """Find the pixels whose patch meets that of no sample and no point of a design."""
    places = [SampleSet.read(workspace.store).table[["row", "col"]].to_numpy(np.float64)]
    design = workspace.store.read_json(DESIGN_FILE)
    if design is not None:
        points = pd.DataFrame(design["points"])
        places.append(points[["row", "col"]].to_numpy(np.float64))
    here = drawn[["row", "col"]].to_numpy(np.float64)
    nearest, _ = cKDTree(np.concatenate(places)).query(here, p=np.inf)
    return np.asarray(nearest >= window_of(workspace.survey.model))


def _chosen(workspace: Workspace, drawn: pd.DataFrame, options: SuggestOptions) -> Int64Array:
    """Choose among the pixels that were drawn, by the features that the model reads."""
    selection = read_selection(workspace)
    features = partial(open_features, workspace.store, workspace.survey)
    values = patches_by_period(drawn, features, 1, selection.chosen)[:, :, 0, 0]
    known = np.flatnonzero(np.isfinite(values).all(axis=1))
    scaled = _scaled(values[known], selection)
    rows = spread(scaled, drawn["weight"].to_numpy()[known], options.points, options.seed)
    return known[rows]


def _scaled(values: Float32Array, selection: Selection) -> Float64Array:
    """Divide layers by their deviations, and multiply them by their scores."""
    scores = dict(zip(selection.names, selection.combined, strict=True))
    weights = np.array([max(scores[name], 0.0) for name in selection.chosen])
    deviation = values.std(axis=0, dtype=np.float64)
    scale = np.where(deviation > 0, weights / np.where(deviation > 0, deviation, 1.0), 0.0)
    return np.asarray(values * scale)


def _table(workspace: Workspace, layers: Layers, chosen: pd.DataFrame) -> gpd.GeoDataFrame:
    grid, period = workspace.grid, str(chosen["period"].iloc[0])
    x, y = grid.centres_of(chosen["row"].to_numpy(), chosen["col"].to_numpy())
    columns = {
        "id": np.arange(1, len(chosen) + 1),
        LABEL: "",
        PURPOSE: TRAINING,
        **({PERIOD: period} if period else {}),
        "teaches": chosen["weight"].round(4),
    }
    points = gpd.points_from_xy(x, y)
    return gpd.GeoDataFrame(pd.DataFrame(columns), geometry=points, crs=grid.crs)
