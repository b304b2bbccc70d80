"""The stage that composes the seasons."""

from __future__ import annotations

from minecover.cube.build import CubeJob, cube_layer_names
from minecover.workflow.progress import Facts
from minecover.workflow.run import Run, Target

__all__ = []


def _cube(run: Run, mark: str) -> Facts:
    target = Target("cube.zarr", cube_layer_names(run.survey))
    job = CubeJob(run.store.url, run.survey, mark)
    return run.tile_stage("cube", mark, run.survey.engine.tiles, target, job)
