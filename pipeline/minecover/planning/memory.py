"""Highest resident memory of a worker."""

from __future__ import annotations

from minecover.models.lookup import kind_of
from minecover.planning.constants import Constants, cost_key, shipped
from minecover.planning.costs import engine_of
from minecover.planning.stage_cost import cost_of, surveys_of
from minecover.sources.registry import sources_of
from minecover.sources.source import cube_layers
from minecover.stages.registry import tile_stages
from minecover.survey import Survey

__all__ = ["layers_mib", "model_mib", "worker_memory"]


def layers_mib(survey: Survey) -> float:
    """MiB of the layers of one whole tile, of the cube or of the features, which are more."""
    layers = max(
        len(cube_layers(sources_of(survey.sources), survey.seasons)),
        len(survey.feature_catalogue().names),
    )
    return layers * survey.grid.tile**2 * 4 / 2**20


def model_mib(stage: str, survey: Survey) -> float:
    """MiB of a model and of the block that it reads, in the stage that does; else 0."""
    if not cost_of(stage).reads_model:
        return 0.0
    layers, model = len(survey.feature_catalogue().names), survey.model
    return kind_of(model).reading_memory(model, layers, len(survey.classes))


def worker_memory(survey: Survey, constants: Constants, *stages: str) -> float:
    """Highest resident MiB of one process that works on tiles of `stages`, by default of all."""
    return max(_stage_memory(survey, constants, stage) for stage in stages or tile_stages(survey))


def _stage_memory(survey: Survey, constants: Constants, stage: str) -> float:
    """Of a worker of a cluster as shipped: `calibrate` maps its districts in one process."""
    engine = engine_of(stage, survey)
    keys = {cost_key(stage, one) for one in surveys_of(stage, survey)}
    keys = keys if engine.alone else {f"{stage}:{engine.name}"}
    known = constants if keys <= constants.memory.keys() else shipped()
    memory = max(known.memory_of(key).of(layers_mib(survey)) for key in keys)
    memory += model_mib(stage, survey)
    if cost_of(stage).reads_features and not survey.features.are_stored:
        # computed in the same process
        memory += known.memory_of("features").slope * layers_mib(survey)
    return memory
