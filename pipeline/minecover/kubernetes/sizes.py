"""How many processes a survey has on a cluster, and how much memory each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from minecover.errors import SurveyError
from minecover.geography.grid import Grid
from minecover.kubernetes.jobs import StageJob
from minecover.kubernetes.memory import STAGE, learning_memory, tile_memory
from minecover.planning.work import workload
from minecover.survey import Survey

__all__ = ["TILES_PER_INDEX", "Sizes", "completions", "pod_memory"]

TILES_PER_INDEX = 8
"""A pod takes seconds to start and to compile its kernels, which pays for several tiles only."""

MOST_INDEXES = 10_000
"""Unless more are requested: the status and the pods of a larger Job burden the API server."""

HARD_INDEXES = 100_000
"""Above this many completions Kubernetes limits parallelism and failed indexes further."""


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Options of a cluster's jobs; None: worked out.

    Attributes
    ----------
    completions
        Indexes of each Indexed Job, or tasks of each array job.
    parallelism
        Pods of a pool, or tasks, at once that work on tiles; Ray workers that predict among them.
    memory
        MiB of one that works on tiles.
    stage_memory
        MiB of a stage that is one process, and of a Ray cluster's head and workers.
    """

    completions: int | None = None
    parallelism: int = 32
    memory: int | None = None
    stage_memory: int | None = None


def completions(grid: Grid, sizes: Sizes, most: int = MOST_INDEXES) -> int:
    """Count the indexes among which tiles are dealt, `most` unless more are requested.

    Raises
    ------
    SurveyError
        There are fewer tiles than indexes requested, or no pod at once.
    """
    tiles = len(grid.tiles)
    chosen = sizes.completions
    if chosen is None:
        chosen = min(-(-tiles // TILES_PER_INDEX), most)
    if not 1 <= chosen <= min(tiles, HARD_INDEXES):
        raise SurveyError(
            f"--completions {chosen}: the area has {tiles} tile(s); give 1 to "
            f"{min(tiles, HARD_INDEXES)}"
        )
    if sizes.parallelism < 1:
        raise SurveyError(f"--parallelism {sizes.parallelism}: give 1 or more")
    return chosen


def pod_memory(
    survey: Survey, grid: Grid, jobs: Sequence[StageJob], sizes: Sizes
) -> tuple[int, dict[str, int]]:
    """Work out the MiB of a pod on tiles, and of any other by its step.

    Every stage also works on tiles that are left over.
    """
    tile = sizes.memory or tile_memory(survey)
    if sizes.stage_memory is not None:
        return tile, {job.step: sizes.stage_memory for job in jobs}
    least, work = max(STAGE, tile), workload(survey, grid)
    return tile, {
        job.step: max(least, learning_memory(survey, work, trains=job.trains))
        if job.holds_points
        else least
        for job in jobs
    }
