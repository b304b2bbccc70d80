"""What a survey says of stages of other packages."""

from __future__ import annotations

from minecover.errors import SurveyError
from minecover.registry import registry_at
from minecover.settings import Section

__all__ = ["stage_settings"]


def stage_settings(name: str, given: object) -> Section:
    """Validate what a survey says of a stage of another package.

    Raises
    ------
    ValueError
        There is no such stage, it has no such settings, or it is one of this package, which runs
        anyway.
    """
    stages = registry_at("minecover.stages.registry:STAGES")
    if stages.is_own(name):
        raise ValueError(f"{name} is a stage of every survey; take it out")
    try:
        kind = stages[name].settings or Section
    except SurveyError as error:
        raise ValueError(str(error)) from error
    settings: Section = given if isinstance(given, kind) else kind.model_validate(given or {})
    return settings
