"""Readings of the periods of a simulated district by a forest, in place of a survey's own model."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pystac
import rasterio
import yaml
from rasterio.enums import Resampling
from rasterio.transform import rowcol
from rasterio.vrt import WarpedVRT
from scipy.ndimage import uniform_filter
from scipy.optimize import minimize_scalar
from sklearn.ensemble import ExtraTreesClassifier

from minecover.demo.district import District
from minecover.demo.materials import BANDS, CLASSES, Land
from minecover.models.random_forest import RandomForest

__all__ = ["NAMES", "SHARP", "Readings", "Values", "forest_readings", "period_layers"]

Values = npt.NDArray[np.float32]

NAMES = [CLASSES[land][0] for land in Land]
CLEAR = (4, 5, 6)
WINDOW, NARROW = 5, 3
TREES = 150
SHARP = ("B02", "B03", "B04", "B08")  # by which borders are read, of 10 m
MOST_ROWS = 20_000  # pixels that the forest reads at once


@dataclass(frozen=True)
class Readings:
    """What each period by itself says.

    Attributes
    ----------
    probabilities
        (period, class, y, x), the classes as `NAMES` has them.
    bands
        (period, layer, y, x), by which borders are read.
    smoothness
        With which the kind of model is smoothed.
    """

    probabilities: Values
    bands: Values
    smoothness: float


def forest_readings(district: District) -> Readings:
    """Read the periods by a forest of random trees; borders by the bands of 10 m."""
    survey = yaml.safe_load(district.survey.read_text())
    points = gpd.read_file(district.samples)
    stacks, rows, labels = period_layers(district), [], []
    for name, stack in zip(survey["periods"], stacks, strict=True):
        own = points[points.period == name]
        row, column = _places(district, own)
        rows.append(stack[:, row, column].T)
        labels.append(own["class"].to_numpy())
    forest = ExtraTreesClassifier(
        TREES, class_weight="balanced", max_features=0.3, bootstrap=True, oob_score=True,
        random_state=0,
    )  # fmt: skip
    classes = np.concatenate(labels)
    forest.fit(np.concatenate(rows), classes)
    power = _calibration(forest, classes)
    order = [list(forest.classes_).index(name) for name in NAMES]
    readings = [_sharpened(_shares(forest, stack)[order], power, 0) for stack in stacks]
    seasons = len(next(iter(survey["periods"].values()))["seasons"])
    sharp = [season * len(BANDS) + BANDS.index(band) for season in range(seasons) for band in SHARP]
    return Readings(np.stack(readings), stacks[:, sharp], RandomForest.smoothness)


def period_layers(district: District) -> Values:
    """Medians of seasons, indices, and what is around each pixel, (period, layer, y, x)."""
    survey = yaml.safe_load(district.survey.read_text())
    items = list(pystac.Catalog.from_file(str(district.catalog)).get_items(recursive=True))
    optical = [item for item in items if item.collection_id == "sentinel-2-l2a"]
    periods = survey["periods"].values()
    return np.stack([_layers(district, optical, period["seasons"]) for period in periods])


def _calibration(forest: ExtraTreesClassifier, labels: npt.NDArray[np.object_]) -> float:
    """Power of the probabilities under which left-out points are most likely, class by class."""
    given = forest.oob_decision_function_
    places = np.searchsorted(forest.classes_, labels)
    weights = 1 / np.bincount(places)[places]

    def loss(power: float) -> float:
        likely = _sharpened(given, power, 1)[np.arange(len(places)), places]
        return float(-(weights * np.log(likely)).sum())

    return float(minimize_scalar(loss, bounds=(0.3, 6.0), method="bounded").x)


def _sharpened(shares: Values, power: float, axis: int) -> Values:
    raised = (shares + np.float32(1e-3)) ** power
    return np.asarray(raised / raised.sum(axis=axis, keepdims=True), dtype=np.float32)


def _layers(
    district: District, items: Sequence[pystac.Item], seasons: dict[str, list[str]]
) -> Values:
    """Medians by season and band, gaps filled by the year's, with means and deviations."""
    medians = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # pixels that no image of a season saw
        for ranges in seasons.values():
            begin, end = ranges[0].split("/")
            inside = [i for i in items if i.datetime and begin <= str(i.datetime.date()) <= end]
            medians.append(np.nanmedian([_reflectance(district, i) for i in inside], axis=0))
        cube = np.stack(medians).astype(np.float32)
        yearly = np.nanmedian(cube, axis=0)
    cube = np.where(np.isnan(cube), yearly, cube)
    return _with_texture(np.nan_to_num(cube))


def _with_texture(cube: Values) -> Values:
    """Bands and two indices of each season, and of some what is around each pixel."""
    green, red, near, short = (cube[:, BANDS.index(name)] for name in ("B03", "B04", "B08", "B11"))
    vegetation, wetness = (
        (one - two) / (one + two + np.float32(1e-3)) for one, two in ((near, red), (green, short))
    )
    layers = np.concatenate([cube.reshape(-1, *cube.shape[-2:]), vegetation, wetness])
    about = np.concatenate([red, near, short, vegetation])
    mean = uniform_filter(about, (0, WINDOW, WINDOW))
    spread = uniform_filter(about**2, (0, WINDOW, WINDOW)) - mean**2
    near_mean = uniform_filter(about, (0, NARROW, NARROW))
    return np.concatenate([layers, near_mean, np.sqrt(np.maximum(spread, 0))]).astype(np.float32)


def _reflectance(district: District, item: pystac.Item) -> Values:
    """Reflectance of an item on the grid of the truth, (band, y, x), NaN where it is not clear."""
    offset = 1000 if item.properties["s2:processing_baseline"] >= "04.00" else 0
    clear = np.isin(_warped(district, item, "SCL", Resampling.nearest), CLEAR)
    bands = [_warped(district, item, band, Resampling.bilinear) for band in BANDS]
    values = (np.stack(bands).astype(np.float32) - offset) / 10_000
    return np.where(clear, values, np.float32(np.nan))


def _warped(district: District, item: pystac.Item, asset: str, method: Resampling) -> Values:
    with (
        rasterio.open(district.truth) as truth,
        rasterio.open(item.assets[asset].get_absolute_href()) as file,
        WarpedVRT(
            file, crs=truth.crs, transform=truth.transform, width=truth.width,
            height=truth.height, resampling=method,
        ) as vrt,
    ):  # fmt: skip
        return np.asarray(vrt.read(1))


def _places(district: District, points: gpd.GeoDataFrame) -> tuple[npt.NDArray[np.intp], ...]:
    with rasterio.open(district.truth) as file:
        moved = points.to_crs(file.crs)
        found = rowcol(file.transform, moved.geometry.x, moved.geometry.y)
    return tuple(np.asarray(part, dtype=np.intp) for part in found)


def _shares(forest: ExtraTreesClassifier, stack: Values) -> Values:
    table = stack.reshape(len(stack), -1).T
    parts = [
        forest.predict_proba(table[start : start + MOST_ROWS])
        for start in range(0, len(table), MOST_ROWS)
    ]
    return np.concatenate(parts).T.reshape(-1, *stack.shape[1:]).astype(np.float32)
