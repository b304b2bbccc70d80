"""The stage that classifies every pixel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from minecover.arrays import Float32Array
from minecover.engines.base import TileFacts
from minecover.engines.local import LOCAL
from minecover.engines.ray import RAY
from minecover.engines.registry import ENGINES
from minecover.engines.threads import limited_threads
from minecover.geography.grid import Grid, Tile, Window
from minecover.models.lookup import kind_of
from minecover.prediction.applicability import comparisons
from minecover.prediction.blocks import available_memory
from minecover.prediction.map_layers import map_arrays, map_attributes
from minecover.prediction.region_model import RegionModel
from minecover.samples.regions import Regions
from minecover.stages.features import open_features
from minecover.stages.learning_cost import reading_units
from minecover.stages.registry import PURPOSES
from minecover.stages.select import read_selection
from minecover.storage.canonical_json import Json
from minecover.storage.names import FEATURES_RASTER, MAP_RASTER, READINGS_RASTER
from minecover.storage.raster import Raster
from minecover.storage.raster_array import feature_array
from minecover.storage.store import Layers, Store
from minecover.survey import Survey
from minecover.survey.grid import survey_grid
from minecover.survey.model_inputs import model_inputs
from minecover.workflow.cost import StageCost, Workload
from minecover.workflow.layout import Target
from minecover.workflow.progress import Facts
from minecover.workflow.stage import Stage, StageContext, Workspace

__all__ = ["PREDICT", "PredictJob"]

SMALL = 2_000_000
"""Pixels up to which a grid is predicted in this process, unless the survey names an engine."""


@dataclass(frozen=True)
class PredictJob:
    """Predict a tile of the features into `map.zarr`.

    Attributes
    ----------
    store_url
        The store, with features, an empty map and the model.
    survey
        Gives grid, classes, smoothing and engine.
    fingerprint
        Of the stage: a worker that holds another's model loads this one's.
    memory
        Bytes that a worker may use for blocks; None: a quarter of what is available, shared
        among the workers of the machine.
    """

    store_url: str
    survey: Survey
    fingerprint: str = ""
    memory: int | None = None

    def __hash__(self) -> int:
        return hash((self.store_url, self.survey.name, self.fingerprint))

    def __call__(self, tile: Tile) -> TileFacts:
        """Predict and write one tile.

        Raises
        ------
        DataError
            The features do not fit the model.
        """
        opened = _open(self, tile.period)
        classifiers = [model.classifier for model in opened.models]
        sharing = self.survey.engine.cores // opened.threads
        memory = self.memory or available_memory(classifiers, sharing)
        with limited_threads(1):  # of libraries: blocks are read side by side instead
            written = opened.predict(opened.grid.window(tile), memory)
        for target, layers in zip(opened.targets, written, strict=True):
            target.write_tile(opened.grid, tile, layers)
        landuse = written[0][0]
        return {"pixels": landuse.size, "nodata_share": round(float(np.isnan(landuse).mean()), 6)}


@dataclass(frozen=True)
class _Opened:
    """What a worker's process keeps between tiles.

    Attributes
    ----------
    grid, features
        What is read.
    targets
        What is written: the map, and the features where they are kept beside it.
    regions, models
        Each region with its model.
    threads
        For one tile.
    """

    grid: Grid
    features: Raster
    targets: tuple[Layers, ...]
    regions: Regions
    models: tuple[RegionModel, ...]
    threads: int

    def predict(self, window: Window, memory: int) -> list[Float32Array]:
        """Give what is written of a window to each target, each pixel by its region's model."""
        region = self.regions.over(self.grid, window)
        written = [
            np.full((len(target.names), *window.shape), np.nan, dtype=np.float32)
            for target in self.targets
        ]
        for number in np.unique(region[region >= 0]):
            here = region == number
            rows, columns = (np.flatnonzero(here.any(axis=axis)) for axis in (1, 0))
            y0, y1, x0, x1 = (int(n) for n in (rows[0], rows[-1] + 1, columns[0], columns[-1] + 1))
            part = Window(window.y0 + y0, window.y0 + y1, window.x0 + x0, window.x0 + x1)
            layers_of = self.models[number].predict(self.features, part, memory, self.threads)
            for out, layers in zip(written, layers_of, strict=False):
                np.copyto(out[:, y0:y1, x0:x1], layers, where=here[y0:y1, x0:x1])
        return written


