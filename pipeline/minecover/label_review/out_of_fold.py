"""Probabilities of every point by models that were trained without its spatial fold."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from minecover.arrays import Float64Array
from minecover.engines.report import Report, TasksReport, unreported
from minecover.models.data import ModelInputs
from minecover.models.settings import ModelSettings
from minecover.models.training import train
from minecover.samples.sample_set import OpenFeatures, SampleSet
from minecover.survey import Survey
from minecover.validation.holdout import Holdout, buffer_of, over_classes

__all__ = ["out_of_fold"]


def out_of_fold(
    survey: Survey,
    samples: SampleSet,
    model: ModelSettings,
    inputs: ModelInputs,
    features: OpenFeatures,
    folder: Path,
    report: Report = unreported,
) -> Float64Array:
    """Read each point by a model of its region that saw neither it nor what lies in its patch.

    Parameters
    ----------
    survey
        Whose classes and engine these are.
    samples
        All points, with the folds of the survey's blocks.
    model
        That is trained, once for each fold and region.
    inputs
        What it reads.
    features
        What patches are cut from.
    folder
        For checkpoints.
    report
        Is told how many models are trained.

    Returns
    -------
    (point, class) in the order of the survey's classes, 0 for a class that the training lacked; NaN
    at points that lack one of the layers.

    Raises
    ------
    DataError
        Without a fold all points of a region are of one class.
    """
    classes = tuple(survey.class_codes.values())
    out = np.full((len(samples), len(classes)), np.nan)
    folds, buffer = samples.folds("block"), buffer_of("block", inputs.window)
    holdouts = (Holdout.of_fold(samples, folds, fold, buffer) for fold in range(folds.count))
    parts = [part for holdout in holdouts for _, part in holdout.regions() if part.test.any()]
    done = TasksReport(report, len(parts), "models trained without a fold")
    for part in parts:
        data = part.data(inputs, classes, features)
        classifier, _ = train(model, survey.engine, data.training, None, folder, done.of(part.name))
        read = data.probabilities(classifier)
        out[data.rows] = over_classes(read, classifier.classes, classes)
        done.count()
    return out
