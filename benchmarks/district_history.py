"""Maps and mines of simulated districts with a history, held against what is true of them.

``python -m benchmarks.district_history 11 12 13`` simulates the districts of three seeds and prints
some rows for each. With ``--pipeline resnet50 rf`` the district's own survey reads the periods, as
`minecover demo` makes it: its cube and features, and each of these kinds of model. Without, one
forest of random trees does in its place (`benchmarks.forest_readings`), which takes minutes. What
is smoothed, combined and followed after it is what surveys run. ``single`` are the periods' own
maps; ``combined`` those by the hidden Markov model with the rates that the survey says, ``learned``
with those that it learns from the readings, ``smoothed`` the same after each period was smoothed,
``borders read`` after its borders were read again as well, and ``weighed`` with `change.weight`:
these are the maps of the survey. Of them, ``borders right`` has the classes that are true in all
pixels that are beside another class in any period, ``inside right`` in all others. The last columns
are of designs of points (`benchmarks.overrun`).
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import rasterio
import rasterio.features
from scipy.ndimage import maximum_filter, minimum_filter

from benchmarks.followed_mines import mine_scores
from benchmarks.forest_readings import NAMES, Readings, Values, forest_readings
from benchmarks.history_scores import score_maps
from benchmarks.overrun import Maps, estimated
from benchmarks.survey_readings import survey_readings
from minecover.demo.district import District, build_district
from minecover.demo.frame import Frame
from minecover.demo.materials import CLASSES, Land
from minecover.prediction.refinement import Refinement
from minecover.prediction.settings import PredictionSettings
from minecover.prediction.smoothing import Smoothing
from minecover.survey import Survey, load
from minecover.transitions.hidden_markov import combine_periods
from minecover.transitions.learning import Chain, learn
from minecover.transitions.matrix import class_priors, rates, steps_between, years_apart

__all__ = ["CODES", "FOREST", "Codes", "measure", "refined", "scores"]

Codes = npt.NDArray[np.uint8]

CODES = np.array([int(land) for land in Land], dtype=np.uint8)
FOREST = "forest"  # in place of a survey's own kinds of model
OWN = "weighed"  # as the survey's own
DESIGNS = 3000


def measure(
    seed: int, size: int, periods: int, models: Sequence[str], folder: Path
) -> Iterator[dict[str, object]]:
    """Simulate a district, read it, and hold single and combined maps against the truth.

    Yields
    ------
    dict
        Scores by name, with `seed`, `model` and `maps`.
    """
    district = build_district(
        folder, size=size, seed=seed, points_scale=Frame(size).points_scale, periods=periods
    )
    for model in models:
        forest = model == FOREST
        readings = forest_readings(district) if forest else survey_readings(district, model)
        for row in _scores(district, readings):
            yield {"seed": seed, "model": model, **row}


def _scores(district: District, readings: Readings) -> Iterator[dict[str, object]]:
    truth = true_codes(district)
    single = CODES[readings.probabilities.argmax(axis=1)]
    for name, mapped, mining in history_maps(readings, load(district.survey), truth):
        yield {
            "maps": name,
            **scores(district, mapped, mining),
            **_beyond(district, single, mapped, truth, DESIGNS if name == OWN else 0),
        }


def true_codes(district: District) -> Codes:
    """Class codes, (period, y, x)."""
    with rasterio.open(district.truth) as file:
        return np.asarray(file.read(), dtype=np.uint8)


def scores(district: District, mapped: Codes, mining: Values) -> dict[str, float]:
    """Hold maps, and mines that are followed on them, against the truth.

    Parameters
    ----------
    district
        With a history.
    mapped
        Class codes, (period, y, x).
    mining
        Its probability, (period, y, x).
    """
    assert district.history is not None
    truth, settings = true_codes(district), load(district.survey).mines
    of_maps = score_maps(truth, mapped, mining=Land.MINING, restored=Land.RESTORED)
    return {**asdict(of_maps), **mine_scores(district.history, settings, mapped, mining)}


def history_maps(
    readings: Readings, survey: Survey, truth: Codes
) -> Iterator[tuple[str, Codes, Values]]:
    """Give the maps that are compared, and how probable mining is on them, by name."""
    priors = class_priors(survey.change, NAMES)
    said, years = Chain(rates(survey.change, NAMES), priors), years_apart([*survey.spans.values()])
    mining = CODES.tolist().index(Land.MINING)

    def combined(given: Values, chain: Chain, weight: float = 1.0) -> tuple[Codes, Values]:
        steps = steps_between(chain.rates, years)
        course, posterior = combine_periods(given, steps, priors, first=chain.first, weight=weight)
        return CODES[course], posterior[:, mining]

    def learned(given: Values, weight: float = 1.0) -> tuple[Codes, Values]:
        pixels = given.reshape(*given.shape[:2], -1)
        return combined(given, learn(pixels, said, priors, years, weight), weight)

    alone, settings = readings.probabilities, survey.prediction
    yield "single", CODES[alone.argmax(axis=1)], alone[:, mining]
    yield "combined", *combined(alone, said)
    yield "learned", *learned(alone)
    yield "smoothed", *learned(refined(readings, settings.model_copy(update={"borders": 0})))
    sharp = refined(readings, settings)
    yield "borders read", *learned(sharp)
    best, sure = learned(sharp, survey.change.weight)
    yield OWN, best, sure
    beside = np.stack([minimum_filter(own, 3) != maximum_filter(own, 3) for own in truth])
    borders = beside.any(axis=0)
    for name, right in (("borders right", borders), ("inside right", ~borders)):
        known = np.where(right, truth == Land.MINING, sure).astype(np.float32)
        yield name, np.where(right, truth, best), known


def refined(readings: Readings, settings: PredictionSettings) -> Values:
    """Refine each period as a survey with this kind of model does."""
    smoothing = Smoothing.of(settings, NAMES, readings.smoothness)
    names = tuple(str(number) for number in range(readings.bands.shape[1]))
    refinement = Refinement.of(smoothing, settings, names)
    edge = ((0, 0), (0, 0), *2 * ((refinement.halo,) * 2,))
    given = (readings.probabilities, readings.bands)
    around, beside = (np.pad(values, edge, mode="symmetric") for values in given)
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


def main() -> None:
    """Print a row for every seed and kind of maps, as a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seeds", nargs="+", type=int)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--periods", type=int, default=4)
    parser.add_argument(
        "--pipeline",
        nargs="+",
        default=[FOREST],
        metavar="KIND",
        help="kinds of the survey's model",
    )
    options = parser.parse_args()
    rows = []
    for seed in options.seeds:
        with tempfile.TemporaryDirectory() as folder:
            given = (options.size, options.periods, options.pipeline, Path(folder))
            rows += list(measure(seed, *given))
        print(pd.DataFrame(rows).round(4).to_csv(sep="|", index=False), flush=True)


if __name__ == "__main__":
    main()
