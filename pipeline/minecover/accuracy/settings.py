"""Settings of the assessment."""

from __future__ import annotations

from pydantic import Field

from minecover.settings import Section

__all__ = ["AssessmentSettings"]


class AssessmentSettings(Section):
    """How accuracy is measured."""

    folds: int = Field(
        1,
        ge=1,
        description="folds of each split that are trained without and tested on; "
        "more take longer and make the estimate surer; at most samples.folds",
    )
    areas: bool = Field(
        False,
        description="also train without whole areas, as many as samples.folds, and test on them: "
        "what to expect on ground far from any sample",
    )
