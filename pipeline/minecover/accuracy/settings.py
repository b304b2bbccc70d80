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
    sets: float | None = Field(
        None,
        ge=0.5,
        lt=1,
        description="share of the points of each class that the sets of classes are to hold which "
        "a pixel may be of, as 0.9: found from the points held out by blocks, and published as "
        "the number of classes (`sets.tif`); null: none",
    )
