"""Points whose labels are too doubtful to teach, of all points or of those outside a fold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from minecover.arrays import Int64Array
from minecover.engines.threads import limited_threads
from minecover.label_noise.left_out import JudgedLabels, judge_labels
from minecover.samples.sample_set import SampleSet
from minecover.survey import Survey
from minecover.validation.holdout import Holdout

__all__ = ["judge_samples", "places_of_classes", "without_doubtful"]


def judge_samples(survey: Survey, samples: SampleSet, layers: tuple[str, ...]) -> JudgedLabels:
    """Judge the labels of points by what a model reads at them, which is complete.

    Raises
    ------
    DataError
        Without a fold of blocks all points are of one class.
    """
    with limited_threads(1):  # of libraries: by more, distances might be rounded otherwise
        return judge_labels(
            samples.values(layers),
            places_of_classes(survey, samples),
            samples.folds("block").fold,
            samples.blocks,
            seed=survey.model.seed,
            threads=survey.engine.cores,
        )


def without_doubtful(survey: Survey, holdout: Holdout, layers: tuple[str, ...]) -> Holdout:
    """Have a model not learn from doubtful labels, where the survey says so.

    Labels are judged among the points that are learned from alone. All that are held out stay.

    Parameters
    ----------
    survey
        Its `model.doubtful_labels`.
    holdout
        Points of a region, some of them held out.
    layers
        That the model reads.
    """
    if survey.model.doubtful_labels == "keep":
        return holdout
    training = holdout.training & holdout.samples.is_complete(layers)
    judged = judge_samples(survey, holdout.samples.part(training), layers)
    training[training] = ~judged.left_out
    return replace(holdout, training=training)


def places_of_classes(survey: Survey, samples: SampleSet) -> Int64Array:
    """(point,) places of the points' classes among those of the survey."""
    place = {code: number for number, code in enumerate(survey.class_codes.values())}
    return np.array([place[code] for code in samples.codes.tolist()], dtype=np.int64)
