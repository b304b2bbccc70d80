"""A carried model trained anew: on the samples it came with, and on those of another survey.

A few new samples are heard beside many: of each class they weigh as much together as those that
came, but none more than five of these.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import safetensors.numpy

from minecover.accuracy.blocks import apart_from
from minecover.arrays import BoolArray, Float32Array, Float64Array, Int64Array
from minecover.engines.report import Report, named
from minecover.errors import DataError, StoreError, SurveyError
from minecover.models.class_shares import learned_counts, moved_to_ground
from minecover.models.classifier import Classifier, read_arrays
from minecover.models.data import ModelInputs, TrainingData
from minecover.models.lookup import kind_of
from minecover.models.origin import Origin
from minecover.models.settings import ModelSettings
from minecover.models.tuning import tune_and_train
from minecover.samples.sample_set import SampleSet
from minecover.stages.features import open_features
from minecover.stages.fitting import applicability_of, checkpoints, learning_session
from minecover.stages.left_out import left_out_at
from minecover.stages.select import read_selection
from minecover.storage.names import FEATURES_RASTER, MODEL_FOLDER, REGIONS_FILE
from minecover.storage.store import Layers, Store
from minecover.survey import Survey
from minecover.survey.carried import carried_origin, origin_of, source_store
from minecover.survey.model_inputs import model_inputs
from minecover.validation.carried_points import CarriedPoints
from minecover.validation.refined import RefinedPoints
from minecover.workflow.stage import StageContext, Workspace

__all__ = [
    "HeldOut",
    "check_samples_there",
    "held_out_probabilities",
    "joint_samples",
    "keep_retrained",
    "retrained_without_folds",
]

CARRY_AGAIN = "carry the model again: `minecover carry --again`, then run"

HELD_OUT_FILE = f"{MODEL_FOLDER}carried_points.safetensors"
"""What models that were trained anew without a fold gave the points of that fold."""

LEARNED_FILE = f"{MODEL_FOLDER}learned_samples.safetensors"
"""Patches, codes and folds of the samples that a model was trained anew with, of all surveys."""

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
        settings, data = _as_learned(survey.model), self._weighed
        return tune_and_train(settings, survey.engine, data, self.folds, folder, report)[0]

    def learned(self, settings: ModelSettings) -> Float64Array:
        """(class,) samples that a model learns from, as they weigh."""
        weighted = kind_of(settings).weighted
        return learned_counts(_as_learned(settings), self._weighed, weighted=weighted)

    @property
    def _weighed(self) -> TrainingData:
        return replace(self.data, weights=balanced(self.data.labels, self.here))


def _as_learned(settings: ModelSettings) -> ModelSettings:
    """Leave the probabilities where training has them: they are compared before they are moved."""
    return settings.replace(prior_shift=0.0, class_shares=None)


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Points that models trained anew without their folds read, (point, class) each.

    Attributes
    ----------
    as_learned
        Probabilities as training has them.
    plain
        Moved to the shares of the ground, where the survey says so.
    on_map
        As the map has them: smoothed, too, where it is.
    """

    as_learned: Float32Array
    plain: Float32Array
    on_map: Float32Array


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
    origin, source = carried_origin(survey), source_store(survey)
    inputs = model_inputs(survey, origin.layers, origin.layers)
    if source.read(LEARNED_FILE) is not None:  # that of a survey to which it was carried
        count = sum(origin.points.values())
    else:
        count = len(samples_there(survey, inputs))
        if inputs.window > 1:
            _features_there(survey)
    return f"model: trained anew with the {count} samples that it came with"


def retrained_without_folds(
    context: StageContext, points: CarriedPoints, joint: JointSamples, around: RefinedPoints
) -> HeldOut:
    """Train a model anew without each spatial fold of the points, and read that fold.

    Points nearer to it than what is read of a point reaches are not learned from either.

    Parameters
    ----------
    context
        Of the stage.
    points
        Of this survey.
    joint
        These with those that the model came with.
    around
        What the map looks at around the points.
    """
    survey, table = context.workspace.survey, points.samples.table
    parts = [np.empty_like(points.probabilities) for _ in range(3)]
    reach, there = joint.data.window + around.halo, int((~joint.here).sum())
    with learning_session(survey), checkpoints(context.workspace) as folder:
        for fold in np.unique(points.folds):
            test = np.asarray(points.folds == fold)
            part = joint.part(np.append(np.ones(there, bool), apart_from(table, test, reach)))
            report = named(context.report, f"without fold {fold}")
            classifier = part.trained(survey, folder, report)
            moved = moved_to_ground(classifier, survey.model, part.learned(survey.model))
            patches = joint.data.patches[joint.here][test]
            parts[0][test] = classifier.predict_centres(patches)
            parts[1][test] = moved.predict_centres(patches)
            parts[2][test] = around.part(test).read(moved)
    return HeldOut(*parts)


