"""A carried model trained anew: on the samples it came with, and on those of another survey.

A few new samples are heard beside many: of each class they weigh as much together as those that
came, but none more than five of these.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy

from minecover.accuracy.blocks import apart_from
from minecover.arrays import BoolArray, Float32Array, Int64Array
from minecover.engines.report import Report, named
from minecover.errors import DataError, StoreError, SurveyError
from minecover.models.classifier import Classifier, read_object
from minecover.models.data import ModelInputs, TrainingData
from minecover.models.tuning import tune_and_train
from minecover.samples.sample_set import SampleSet
from minecover.stages.features import open_features
from minecover.stages.fitting import applicability_of, checkpoints, learning_session
from minecover.stages.left_out import left_out_at
from minecover.stages.select import read_selection
from minecover.storage.names import FEATURES_RASTER, MODEL_FOLDER, ORIGIN_FILE, REGIONS_FILE
from minecover.storage.store import Layers, Store
from minecover.survey import Survey
from minecover.survey.carried import carried_origin, source_store
from minecover.survey.model_inputs import model_inputs
from minecover.validation.carried_points import CarriedPoints
from minecover.workflow.stage import StageContext, Workspace

__all__ = [
    "check_samples_there",
    "held_out_probabilities",
    "joint_samples",
    "keep_retrained",
    "retrained_without_folds",
    "retrains",
]

HELD_OUT_FILE = f"{MODEL_FOLDER}carried_points.safetensors"
"""What models that were trained anew without a fold gave the points of that fold."""

PROBABILITIES = "probabilities"

MOST = 5.0
"""Weight of a new sample, at most: by more, one or three of a class were too loud."""


@dataclass(frozen=True, eq=False)
class JointSamples:
    """Samples of two surveys, from which one model learns.

    Attributes
    ----------
    data
        Those of the survey that trained, then those of this one.
    folds
        (sample,) spatial fold of each in its own survey.
    here
        (sample,) whether it is of this survey.
    """

    data: TrainingData
    folds: Int64Array
    here: BoolArray

    def part(self, use: BoolArray) -> JointSamples:
        """Take some of the samples."""
        return JointSamples(self.data.part(use), self.folds[use], self.here[use])

    def trained(self, survey: Survey, folder: Path, report: Report) -> Classifier:
        """Train a model on all of them, as the survey's `model` says."""
        data = replace(self.data, weights=balanced(self.data.labels, self.here))
        return tune_and_train(survey.model, survey.engine, data, self.folds, folder, report)[0]


def balanced(labels: Int64Array, here: BoolArray) -> Float32Array:
    """Weigh the samples of one survey so that of each class they weigh as much as the other's.

    But none weighs more than `MOST`.

    Parameters
    ----------
    labels
        (sample,) positions of their classes.
    here
        (sample,) whether a sample is of the survey whose samples are weighed.

    Returns
    -------
    (sample,) weights; 1 where it is of the other survey.
    """
    counts = [np.bincount(labels[part], minlength=labels.max() + 1) for part in (~here, here)]
    factor = np.minimum(counts[0] / np.maximum(counts[1], 1), MOST).astype(np.float32)
    return np.where(here, factor[labels], np.float32(1.0))


def retrains(survey: Survey) -> bool:
    """Tell whether a survey trains the model anew that is carried to it."""
    model = survey.model
    return (
        model.carried_from is not None
        and model.adaptation == "retrain"
        and bool(survey.samples.paths)
    )


def samples_there(survey: Survey, inputs: ModelInputs) -> SampleSet:
    """Read the samples that the carried model learned from.

    Raises
    ------
    SurveyError
        The store that it comes from does not have them.
    """
    source, origin = source_store(survey), carried_origin(survey)
    samples = SampleSet.read(source)
    complete = np.zeros(len(samples), dtype=bool)
    if set(inputs.layers) <= set(samples.layers):
        complete = samples.is_complete(inputs.layers) & ~left_out_at(source, samples)
    if int(complete.sum()) != sum(origin.points.values()):
        raise SurveyError(
            f"model.adaptation: retrain, and {source.url} has {complete.sum()} of the "
            f"{sum(origin.points.values())} samples that the model learned from, in survey "
            f"{origin.survey!r}; give the store of that survey as model.carried_from, or "
            "model.adaptation: recalibrate"
        )
    return samples.part(complete)


