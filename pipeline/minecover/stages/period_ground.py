"""What the network of the periods learns from: features of all of them, and a map."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from minecover.arrays import BoolArray, Float32Array, Int64Array
from minecover.errors import DataError, SurveyError
from minecover.geography.grid import Grid, Window
from minecover.models.network.period_shape import PeriodShape
from minecover.models.period_task import PeriodBlock
from minecover.samples.class_map import ClassMap
from minecover.samples.map_pixels import UNKNOWN
from minecover.stages.chain import chain_of
from minecover.stages.features import open_features
from minecover.storage.names import READINGS_RASTER, probability_layers
from minecover.storage.raster import Raster
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.survey.grid import survey_grid
from minecover.transitions.hidden_markov import combine_periods
from minecover.transitions.matrix import class_priors, steps_between, years_apart

__all__ = ["StoredPeriods", "network_layers", "period_features", "period_shape", "reference_maps"]

MOST_TRIES = 100_000
"""Pixels of the grid that are tried until one lies on the area."""

MOST_BLOCKS = 300
"""Blocks that are looked at until one has a pixel of a known class: a reference may be of a small
part of the area."""


def network_layers(survey: Survey) -> tuple[tuple[str, ...], BoolArray]:
    """Name the layers of a period that the network reads: what was observed, in all its seasons.

    Returns
    -------
    Names, and (layer,) whether each is as sharp as the grid.
    """
    catalogue, sharp = survey.feature_catalogue(), survey.prediction.border_features
    observed = {layer.name for layer in catalogue.observed.values()}
    read = [layer for layer in catalogue.layers if layer.season and layer.content.name in observed]
    return tuple(layer.name for layer in read), np.array(
        [layer.content.name in sharp for layer in read]
    )


def period_shape(survey: Survey) -> PeriodShape:
    """Shape of the network of a survey where every layer has values."""
    network = survey.change.network
    assert network is not None  # the survey has one
    layers, _ = network_layers(survey)
    return PeriodShape(len(layers), len(survey.classes), network.channels)


def period_features(store: Store, survey: Survey, grid: Grid) -> tuple[Raster, ...]:
    """Open the features of all periods."""
    return tuple(open_features(store, survey, period, grid) for period in survey.periods)


def reference_maps(survey: Survey, grid: Grid) -> tuple[ClassMap, ...]:
    """Give the maps of `change.network.reference`, one for each period.

    Raises
    ------
    SurveyError
        It does not have a band for each period.
    DataError
        It is no raster, or has no CRS.
    """
    network = survey.change.network
    assert network is not None
    assert network.reference is not None
    path, codes = Path(network.reference), {code: code for code in survey.class_codes.values()}
    maps = [ClassMap(path, codes, grid, band + 1) for band in range(len(survey.periods))]
    try:
        bands = maps[0].bands()
    except DataError as error:
        raise DataError(
            f"change.network.reference: {error}; give a raster of class codes with a band for each "
            "period"
        ) from error
    if bands != len(maps):
        raise SurveyError(
            f"change.network.reference: {path} has {bands} bands, and the survey {len(maps)} "
            "periods; give a raster with one for each, in order (gdalbuildvrt -separate), 0 where "
            "nobody knows the class"
        )
    return tuple(maps)


@dataclass(frozen=True)
class StoredPeriods:
    """Features and maps of a survey's store, of which blocks are drawn; see `PeriodGround`.

    A place is drawn from the grid, not from its tiles: what is learned does not depend on them.

    Attributes
    ----------
    store_url, survey
        Whose these are.
    """

    store_url: str
    survey: Survey

    def __hash__(self) -> int:
        return hash((self.store_url, self.survey.name))

    def block(self, rng: np.random.Generator, edge: int, layers: Sequence[str]) -> PeriodBlock:
        """See `PeriodGround.block`: it lies on the area, and where some pixel has a class.

        Where none of many has, as where a reference lies elsewhere, it is one without.
        """
        opened = _opened(self)
        for _ in range(MOST_BLOCKS):
            window = _drawn(rng, opened.grid, edge)
            places, sure = opened.places(window)
            if (places != UNKNOWN).any():
                break
        features = [raster.read(window, layers, mirror=True) for raster in opened.features]
        return PeriodBlock(np.stack(features), places, sure)


@dataclass(frozen=True, eq=False)
class _Opened:
    """What a worker's process keeps.

    Attributes
    ----------
    ground, grid, features
        What it is of, and what is read.
    readings
        Of the periods, by the survey's own model; of a survey with a reference none.
    reference
        The maps of others, where they are learned from.
    """

    ground: StoredPeriods
    grid: Grid
    features: tuple[Raster, ...]
    readings: tuple[Raster, ...]
    reference: tuple[ClassMap, ...]

    def places(self, window: Window) -> tuple[Int64Array, Float32Array]:
        """(period, y, x) places of the classes, -1 where unknown, and how probable each is."""
        if not self.reference:
            return self._own(window)
        places = self._given(window)
        return places, np.ones(places.shape, dtype=np.float32)

    def _own(self, window: Window) -> tuple[Int64Array, Float32Array]:
        """By what the readings of the periods are together."""
        survey, store = self.ground.survey, Store(self.ground.store_url)
        names, change = probability_layers(survey.class_codes), survey.change
        readings = [raster.read(window, names, mirror=True) for raster in self.readings]
        chain, years = chain_of(survey, store), years_apart([*survey.spans.values()])
        priors = class_priors(change, [*survey.class_codes])
        course, probabilities = combine_periods(
            np.stack(readings), steps_between(chain.rates, years), priors,
            first=chain.first, weight=change.weight,
        )  # fmt: skip
        its = np.take_along_axis(probabilities, course[:, None], axis=1)[:, 0]
        return course.astype(np.int64), its

    def _given(self, window: Window) -> Int64Array:
        """By the maps of others; beyond the grid nothing is known of them."""
        inside = window.clip(*self.grid.shape)
        out = np.full((len(self.reference), *window.shape), UNKNOWN, dtype=np.int64)
        rows, columns = inside.shifted(-window.y0, -window.x0).slices
        codes = [*self.ground.survey.class_codes.values()]
        with ExitStack() as stack:
            for period, known in zip(out, self.reference, strict=True):
                found = stack.enter_context(known.opened())(inside)
                for place, code in enumerate(codes):
                    period[rows, columns][found == code] = place
        return out


@cache
def _opened(ground: StoredPeriods) -> _Opened:
    store, survey = Store(ground.store_url), ground.survey
    grid, network = survey_grid(survey), survey.change.network
    assert network is not None
    if network.reference is not None:
        readings: tuple[Raster, ...] = ()
        reference = reference_maps(survey, grid)
    else:
        readings = tuple(store.layers(READINGS_RASTER, period) for period in survey.periods)
        reference = ()
    return _Opened(ground, grid, period_features(store, survey, grid), readings, reference)


def _drawn(rng: np.random.Generator, grid: Grid, edge: int) -> Window:
    """Draw a block around a pixel of the area, inside the grid where that is large enough.

    Raises
    ------
    DataError
        None was found.
    """
    for _ in range(MOST_TRIES):
        row, column = (int(rng.integers(size)) for size in grid.shape)
        if grid.area_mask(Window(row, row + 1, column, column + 1)).all():
            middle = zip((row, column), grid.shape, strict=True)
            y, x = (min(max(0, n - edge // 2), max(0, size - edge)) for n, size in middle)
            return Window(y, y + edge, x, x + edge)
    raise DataError(
        f"change.network: none of {MOST_TRIES} pixels lies on the area, which is too narrow for "
        "it; leave change.network out"
    )