@cache
def _models(job: PredictJob) -> tuple[Regions, tuple[RegionModel, ...]]:
    """Regions and their models: one for all periods."""
    store, survey = Store(job.store_url), job.survey
    regions = Regions.load(store)
    models = tuple(
        RegionModel.load(
            store,
            regions.prefix(number),
            survey.prediction,
            survey.class_codes,
            reading=survey.model.reading,
            smoothness=kind_of(survey.model).smoothness,
            border_layers=survey.border_layers,
            alone=len(regions) == 1,
        )
        for number in range(len(regions))
    )
    return regions, models


@cache
def _open(job: PredictJob, period: str) -> _Opened:
    store, survey = Store(job.store_url), job.survey
    grid, (regions, models) = survey_grid(survey), _models(job)
    features = open_features(store, survey, period, grid)
    for model in models:
        model.check_layers(features, job.store_url)
    kept = (FEATURES_RASTER,) if survey.features.are_stored_beside_map else ()
    targets = tuple(store.layers(name, period) for name in (_raster(survey), *kept))
    return _Opened(grid, features, targets, regions, models, _threads(survey))


def _raster(survey: Survey) -> str:
    """Name what is written: the map, or what the maps of all periods are then made of."""
    return READINGS_RASTER if survey.combines_periods else MAP_RASTER


def _engine(survey: Survey) -> str:
    """Name the engine: Ray takes longer to start than this process to predict a district."""
    if survey.engine.prediction is not None:
        return survey.engine.prediction
    height, width = survey_grid(survey).shape
    small = survey.engine.ray_address is None and height * width <= SMALL
    return LOCAL.name if small else RAY.name


def _threads(survey: Survey) -> int:
    """Threads for one tile: those of all workers where no other tile is worked on."""
    engine = survey.engine
    return engine.cores if ENGINES[_engine(survey)].alone else engine.threads


def _classify(context: StageContext) -> Facts:
    workspace = context.workspace
    store, survey = workspace.store, workspace.survey
    beside: tuple[Target, ...] = ()
    if survey.features.are_stored_beside_map:
        selection = read_selection(workspace)
        inputs = model_inputs(survey, selection.chosen, selection.names)
        catalogue = survey.feature_catalogue()
        kept = feature_array([catalogue[name] for name in inputs.layers])
        beside = (Target(FEATURES_RASTER, (kept,)),)
    arrays = map_arrays(survey.prediction, survey.class_codes)
    if survey.periods and not survey.combines_periods:
        store.delete(READINGS_RASTER)  # of a survey that combined them
    target = Target(_raster(survey), arrays, map_attributes(store, survey.prediction), beside)
    return context.do_tiles(target, PredictJob(store.url, survey, context.fingerprint))


def _depends_on(workspace: Workspace) -> Json:
    its = workspace.survey
    settings = [its.prediction.model_dump(mode="json"), its.model.reading]
    # of a period: which raster is written
    return [*settings, its.change.combine] if workspace.period else settings


def _compared(survey: Survey, work: Workload) -> float:
    """Pixels x samples x layers: every pixel with all samples of its region."""
    if not survey.prediction.applicability:
        return 0.0
    return comparisons(work.pixels, work.points / work.regions, work.chosen)


PREDICT = Stage(
    "predict",
    PURPOSES["predict"],
    _depends_on,
    _classify,
    code=("prediction", "accuracy/estimates.py", "stages/predict.py"),
    has_tiles=lambda survey: True,
    by_period=True,
    engine=_engine,
    writes=(MAP_RASTER,),
    cost=StageCost(
        units=reading_units,
        volume=lambda survey, v: (v.features_read, v.map + v.chosen_features),
        by_model=True,
        cores=_threads,
        compared=_compared,
        layers=lambda work: work.map_layers,
        reads_model=True,
        reads_features=True,
    ),
)
"""Its result: `map.zarr`."""