def check_samples_there(survey: Survey) -> str:
    """Say on how many samples a model will be trained anew beside those of the survey.

    Raises
    ------
    SurveyError, DataError
        They are missing, or what lies around them.
    """
    layers = carried_origin(survey).layers
    inputs = model_inputs(survey, layers, layers)
    count = len(samples_there(survey, inputs))
    if inputs.window > 1:
        _features_there(survey)
    return f"model: trained anew with the {count} samples that it came with"


def retrained_without_folds(
    context: StageContext, points: CarriedPoints, joint: JointSamples
) -> Float32Array:
    """Train a model anew without each spatial fold of the points, and read that fold.

    Points nearer to it than a patch is wide are not learned from either.

    Parameters
    ----------
    context
        Of the stage.
    points
        Of this survey.
    joint
        These with those that the model came with.

    Returns
    -------
    (point, class) probabilities, as in `points`.
    """
    workspace, out = context.workspace, np.empty_like(points.probabilities)
    table, window = points.samples.table, joint.data.window
    with learning_session(workspace.survey), checkpoints(workspace) as folder:
        for fold in np.unique(points.folds):
            test = np.asarray(points.folds == fold)
            use = np.append(
                np.ones(int((~joint.here).sum()), bool), apart_from(table, test, window)
            )
            report = named(context.report, f"without fold {fold}")
            classifier = joint.part(use).trained(workspace.survey, folder, report)
            out[test] = classifier.predict_centres(joint.data.patches[joint.here][test])
    return out


def keep_retrained(context: StageContext, joint: JointSamples, held_out: Float32Array) -> None:
    """Train a model anew on all samples, in the place of the one that came; `model/`.

    Parameters
    ----------
    context, joint
        As for `retrained_without_folds`.
    held_out
        What that gave.
    """
    workspace, store = context.workspace, context.workspace.store
    with learning_session(workspace.survey), checkpoints(workspace) as folder:
        classifier = joint.trained(workspace.survey, folder, context.report)
    for key in sorted({*store.names(MODEL_FOLDER)} - {ORIGIN_FILE, REGIONS_FILE}):
        store.remove(key)
    classifier.save(store)
    applicability_of(joint.data, read_selection(workspace), joint.folds).save(store)
    store.write(HELD_OUT_FILE, safetensors.numpy.save({PROBABILITIES: held_out}))


def held_out_probabilities(store: Store) -> Float32Array:
    """Read what `keep_retrained` wrote of the points that were held out.

    Raises
    ------
    StoreError
        It is not there, or damaged.
    """
    try:
        read: Float32Array = safetensors.numpy.load(read_object(store, HELD_OUT_FILE))[
            PROBABILITIES
        ]
    except (KeyError, safetensors.SafetensorError) as error:
        raise StoreError(
            f"{store.url}/{HELD_OUT_FILE}: damaged ({error}); carry the model again: "
            "`minecover carry --again`, then run"
        ) from error
    return read


def joint_samples(workspace: Workspace, points: CarriedPoints) -> JointSamples:
    """Cut patches around the samples of both surveys.

    Raises
    ------
    SurveyError
        Samples that the model learned from are missing.
    DataError
        Patches around them cannot be cut.
    """
    survey, layers = workspace.survey, points.classifier.layers
    inputs = model_inputs(survey, layers, layers)
    there, here = samples_there(survey, inputs), points.samples
    patches = (
        there.patches(inputs.layers, inputs.window, partial(_features_there, survey)),
        here.patches(inputs.layers, inputs.window, partial(open_features, workspace.store, survey)),
    )
    codes = np.concatenate([there.codes, here.codes])
    classes = tuple(survey.class_codes.values())
    return JointSamples(
        TrainingData.labelled(np.concatenate(patches), codes, inputs, classes),
        np.concatenate([there.folds("block").fold, points.folds]),
        np.repeat([False, True], [len(there), len(here)]),
    )


def _features_there(survey: Survey, period: str | None = None) -> Layers:
    """Open the features of the survey that trained, in a period or the only one."""
    source = source_store(survey)
    try:
        return source.layers(FEATURES_RASTER, period)
    except StoreError as error:
        raise DataError(
            f"model.adaptation: retrain, and the features around the samples of {source.url} are "
            f"not stored ({error}); run that survey with features.keep: all, or give "
            "model.adaptation: recalibrate"
        ) from error
