"""What stages say of their cost, and what is assumed of those that say nothing."""

from __future__ import annotations

from collections.abc import Sequence

from minecover.models.lookup import voters_of
from minecover.stages.registry import STAGES
from minecover.survey import Survey
from minecover.workflow.cost import StageCost

__all__ = ["UNKNOWN", "cost_of", "silent_stages", "surveys_of"]

UNKNOWN = StageCost(units=lambda survey, work: 0.0, volume=lambda survey, volumes: (0.0, 0.0))
"""Of a stage that says nothing: its work is not in the plan, which says so."""


def cost_of(stage: str) -> StageCost:
    """How a stage's work grows with the survey."""
    return STAGES[stage].cost or UNKNOWN


def surveys_of(stage: str, survey: Survey) -> tuple[Survey, ...]:
    """Give a survey for each model that a stage takes: of those that vote each costs by itself."""
    models = voters_of(survey.model)
    if len(models) == 1 or not cost_of(stage).by_model:
        return (survey,)
    return tuple(survey.replace(model=one) for one in models)


def silent_stages(names: Sequence[str]) -> list[str]:
    """Name the stages that do not say what they take."""
    return [name for name in names if STAGES[name].cost is None]
