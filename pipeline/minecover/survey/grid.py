"""The grid of a survey."""

from __future__ import annotations

from minecover.geography.grid import Grid, area_grid
from minecover.survey.document import Survey

__all__ = ["survey_grid"]


def survey_grid(survey: Survey) -> Grid:
    """Lay the survey's grid over its area; see `geography.grid.area_grid`."""
    return area_grid(survey.area, survey.grid)
