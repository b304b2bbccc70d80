"""Memory that a pod is given, worked out from the survey alone."""

from __future__ import annotations

from minecover.planning.constants import shipped
from minecover.planning.memory import worker_memory
from minecover.survey import Survey

__all__ = ["stage_memory", "tile_memory"]

MARGIN = 1.5
"""Real scenes overlap more and are read in larger blocks than simulated ones."""

STEP = 256

STAGE = 4096
"""MiB of a stage that is one process; `assess` took 1,253 on the simulated district."""


def tile_memory(survey: Survey) -> int:
    """Estimate the MiB that one process needs for a tile of cube, features or prediction."""
    engine = survey.engine.model_copy(update={"tiles": "local", "prediction": "local"})
    alone = survey.model_copy(update={"engine": engine})
    return STEP * -(-int(MARGIN * worker_memory(alone, shipped())) // STEP)


def stage_memory(survey: Survey) -> int:
    """Estimate the MiB of a stage of one process, which works off tiles that are left too."""
    return max(STAGE, tile_memory(survey))
