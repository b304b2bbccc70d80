"""Periods of a survey that have samples: the model is made from these alone."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache

from minecover.samples.classes import LandUseClass
from minecover.samples.points import labelled_periods
from minecover.samples.settings import SampleSettings
from minecover.storage.location import content_digest
from minecover.workflow.stage import Workspace

__all__ = ["labelled_in"]


def labelled_in(workspace: Workspace) -> tuple[str, ...]:
    """Name the periods that have samples: the model is made from these; none without periods."""
    survey = workspace.survey
    if not survey.periods or not survey.samples.paths:
        return ()
    advice = "give the file of labelled points"
    content = [content_digest(path, "samples.path", advice) for path in survey.samples.paths]
    spans = tuple(survey.spans.items())
    return _labelled(tuple(content), survey.samples, survey.classes, spans)


@lru_cache(maxsize=8)
def _labelled(
    content: tuple[str, ...],
    samples: SampleSettings,
    classes: tuple[LandUseClass, ...],
    spans: tuple[tuple[str, tuple[dt.date, dt.date]], ...],
) -> tuple[str, ...]:
    """Read the periods of samples; `content`: digests of their files, by which it is remembered."""
    del content
    return labelled_periods(samples, classes, dict(spans))
