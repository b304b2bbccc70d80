"""The stage that takes the model of another survey, and adapts it to samples of this one."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from minecover.accuracy.calibration import (
    Recalibration,
    cross_fitted,
    fit_recalibration,
    log_loss,
)
from minecover.arrays import Float32Array, Float64Array
from minecover.errors import DataError
from minecover.models.lookup import fingerprint_settings, foreign_modules, load_classifier
from minecover.models.origin import Origin
from minecover.models.recalibrated import RecalibratedClassifier
from minecover.samples.sample_set import SampleSet
from minecover.stages.features import open_features
from minecover.stages.labelled import labelled_in
from minecover.stages.registry import PURPOSES
from minecover.stages.retraining import (
    check_samples_there,
    held_out_probabilities,
    joint_samples,
    keep_retrained,
    retrained_without_folds,
    retrains,
)
from minecover.storage.canonical_json import Json
from minecover.storage.names import MODEL_FOLDER, SELECTION_FILE
from minecover.storage.store import Store
from minecover.survey.carried import carried_origin, source_fingerprint, source_store
from minecover.validation.carried_points import CarriedPoints
from minecover.workflow.cost import StageCost
from minecover.workflow.progress import Facts
from minecover.workflow.stage import Remark, Stage, StageContext, Workspace

__all__ = ["CARRY", "adapted_probabilities", "carried_points", "carry_model"]


def carry_model(context: StageContext) -> Facts:
    """Copy the model with its choice of layers and its samples; recalibrate it where that helps."""
    workspace = context.workspace
    survey, store = workspace.survey, workspace.store
    origin, source = carried_origin(survey), source_store(survey)
    store.delete(MODEL_FOLDER)
    for key in sorted([*source.names(MODEL_FOLDER), SELECTION_FILE]):
        _copy(source, store, key)
    facts: Facts = {"from": origin.survey, "chosen": list(origin.layers)}
    if not survey.samples.paths or survey.model.adaptation == "none":
        return facts
    return facts | _adapt(context)


def _copy(source: Store, store: Store, key: str) -> None:
    data = source.read(key)
    if data is None:
        raise DataError(f"{source.url}/{key}: missing; run `minecover train` with its survey")
    store.write(key, data)


def _adapt(context: StageContext) -> Facts:
    """Adapt the model, where points of other blocks become more likely by that."""
    points = carried_points(context.workspace)
    joint = None
    if retrains(context.workspace.survey):
        joint = joint_samples(context.workspace, points)
        crossed = retrained_without_folds(context, points, joint)
    else:
        crossed = cross_fitted(points.probabilities, points.labels, points.folds, points.shift)
    as_here = Recalibration(1.0, tuple(points.shift.tolist()))  # as frequent as among the points
    before, after = (
        round(log_loss(as_here.apply(read), points.labels), 6)
        for read in (points.probabilities, crossed)
    )
    facts: Facts = {
        "adapted": after < before,
        "points": len(points.labels),
        "log_loss": {"as_it_came": before, "recalibrated" if joint is None else "retrained": after},
    }
    if not facts["adapted"]:
        return facts
    if joint is not None:
        keep_retrained(context, joint, crossed)
        return facts
    return facts | _keep_recalibrated(context.workspace, points)


def _keep_recalibrated(workspace: Workspace, points: CarriedPoints) -> Facts:
    """Fit to all points, and save beside the model what becomes of its probabilities."""
    found = fit_recalibration(points.probabilities, points.labels, points.shift)
    came, known = points.classifier, found
    if isinstance(points.classifier, RecalibratedClassifier):  # where it came from, too
        came, known = points.classifier.base, found.after(points.classifier.recalibration)
    RecalibratedClassifier(came, known).save(workspace.store)
    return {"temperature": found.temperature, "biases": _by_class(workspace, found)}


def adapted_probabilities(workspace: Workspace, points: CarriedPoints) -> Float32Array:
    """Give what a model that was adapted to points of other folds makes of the points."""
    if workspace.survey.model.adaptation == "retrain":
        return held_out_probabilities(workspace.store)
    return cross_fitted(points.probabilities, points.labels, points.folds, points.shift)


def _by_class(workspace: Workspace, found: Recalibration) -> dict[str, Json]:
    return dict(zip(workspace.survey.class_codes, found.biases, strict=True))


def _learned(origin: Origin, classes: list[str]) -> Float64Array:
    """(class,) points that its probabilities take the model to have learned from."""
    points = np.array([origin.points[name] for name in classes], dtype=np.float64)
    if not origin.shares:
        return points
    shares = np.array([origin.shares[name] for name in classes], dtype=np.float64)
    return shares * float(points.sum())


def carried_points(workspace: Workspace) -> CarriedPoints:
    """Read the carried model, as it came, at the samples of the survey.

    Raises
    ------
    DataError
        No sample has a value in every layer that the model reads.
    """
    survey, store = workspace.survey, workspace.store
    # as it came, whatever the store's own has become
    classifier = load_classifier(source_store(survey)).with_reading(survey.model.reading)
    samples = SampleSet.read(store)
    readable = np.zeros(len(samples), dtype=bool)
    if set(classifier.layers) <= set(samples.layers):
        readable = samples.is_complete(classifier.layers)
    if not readable.any():
        raise DataError(
            "samples: none has a value in every layer that the carried model reads; give others, "
            "or fill gaps with features.fill: year"
        )
    part = samples.part(readable)
    features = partial(open_features, store, survey)
    patches = part.patches(classifier.layers, 2 * classifier.halo + 1, features)
    return CarriedPoints(
        classifier,
        np.flatnonzero(readable),
        part,
        classifier.predict_centres(patches),
        part.folds("block").fold,
        _learned(carried_origin(survey), list(survey.class_codes)),
    )


def _depends_on(workspace: Workspace) -> Json:
    model = workspace.survey.model
    retrained = [fingerprint_settings(model, "reading")] if model.adaptation == "retrain" else []
    return [source_fingerprint(workspace.survey), model.adaptation, model.reading, *retrained]


def _check(workspace: Workspace) -> Iterator[str]:
    """Check that the model fits the survey."""
    origin = carried_origin(workspace.survey)
    count = sum(origin.points.values())
    yield (
        f"model: {origin.kind} of survey {origin.survey}, trained on {count} points there; "
        f"{len(origin.layers)} layers"
    )
    if not workspace.survey.samples.paths:
        yield Remark(
            "model: carried, and the survey has no samples: its accuracy here will not be known"
        )
    elif retrains(workspace.survey):
        yield check_samples_there(workspace.survey)


CARRY = Stage(
    "carry",
    PURPOSES["carry"],
    _depends_on,
    carry_model,
    code=(
        "accuracy/calibration.py", "models", "prediction/applicability.py", "stages/carry.py",
        "stages/retraining.py", "stages/fitting.py", "stages/left_out.py", "survey/carried.py", "survey/model_inputs.py",
        "validation/carried_points.py",
    ),
    modules=lambda survey: foreign_modules(survey.model),
    check=_check,
    periods_read=labelled_in,
    cost=StageCost(
        units=lambda survey, work: float(work.points * work.chosen),
        volume=lambda survey, v: (v.point_chosen, 0.0),
        trains=retrains,
        learned=lambda survey, facts: {"chosen": len(facts["chosen"])},
    ),
)  # fmt: skip
"""Its result: `model/` and `selection.json`, those of the other survey, and what was adapted."""
