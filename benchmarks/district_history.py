"""Maps and mines of simulated districts with a history, held against what is true of them.

``python -m benchmarks.district_history 11 12 13`` simulates the districts of three seeds and prints
some rows for each. Every period is read by one forest of random trees, trained on the points of all
periods that have any, on the medians of the clear observations of each season in ten bands, two
indices, and means and deviations over some pixels. It stands in for the network of a survey, which
takes hours where this takes minutes; what is smoothed, combined and followed after it is what
surveys run. ``single`` are the periods' own maps; ``combined`` those by the hidden Markov model
with the rates that the survey says, ``learned`` with those that it learns from the readings, and
``smoothed`` the same after each period was smoothed, ``borders read`` after its borders were read
again as well, by the bands of 10 m. Of these, ``borders right`` has the classes that are true in
all pixels that are beside another class in any XX are of designs of points (`benchmarks.overrun`).
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pystac
import rasterio
import rasterio.features
import yaml
from rasterio.enums import Resampling
from rasterio.transform import rowcol
from rasterio.vrt import WarpedVRT
from scipy.ndimage import maximum_filter, minimum_filter, uniform_filter
from scipy.optimize import minimize_scalar
from sklearn.ensemble import ExtraTreesClassifier

from benchmarks.followed_mines import mine_scores
from benchmarks.history_scores import score_maps
from benchmarks.overrun import Maps, estimated
from minecover.demo.district import District, build_district
from minecover.demo.frame import Frame
from minecover.demo.materials import BANDS, CLASSES, Land
from minecover.models.random_forest import RandomForest
from minecover.prediction.refinement import Refinement
from minecover.prediction.settings import PredictionSettings
from minecover.prediction.smoothing import Smoothing
from minecover.transitions.hidden_markov import combine_periods
from minecover.transitions.learning import Chain, learn
from minecover.transitions.matrix import class_priors, rates, steps_between
from minecover.transitions.settings import ChangeSettings

__all__ = ["measure", "read_periods"]

Codes = npt.NDArray[np.uint8]
Values = npt.NDArray[np.float32]

NAMES = [CLASSES[land][0] for land in Land]
CLEAR = (4, 5, 6)
WINDOW, NARROW = 5, 3
TREES = 150
SMOOTHING, BORDERS = 5, 11  # pixels, edges of the neighbourhoods
SHARP = ("B02", "B03", "B04", "B08")  # by which borders are read, of 10 m
DESIGNS = 400
MOST_ROWS = 20_000  # pixels that the forest reads at once


def read_periods(district: District) -> tuple[Values, Values]:
    """Give what each period by itself says.

    Returns
    -------
    tuple
        Probabilities of the classes, (period, class, y, x), and reflectance in the bands of 10 m in
        all seasons, (period, season and band, y, x).
    """
    survey = yaml.safe_load(district.survey.read_text())
    items = list(pystac.Catalog.from_file(str(district.catalog)).get_items(recursive=True))
    optical = [item for item in items if item.collection_id == "sentinel-2-l2a"]
    points = gpd.read_file(district.samples)
    stacks: dict[str, Values] = {}
    rows, labels = [], []
    for name, period in survey["periods"].items():
        stacks[name] = _layers(district, optical, period["seasons"])
        own = points[points.period == name]
        row, column = _places(district, own)
        rows.append(stacks[name][:, row, column].T)
        labels.append(own["class"].to_numpy())
    forest = ExtraTreesClassifier(
        TREES, class_weight="balanced", max_features=0.3, bootstrap=True, oob_score=True,
        random_state=0,
    )  # fmt: skip
    classes = np.concatenate(labels)
    forest.fit(np.concatenate(rows), classes)
    power = _calibration(forest, classes)
    order = [list(forest.classes_).index(name) for name in NAMES]
    readings = [_sharpened(_shares(forest, stack)[order], power, 0) for stack in stacks.values()]
    seasons = len(next(iter(survey["periods"].values()))["seasons"])
    sharp = [season * len(BANDS) + BANDS.index(band) for season in range(seasons) for band in SHARP]
    return np.stack(readings), np.stack([stack[sharp] for stack in stacks.values()])


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


def measure(seed: int, size: int, periods: int, folder: Path) -> Iterator[dict[str, object]]:
    """Simulate a district, read it, and hold single and combined maps against the truth.

    Yields
    ------
    dict
        Scores by name, with `seed` and `maps`.
    """
    district = build_district(
        folder, size=size, seed=seed, points_scale=Frame(size).points_scale, periods=periods
    )
    with rasterio.open(district.truth) as file:
        truth = file.read()
    survey = yaml.safe_load(district.survey.read_text())
    settings = ChangeSettings.model_validate(survey["change"])
    years = np.diff([int(name) for name in survey["periods"]]).astype(float)
    codes = np.array([int(land) for land in Land], dtype=np.uint8)
    readings, bands = read_periods(district)
    single = codes[readings.argmax(axis=1)]
    for name, mapped in _maps(readings, bands, settings, years.tolist(), codes, truth):
        scores = score_maps(truth, mapped, mining=Land.MINING, restored=Land.RESTORED)
        yield {
            "seed": seed,
            "maps": name,
            **asdict(scores),
            **mine_scores(_truth_folder(district), mapped),
            **_beyond(district, single, mapped, truth, DESIGNS if name == "borders read" else 0),
        }


def _maps(
    readings: Values,
    bands: Values,
    settings: ChangeSettings,
    years: list[float],
    codes: Codes,
    truth: Codes,
) -> Iterator[tuple[str, Codes]]:
    """Give the maps that are compared, by name."""
    priors = class_priors(settings, NAMES)
    said = Chain(rates(settings, NAMES), priors)

    def combined(given: Values, chain: Chain) -> Codes:
        steps = steps_between(chain.rates, years)
        course, _ = combine_periods(given, steps, priors, first=chain.first)
        return codes[course]

    def learned(given: Values) -> Codes:
        pixels = given.reshape(*given.shape[:2], -1)
        return combined(given, learn(pixels, said, priors, years))

    yield "single", codes[readings.argmax(axis=1)]
    yield "combined", combined(readings, said)
    yield "learned", learned(readings)
    yield "smoothed", learned(_refined(readings, bands, borders=False))
    best = learned(_refined(readings, bands, borders=True))
    yield "borders read", best
    beside = np.stack([minimum_filter(own, 3) != maximum_filter(own, 3) for own in truth])
    borders = beside.any(axis=0)
    yield "borders right", np.where(borders, truth, best)
    yield "inside right", np.where(borders, best, truth)


def _refined(readings: Values, bands: Values, *, borders: bool) -> Values:
    """Refine each period as a survey with a forest does that asks for it."""
    settings = PredictionSettings(smoothing=SMOOTHING, borders=BORDERS if borders else 0)
    smoothing = Smoothing.of(settings, NAMES, RandomForest.smoothness)
    names = tuple(str(number) for number in range(bands.shape[1]))
    refinement = Refinement.of(smoothing, settings, names)
    edge = ((0, 0), (0, 0), *2 * ((refinement.halo,) * 2,))
    around, beside = (np.pad(values, edge, mode="symmetric") for values in (readings, bands))
    periods = zip(around, beside, strict=True)
    return np.stack([refinement(np.ascontiguousarray(own), by, names) for own, by in periods])


def _beyond(
    district: District, single: Codes, mapped: Codes, truth: Codes, designs: int
) -> dict[str, float]:
    """Hectares mined outside all licences in the last period: mapped, true, and estimated."""
    assert district.licences is not None
    register = gpd.read_file(district.licences)
    with rasterio.open(district.truth) as file:
        shape, transform = file.shape, file.transform
    outside = rasterio.features.geometry_mask(register.geometry, shape, transform)
    classes = {CLASSES[land][0]: int(land) for land in Land}
    maps = Maps(classes, single, mapped, truth)
    return {
        "outside_ha": 0.01 * float((mapped[-1] == Land.MINING)[outside].sum()),
        "truly_outside_ha": 0.01 * float((truth[-1] == Land.MINING)[outside].sum()),
        **(estimated(maps, outside, int(Land.MINING), designs) if designs else {}),
    }


def _truth_folder(district: District) -> Path:
    assert district.history is not None
    return district.history


def main() -> None:
    """Print a row for every seed and kind of maps, as a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seeds", nargs="+", type=int)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--periods", type=int, default=4)
    options = parser.parse_args()
    rows = []
    for seed in options.seeds:
        with tempfile.TemporaryDirectory() as folder:
            rows += list(measure(seed, options.size, options.periods, Path(folder)))
        print(pd.DataFrame(rows).round(4).to_csv(sep="|", index=False), flush=True)


if __name__ == "__main__":
    main()
