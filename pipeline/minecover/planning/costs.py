"""Core-seconds of a stage: what is spent once, and what grows with the work."""

from __future__ import annotations

from dataclasses import replace

from minecover.engines.engine import Engine
from minecover.engines.registry import ENGINES
from minecover.planning.constants import Constants, cost_key
from minecover.planning.stage_cost import cost_of, surveys_of
from minecover.stages.registry import STAGES, tile_stages
from minecover.survey import Survey
from minecover.workflow.cost import Workload

__all__ = ["core_seconds", "engine_of", "first_seconds", "starts_of", "workers_of"]


def engine_of(stage: str, survey: Survey) -> Engine:
    """Engine of a stage of tiles."""
    return ENGINES[STAGES[stage].engine(survey)]


def workers_of(stage: str, survey: Survey, tiles: int) -> int:
    """Count the processes that work on a stage at once."""
    if stage not in tile_stages(survey) or engine_of(stage, survey).alone:
        return 1
    return min(survey.engine.workers, tiles)


def starts_of(stage: str, survey: Survey, work: Workload) -> int:
    """Count how often what a stage needs once is needed: by every worker, or every training."""
    if stage in tile_stages(survey):
        return workers_of(stage, survey, work.tiles)
    return cost_of(stage).starts(survey, work)


def core_seconds(stage: str, survey: Survey, work: Workload, constants: Constants) -> float:
    """Estimate the core-seconds of a stage.

    Features that are not kept take the stages that read them as long as stored ones: a tile of 256
    pixels, 45 of 112 layers, took 0.27 s to compute from the cube and 0.25 s to read, a patch of
    17 pixels 9 and 12 ms.
    """
    of, models = cost_of(stage), surveys_of(stage, survey)
    seconds = constants.costs["dissimilarity"].rate * of.compared(survey, work)
    for one in models:
        epochs = one.model.for_samples(work.points).all_epochs
        own = work if len(models) == 1 else replace(work, epochs=epochs)
        cost = constants.cost(cost_key(stage, one))
        seconds += starts_of(stage, one, own) * cost.fixed + cost.rate * of.units(one, own)
    for more in of.further(survey, work):
        seconds += more.times * core_seconds("train", more.survey, more.work, constants)
    return seconds


def first_seconds(stage: str, survey: Survey, constants: Constants) -> float:
    """Estimate the core-seconds that a stage spends once."""
    return sum(constants.cost(cost_key(stage, one)).fixed for one in surveys_of(stage, survey))
