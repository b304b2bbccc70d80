"""The stages of a survey by name, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minecover.errors import SurveyError
from minecover.registry import Registry

if TYPE_CHECKING:
    from minecover.survey import Survey
    from minecover.workflow.stage import Stage

__all__ = [
    "PURPOSES",
    "STAGES",
    "map_stage",
    "purposes",
    "stage_names",
    "stages_of",
    "tile_stages",
]

STAGES: Registry[Stage] = Registry(
    "stage",
    "minecover.stages",
    "minecover.workflow.stage:Stage",
    {
        "catalog": "minecover.stages.catalog:CATALOG",
        "cube": "minecover.stages.cube:CUBE_STAGE",
        "features": "minecover.stages.features:FEATURES",
        "pretrain": "minecover.stages.pretrain:PRETRAIN",
        "samples": "minecover.stages.samples:SAMPLES",
        "select": "minecover.stages.select:SELECT",
        "train": "minecover.stages.train:TRAIN",
        "carry": "minecover.stages.carry:CARRY",
        "predict": "minecover.stages.predict:PREDICT",
        "assess": "minecover.stages.assess:ASSESS",
        "relearn": "minecover.stages.relearn:RELEARN",
        "combine": "minecover.stages.combine:COMBINE",
        "publish": "minecover.stages.publish:PUBLISH",
    },
)
"""In the order in which they run; those of other packages run after the stage that they name."""

COMBINE = "combine"
"""The one that only surveys of periods have."""

RELEARN = "relearn"
"""The one of surveys of periods that are read once more by a network."""

PRETRAIN = "pretrain"
"""The one of surveys whose model learns without labels first."""

CARRY, LEARNING = "carry", ("select", "train")
"""The one of surveys with another's model, and those that they have not."""

PURPOSES = {
    "catalog": "look up the items and freeze them into the manifest",
    "cube": "read, mask and harmonise the items and compose the seasons",
    "features": "compute indices, tasselled cap, texture and terrain",
    "pretrain": "have the model's network learn from the features of the area, without labels",
    "samples": "read the labelled points and divide them into folds",
    "select": "rank the layers by Relief-F and random forest and choose",
    "train": "train the classifier",
    "carry": "take the model of another survey, and adapt it to samples of this one",
    "predict": "classify every pixel, with probabilities and entropy",
    "assess": "measure the accuracy by random split, by spatial blocks and, if asked, by areas",
    "relearn": "have a network that reads all periods together learn from their maps",
    "combine": "combine the readings of all periods into maps where nothing flickers",
    "publish": "write map, polygons, STAC item and report",
}
"""What the stages of this package do; here, so that `--help` need not import them."""


def map_stage(survey: Survey) -> str:
    """Name the stage that makes a survey's map."""
    return COMBINE if survey.combines_periods else "predict"


def purposes() -> dict[str, str]:
    """Say what every stage does, by name; those of other packages last."""
    return PURPOSES | {name: _purpose(name) for name in STAGES.names() if not STAGES.is_own(name)}


def _purpose(name: str) -> str:
    """Say what a stage of another package does; one that is broken must not stop every command."""
    try:
        return STAGES[name].purpose
    except SurveyError as error:
        return f"cannot be used: {error}"


def stage_names(survey: Survey) -> tuple[str, ...]:
    """Names of the stages of a survey in order, without importing those of this package.

    Raises
    ------
    SurveyError
        A stage of another package follows one that the survey does not have.
    """
    names = [name for name in STAGES.own_names() if _has(survey, name)]
    for name in survey.stages:
        after = STAGES[name].after
        if after not in names:
            raise SurveyError(
                f"stages.{name}: it runs after {after!r}, which this survey does not have; "
                f"it has {', '.join(names)}"
            )
        names.insert(names.index(after) + 1, name)
    return tuple(names)


def _has(survey: Survey, name: str) -> bool:
    """Tell whether a survey has a stage of this package."""
    carried = survey.model.carried_from is not None
    if name == COMBINE:
        return survey.combines_periods
    if name == RELEARN:
        return survey.reads_again
    if name == PRETRAIN:
        return survey.model.pretraining is not None
    if name == "samples":
        return bool(survey.samples.paths)
    return carried if name == CARRY else not (carried and name in LEARNING)


def stages_of(survey: Survey) -> tuple[Stage, ...]:
    """Stages of a survey in order."""
    return tuple(STAGES[name] for name in stage_names(survey))


def tile_stages(survey: Survey) -> tuple[str, ...]:
    """Names of the stages that a survey works on tile by tile, in order."""
    return tuple(stage.name for stage in stages_of(survey) if stage.has_tiles(survey))
