"""The stage that classifies every pixel."""

from __future__ import annotations

from minecover.prediction.predict import PredictJob, map_attributes, map_layer_names
from minecover.stages.registry import PURPOSES
from minecover.stages.select import read_selection
from minecover.storage.names import FEATURES_RASTER, MAP_RASTER
from minecover.workflow.layout import Target
from minecover.workflow.progress import Facts
from minecover.workflow.stage import Stage, StageContext

__all__ = ["PREDICT"]


def _classify(context: StageContext) -> Facts:
    run = context.workspace
    beside: tuple[Target, ...] = ()
    if run.survey.features.keep == "selected":
        beside = (Target(FEATURES_RASTER, read_selection(run).chosen),)
    attributes = map_attributes(run.store, run.survey)
    target = Target(MAP_RASTER, map_layer_names(run.survey), attributes, beside)
    job = PredictJob(run.store.url, run.survey, context.fingerprint)
    return context.do_tiles(target, job)


PREDICT = Stage(
    "predict",
    PURPOSES["predict"],
    lambda run: [run.survey.prediction.model_dump(mode="json"), run.survey.model.reading],
    _classify,
    code=("prediction", "accuracy/estimates.py"),
    has_tiles=lambda survey: True,
    engine=lambda survey: survey.engine.prediction,
    rasters=(MAP_RASTER,),
)
"""Its result: `map.zarr`."""
