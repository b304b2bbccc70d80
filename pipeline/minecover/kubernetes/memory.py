"""Memory that a pod gets, worked out from the survey alone."""

from __future__ import annotations

from minecover.engines.local import in_this_process
from minecover.models.lookup import window_of
from minecover.planning.constants import shipped
from minecover.planning.memory import worker_memory
from minecover.survey import Survey
from minecover.workflow.cost import Workload

__all__ = ["STAGE", "learning_memory", "tile_memory"]

MARGIN = 1.5
"""Real scenes overlap more and are read in larger blocks than simulated ones."""

STEP = 256

STAGE = 4096
"""MiB at least of a stage that is one process; 1,253 was measured on the simulated district."""

BASE = 1024
"""MiB of a process that learns, beside its points: its libraries and what they compile."""

PATCH_COPIES = 3
"""Times that all patches are held at once: twice was measured (99 KiB a point of 44 layers and 17 x
17 pixels), and an assessment cuts wider ones around the points that it tests."""

VALUE_COPIES = 4
"""Times that the table of points x layers is held: as read, as columns, and as two matrices."""


def tile_memory(survey: Survey) -> int:
    """Estimate the MiB that one process needs for a tile of cube, features or prediction."""
    alone = survey.replace(engine=in_this_process(survey.engine))
    return _rounded(MARGIN * worker_memory(alone, shipped()))


def learning_memory(survey: Survey, work: Workload, *, trains: bool) -> int:
    """Estimate the MiB of a stage that holds all points at once, with patches where it trains."""
    values = VALUE_COPIES * 4 * work.points * work.feature_layers / 2**20
    pixels = window_of(survey.model) ** 2
    if not trains:
        return _rounded(BASE + values)
    patches = PATCH_COPIES * 4 * work.points * work.chosen * pixels / 2**20
    return _rounded(BASE + values + patches)


def _rounded(mebibytes: float) -> int:
    return STEP * -(-int(mebibytes) // STEP)
