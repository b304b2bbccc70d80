"""What a network makes of a survey's own maps: it learns from them, and reads the images again.

``python -m benchmarks.own_reading 20 13`` reads the periods of simulated histories as
`benchmarks.district_history` does, with ``--pipeline KIND`` by the survey's own pipeline. Then a
network learns from the survey's own map of all periods, without a further label, and reads them
again. Amid a class the map is right at 99 pixels of 100, at borders at four of five. So pixels
beside another class count little, and borders are drawn: in most crops ground from elsewhere takes
the place of what lies on one side of an uneven line. A pixel that the line crosses is mixed by area
(`BANDS` of 20 m over 20 m), and is of the larger part, as pixels are: spectra that are mixed to
learn from, as of Okujeni et al. 2013 (10.1016/j.rse.2013.06.007), with the lines that a reader has
to find in place. ``combined`` is what a hidden Markov model makes of it.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.ndimage import gaussian_filter, maximum_filter, minimum_filter, zoom

from benchmarks.block_reader import Crop, Scale, learned, read, turned
from benchmarks.dense_reading import PERIODS
from benchmarks.district_history import (
    CODES,
    FOREST,
    OWN,
    Codes,
    history_maps,
    scores,
    true_codes,
)
from benchmarks.forest_readings import NAMES, SHARP, Values, forest_readings, period_layers
from benchmarks.survey_readings import survey_readings
from minecover.demo.district import District, build_district
from minecover.demo.frame import Frame
from minecover.demo.materials import BANDS, Land
from minecover.survey import Survey, load
from minecover.transitions.hidden_markov import combine_periods
from minecover.transitions.learning import Chain, learn
from minecover.transitions.matrix import class_priors, rates, steps_between, years_apart

__all__ = ["measure"]

Places = npt.NDArray[np.int64]

SEASONS = 4
CHANNELS, EDGE, STEPS, SMOOTHING = 32, 64, 2400, 0.05
DRAWN = 0.6  # share of the crops with a drawn border
BESIDE = 0.2  # weight of pixels beside another class of the map
WEIGHT = 2.0  # power of the likelihoods that are combined: labels are smoothed


class Lines:
    """Draws crops of a map with borders drawn into them.

    Parameters
    ----------
    layers
        Bands of all seasons, (period, layer, y, x), standardised.
    places
        Places of the classes on the map, (period, y, x).
    """

    def __init__(self, layers: Values, places: Places) -> None:
        self._layers, self._places = layers, places
        beside = np.stack([minimum_filter(p, 3) != maximum_filter(p, 3) for p in places])
        self._weights = np.where(beside, np.float32(BESIDE), np.float32(1))
        classes = range(len(Land))
        self._found = [np.argwhere((places == place).any(axis=0)) for place in classes]
        self._coarse = np.array([band not in SHARP for band in BANDS] * SEASONS)

    def __call__(self, rng: np.random.Generator) -> Crop:
        """Draw a crop."""
        crop = self._crop(rng, balanced=rng.random() < 0.5)
        return self._crossed(crop, rng) if rng.random() < DRAWN else crop

    def _crop(self, rng: np.random.Generator, *, balanced: bool) -> Crop:
        """Cut a crop anywhere, or around a pixel of a class that is drawn first."""
        last = np.array(self._places.shape[1:]) - EDGE
        corner = rng.integers(0, last + 1)
        if balanced:
            pixels = self._found[rng.integers(len(self._found))]
            if len(pixels):
                middle = pixels[rng.integers(len(pixels))]
                corner = np.clip(middle - rng.integers(EDGE // 8, EDGE - EDGE // 8, 2), 0, last)
        row, column = corner
        at = (..., slice(row, row + EDGE), slice(column, column + EDGE))
        turn, mirrored = int(rng.integers(4)), bool(rng.random() < 0.5)
        parts = (self._layers[at], self._places[at], self._weights[at])
        return Crop(*(turned(part, turn, mirrored=mirrored) for part in parts))

    def _crossed(self, crop: Crop, rng: np.random.Generator) -> Crop:
        """Lay another crop over one side of a line, which moves from period to period."""
        other, share = self._crop(rng, balanced=True), _shares(rng, len(crop.places))
        by_layer = np.where(self._coarse[:, None, None], _coarse(share)[:, None], share[:, None])
        layers = (by_layer * crop.layers + (1 - by_layer) * other.layers).astype(np.float32)
        # of even parts the lower code, as in the truth
        own = np.where(share == 0.5, crop.places <= other.places, share > 0.5)
        places = np.where(own, crop.places, other.places)
        return Crop(layers, places, np.where(own, crop.weights, other.weights))


def _shares(rng: np.random.Generator, periods: int) -> Values:
    """Share of each pixel on one side of the line, (period, y, x), by quarters of a pixel."""
    field = rng.standard_normal((2 * EDGE, 2 * EDGE))
    field = gaussian_filter(field, rng.uniform(6, 24), mode="wrap")
    start, drift = rng.normal(0, 0.5), rng.normal(0, 0.3)
    sides = [field / field.std() > start + drift * period for period in range(periods)]
    quarters = np.reshape(sides, (periods, EDGE, 2, EDGE, 2))
    return np.asarray(quarters.mean(axis=(2, 4), dtype=np.float32))


def _coarse(share: Values) -> Values:
    """Mean over pixels of 20 m, read at those of 10 m by straight lines."""
    half = EDGE // 2
    mean = share.reshape(-1, half, 2, half, 2).mean(axis=(2, 4))
    wide = np.pad(mean, ((0, 0), (1, 1), (1, 1)), mode="edge")
    fine = zoom(wide, (1, 2, 2), order=1, mode="nearest", grid_mode=True)
    return np.asarray(fine[:, 2:-2, 2:-2], dtype=np.float32)


def _combined(found: Values, survey: Survey) -> tuple[Codes, Values]:
    """Combine periods of which each was judged by all: no first period is more probable."""
    priors, years = class_priors(survey.change, NAMES), years_apart([*survey.spans.values()])
    said, pixels = Chain(rates(survey.change, NAMES), priors), found.reshape(*found.shape[:2], -1)
    steps = steps_between(learn(pixels, said, priors, years, 1.0).rates, years)
    even = np.full_like(priors, 1 / len(priors))
    course, posterior = combine_periods(found, steps, priors, first=even, weight=WEIGHT)
    return CODES[course], posterior[:, CODES.tolist().index(Land.MINING)]


def measure(
    seed: int, size: int, model: str, steps: int, folder: Path
) -> Iterator[dict[str, object]]:
    """Simulate a district, map it, and read it again: a row for each map."""
    scale = Frame(size).points_scale
    district = build_district(folder, size=size, seed=seed, points_scale=scale, periods=PERIODS)
    yield from rows(district, model, steps)


def rows(district: District, model: str, steps: int) -> Iterator[dict[str, object]]:
    """Give a row for each map of a district."""
    survey = load(district.survey)
    forest = model == FOREST
    readings = forest_readings(district) if forest else survey_readings(district, model)
    maps = history_maps(readings, survey, true_codes(district))
    own, sure = next((codes, mining) for name, codes, mining in maps if name == OWN)
    yield {"maps": "own", **scores(district, own, sure)}
    bands = period_layers(district)[:, : SEASONS * len(BANDS)]
    scale = Scale.of([bands])
    lines = Lines(scale(bands), np.searchsorted(CODES, own).astype(np.int64))
    found = read(learned(lines, scale, CHANNELS, steps, SMOOTHING), bands)
    mining = found[:, CODES.tolist().index(Land.MINING)]
    yield {"maps": "read again", **scores(district, CODES[found.argmax(axis=1)], mining)}
    yield {"maps": "combined", **scores(district, *_combined(found, survey))}


def main() -> None:
    """Print a row for each map of each district."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seeds", nargs="+", type=int)
    parser.add_argument("--size", type=int, default=384)
    parser.add_argument("--pipeline", default=FOREST, metavar="KIND")
    parser.add_argument("--steps", type=int, default=STEPS)
    options = parser.parse_args()
    for seed in options.seeds:
        with tempfile.TemporaryDirectory() as folder:
            given = (seed, options.size, options.pipeline, options.steps, Path(folder))
            table = [{"seed": seed, **row} for row in measure(*given)]
        print(pd.DataFrame(table).round(4).to_csv(sep="|", index=False), flush=True)


if __name__ == "__main__":
    main()
