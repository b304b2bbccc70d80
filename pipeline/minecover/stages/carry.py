"""The stage that takes the model of another survey, and adapts it to samples of this one."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from minecover.accuracy.calibration import (
    Recalibration,
    cross_fitted,
    fit_recalibration,
    gain_error,
    losses,
)
from minecover.arrays import BoolArray, Float32Array
from minecover.errors import DataError
from minecover.models.class_shares import moved_to_ground
from minecover.models.classifier import Classifier
from minecover.models.lookup import (
    fingerprint_settings,
    foreign_modules,
    kind_of,
    load_classifier,
)
from minecover.models.recalibrated import recalibrated_by
from minecover.samples.sample_set import SampleSet
from minecover.stages.features import open_features
from minecover.stages.labelled import labelled_in
from minecover.stages.learning_cost import retraining
from minecover.stages.registry import PURPOSES
from minecover.stages.retraining import (
    check_samples_there,
    joint_samples,
    keep_retrained,
    retrained_without_folds,
)
from minecover.storage.canonical_json import Json
from minecover.storage.names import MODEL_FOLDER, SELECTION_FILE
from minecover.storage.store import Store
from minecover.survey.carried import (
    carried_origin,
    retrains,
    source_fingerprint,
    source_store,
)
from minecover.validation.carried_points import CarriedPoints
from minecover.validation.learned_places import LearnedPlaces
from minecover.validation.refined import RefinedPoints
from minecover.workflow.cost import StageCost
from minecover.workflow.progress import Facts
from minecover.workflow.stage import Remark, Stage, StageContext, Workspace

__all__ = ["CARRY", "around", "carried_points", "carry_model", "known_to_model"]


def carry_model(context: StageContext) -> Facts:
    """Copy the model with its choice of layers and its samples, and adapt it to this survey."""
    workspace = context.workspace
    survey, store = workspace.survey, workspace.store
    origin, source = carried_origin(survey), source_store(survey)
    store.delete(MODEL_FOLDER)
    for key in sorted([*source.names(MODEL_FOLDER), SELECTION_FILE]):
        _copy(source, store, key)
    facts: Facts = {"from": origin.survey, "chosen": list(origin.layers)}
    if survey.samples.paths:
        facts["known"] = int(known_to_model(workspace, SampleSet.read(store)).sum())
    if survey.samples.paths and survey.model.adaptation != "none":
        facts |= _adapt(context)
    if survey.model.prior_shift and not facts.get("adapted"):
        _keep(workspace, load_classifier(source))
    return facts


def _copy(source: Store, store: Store, key: str) -> None:
    data = source.read(key)
    if data is None:
        raise DataError(f"{source.url}/{key}: missing; run `minecover train` with its survey")
    store.write(key, data)


def _adapt(context: StageContext) -> Facts:
    """Adapt the model, where points of other blocks become more likely by that."""
    workspace = context.workspace
    points = carried_points(workspace)
    if retrains(workspace.survey):
        joint = joint_samples(workspace, points)
        held_out = retrained_without_folds(context, points, joint, around(workspace, points))
        facts = _compared(points, held_out.as_learned, "retrained")
        if facts["adapted"]:
            keep_retrained(context, joint, held_out)
            learned_places(workspace, points).save(workspace.store)
        return facts
    # points are drawn by class: biases that suit them move the classes of the map to the worse
    read, labels, shift = points.probabilities, points.labels, points.shift
    crossed = cross_fitted(read, labels, points.folds, shift, biased=False)
    facts = _compared(points, crossed, "recalibrated", surely=True)
    if not facts["adapted"]:
        return facts
    found = fit_recalibration(read, labels, shift, biased=False)
    _keep(workspace, recalibrated_by(points.classifier, found))
    learned_places(workspace, points).save(workspace.store)
    return facts | {"temperature": found.temperature}


def _compared(
    points: CarriedPoints, crossed: Float32Array, name: str, *, surely: bool = False
) -> Facts:
    """Say whether points are more likely by a model adapted to others than as the model came.

    `surely`: by more than the standard error over the spatial blocks.
    """
    as_here = Recalibration(1.0, tuple(points.shift.tolist()))  # as frequent as among the points
    before, after = (
        losses(as_here.apply(read), points.labels) for read in (points.probabilities, crossed)
    )
    gain, count = before - after, len(points.labels)
    _, block = np.unique(points.samples.blocks, return_inverse=True)
    error = gain_error(np.bincount(block, gain).astype(np.float64)) / count
    means = (round(float(loss.mean()), 6) for loss in (before, after))
    return {
        "adapted": bool(gain.mean() > (error if surely else 0.0)),
        "points": count,
        "log_loss": dict(zip(("as_it_came", name), means, strict=True)),
        "standard_error": round(error, 6),
    }


def _keep(workspace: Workspace, classifier: Classifier) -> None:
    """Save a model that learned as the one that came, moved to the shares of the ground here."""
    model, store, origin = workspace.survey.model, workspace.store, carried_origin(workspace.survey)
    moved_to_ground(classifier, model, origin.learned(classifier.classes)).save(store)
    origin.moved(model, classifier.classes).save(store)


def around(workspace: Workspace, points: CarriedPoints) -> RefinedPoints:
    """Cut what the map looks at around the points."""
    features = partial(open_features, workspace.store, workspace.survey)
    return RefinedPoints.of(workspace.survey, points.classifier, points.samples, features)


def carried_points(workspace: Workspace) -> CarriedPoints:
    """Read the carried model, as it came, at samples of the survey that it does not know.

    Raises
    ------
    DataError
        No sample has a value in every layer that the model reads, or it learned at each of them.
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
    known = known_to_model(workspace, samples)
    if known[readable].all():
        raise DataError(
            "samples: the carried model learned at each of them, or so near that it saw them: give "
            "others, or none (`samples: {}`): its accuracy here is then said to be unknown"
        )
    readable &= ~known
    part = samples.part(readable)
    features = partial(open_features, store, survey)
    patches = part.patches(classifier.layers, 2 * classifier.halo + 1, features)
    return CarriedPoints(
        classifier,
        np.flatnonzero(readable),
        part,
        classifier.predict_centres(patches),
        part.folds("block").fold,
        carried_origin(survey).learned(classifier.classes),
    )