def keep_retrained(context: StageContext, joint: JointSamples, held_out: HeldOut) -> None:
    """Train a model anew on all samples, in the place of the one that came; `model/`.

    The samples lie beside it, so that it can be trained anew where it is carried to from here.

    Parameters
    ----------
    context, joint
        As for `retrained_without_folds`.
    held_out
        What that gave.
    """
    workspace, store, survey = context.workspace, context.workspace.store, context.workspace.survey
    with learning_session(survey), checkpoints(workspace) as folder:
        classifier = joint.trained(survey, folder, context.report)
    for key in sorted({*store.names(MODEL_FOLDER)} - {REGIONS_FILE}):
        store.remove(key)
    moved_to_ground(classifier, survey.model, joint.learned(survey.model)).save(store)
    applicability_of(joint.data, read_selection(workspace), joint.folds).save(store)
    read = {"plain": held_out.plain, "on_map": held_out.on_map}
    store.write(HELD_OUT_FILE, safetensors.numpy.save(read))
    codes = np.array(joint.data.classes)[joint.data.labels]
    # safetensors writes bytes as they lie in memory
    patches = np.ascontiguousarray(joint.data.patches)
    learned = {"patches": patches, "codes": codes, "folds": joint.folds}
    store.write(LEARNED_FILE, safetensors.numpy.save(learned))
    _origin_of(survey, joint).save(store)


def _origin_of(survey: Survey, joint: JointSamples) -> Origin:
    """Say what a model was made of that was trained anew here."""
    came, data = carried_origin(survey), joint.data
    counts = dict(zip(data.classes, np.bincount(data.labels).tolist(), strict=True))
    weights = dict(zip(data.classes, joint.learned(survey.model).tolist(), strict=True))
    total = sum(weights.values())
    points = {name: counts.get(code, 0) for name, code in survey.class_codes.items()}
    shares = {name: weights.get(code, 0.0) / total for name, code in survey.class_codes.items()}
    own = origin_of(survey, data.layers, points, came.texture_range)
    return replace(own, shares=shares).moved(survey.model, data.classes)


def held_out_probabilities(store: Store) -> tuple[Float32Array, Float32Array]:
    """Read what `keep_retrained` wrote of the points that were held out: plain, and on the map.

    Raises
    ------
    StoreError
        It is not there, or damaged.
    """
    read = read_arrays(store, HELD_OUT_FILE, ("plain", "on_map"), CARRY_AGAIN)
    return read["plain"], read["on_map"]


@dataclass(frozen=True, eq=False)
class _Learned:
    """Samples that a model learned from where it comes from: patches, classes and folds."""

    patches: Float32Array
    codes: Int64Array
    folds: Int64Array


def _learned_there(survey: Survey, inputs: ModelInputs) -> _Learned:
    """Read the samples beside a model that was trained anew, or cut those of its survey."""
    source = source_store(survey)
    if source.read(LEARNED_FILE) is not None:
        names = ("patches", "codes", "folds")
        return _Learned(**read_arrays(source, LEARNED_FILE, names, CARRY_AGAIN))
    there = samples_there(survey, inputs)
    patches = there.patches(inputs.layers, inputs.window, partial(_features_there, survey))
    return _Learned(patches, there.codes, there.folds("block").fold)


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
    there, here = _learned_there(survey, inputs), points.samples
    features = partial(open_features, workspace.store, survey)
    patches = [there.patches, here.patches(inputs.layers, inputs.window, features)]
    codes = np.concatenate([there.codes, here.codes])
    classes = tuple(survey.class_codes.values())
    return JointSamples(
        TrainingData.labelled(np.concatenate(patches), codes, inputs, classes),
        np.concatenate([there.folds, points.folds]),
        np.repeat([False, True], [len(there.codes), len(here)]),
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
