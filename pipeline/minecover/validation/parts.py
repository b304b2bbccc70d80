"""The accuracy of each region and of each period, of what was measured of all points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from minecover.accuracy.estimates import estimates
from minecover.samples.sample_set import SampleSet
from minecover.survey import Survey
from minecover.validation.assessed_points import AssessedPoints

__all__ = ["by_period", "by_region"]


def by_region(survey: Survey, results: Mapping[str, AssessedPoints]) -> dict[str, Any]:
    """Accuracy of each region by split; nothing where there is but one."""
    names = np.unique(np.concatenate([points.region for points in results.values()]))
    if len(names) == 1:
        return {}
    return {str(name): {split: _of_region(survey, points.part(points.region == name))
                        for split, points in results.items()} for name in names}  # fmt: skip


def by_period(
    survey: Survey, samples: SampleSet, results: Mapping[str, AssessedPoints]
) -> dict[str, Any]:
    """Accuracy of each period that has samples, by split; of the others nothing is known."""
    period = samples.periods
    found: dict[str, Any] = {}
    for split, points in results.items():
        for name in np.unique(period[points.rows]):
            part = points.part(period[points.rows] == name)
            found.setdefault(str(name), {})[split] = _of_region(survey, part)
    return found


def _of_region(survey: Survey, points: AssessedPoints) -> dict[str, Any]:
    there = set(points.reference) | set(points.mapped)
    codes = {name: code for name, code in survey.class_codes.items() if code in there}
    value = estimates(points.reference, points.mapped, codes).to_dict()
    kept = ("overall_accuracy", "kappa", "macro_f1", "samples")
    found = points.intervals(codes).to_dict(tuple(codes))
    return {**{key: value[key] for key in kept}, "intervals": found}