def known_to_model(workspace: Workspace, samples: SampleSet) -> BoolArray:
    """(point,) samples of the survey that the carried model saw in training, of the same time."""
    survey, grid = workspace.survey, workspace.grid
    reach = (carried_origin(survey).window - 0.5) * grid.resolution  # farther, no pixel is shared
    return LearnedPlaces.load(source_store(survey)).meet(survey, samples, grid.crs, reach)


def learned_places(workspace: Workspace, points: CarriedPoints) -> LearnedPlaces:
    """Say where a model learned that was adapted to points of the survey."""
    here = LearnedPlaces.of(workspace.survey, points.samples, workspace.grid.crs)
    return LearnedPlaces.load(source_store(workspace.survey)).with_those(here)


def _depends_on(workspace: Workspace) -> Json:
    model = workspace.survey.model
    retrained = [fingerprint_settings(model, "reading")] if model.adaptation == "retrain" else []
    if model.adaptation == "retrain" and workspace.survey.prediction.smoothing:
        # points of each fold are read as the map is
        retrained.append(workspace.survey.prediction.model_dump(mode="json"))
    moved = [model.prior_shift, model.class_shares] if model.prior_shift else []
    own = [source_fingerprint(workspace.survey), model.adaptation, model.reading]
    return [*own, *moved, *retrained]


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
        model = workspace.survey.model
        yield from kind_of(model).check(model, len(workspace.survey.classes))


CARRY = Stage(
    "carry",
    PURPOSES["carry"],
    _depends_on,
    carry_model,
    code=(
        "accuracy/calibration.py", "accuracy/estimates.py", "models", "stages/carry.py",
        *(f"prediction/{name}.py"
          for name in ("applicability", "borders", "refinement", "settings", "smoothing")),
        "stages/retraining.py", "stages/fitting.py", "stages/left_out.py", "survey/carried.py",
        "survey/model_inputs.py",
        "validation/carried_points.py", "validation/learned_places.py", "validation/refined.py",
    ),
    modules=lambda survey: foreign_modules(survey.model),
    check=_check,
    periods_read=labelled_in,
    cost=StageCost(
        units=lambda survey, work: float(work.points * work.chosen),
        volume=lambda survey, v: (v.point_chosen, 0.0),
        trains=retrains,
        further=retraining,
        learned=lambda survey, facts: {"chosen": len(facts["chosen"])},
    ),
)  # fmt: skip
"""Its result: `model/` and `selection.json`, those of the other survey, and what was adapted."""
