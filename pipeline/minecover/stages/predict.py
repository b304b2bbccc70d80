"""The stage that classifies every pixel."""

from __future__ import annotations

from minecover.features.computed import STORED
from minecover.prediction.predict import PredictJob, map_attributes, map_layer_names
from minecover.stages.select import read_selection
from minecover.workflow.progress import Facts
from minecover.workflow.run import Run, Target

__all__ = []


def _predict(run: Run, mark: str) -> Facts:
    beside: tuple[Target, ...] = ()
    if run.survey.features.keep == "selected":
        beside = (Target(STORED, read_selection(run).chosen),)
    attributes = map_attributes(run.store, run.survey)
    target = Target("map.zarr", map_layer_names(run.survey), attributes, beside)
    job = PredictJob(run.store.url, run.survey, mark)
    return run.tile_stage("predict", mark, run.survey.engine.prediction, target, job)
