"""The stage that combines the readings of all periods, tile by tile, into their maps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import starmap

import numpy as np

from minecover.arrays import Float32Array, Float64Array
from minecover.engines.base import TileFacts
from minecover.errors import StoreError
from minecover.geography.grid import Grid, Tile, Window
from minecover.prediction.map_layers import map_arrays, map_attributes, map_layers
from minecover.prediction.period_blocks import read_periods
from minecover.stages.chain import chain_of, learn_chain
from minecover.stages.combined_accuracy import combined_accuracy
from minecover.stages.period_ground import period_features, period_shape
from minecover.stages.registry import PURPOSES
from minecover.storage.names import (
    COMBINED_ACCURACY_FILE,
    HELD_OUT_FILE,
    MAP_RASTER,
    READINGS_RASTER,
)
from minecover.storage.store import Layers, Store
from minecover.survey import Survey
from minecover.survey.grid import survey_grid
from minecover.transitions.hidden_markov import combine_periods
from minecover.transitions.learning import Chain
from minecover.transitions.matrix import class_priors, steps_between, years_apart
from minecover.workflow.cost import StageCost, Workload
from minecover.workflow.layout import Target
from minecover.workflow.progress import Facts
from minecover.workflow.stage import Stage, StageContext, Workspace

__all__ = ["COMBINE", "CombineJob"]


@dataclass(frozen=True)
class CombineJob:
    """Combine a tile of `readings.zarr` into one of `map.zarr`, in all periods.

    Attributes
    ----------
    store_url
        The store, with the readings and empty maps.
    survey
        Gives grid, classes, periods and what is known of transitions.
    fingerprint
        Of the stage: a worker that holds another's settings takes these.
    """

    store_url: str
    survey: Survey
    fingerprint: str = ""

    def __hash__(self) -> int:
        return hash((self.store_url, self.survey.name, self.fingerprint))

    def __call__(self, tile: Tile) -> TileFacts:
        """Combine and write one tile; the facts say of how much the class changed by it."""
        opened = _open(self)
        window = opened.grid.window(tile)
        readings = [layers.read(window) for layers in opened.readings]
        maps = opened.combine(readings, window)
        for period, values in zip(self.survey.periods, maps, strict=True):
            opened.target.write_tile(opened.grid, replace(tile, period=period), values)
        before, after = (np.stack([values[0] for values in parts]) for parts in (readings, maps))
        seen = ~np.isnan(before)
        other = float((before != after)[seen].mean()) if seen.any() else 0.0
        empty = round(float(np.isnan(after).mean()), 6)
        return {"pixels": after.size, "nodata_share": empty, "other_class": round(other, 6)}


@dataclass(frozen=True)
class _Opened:
    """What a worker's process keeps between tiles.

    Attributes
    ----------
    grid, readings, target
        What is read, one for each period, and what is written.
    codes
        Of the classes.
    steps, priors, first, weight
        As `combine_periods` takes them.
    again
        Reads a window of all periods by the network, (period, class, y, x); None: there is none.
    fill
        Whether pixels that a period did not see have a class there.
    threads
        For one tile.
    """

    grid: Grid
    readings: tuple[Layers, ...]
    target: Layers
    codes: tuple[int, ...]
    steps: Float64Array
    priors: Float64Array
    first: Float64Array
    weight: float
    again: Callable[[Window], Float32Array] | None
    fill: bool
    threads: int

    def combine(self, readings: list[Float32Array], window: Window) -> list[Float32Array]:
        """Give the layers of the map of each period, from those of its reading."""
        count = len(self.codes)
        alone = np.stack([layers[-count:] for layers in readings])
        if self.again is not None:
            alone = np.where(np.isnan(alone), np.float32(np.nan), self.again(window))
        course, posterior = combine_periods(
            alone, self.steps, self.priors, self.threads, self.first, self.weight
        )
        if not self.fill:
            posterior[np.broadcast_to(np.isnan(alone[:, :1]), alone.shape)] = np.nan
        codes = np.array([*self.codes, np.nan], dtype=np.float32)
        return list(starmap(self._layers, zip(readings, codes[course], posterior, strict=True)))

    def _layers(
        self, reading: Float32Array, landuse: Float32Array, posterior: Float32Array
    ) -> Float32Array:
        rest = reading[2 : -len(self.codes)]  # dissimilarity, where it is mapped
        layers = map_layers(posterior, self.codes, rest[0] if len(rest) else None)
        layers[0] = np.where(np.isnan(layers[0]), np.float32(np.nan), landuse)
        return layers


@cache
def _open(job: CombineJob) -> _Opened:
    store, survey, grid = Store(job.store_url), job.survey, survey_grid(job.survey)
    chain, years = chain_of(survey, store), years_apart(list(survey.spans.values()))
    priors, first, weight = _before(survey, chain)
    return _Opened(
        grid=grid,
        readings=tuple(store.layers(READINGS_RASTER, period) for period in survey.periods),
        target=store.layers(MAP_RASTER),
        codes=tuple(survey.class_codes.values()),
        steps=steps_between(chain.rates, years),
        priors=priors,
        first=first,
        weight=weight,
        again=_reading_again(store, survey, grid),
        fill=survey.change.fill,
        threads=survey.engine.threads,
    )


def _before(survey: Survey, chain: Chain) -> tuple[Float64Array, Float64Array, float]:
    """Give priors, shares in the first period, and weight, as `combine_periods` takes them.

    Of what a network reads nothing is known before, for it knows all periods.
    """
    network = survey.change.network
    if network is None:
        priors = class_priors(survey.change, list(survey.class_codes))
        return priors, chain.first, survey.change.weight
    even = np.full(len(survey.classes), 1 / len(survey.classes))
    return even, even, network.weight


def _reading_again(
    store: Store, survey: Survey, grid: Grid
) -> Callable[[Window], Float32Array] | None:
    if not survey.reads_again:
        return None
    from minecover.models.network.period_reader import PeriodReader

    reader, features = PeriodReader.load(store), period_features(store, survey, grid)
    return partial(read_periods, reader, features, threads=survey.engine.threads)


def _combine(context: StageContext) -> Facts:
    store, survey = context.workspace.store, context.workspace.survey
    arrays = map_arrays(survey.prediction, survey.class_codes)
    attributes = map_attributes(store, survey.prediction)
    learn_chain(survey, store, context.workspace.grid)
    target = Target(MAP_RASTER, arrays, attributes, all_periods=True)
    facts = context.do_tiles(target, CombineJob(store.url, survey, context.fingerprint))
    if survey.model.carried_from is not None:
        return facts  # no model was trained here without some points
    held_out = store.read(HELD_OUT_FILE)
    if held_out is None:
        raise StoreError(f"{store.url}/{HELD_OUT_FILE}: missing; run `minecover assess --again`")
    store.write_json(
        COMBINED_ACCURACY_FILE, combined_accuracy(survey, held_out, chain_of(survey, store))
    )
    return facts


def _depends_on(workspace: Workspace) -> list[object]:
    spans = workspace.survey.spans
    days = {name: [day.isoformat() for day in span] for name, span in spans.items()}
    return [workspace.survey.change.model_dump(mode="json"), days]


def _units(survey: Survey, work: Workload) -> float:
    """Pixels; of what a network reads again the multiplications of all of them."""
    return work.pixels * (period_shape(survey).reading_products if survey.reads_again else 1.0)


COMBINE = Stage(
    "combine",
    PURPOSES["combine"],
    _depends_on,
    _combine,
    code=(
        "transitions",
        "stages/chain.py",
        "stages/combine.py",
        "stages/combined_accuracy.py",
        "prediction/period_blocks.py",
        "stages/period_ground.py",
        "models/network",
    ),
    has_tiles=lambda survey: survey.combines_periods,
    writes=(MAP_RASTER,),
    cost=StageCost(
        units=_units,
        volume=lambda survey, v: (v.map + (v.features_read if survey.reads_again else 0), v.map),
        variant=lambda survey: "network" if survey.reads_again else "",
        layers=lambda work: work.map_layers,
    ),
)
"""Its results: `map.zarr` of a survey that names periods, and `combined_accuracy.json`."""
